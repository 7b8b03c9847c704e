/** The places of packets. Each has a small number, which events carry. */
import type { Place } from './journey.js';

/** The most places. Further ones have the number 0, as an unknown place has. */
const MAX_PLACES = 0xffff;

export class Places {
  /** Called with each place when the first packet is seen there. */
  onPlace: (place: Place) => void = () => {};
  readonly #places: Place[] = [];
  readonly #numbers = new Map<string, number>();
  /** The numbers by the objects that places came as. */
  readonly #seen = new Map<Place, number>();

  /** The place with a number; undefined for 0. */
  get(number: number): Place | undefined {
    // An array that is asked for its element -1 looks the name up in a table.
    return number === 0 ? undefined : this.#places[number - 1];
  }

  /** The number of a place, which is given a number if it has none; 0 if there are too many places. */
  numberOf(place: Place | undefined): number {
    if (!place) return 0;
    const known = this.#seen.get(place);
    if (known !== undefined) return known;
    const number = this.#add(place);
    // Bounded, since a place may come as a new object each time.
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
