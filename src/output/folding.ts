/**
 * Journeys whose lines would repeat those of an earlier one. What the lines of a journey say is hashed where its events
 * lie, and compared with what is kept of journeys with the same hash: so "as journey 3" is exact. How much is kept is
 * bounded.
 *
 *     auto    as `same`, but the first few journeys are shown whole in any case
 *     same    all that the lines say is equal, but for times
 *     path    the functions, the network namespaces and the end are equal; CPUs, returns and fields may differ
 *     never   all are shown whole: there is no `Folding`
 */
import { createEvent, dataWord, type TraceEvent } from '../base/event.js';
import type { CompleteJourney } from '../journey/assembler.js';

export const FOLDS = ['auto', 'same', 'path', 'never'] as const;
export type Fold = (typeof FOLDS)[number];

/** Adds a word to a hash; both have 32 bits. */
export type Mix = (hash: number, word: number) => number;

export interface FoldingOptions {
  readonly fold: Exclude<Fold, 'never'>;
  /** The bytes of an event's data that are shown. */
  readonly dataSize: number;
  /** Whether lines say where the packet was. */
  readonly showPlaces: boolean;
  /** The network namespace of a place, by the place's number. Asked by `path` alone. */
  readonly netnsOf: (place: number) => number;
  /** The hash. What is folded does not depend on it. */
  readonly mix?: Mix | undefined;
}

/** The journeys that `auto` shows whole. So few need no summary, either. */
export const FEW_JOURNEYS = 10;
/**
 * The memory for journeys that were shown whole. Beyond it, a journey that is like none of them is shown whole, and not
 * kept.
 */
const MAX_KNOWN_BYTES = 16 << 20;
/** The size of a `Known` and its place in the map, roughly. */
const KNOWN_BYTES = 100;
/**
 * The journeys of one hash that are kept. More have it only if somebody sends packets that are made for it: then each
 * journey would be compared with all of them.
 */
export const MAX_OF_A_HASH = 8;

const RETURN = 1 << 24;
const FIELDS = 1 << 25;
const FREED = 1 << 26;
const ENTRY_LOST = 1 << 27;
const PARTNER_LOST = 1 << 28;

/** A journey that was shown whole, and that later ones may repeat. */
interface Known {
  readonly number: number;
  /** The text of its end. */
  readonly end: string;
  /** What its lines say: the words from `from` to before `to`. */
  readonly from: number;
  readonly to: number;
  /** Another journey with the same hash. */
  readonly next: Known | undefined;
}

/** Takes what each line of a journey says: two words, and the data of its event. */
interface LineTaker {
  /** @param size the bytes of the event's data; 0 if the line does not say them. The two words tell whether it does */
  line(first: number, second: number, event: TraceEvent, size: number): void;
}

export class Folding {
  readonly #fold: Exclude<Fold, 'never'>;
  readonly #dataSize: number;
  readonly #showPlaces: boolean;
  readonly #netnsOf: (place: number) => number;
  readonly #event = createEvent();
  readonly #hash: Hash;
  readonly #words = new WordList();
  readonly #comparison = new Comparison(this.#words);
  /** By hash. */
  readonly #known = new Map<number, Known>();
  #knownBytes = 0;
  #count = 0;

  constructor({ fold, dataSize, showPlaces, netnsOf, mix = mixWord }: FoldingOptions) {
    this.#fold = fold;
    this.#dataSize = dataSize;
    this.#showPlaces = showPlaces;
    this.#netnsOf = netnsOf;
    this.#hash = new Hash(mix);
  }

  /**
   * Looks for the journey that another one repeats. Each journey is to be asked about once: it is kept if it repeats
   * none.
   * @param end the text of its end
   * @returns the number of the journey that its lines would repeat; undefined if it is to be shown whole
   */
  find(whole: CompleteJourney, end: string): number | undefined {
    const hash = this.#hashOf(whole, end);
    const alike = this.#known.get(hash);
    let [first, compared] = [alike, 0];
    while (first && !(first.end === end && this.#repeats(whole, first))) {
      first = first.next;
      compared++;
    }
    if (!first && compared < MAX_OF_A_HASH && this.#knownBytes < MAX_KNOWN_BYTES) {
      this.#known.set(hash, this.#keep(whole, end, alike));
    }
    return this.#count++ < FEW_JOURNEYS && this.#fold === 'auto' ? undefined : first?.number;
  }

  #hashOf(whole: CompleteJourney, end: string): number {
    const hash = this.#hash;
    hash.value = 0;
    for (let i = 0; i < end.length; i++) hash.add(end.charCodeAt(i));
    this.#tell(whole, hash);
    return hash.value;
  }

  #repeats(whole: CompleteJourney, { from, to }: Known): boolean {
    this.#comparison.begin(from, to);
    this.#tell(whole, this.#comparison);
    return this.#comparison.isEqual;
  }

  #keep(whole: CompleteJourney, end: string, next: Known | undefined): Known {
    const from = this.#words.length;
    this.#tell(whole, this.#words);
    const to = this.#words.length;
    this.#knownBytes += (to - from) * 4 + end.length + KNOWN_BYTES;
    return { number: whole.journey.number, end, from, to, next };
  }

  /** Tells what the lines of a journey say. */
  #tell(whole: CompleteJourney, taker: LineTaker): void {
    const event = this.#event;
    for (let position = 0; position < whole.count; position++) {
      whole.load(position, event);
      if (this.#fold !== 'path') {
        const flags =
          (event.isReturn ? RETURN : 0) |
          (event.hasFields ? FIELDS : 0) |
          (event.skbFreed ? FREED : 0) |
          (event.entryLost ? ENTRY_LOST : 0) |
          (event.partnerLost ? PARTNER_LOST : 0);
        const place = this.#showPlaces ? event.place : 0;
        const size = event.hasFields ? this.#dataSize : 0;
        taker.line(event.target | (event.depth << 16) | flags, event.cpu | (place << 16), event, size);
      } else if (!event.isReturn) {
        taker.line(event.target, this.#netnsOf(event.place) | 0, event, 0);
      }
    }
  }
}

class Hash implements LineTaker {
  readonly #mix: Mix;
  value = 0;

  constructor(mix: Mix) {
    this.#mix = mix;
  }

  line(first: number, second: number, event: TraceEvent, size: number): void {
    this.add(first);
    this.add(second);
    for (let at = 0; at < size; at += 4) this.add(dataWord(event, at, size));
  }

  add(word: number): void {
    this.value = this.#mix(this.value, word);
  }
}

/** Multiplies by 2^32 divided by the golden ratio, which is odd; the shift brings upper bits down again. */
function mixWord(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

const CHUNK_BITS = 14;
const CHUNK_WORDS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_WORDS - 1;

/** Words of 32 bits, as signed numbers, which are kept for good. They never move. */
class WordList implements LineTaker {
  readonly #chunks: Int32Array[] = [];
  length = 0;

  line(first: number, second: number, event: TraceEvent, size: number): void {
    this.#add(first);
    this.#add(second);
    for (let at = 0; at < size; at += 4) this.#add(dataWord(event, at, size));
  }

  #add(value: number): void {
    if ((this.length & CHUNK_MASK) === 0) this.#chunks.push(new Int32Array(CHUNK_WORDS));
    this.#chunks[this.length >>> CHUNK_BITS]![this.length & CHUNK_MASK] = value;
    this.length++;
  }

  at(index: number): number {
    return this.#chunks[index >>> CHUNK_BITS]![index & CHUNK_MASK]!;
  }
}

/** Compares words with some of a list. */
class Comparison implements LineTaker {
  readonly #list: WordList;
  #at = 0;
  #to = 0;
  #differs = false;

  constructor(list: WordList) {
    this.#list = list;
  }

  begin(from: number, to: number): void {
    this.#at = from;
    this.#to = to;
    this.#differs = false;
  }

  line(first: number, second: number, event: TraceEvent, size: number): void {
    this.#compare(first);
    this.#compare(second);
    for (let at = 0; at < size; at += 4) this.#compare(dataWord(event, at, size));
  }

  #compare(value: number): void {
    if (this.#at === this.#to || this.#list.at(this.#at++) !== value) this.#differs = true;
  }

  /** Whether the words since `begin` were all of those in the list. */
  get isEqual(): boolean {
    return !this.#differs && this.#at === this.#to;
  }
}
