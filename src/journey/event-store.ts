/** Events kept until the end of a trace, in columns: a few dozen bytes an event, and nothing for the collector to visit. */
import type { TraceEvent } from '../base/event.js';

const CHUNK_EVENTS = 1 << 14;

interface Chunk {
  readonly journey: Uint32Array;
  readonly timestampLow: Uint32Array;
  readonly timestampHigh: Uint32Array;
  readonly target: Uint32Array;
  /** Where the packet was, as the tracker numbers places. */
  readonly place: Uint16Array;
  readonly cpu: Uint16Array;
  readonly flags: Uint8Array;
  /** Only where returns are traced. */
  readonly calls:
    | { readonly depth: Uint8Array; readonly entryLow: Uint32Array; readonly entryHigh: Uint32Array }
    | undefined;
  /** `dataSize` bytes an event. */
  readonly data: DataView;
  readonly dataBytes: Uint8Array;
}

/** Of the columns. */
const EVENT_BYTES = 21;
const CALL_BYTES = 9;

const RETURN = 1;
const FIELDS = 2;
const FREED = 4;
const ENTRY_LOST = 8;

export class EventStore {
  readonly #dataSize: number;
  readonly #hasReturns: boolean;
  readonly #chunks: Chunk[] = [];
  #count = 0;

  /**
   * @param dataSize how many of the extension's bytes belong to an event; 0 without an extension
   * @param hasReturns whether returns are traced
   */
  constructor(dataSize: number, hasReturns = false) {
    this.#dataSize = dataSize;
    this.#hasReturns = hasReturns;
  }

  get count(): number {
    return this.#count;
  }

  /** Forgets all events, and keeps the room for as many. */
  clear(): void {
    this.#count = 0;
  }

  /** How much memory it takes. */
  get sizeBytes(): number {
    return this.#chunks.length * CHUNK_EVENTS * (EVENT_BYTES + (this.#hasReturns ? CALL_BYTES : 0) + this.#dataSize);
  }

  /** Copies the event. @param place where the packet is */
  add(event: TraceEvent, place = 0): void {
    const at = this.#count % CHUNK_EVENTS;
    const number = (this.#count - at) / CHUNK_EVENTS;
    if (number === this.#chunks.length) this.#chunks.push(createChunk(this.#dataSize, this.#hasReturns));
    const chunk = this.#chunks[number]!;
    chunk.journey[at] = event.journey;
    chunk.timestampLow[at] = event.timestampLow;
    chunk.timestampHigh[at] = event.timestampHigh;
    chunk.target[at] = event.target;
    chunk.place[at] = place;
    chunk.cpu[at] = event.cpu;
    chunk.flags[at] =
      (event.isReturn ? RETURN : 0) |
      (event.hasFields ? FIELDS : 0) |
      (event.skbFreed ? FREED : 0) |
      (event.entryLost ? ENTRY_LOST : 0);
    if (chunk.calls) {
      chunk.calls.depth[at] = event.depth;
      chunk.calls.entryLow[at] = event.entryLow;
      chunk.calls.entryHigh[at] = event.entryHigh;
    }
    const begin = at * this.#dataSize;
    for (let i = 0; i < this.#dataSize; i++) chunk.dataBytes[begin + i] = event.data.getUint8(event.dataOffset + i);
    this.#count++;
  }

  /** Fills `event` with the stored event `index`. */
  load(index: number, event: TraceEvent): void {
    const chunk = this.#chunks[Math.floor(index / CHUNK_EVENTS)];
    if (!chunk || index >= this.#count) throw new RangeError(`there is no event ${index}`);
    const at = index % CHUNK_EVENTS;
    event.journey = chunk.journey[at]!;
    event.timestampLow = chunk.timestampLow[at]!;
    event.timestampHigh = chunk.timestampHigh[at]!;
    event.target = chunk.target[at]!;
    event.cpu = chunk.cpu[at]!;
    const flags = chunk.flags[at]!;
    event.isReturn = (flags & RETURN) !== 0;
    event.hasFields = (flags & FIELDS) !== 0;
    event.skbFreed = (flags & FREED) !== 0;
    event.entryLost = (flags & ENTRY_LOST) !== 0;
    event.depth = chunk.calls?.depth[at] ?? 0;
    event.entryLow = chunk.calls?.entryLow[at] ?? 0;
    event.entryHigh = chunk.calls?.entryHigh[at] ?? 0;
    event.data = chunk.data;
    event.dataOffset = at * this.#dataSize;
  }

  /** Where the packet was at an event. */
  place(index: number): number {
    return this.#chunks[Math.floor(index / CHUNK_EVENTS)]!.place[index % CHUNK_EVENTS]!;
  }

  /** Which of two events is the earlier one; those of the same time are in the order in which they came. */
  compare(a: number, b: number): number {
    return this.#compareTime(a, b) || a - b;
  }

  /** How much later, in nanoseconds, one event was than another; negative if earlier. */
  nanosecondsBetween(from: number, to: number): number {
    const [left, right] = [
      this.#chunks[Math.floor(from / CHUNK_EVENTS)]!,
      this.#chunks[Math.floor(to / CHUNK_EVENTS)]!,
    ];
    const [i, j] = [from % CHUNK_EVENTS, to % CHUNK_EVENTS];
    return (
      (right.timestampHigh[j]! - left.timestampHigh[i]!) * 0x100000000 +
      (right.timestampLow[j]! - left.timestampLow[i]!)
    );
  }

  /**
   * The events of each journey, as indices for `load`, in the order of their time; equal times stay in the order in
   * which they came. Journeys come in the order of their first event.
   */
  journeys(): Uint32Array[] {
    const order = Uint32Array.from({ length: this.#count }, (_, index) => index);
    order.sort((a, b) => this.#journey(a) - this.#journey(b) || this.compare(a, b));
    const journeys: Uint32Array[] = [];
    for (let begin = 0, end = 0; begin < order.length; begin = end) {
      while (end < order.length && this.#journey(order[begin]!) === this.#journey(order[end]!)) end++;
      journeys.push(order.subarray(begin, end));
    }
    return journeys.sort((a, b) => this.compare(a[0]!, b[0]!));
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
    const chunk = this.#chunks[Math.floor(index / CHUNK_EVENTS)]!;
    const at = index % CHUNK_EVENTS;
    const [low, high] = [chunk.calls?.entryLow[at] ?? 0, chunk.calls?.entryHigh[at] ?? 0];
    let [begin, end] = [0, position];
    while (begin < end) {
      const middle = (begin + end) >>> 1;
      if (this.#isBefore(packet[middle]!, low, high)) begin = middle + 1;
      else end = middle;
    }
    for (; begin < position; begin++) {
      const candidate = packet[begin]!;
      const its = this.#chunks[Math.floor(candidate / CHUNK_EVENTS)]!;
      const i = candidate % CHUNK_EVENTS;
      if (its.timestampLow[i] !== low || its.timestampHigh[i] !== high) return -1;
      if (its.target[i] === chunk.target[at] && !(its.flags[i]! & RETURN)) return begin;
    }
    return -1;
  }

  #isBefore(index: number, low: number, high: number): boolean {
    const chunk = this.#chunks[Math.floor(index / CHUNK_EVENTS)]!;
    const at = index % CHUNK_EVENTS;
    return chunk.timestampHigh[at]! < high || (chunk.timestampHigh[at] === high && chunk.timestampLow[at]! < low);
  }

  #flags(index: number): number {
    return this.#chunks[Math.floor(index / CHUNK_EVENTS)]!.flags[index % CHUNK_EVENTS]!;
  }

  #journey(index: number): number {
    return this.#chunks[Math.floor(index / CHUNK_EVENTS)]!.journey[index % CHUNK_EVENTS]!;
  }

  #compareTime(a: number, b: number): number {
    const [left, right] = [this.#chunks[Math.floor(a / CHUNK_EVENTS)]!, this.#chunks[Math.floor(b / CHUNK_EVENTS)]!];
    const [i, j] = [a % CHUNK_EVENTS, b % CHUNK_EVENTS];
    return left.timestampHigh[i]! - right.timestampHigh[j]! || left.timestampLow[i]! - right.timestampLow[j]!;
  }
}

function createChunk(dataSize: number, hasReturns: boolean): Chunk {
  const words = () => new Uint32Array(CHUNK_EVENTS);
  const dataBytes = new Uint8Array(CHUNK_EVENTS * dataSize);
  return {
    journey: words(),
    timestampLow: words(),
    timestampHigh: words(),
    target: words(),
    place: new Uint16Array(CHUNK_EVENTS),
    cpu: new Uint16Array(CHUNK_EVENTS),
    flags: new Uint8Array(CHUNK_EVENTS),
    calls: hasReturns ? { depth: new Uint8Array(CHUNK_EVENTS), entryLow: words(), entryHigh: words() } : undefined,
    data: new DataView(dataBytes.buffer),
    dataBytes,
  };
}
