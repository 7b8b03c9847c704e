/** Where packets were: each place has a small number, which events carry. */
import type { Place } from '../base/journey.js';

/** Places beyond this number are not told apart any more; 0 stands for an unknown one. */
const MAX_PLACES = 0xffff;

export class Places {
  /** Called with each place when the first packet is seen there. */
  onPlace: (place: Place) => void = () => {};
  readonly #places: Place[] = [];
  readonly #numbers = new Map<string, number>();
  /** The objects that places came as. */
  readonly #seen = new Map<Place, number>();

  /** The place with a number; nothing for one that is not known. */
  get(number: number): Place | undefined {
    return this.#places[number - 1];
  }

  /** The number of a place, which gets one if it has none; 0 if there are too many. */
  numberOf(place: Place | undefined): number {
    if (!place) return 0;
    const known = this.#seen.get(place);
    if (known !== undefined) return known;
    const number = this.#add(place);
    // What comes as a new object each time is not worth remembering.
    if (this.#seen.size < MAX_PLACES) this.#seen.set(place, number);
    return number;
  }

  #add(place: Place): number {
    const key = `${place.netns} ${place.ifindex} ${place.device}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    if (this.#places.length === MAX_PLACES) return 0;
    this.#places.push(place);
    this.#numbers.set(key, this.#places.length);
    this.onPlace(place);
    return this.#places.length;
  }
}
