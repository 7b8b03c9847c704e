/**
 * Journeys whose lines would repeat those of an earlier one. What the lines of each say is kept, packed, so that journeys
 * can be folded as they come; how much that is is bounded. It is for comparing: no text is made of it.
 *
 *     auto    as `same`, but the first few journeys are shown whole in any case
 *     same    all that the lines say is equal, but for times
 *     path    the functions, the network namespaces and the end are equal; CPUs, returns and fields may differ
 *     never   all are shown whole
 */
import type { TraceEvent } from '../base/event.js';

export const FOLDS = ['auto', 'same', 'path', 'never'] as const;
export type Fold = (typeof FOLDS)[number];

export interface FoldingOptions {
  readonly fold: Fold;
  /** The bytes of an event's data that are shown. */
  readonly dataSize: number;
  /** The part of a place that is compared, by the place's number; by default nothing. */
  readonly placeOf?: ((place: number) => number) | undefined;
}

/** The journeys that `auto` shows whole. So few need no summary, either. */
export const FEW_JOURNEYS = 10;
/**
 * The memory for journeys that were shown whole. Beyond it, a journey that is like none of them is shown whole, and not
 * kept.
 */
const MAX_KNOWN_BYTES = 16 << 20;
/** The size of a key in the map, roughly. */
const KEY_BYTES = 100;

const RETURN = 1 << 16;
const FIELDS = 1 << 17;
const FREED = 1 << 18;
const ENTRY_LOST = 1 << 19;
const PARTNER_LOST = 1 << 20;

export class Folding {
  readonly #fold: Fold;
  readonly #dataSize: number;
  readonly #placeOf: ((place: number) => number) | undefined;
  /** The first journey with the same lines, by their packed content. */
  readonly #known = new Map<string, number>();
  #knownBytes = 0;
  #count = 0;
  /** The packed content of this journey's lines. */
  #bytes = new Uint8Array(1 << 14);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  constructor({ fold, dataSize, placeOf }: FoldingOptions) {
    this.#fold = fold;
    this.#dataSize = dataSize;
    this.#placeOf = placeOf;
  }

  /** Adds an event of the journey, in the order of time. */
  add(event: TraceEvent): void {
    if (this.#fold === 'never' || (this.#fold === 'path' && event.isReturn)) return;
    this.#reserve(this.#dataSize + 16);
    this.#word(event.target);
    if (this.#placeOf) this.#word(this.#placeOf(event.place));
    if (this.#fold === 'path') return;
    const flags =
      (event.isReturn ? RETURN : 0) |
      (event.hasFields ? FIELDS : 0) |
      (event.skbFreed ? FREED : 0) |
      (event.entryLost ? ENTRY_LOST : 0) |
      (event.partnerLost ? PARTNER_LOST : 0);
    this.#word(event.cpu | flags);
    this.#word(event.depth);
    if (!event.hasFields) return;
    const whole = this.#dataSize & ~3;
    for (let i = 0; i < whole; i += 4) this.#word(event.data.getInt32(event.dataOffset + i, true));
    for (let i = whole; i < this.#dataSize; i++)
      this.#bytes[this.#length++] = event.data.getUint8(event.dataOffset + i);
  }

  /**
   * Ends the journey.
   * @param end the text of its end
   * @returns the number of the journey that its lines would repeat; undefined if it is to be shown whole
   */
  end(number: number, end: string): number | undefined {
    const packed = Buffer.from(this.#bytes.buffer, 0, this.#length).toString('latin1');
    this.#length = 0;
    if (this.#fold === 'never') return undefined;
    const key = `${end}\n${packed}`;
    const first = this.#known.get(key);
    if (first === undefined && this.#knownBytes < MAX_KNOWN_BYTES) {
      this.#known.set(key, number);
      this.#knownBytes += key.length + KEY_BYTES;
    }
    return this.#count++ < FEW_JOURNEYS && this.#fold === 'auto' ? undefined : first;
  }

  #word(value: number): void {
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(this.#bytes.length * 2 + more);
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
