/** Events kept until the end of a trace, in columns: a few dozen bytes an event, and nothing for the collector to visit. */
import type { TraceEvent } from '../base/event.js';

const CHUNK_EVENTS = 1 << 14;

interface Chunk {
  readonly skbLow: Uint32Array;
  readonly skbHigh: Uint32Array;
  readonly timestampLow: Uint32Array;
  readonly timestampHigh: Uint32Array;
  readonly target: Uint32Array;
  readonly cpu: Uint16Array;
  readonly isReturn: Uint8Array;
  /** `dataSize` bytes an event. */
  readonly data: DataView;
  readonly dataBytes: Uint8Array;
}

export class EventStore {
  readonly #dataSize: number;
  readonly #chunks: Chunk[] = [];
  #count = 0;

  /** @param dataSize how many of the extension's bytes belong to an event; 0 without an extension */
  constructor(dataSize: number) {
    this.#dataSize = dataSize;
  }

  get count(): number {
    return this.#count;
  }

  /** Copies the event. */
  add(event: TraceEvent): void {
    const at = this.#count % CHUNK_EVENTS;
    if (at === 0) this.#chunks.push(createChunk(this.#dataSize));
    const chunk = this.#chunks[this.#chunks.length - 1]!;
    chunk.skbLow[at] = event.skbLow;
    chunk.skbHigh[at] = event.skbHigh;
    chunk.timestampLow[at] = event.timestampLow;
    chunk.timestampHigh[at] = event.timestampHigh;
    chunk.target[at] = event.target;
    chunk.cpu[at] = event.cpu;
    chunk.isReturn[at] = event.isReturn ? 1 : 0;
    const begin = at * this.#dataSize;
    for (let i = 0; i < this.#dataSize; i++) chunk.dataBytes[begin + i] = event.data.getUint8(event.dataOffset + i);
    this.#count++;
  }

  /** Fills `event` with the stored event `index`. */
  load(index: number, event: TraceEvent): void {
    const chunk = this.#chunks[Math.floor(index / CHUNK_EVENTS)];
    if (!chunk || index >= this.#count) throw new RangeError(`there is no event ${index}`);
    const at = index % CHUNK_EVENTS;
    event.skbLow = chunk.skbLow[at]!;
    event.skbHigh = chunk.skbHigh[at]!;
    event.timestampLow = chunk.timestampLow[at]!;
    event.timestampHigh = chunk.timestampHigh[at]!;
    event.target = chunk.target[at]!;
    event.cpu = chunk.cpu[at]!;
    event.isReturn = chunk.isReturn[at] === 1;
    event.data = chunk.data;
    event.dataOffset = at * this.#dataSize;
  }

  /**
   * The events of each packet, as indices for `load`, in the order of their time; equal times stay in the order in
   * which they came. Packets come in the order of their first event. Packets are told apart by the skb's address.
   */
  packets(): Uint32Array[] {
    const order = Uint32Array.from({ length: this.#count }, (_, index) => index);
    order.sort((a, b) => this.#compareSkb(a, b) || this.#compareTime(a, b) || a - b);
    const packets: Uint32Array[] = [];
    for (let begin = 0, end = 0; begin < order.length; begin = end) {
      while (end < order.length && this.#compareSkb(order[begin]!, order[end]!) === 0) end++;
      packets.push(order.subarray(begin, end));
    }
    return packets.sort((a, b) => this.#compareTime(a[0]!, b[0]!) || a[0]! - b[0]!);
  }

  #compareSkb(a: number, b: number): number {
    const [left, right] = [this.#chunks[Math.floor(a / CHUNK_EVENTS)]!, this.#chunks[Math.floor(b / CHUNK_EVENTS)]!];
    const [i, j] = [a % CHUNK_EVENTS, b % CHUNK_EVENTS];
    return left.skbHigh[i]! - right.skbHigh[j]! || left.skbLow[i]! - right.skbLow[j]!;
  }

  #compareTime(a: number, b: number): number {
    const [left, right] = [this.#chunks[Math.floor(a / CHUNK_EVENTS)]!, this.#chunks[Math.floor(b / CHUNK_EVENTS)]!];
    const [i, j] = [a % CHUNK_EVENTS, b % CHUNK_EVENTS];
    return left.timestampHigh[i]! - right.timestampHigh[j]! || left.timestampLow[i]! - right.timestampLow[j]!;
  }
}

function createChunk(dataSize: number): Chunk {
  const words = () => new Uint32Array(CHUNK_EVENTS);
  const dataBytes = new Uint8Array(CHUNK_EVENTS * dataSize);
  return {
    skbLow: words(),
    skbHigh: words(),
    timestampLow: words(),
    timestampHigh: words(),
    target: words(),
    cpu: new Uint16Array(CHUNK_EVENTS),
    isReturn: new Uint8Array(CHUNK_EVENTS),
    data: new DataView(dataBytes.buffer),
    dataBytes,
  };
}
