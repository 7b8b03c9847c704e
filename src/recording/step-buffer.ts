/** Collects steps, which become the content of a chunk of records. */
import { END_SIZE, IPFT_MAX_DATA_SIZE, RETURN_SIZE } from '../abi/layout.js';
import { READING_BYTES } from '../base/record-source.js';
import { CHUNK_HEADER_BYTES, RECORD_HEADER_BYTES, STEP_HEADER_BYTES, WINDOW_BYTES } from './format.js';

/** The largest record, its header included. */
const RECORD_BYTES = RECORD_HEADER_BYTES + Math.max(RETURN_SIZE + IPFT_MAX_DATA_SIZE, END_SIZE);
/** The most bytes of records in a step: a reading of two rings. */
const STEP_BYTES = 2 * (READING_BYTES + RECORD_BYTES);
/** The most windows of a step; further ones are merged. */
const MAX_WINDOWS = 256;
/** This long after their end, journeys are handed on; and a little longer. */
const SETTLING_NS = 200_000_000n;
/** No step begins there. */
const NOWHERE = -1;
/** The buffers that are kept for use again: those that may wait to be written (MAX_PENDING_BYTES), and some. */
const KEPT = 6;

interface MissedWindow {
  readonly fromNs: bigint;
  readonly untilNs: bigint;
}

export class StepBuffer {
  /** With room for the header of the chunk. */
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #used = CHUNK_HEADER_BYTES;
  /** Where the step begins that is being written; and the last step, if it is one without records. */
  #step = 0;
  #quiet = NOWHERE;
  /** The time when all journeys are handed on of which the last records tell. */
  #settledNs = 0n;
  #windows: MissedWindow[] = [];
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  /** The time of the last step. */
  upToNs = 0n;

  /** The size at which a chunk is closed, in bytes. */
  readonly #chunkBytes: number;

  constructor(chunkBytes: number) {
    this.#chunkBytes = chunkBytes;
    this.#bytes = this.#create();
    this.#view = new DataView(this.#bytes.buffer);
  }

  get isEmpty(): boolean {
    return this.#used === CHUNK_HEADER_BYTES;
  }

  get isFull(): boolean {
    return this.#used >= this.#chunkBytes;
  }

  /** Begins a step; `append`, `miss` and `end` follow. */
  begin(): void {
    this.#step = this.#used;
    this.#used += STEP_HEADER_BYTES;
  }

  /** Copies records: first those of the ring of events, then those of the ring of ends. */
  append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /** Calls were missed between these times. */
  miss(fromNs: bigint, untilNs: bigint): void {
    const last = this.#windows.at(-1);
    if (last && this.#windows.length === MAX_WINDOWS) {
      this.#windows[MAX_WINDOWS - 1] = { fromNs: last.fromNs, untilNs };
    } else this.#windows.push({ fromNs, untilNs });
  }

  /**
   * Ends a step. Of steps without records and misses that follow each other only the last one is kept: its time says
   * which journeys were handed on before the next records came. When all were, further ones are left out.
   * @param eventsBytes how many of its bytes are of the ring of events
   */
  end(upToNs: bigint, eventsBytes: number): void {
    const begin = this.#step;
    const endsBytes = this.#used - begin - STEP_HEADER_BYTES - eventsBytes;
    const isQuiet = eventsBytes + endsBytes === 0 && this.#windows.length === 0;
    if (isQuiet && this.upToNs >= this.#settledNs) {
      this.#used = begin;
      return;
    }
    this.upToNs = upToNs;
    if (isQuiet) {
      if (this.#quiet === NOWHERE) this.#quiet = begin;
      else this.#used = begin;
      this.#writeHeader(this.#quiet, 0, 0);
      return;
    }
    this.#quiet = NOWHERE;
    this.#settledNs = process.hrtime.bigint() + SETTLING_NS;
    this.#writeHeader(begin, eventsBytes, endsBytes);
    const view = this.#view;
    for (const { fromNs, untilNs } of this.#windows) {
      view.setBigUint64(this.#used, fromNs, true);
      view.setBigUint64(this.#used + 8, untilNs, true);
      this.#used += WINDOW_BYTES;
    }
    this.#windows = [];
  }

  #writeHeader(at: number, eventsBytes: number, endsBytes: number): void {
    const view = this.#view;
    view.setBigUint64(at, this.upToNs, true);
    view.setUint32(at + 8, eventsBytes, true);
    view.setUint32(at + 12, endsBytes, true);
    view.setUint32(at + 16, this.#windows.length, true);
    view.setUint32(at + 20, 0, true);
  }

  /** The steps since the last call, with room for the header of a chunk in front. They are no longer used here. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.subarray(0, this.#used);
    this.#bytes = this.#free.pop() ?? this.#create();
    this.#view = new DataView(this.#bytes.buffer);
    this.#used = CHUNK_HEADER_BYTES;
    this.#quiet = NOWHERE;
    return taken;
  }

  /** Takes back the memory of what `take` returned. */
  giveBack(bytes: Uint8Array): void {
    const { buffer } = bytes;
    if (
      this.#free.length < KEPT &&
      buffer instanceof ArrayBuffer &&
      buffer.byteLength === this.#bytes.buffer.byteLength
    )
      this.#free.push(new Uint8Array(buffer));
  }

  #create(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(largestChunk(this.#chunkBytes));
  }
}

/** The most bytes of a chunk that is closed at a size, with the room for its header: a step comes before it is closed. */
export function largestChunk(chunkBytes: number): number {
  return CHUNK_HEADER_BYTES + chunkBytes + STEP_BYTES + STEP_HEADER_BYTES + MAX_WINDOWS * WINDOW_BYTES;
}
