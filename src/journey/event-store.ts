/** Events kept for a while, as words in a row: a few dozen bytes an event, and nothing for the collector to visit. */
import type { TraceEvent } from '../base/event.js';

const CHUNK_BITS = 14;
const CHUNK_EVENTS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_EVENTS - 1;

/** Words of 32 bits, by their place in an event. */
const JOURNEY = 0;
const TIMESTAMP_LOW = 1;
const TIMESTAMP_HIGH = 2;
const TARGET = 3;
/** In the upper half where the packet was, as the tracker numbers places; in the lower half the CPU. */
const PLACE_CPU = 4;
/** 8 bits of flags, then 8 of depth. */
const FLAGS_DEPTH = 5;
const EVENT_WORDS = 6;
/** Only where returns are traced. */
const ENTRY_LOW = 6;
const ENTRY_HIGH = 7;
const CALL_WORDS = 8;

interface Chunk {
  readonly words: Uint32Array;
  /** The same memory; an event's data stand behind its words. */
  readonly view: DataView;
}

const RETURN = 1;
const FIELDS = 2;
const FREED = 4;
const ENTRY_LOST = 8;

export class EventStore {
  readonly #dataSize: number;
  readonly #hasReturns: boolean;
  /** Words before the data, and with them. */
  readonly #ownWords: number;
  readonly #stride: number;
  readonly #chunks: Chunk[] = [];
  #count = 0;

  /**
   * @param dataSize how many of the extension's bytes belong to an event; 0 without an extension
   * @param hasReturns whether returns are traced
   */
  constructor(dataSize: number, hasReturns = false) {
    this.#dataSize = dataSize;
    this.#hasReturns = hasReturns;
    this.#ownWords = hasReturns ? CALL_WORDS : EVENT_WORDS;
    this.#stride = this.#ownWords + Math.ceil(dataSize / 4);
  }

  get count(): number {
    return this.#count;
  }

  /** Forgets all events, and keeps the room for as many. */
  clear(): void {
    this.#count = 0;
  }

  /** How much memory it takes, with what `journeys` needs. None of it is on the engine's heap. */
  get sizeBytes(): number {
    return this.#chunks.length * CHUNK_EVENTS * (this.#stride + 1) * 4;
  }

  /**
   * Copies the event behind the others.
   * @param place where the packet is
   * @param journey what stands for its journey here
   */
  add(event: TraceEvent, place = 0, journey = event.journey): void {
    this.put(this.#count, event, place, journey);
  }

  /** Copies the event to where another one was, or behind the last one. */
  put(index: number, event: TraceEvent, place: number, journey = event.journey): void {
    const number = index >> CHUNK_BITS;
    while (number >= this.#chunks.length) this.#addChunk();
    const { words, view } = this.#chunks[number]!;
    const at = (index & CHUNK_MASK) * this.#stride;
    words[at] = journey;
    words[at + TIMESTAMP_LOW] = event.timestampLow;
    words[at + TIMESTAMP_HIGH] = event.timestampHigh;
    words[at + TARGET] = event.target;
    words[at + PLACE_CPU] = (place << 16) | event.cpu;
    words[at + FLAGS_DEPTH] =
      (event.isReturn ? RETURN : 0) |
      (event.hasFields ? FIELDS : 0) |
      (event.skbFreed ? FREED : 0) |
      (event.entryLost ? ENTRY_LOST : 0) |
      (event.depth << 8);
    if (this.#hasReturns) {
      words[at + ENTRY_LOW] = event.entryLow;
      words[at + ENTRY_HIGH] = event.entryHigh;
    }
    if (this.#dataSize > 0) this.#copyData(event, view, (at + this.#ownWords) * 4);
    if (index >= this.#count) this.#count = index + 1;
  }

  #copyData({ data, dataOffset }: TraceEvent, view: DataView, to: number): void {
    const whole = this.#dataSize & ~3;
    for (let i = 0; i < whole; i += 4) view.setInt32(to + i, data.getInt32(dataOffset + i, true), true);
    for (let i = whole; i < this.#dataSize; i++) view.setUint8(to + i, data.getUint8(dataOffset + i));
  }

  #addChunk(): void {
    const words = new Uint32Array(CHUNK_EVENTS * this.#stride);
    this.#chunks.push({ words, view: new DataView(words.buffer) });
  }

  /** Fills `event` with the stored event `index`. */
  load(index: number, event: TraceEvent): void {
    const chunk = this.#chunks[index >> CHUNK_BITS];
    if (!chunk || index >= this.#count) throw new RangeError(`there is no event ${index}`);
    const { words } = chunk;
    const at = (index & CHUNK_MASK) * this.#stride;
    event.journey = words[at]!;
    event.timestampLow = words[at + TIMESTAMP_LOW]!;
    event.timestampHigh = words[at + TIMESTAMP_HIGH]!;
    event.target = words[at + TARGET]!;
    event.cpu = words[at + PLACE_CPU]! & 0xffff;
    const flags = words[at + FLAGS_DEPTH]!;
    event.isReturn = (flags & RETURN) !== 0;
    event.hasFields = (flags & FIELDS) !== 0;
    event.skbFreed = (flags & FREED) !== 0;
    event.entryLost = (flags & ENTRY_LOST) !== 0;
    event.depth = (flags >> 8) & 0xff;
    event.entryLow = this.#hasReturns ? words[at + ENTRY_LOW]! : 0;
    event.entryHigh = this.#hasReturns ? words[at + ENTRY_HIGH]! : 0;
    event.data = chunk.view;
    event.dataOffset = (at + this.#ownWords) * 4;
  }

  #word(index: number, which: number): number {
    return this.#chunks[index >> CHUNK_BITS]!.words[(index & CHUNK_MASK) * this.#stride + which]!;
  }

  /** Where the packet was at an event. */
  place(index: number): number {
    return this.#word(index, PLACE_CPU) >>> 16;
  }

  /** Which of two events is the earlier one; those of the same time are in the order in which they came. */
  compare(a: number, b: number): number {
    return this.compareTime(a, b) || a - b;
  }

  /** Whether an event was before a time. */
  isBefore(index: number, low: number, high: number): boolean {
    const { words } = this.#chunks[index >> CHUNK_BITS]!;
    const at = (index & CHUNK_MASK) * this.#stride;
    const its = words[at + TIMESTAMP_HIGH]!;
    return its < high || (its === high && words[at + TIMESTAMP_LOW]! < low);
  }

  /**
   * The events of each journey, as indices for `load`, in the order of their time; equal times stay in the order in
   * which they came. Journeys come in the order of their first event. What stands for them must be small numbers, each of
   * which takes 8 bytes. For each event it takes 4 bytes, none of them on the engine's heap.
   */
  *journeys(): Generator<Uint32Array> {
    let highest = -1;
    for (let index = 0; index < this.#count; index++) highest = Math.max(highest, this.#journey(index));
    // First how many events each has, then where the next one goes, at last where they end.
    const ends = new Uint32Array(highest + 2);
    for (let index = 0; index < this.#count; index++) ends[this.#journey(index) + 1]!++;
    for (let journey = 1; journey < ends.length; journey++) ends[journey]! += ends[journey - 1]!;
    const order = new Uint32Array(this.#count);
    for (let index = 0; index < this.#count; index++) order[ends[this.#journey(index)]!++] = index;
    const begins = new Uint32Array(highest + 1);
    let count = 0;
    for (let journey = 0, begin = 0; journey <= highest; begin = ends[journey++]!) {
      if (ends[journey] === begin) continue;
      this.#sortByTime(order, begin, ends[journey]!);
      begins[count++] = begin;
    }
    const byTime = begins.subarray(0, count);
    const isInOrder = byTime.every(
      (begin, at) => at === 0 || this.compare(order[byTime[at - 1]!]!, order[begin]!) <= 0,
    );
    if (!isInOrder) byTime.sort((a, b) => this.compare(order[a]!, order[b]!));
    for (const begin of byTime) yield order.subarray(begin, ends[this.#journey(order[begin]!)]!);
  }

  /** They are nearly in order: most journeys have few events, and few of these come late. */
  #sortByTime(order: Uint32Array, begin: number, end: number): void {
    for (let i = begin + 1; i < end; i++) {
      const index = order[i]!;
      let at = i;
      for (; at > begin && this.compareTime(order[at - 1]!, index) > 0; at--) order[at] = order[at - 1]!;
      order[at] = index;
    }
  }

  /**
   * Which entries of a journey have no return among its events.
   * @param packet as `journeys` gives it
   * @returns for each of its events 1 if it is an entry without a return
   */
  findLostReturns(packet: Uint32Array): Uint8Array {
    const lost = new Uint8Array(packet.length);
    for (let i = 0; i < packet.length; i++) lost[i] = this.#flags(packet[i]!) & RETURN ? 0 : 1;
    for (let i = 0; i < packet.length; i++) {
      if (!(this.#flags(packet[i]!) & RETURN)) continue;
      const entry = this.#findEntry(packet, i);
      if (entry >= 0) lost[entry] = 0;
    }
    return lost;
  }

  /** A return tells the time of its entry: of the events of that time, the one of the same function. */
  #findEntry(packet: Uint32Array, position: number): number {
    const index = packet[position]!;
    const [low, high] = [this.#word(index, ENTRY_LOW), this.#word(index, ENTRY_HIGH)];
    const target = this.#word(index, TARGET);
    let [begin, end] = [0, position];
    while (begin < end) {
      const middle = (begin + end) >>> 1;
      if (this.isBefore(packet[middle]!, low, high)) begin = middle + 1;
      else end = middle;
    }
    for (; begin < position; begin++) {
      const candidate = packet[begin]!;
      if (this.#word(candidate, TIMESTAMP_LOW) !== low || this.#word(candidate, TIMESTAMP_HIGH) !== high) return -1;
      if (this.#word(candidate, TARGET) === target && !(this.#flags(candidate) & RETURN)) return begin;
    }
    return -1;
  }

  #flags(index: number): number {
    return this.#word(index, FLAGS_DEPTH);
  }

  #journey(index: number): number {
    return this.#word(index, JOURNEY);
  }

  /** Which of two events is the earlier one; 0 if their times are equal. */
  compareTime(a: number, b: number): number {
    return (
      this.#word(a, TIMESTAMP_HIGH) - this.#word(b, TIMESTAMP_HIGH) ||
      this.#word(a, TIMESTAMP_LOW) - this.#word(b, TIMESTAMP_LOW)
    );
  }
}
