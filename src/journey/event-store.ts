/** Keeps events as words in a row: a few dozen bytes an event, and no objects for the garbage collector to visit. */
import { dataWord, type TraceEvent } from '../base/event.js';

const CHUNK_BITS = 14;
const CHUNK_EVENTS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_EVENTS - 1;

/** The indexes of an event's words of 32 bits. */
const LINK = 0;
const TIMESTAMP_LOW = 1;
const TIMESTAMP_HIGH = 2;
/** The number of the place in the upper half, the CPU in the lower half. */
const PLACE_CPU = 3;
/**
 * 4 bits of flags, 8 of depth, the index of the target, which has 16 bits on the kernel side (IPFT_TARGET_INDEX), and 4 of
 * the number of snapshots.
 */
const TARGET_DEPTH_FLAGS = 4;
const EVENT_WORDS = 5;
/** Only where returns are traced. */
const ENTRY_LOW = 5;
const ENTRY_HIGH = 6;
const CALL_WORDS = 7;

const RETURN = 1;
const FIELDS = 2;
const FREED = 4;
const ENTRY_LOST = 8;
const DEPTH_BIT = 4;
const TARGET_BIT = 12;
const TARGET_MASK = 0xffff;
const SNAPSHOT_BIT = 28;
/** The most snapshots of a journey, of which events carry the number. Of further ones the last is kept. */
export const MAX_SNAPSHOT = 15;

/** When sorting by insertion moves events by more places on average, another way is faster. */
const MOVES_PER_EVENT = 64;

/** The most events of a journey at one time among which an entry is looked for. */
const MAX_ALIKE = 256;

/** No event. */
export const NO_EVENT = -1;

interface Chunk {
  readonly words: Uint32Array;
  /** The same memory; an event's data stand behind its words. */
  readonly view: DataView;
}

export class EventStore {
  readonly #dataSize: number;
  readonly #hasReturns: boolean;
  /** The words before the data, and the words with the data. */
  readonly #ownWords: number;
  readonly #stride: number;
  readonly #chunks: Chunk[] = [];
  /** The number of events that were ever stored at the same time, and of those that are free again. */
  #room = 0;
  #freeCount = 0;
  /** The first free index; the link of each leads to the next. */
  #free = NO_EVENT;
  #order = new Uint32Array(256);

  /**
   * @param dataSize the extension's bytes of an event; 0 without an extension
   * @param hasReturns whether returns are traced
   */
  constructor(dataSize: number, hasReturns = false) {
    this.#dataSize = dataSize;
    this.#hasReturns = hasReturns;
    this.#ownWords = hasReturns ? CALL_WORDS : EVENT_WORDS;
    this.#stride = this.#ownWords + Math.ceil(dataSize / 4);
  }

  /** The number of kept events. */
  get count(): number {
    return this.#room - this.#freeCount;
  }

  /** The memory of the kept events in bytes, none of it on the engine's heap. */
  get usedBytes(): number {
    return this.count * this.#stride * 4;
  }

  /**
   * Copies an event: the only copy of its words and the extension's bytes on their way from the ring to text.
   * @param link stored with it: its journey, or the event before it in a chain
   * @returns the event's index, until it is freed
   */
  add(event: TraceEvent, link: number): number {
    const index = this.#takeRoom();
    const { words, view } = this.#chunks[index >>> CHUNK_BITS]!;
    const at = (index & CHUNK_MASK) * this.#stride;
    words[at + LINK] = link;
    words[at + TIMESTAMP_LOW] = event.timestampLow;
    words[at + TIMESTAMP_HIGH] = event.timestampHigh;
    words[at + PLACE_CPU] = (event.place << 16) | event.cpu;
    words[at + TARGET_DEPTH_FLAGS] =
      (event.snapshot << SNAPSHOT_BIT) |
      ((event.target > TARGET_MASK ? TARGET_MASK : event.target) << TARGET_BIT) |
      (event.depth << DEPTH_BIT) |
      (event.isReturn ? RETURN : 0) |
      (event.hasFields ? FIELDS : 0) |
      (event.skbFreed ? FREED : 0) |
      (event.entryLost ? ENTRY_LOST : 0);
    if (this.#hasReturns) {
      words[at + ENTRY_LOW] = event.entryLow;
      words[at + ENTRY_HIGH] = event.entryHigh;
    }
    const size = this.#dataSize;
    const to = (at + this.#ownWords) * 4;
    for (let i = 0; i < size; i += 4) view.setInt32(to + i, dataWord(event, i, size), true);
    return index;
  }

  #takeRoom(): number {
    const index = this.#free;
    if (index === NO_EVENT) {
      if ((this.#room & CHUNK_MASK) === 0) this.#addChunk();
      return this.#room++;
    }
    this.#free = this.link(index);
    this.#freeCount--;
    return index;
  }

  #addChunk(): void {
    const words = new Uint32Array(CHUNK_EVENTS * this.#stride);
    this.#chunks.push({ words, view: new DataView(words.buffer) });
  }

  /** Frees an event. The index that was freed last is used first, since it is still in the processor's cache. */
  free(index: number): void {
    this.freeChain(index, index, 1);
  }

  /**
   * Frees a chain of events in one step.
   * @param last links to the one before, and so on
   * @param count their number
   */
  freeChain(first: number, last: number, count: number): void {
    this.#chunks[first >>> CHUNK_BITS]!.words[(first & CHUNK_MASK) * this.#stride + LINK] = this.#free;
    this.#free = last;
    this.#freeCount += count;
  }

  /** Fills `event` with the stored event `index`. */
  load(index: number, event: TraceEvent): void {
    const { words, view } = this.#chunks[index >>> CHUNK_BITS]!;
    const at = (index & CHUNK_MASK) * this.#stride;
    event.journey = words[at + LINK]!;
    event.timestampLow = words[at + TIMESTAMP_LOW]!;
    event.timestampHigh = words[at + TIMESTAMP_HIGH]!;
    const placeCpu = words[at + PLACE_CPU]!;
    event.cpu = placeCpu & 0xffff;
    event.place = placeCpu >>> 16;
    const flags = words[at + TARGET_DEPTH_FLAGS]!;
    event.target = (flags >>> TARGET_BIT) & TARGET_MASK;
    event.snapshot = flags >>> SNAPSHOT_BIT;
    event.depth = (flags >>> DEPTH_BIT) & 0xff;
    event.isReturn = (flags & RETURN) !== 0;
    event.hasFields = (flags & FIELDS) !== 0;
    event.skbFreed = (flags & FREED) !== 0;
    event.entryLost = (flags & ENTRY_LOST) !== 0;
    event.partnerLost = false;
    event.entryLow = this.#hasReturns ? words[at + ENTRY_LOW]! : 0;
    event.entryHigh = this.#hasReturns ? words[at + ENTRY_HIGH]! : 0;
    event.data = view;
    event.dataOffset = (at + this.#ownWords) * 4;
  }

  /** The link of an event, as a signed number: the index of another event, or `NO_EVENT`. */
  link(index: number): number {
    return this.#word(index, LINK) | 0;
  }

  timestampLow(index: number): number {
    return this.#word(index, TIMESTAMP_LOW);
  }

  timestampHigh(index: number): number {
    return this.#word(index, TIMESTAMP_HIGH);
  }

  depth(index: number): number {
    return (this.#word(index, TARGET_DEPTH_FLAGS) >>> DEPTH_BIT) & 0xff;
  }

  /** Whether a stored event is the entry of a return, which carries the entry's time. */
  isEntryOf(index: number, { target, entryLow, entryHigh }: TraceEvent): boolean {
    return (
      this.timestampLow(index) === entryLow && this.timestampHigh(index) === entryHigh && this.#target(index) === target
    );
  }

  #word(index: number, which: number): number {
    return this.#chunks[index >>> CHUNK_BITS]!.words[(index & CHUNK_MASK) * this.#stride + which]!;
  }

  /** Whether an event is earlier than a time. */
  isBefore(index: number, low: number, high: number): boolean {
    const { words } = this.#chunks[index >>> CHUNK_BITS]!;
    const at = (index & CHUNK_MASK) * this.#stride;
    const its = words[at + TIMESTAMP_HIGH]!;
    return its < high || (its === high && words[at + TIMESTAMP_LOW]! < low);
  }

  /**
   * The events of a chain as indexes for `load`, by time; events of equal time keep the order of the chain. Lent until
   * the next call.
   * @param last of the chain, which leads to the one before, and so on
   * @param count their number
   */
  inOrder(last: number, count: number): Uint32Array {
    if (this.#order.length < count) this.#order = new Uint32Array(Math.max(count, this.#order.length * 2));
    const order = this.#order.subarray(0, count);
    for (let at = count - 1, index = last; at >= 0; at--, index = this.link(index)) order[at] = index;
    this.#sortByTime(order);
    return order;
  }

  /** The earliest event of a chain; of several with equal times the first. */
  earliest(last: number, count: number): number {
    let earliest = last;
    for (let at = 1, index = last; at < count; at++) {
      index = this.link(index);
      if (this.compareTime(index, earliest) <= 0) earliest = index;
    }
    return earliest;
  }

  /** Sorts by insertion, since the events are nearly in order; otherwise that would take the square of their number. */
  #sortByTime(order: Uint32Array): void {
    let moves = order.length * MOVES_PER_EVENT;
    for (let i = 1; i < order.length; i++) {
      const index = order[i]!;
      let at = i;
      for (; at > 0 && this.compareTime(order[at - 1]!, index) > 0; at--) order[at] = order[at - 1]!;
      order[at] = index;
      moves -= i - at;
      if (moves >= 0) continue;
      // The engine's sort is slower for what is nearly in order, and keeps equal times in their order, too.
      order.sort((a, b) => this.compareTime(a, b));
      return;
    }
  }

  /**
   * Finds the entries of a journey whose return is not among its events.
   * @param packet as `inOrder` returns it
   * @returns for each event 1 if it is such an entry
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

  /** Finds the entry of a return, which carries the entry's time: the event of that time with the same function. */
  #findEntry(packet: Uint32Array, position: number): number {
    const index = packet[position]!;
    const [low, high] = [this.#word(index, ENTRY_LOW), this.#word(index, ENTRY_HIGH)];
    const target = this.#target(index);
    let [begin, end] = [0, position];
    while (begin < end) {
      const middle = (begin + end) >>> 1;
      if (this.isBefore(packet[middle]!, low, high)) begin = middle + 1;
      else end = middle;
    }
    for (const last = Math.min(position, begin + MAX_ALIKE); begin < last; begin++) {
      const candidate = packet[begin]!;
      if (this.#word(candidate, TIMESTAMP_LOW) !== low || this.#word(candidate, TIMESTAMP_HIGH) !== high) return -1;
      if (this.#target(candidate) === target && !(this.#flags(candidate) & RETURN)) return begin;
    }
    return -1;
  }

  #flags(index: number): number {
    return this.#word(index, TARGET_DEPTH_FLAGS);
  }

  #target(index: number): number {
    return (this.#word(index, TARGET_DEPTH_FLAGS) >>> TARGET_BIT) & TARGET_MASK;
  }

  /** Compares the times of two events; 0 if they are equal. */
  compareTime(a: number, b: number): number {
    return (
      this.#word(a, TIMESTAMP_HIGH) - this.#word(b, TIMESTAMP_HIGH) ||
      this.#word(a, TIMESTAMP_LOW) - this.#word(b, TIMESTAMP_LOW)
    );
  }
}
