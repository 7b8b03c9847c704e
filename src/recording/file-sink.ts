/** A recording in one file, or in one file after the other. */
import type { IpftError } from '../base/errors.js';
import type { SourceEnd } from '../base/record-source.js';
import { type Carried, CarriedJourneys } from './carried.js';
import { CHUNK_BYTES, type ChunkSink, type ClosedChunk, LATEST_MS } from './chunk-sink.js';
import { CHUNK_HEADER_BYTES } from './format.js';
import { type Origin, Part } from './part.js';
import type { Destination } from './recording-file.js';
import { WriteQueue } from './write-queue.js';

/** When a file is full; by default never. */
export interface RotateLimit {
  readonly bytes?: number | undefined;
  readonly ms?: number | undefined;
}

/** Where the files come from. */
export interface Destinations {
  /** Opens the next file. @throws IpftError */
  next(): Destination;
  /** Removes files that are not to be kept. */
  prune?(): void;
}

/** The least size of a file: besides records it has the names of functions. */
export const LEAST_PART_BYTES = 1 << 20;
/** The most bytes that wait to be written while records are read. */
const MAX_PENDING_BYTES = 4 << 20;
/** The smallest chunk of a full file. */
const MIN_CHUNK_BYTES = 1 << 16;
/** A part has so many chunks at least, where its size has a limit. */
const CHUNKS = 8;

const TRACE_GOES_ON: SourceEnd = { atNs: 0n, living: [] };

export class FileSink implements ChunkSink {
  readonly chunkBytes: number;
  readonly #origin: Origin;
  readonly #files: Destinations;
  readonly #limit: RotateLimit | undefined;
  readonly #queue = new WriteQueue();
  /** The journeys that live behind the last chunk, where another file may begin. */
  readonly #carried: CarriedJourneys | undefined;
  #part: Part | undefined;
  #begunAt = 0;
  #parts = 0;
  #problem: IpftError | undefined;

  /**
   * Begins the first file.
   * @param first the journeys that live where its records begin; undefined where the trace begins
   * @throws IpftError if it can't be opened
   */
  constructor(origin: Origin, files: Destinations, limit?: RotateLimit, first?: Carried) {
    this.#origin = origin;
    this.#files = files;
    this.#limit = limit;
    const share = Math.floor((limit?.bytes ?? Number.POSITIVE_INFINITY) / CHUNKS);
    this.chunkBytes = Math.max(MIN_CHUNK_BYTES, Math.min(CHUNK_BYTES, share));
    if (limit) this.#carried = new CarriedJourneys();
    this.#begin(first);
  }

  get problem(): IpftError | undefined {
    return this.#queue.problem ?? this.#problem;
  }

  get bytes(): number {
    return this.#queue.writtenBytes;
  }

  isDue(_upToNs: bigint, openMs: number): boolean {
    return openMs >= LATEST_MS;
  }

  push(chunk: ClosedChunk): void {
    if (this.#part && this.#part.chunks > 0 && this.#isFull(chunk.room.length)) this.#endPart();
    this.#continue();
    this.#carried?.apply(chunk.room.subarray(CHUNK_HEADER_BYTES));
    if (this.#part) this.#part.records(chunk);
    else chunk.release();
  }

  async drain(signal?: AbortSignal): Promise<void> {
    // Also while nothing happens.
    if (this.#part && this.#part.chunks > 0 && this.#isOld) this.#endPart();
    await this.#queue.room(MAX_PENDING_BYTES, signal);
  }

  end(end: SourceEnd): void {
    this.#continue();
    this.#part?.end({ end });
  }

  async close(): Promise<void> {
    await this.#queue.idle();
  }

  #isFull(moreBytes: number): boolean {
    const { bytes = Number.POSITIVE_INFINITY } = this.#limit ?? {};
    // With some room for names, and for the file's end.
    return this.#part!.bytes + moreBytes > bytes - Math.max(bytes / 64, 1 << 14) || this.#isOld;
  }

  get #isOld(): boolean {
    return performance.now() - this.#begunAt >= (this.#limit?.ms ?? Number.POSITIVE_INFINITY);
  }

  /** The next file is opened when there is something to write. */
  #endPart(): void {
    this.#part!.end({ end: TRACE_GOES_ON, continues: true });
    this.#part = undefined;
  }

  /** Begins another file where the last one has ended. */
  #continue(): void {
    if (this.#part || this.problem) return;
    try {
      this.#begin(this.#carried);
    } catch (error) {
      this.#problem = error as IpftError;
    }
  }

  #begin(carried: Carried | undefined): void {
    const destination = this.#files.next();
    this.#parts++;
    this.#part = new Part(this.#origin, { destination, queue: this.#queue, facts: { part: this.#parts }, carried });
    this.#begunAt = performance.now();
    this.#queue.add(0, () => this.#files.prune?.());
  }
}
