/** The newest chunks, in memory that is claimed once: a chunk that comes takes the room of the oldest. */

/** A chunk in memory. */
export interface KeptChunk {
  /** As `ClosedChunk.room`. */
  readonly room: Uint8Array<ArrayBuffer>;
  /** Chunks are numbered in the order in which they came, from 0. */
  readonly number: number;
  /** The time of its last step, and of that of the chunk before. */
  readonly upToNs: bigint;
  readonly fromNs: bigint;
  /** Where it begins: bytes since the memory was first written to. */
  readonly begin: number;
}

/** The most bytes of a piece of the memory, since arrays have a largest size. A chunk lies within a piece. */
const SEGMENT_BYTES = 1 << 28;
/** The most chunks, which matters where they are small. */
const MAX_CHUNKS = 1 << 12;

export class FlightMemory {
  readonly #segments: readonly Uint8Array<ArrayBuffer>[];
  readonly #segmentBytes: number;
  /** From the oldest to the newest. */
  readonly #chunks: KeptChunk[] = [];
  /** Where the last chunk ends. */
  #position = 0;
  /** The time of its last step. */
  upToNs: bigint;
  /** The number of the next chunk. */
  nextNumber = 0;

  /** @param sizeBytes several times the size of the largest chunk @param sinceNs when the first chunk begins */
  constructor(sizeBytes: number, sinceNs: bigint) {
    const count = Math.ceil(sizeBytes / SEGMENT_BYTES);
    this.#segmentBytes = Math.floor(sizeBytes / count) & ~7;
    // Written to, so that the system gives the memory now, and not in the middle of the night.
    this.#segments = Array.from({ length: count }, () => new Uint8Array(this.#segmentBytes).fill(1));
    this.upToNs = sinceNs;
  }

  get oldest(): KeptChunk | undefined {
    return this.#chunks[0];
  }

  /** Whether a chunk had to go. */
  get hasWrapped(): boolean {
    return this.nextNumber > this.#chunks.length;
  }

  /** A chunk by its number; undefined if it has gone, or has not come. */
  get(number: number): KeptChunk | undefined {
    return this.#chunks[number - (this.nextNumber - this.#chunks.length)];
  }

  /** Whether a chunk would have to go for one of so many bytes. */
  isInWay({ number, begin }: KeptChunk, bytes: number): boolean {
    return begin < this.#placeOf(bytes) + bytes - this.#sizeBytes || number <= this.nextNumber - MAX_CHUNKS;
  }

  /** Copies a chunk. @param leave called with each chunk that goes, before its room is used again */
  push(room: Uint8Array, upToNs: bigint, leave: (chunk: KeptChunk) => void): void {
    const bytes = room.length;
    if (bytes > this.#segmentBytes) throw new Error(`a chunk of ${bytes} bytes`);
    for (let oldest = this.oldest; oldest && this.isInWay(oldest, bytes); oldest = this.oldest) {
      leave(oldest);
      this.#chunks.shift();
    }
    const begin = this.#placeOf(bytes);
    const offset = begin % this.#segmentBytes;
    const segment = this.#segments[Math.floor(begin / this.#segmentBytes) % this.#segments.length]!;
    const own = segment.subarray(offset, offset + bytes);
    own.set(room);
    this.#chunks.push({ room: own, number: this.nextNumber++, upToNs, fromNs: this.upToNs, begin });
    this.#position = begin + bytes;
    this.upToNs = upToNs;
  }

  /** Leaves only the newest chunks, of about so many bytes. */
  trim(bytes: number, leave: (chunk: KeptChunk) => void): void {
    for (let oldest = this.oldest; oldest && this.#position - oldest.begin > bytes; oldest = this.oldest) {
      leave(oldest);
      this.#chunks.shift();
    }
  }

  get #sizeBytes(): number {
    return this.#segmentBytes * this.#segments.length;
  }

  /** Where a chunk of so many bytes would begin. What is left of a piece that has no room for it is not used. */
  #placeOf(bytes: number): number {
    const used = this.#position % this.#segmentBytes;
    return used + bytes > this.#segmentBytes ? this.#position + this.#segmentBytes - used : this.#position;
  }
}
