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
const PARTNER_LOST = 16;

export class EventStore {
  readonly #dataSize: number;
  readonly #hasReturns: boolean;
  /** Words before the data, and with them. */
  readonly #ownWords: number;
  readonly #stride: number;
  readonly #chunks: Chunk[] = [];
  #count = 0;
  #order = new Uint32Array(256);

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

  /** How many there are, or have been. */
  get count(): number {
    return this.#count;
  }

  /** How much memory each event takes. None of it is on the engine's heap. */
  get eventBytes(): number {
    return this.#stride * 4;
  }

  /**
   * Copies the event to where another one was, or behind the last one.
   * @param journey what stands for its journey here
   */
  put(index: number, event: TraceEvent, journey = event.journey): void {
    const number = index >>> CHUNK_BITS;
    while (number >= this.#chunks.length) this.#addChunk();
    const { words, view } = this.#chunks[number]!;
    const at = (index & CHUNK_MASK) * this.#stride;
    words[at] = journey;
    words[at + TIMESTAMP_LOW] = event.timestampLow;
    words[at + TIMESTAMP_HIGH] = event.timestampHigh;
    words[at + TARGET] = event.target;
    words[at + PLACE_CPU] = (event.place << 16) | event.cpu;
    words[at + FLAGS_DEPTH] =
      (event.isReturn ? RETURN : 0) |
      (event.hasFields ? FIELDS : 0) |
      (event.skbFreed ? FREED : 0) |
      (event.entryLost ? ENTRY_LOST : 0) |
      (event.partnerLost ? PARTNER_LOST : 0) |
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
    const chunk = this.#chunks[index >>> CHUNK_BITS];
    if (!chunk || index >= this.#count) throw new RangeError(`there is no event ${index}`);
    const { words } = chunk;
    const at = (index & CHUNK_MASK) * this.#stride;
    event.journey = words[at]!;
    event.timestampLow = words[at + TIMESTAMP_LOW]!;
    event.timestampHigh = words[at + TIMESTAMP_HIGH]!;
    event.target = words[at + TARGET]!;
    const placeCpu = words[at + PLACE_CPU]!;
    event.cpu = placeCpu & 0xffff;
    event.place = placeCpu >>> 16;
    const flags = words[at + FLAGS_DEPTH]!;
    event.isReturn = (flags & RETURN) !== 0;
    event.hasFields = (flags & FIELDS) !== 0;
    event.skbFreed = (flags & FREED) !== 0;
    event.entryLost = (flags & ENTRY_LOST) !== 0;
    event.partnerLost = (flags & PARTNER_LOST) !== 0;
    event.depth = (flags >> 8) & 0xff;
    event.entryLow = this.#hasReturns ? words[at + ENTRY_LOW]! : 0;
    event.entryHigh = this.#hasReturns ? words[at + ENTRY_HIGH]! : 0;
    event.data = chunk.view;
    event.dataOffset = (at + this.#ownWords) * 4;
  }

  /** In a chain of events each names the one before, in the place of its journey. */
  link(index: number): number {
    return this.#word(index, JOURNEY);
  }

  setLink(index: number, other: number): void {
    this.#chunks[index >>> CHUNK_BITS]!.words[(index & CHUNK_MASK) * this.#stride + JOURNEY] = other;
  }

  #word(index: number, which: number): number {
    return this.#chunks[index >>> CHUNK_BITS]!.words[(index & CHUNK_MASK) * this.#stride + which]!;
  }

  /** Whether an event was before a time. */
  isBefore(index: number, low: number, high: number): boolean {
    const { words } = this.#chunks[index >>> CHUNK_BITS]!;
    const at = (index & CHUNK_MASK) * this.#stride;
    const its = words[at + TIMESTAMP_HIGH]!;
    return its < high || (its === high && words[at + TIMESTAMP_LOW]! < low);
  }

  /**
   * The events of a chain, as indices for `load`, in the order of their time; equal times stay in the order of the chain.
   * They are lent until the next call.
   * @param last of the chain, which names the one before, and so on
   * @param count how many there are
   */
  inOrder(last: number, count: number): Uint32Array {
    if (this.#order.length < count) this.#order = new Uint32Array(Math.max(count, this.#order.length * 2));
    const order = this.#order.subarray(0, count);
    for (let at = count - 1, index = last; at >= 0; at--, index = this.link(index)) order[at] = index;
    this.#sortByTime(order);
    return order;
  }

  /** The event of a chain that has the earliest time; of equal ones the first. */
  earliest(last: number, count: number): number {
    let earliest = last;
    for (let at = 1, index = last; at < count; at++) {
      index = this.link(index);
      if (this.compareTime(index, earliest) <= 0) earliest = index;
    }
    return earliest;
  }

  /** They are nearly in order: most journeys have few events, and few of these come late. */
  #sortByTime(order: Uint32Array): void {
    for (let i = 1; i < order.length; i++) {
      const index = order[i]!;
      let at = i;
      for (; at > 0 && this.compareTime(order[at - 1]!, index) > 0; at--) order[at] = order[at - 1]!;
      order[at] = index;
    }
  }

  /**
   * Which entries of a journey have no return among its events.
   * @param packet as `inOrder` gives it
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

  /** Which of two events is the earlier one; 0 if their times are equal. */
  compareTime(a: number, b: number): number {
    return (
      this.#word(a, TIMESTAMP_HIGH) - this.#word(b, TIMESTAMP_HIGH) ||
      this.#word(a, TIMESTAMP_LOW) - this.#word(b, TIMESTAMP_LOW)
    );
  }
}
