/** Where the chunks of a recorder go: into one file, into several, or into memory until something happens. */
import type { IpftError } from '../base/errors.js';
import type { SourceEnd } from '../base/record-source.js';

/** A chunk of records that is complete. */
export interface ClosedChunk {
  /** Its content, with CHUNK_HEADER_BYTES of room in front: what begins there is aligned to 8, and its size is, too. */
  readonly room: Uint8Array<ArrayBuffer>;
  /** The time of its last step. */
  readonly upToNs: bigint;
  /** Gives its memory back to the recorder; to be called once. */
  readonly release: () => void;
}

export interface ChunkSink {
  /** The size at which a chunk is closed, in bytes. */
  readonly chunkBytes: number;
  /**
   * Whether the open chunk is to be closed before it is full. Asked after each reading.
   * @param upToNs all records up to then have been read
   * @param openMs how long it has been open
   */
  isDue(upToNs: bigint, openMs: number): boolean;
  /** Looks at a notice, which is among the records of the open chunk. It is lent. */
  notice?(data: DataView, at: number): void;
  /** Calls were missed until then. */
  missed?(untilNs: bigint): void;
  /** Takes a chunk. There is room for one after each `drain`. */
  push(chunk: ClosedChunk): void;
  /** Waits until there is room for another chunk, or for the signal. */
  drain(signal?: AbortSignal): Promise<void>;
  /** The trace has ended, and all its chunks have come. */
  end(end: SourceEnd): void;
  /** Waits until all is written, and closes the files. */
  close(): Promise<void>;
  /** The error if not all could be written. Then nothing more is. */
  readonly problem: IpftError | undefined;
  /** How many bytes have been written. */
  readonly bytes: number;
}

/** Records are in their file so many milliseconds after they came, at the latest. */
export const LATEST_MS = 1000;
/** The usual size of a chunk. */
export const CHUNK_BYTES = 1 << 20;
