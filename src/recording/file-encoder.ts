/** The bytes of one file of a recording: chunks, one behind the other, and the index. */
import { crc32, deflateSync } from 'node:zlib';
import {
  CHUNK_HEADER_BYTES,
  CHUNK_INDEX,
  DEFLATED,
  encodeFileHeader,
  encodeFooter,
  FILE_HEADER_BYTES,
  MAX_CHUNK_BYTES,
  MAX_JSON_BYTES,
  paddedBytes,
  writeChunkHeader,
} from './format.js';

/** Records are compressed at the pace of the kernel. */
const LEVEL = 1;
/** The most chunks in the index. When it is full, it forgets every second one. */
const MAX_INDEXED = 1 << 14;

/** Where a chunk begins. */
interface IndexedChunk {
  readonly type: number;
  readonly offset: number;
  /** Of a chunk of records: the time of its last step. */
  readonly upToNs: bigint | undefined;
}

export class FileEncoder {
  #index: IndexedChunk[] = [];
  /** One chunk in so many is in the index. */
  #indexes = 1;
  #number = 0;
  /** How long the file is. */
  bytes = FILE_HEADER_BYTES;

  /** What the file begins with. */
  begin(): Uint8Array {
    return encodeFileHeader();
  }

  /**
   * Makes a chunk of content that has room for the header of the chunk in front of it.
   * @param room CHUNK_HEADER_BYTES, which are written, and the content, a multiple of 8 bytes
   * @returns what to write, which is `room` itself where it is not compressed
   */
  chunkInPlace(type: number, room: Uint8Array, deflates: boolean, upToNs?: bigint): Uint8Array {
    const content = room.subarray(CHUNK_HEADER_BYTES);
    if (deflates) return this.chunk(type, content, true, upToNs);
    this.#writeHeader(room, type, 0, content, content.length, upToNs);
    return room;
  }

  /** Makes a chunk. @returns what to write */
  chunk(type: number, content: Uint8Array, deflates: boolean, upToNs?: bigint): Uint8Array {
    if (content.length > MAX_CHUNK_BYTES) throw new Error(`a chunk of ${content.length} bytes`);
    if (deflates) return this.stored(type, deflateSync(content, { level: LEVEL }), content.length, upToNs);
    return this.#chunk(type, 0, content, content.length, upToNs);
  }

  /** Makes a chunk of what is compressed already. @returns what to write */
  stored(type: number, stored: Uint8Array, contentBytes: number, upToNs?: bigint): Uint8Array {
    return this.#chunk(type, DEFLATED, stored, contentBytes, upToNs);
  }

  #chunk(type: number, flags: number, stored: Uint8Array, contentBytes: number, upToNs?: bigint): Uint8Array {
    const bytes = new Uint8Array(CHUNK_HEADER_BYTES + paddedBytes(stored.length));
    bytes.set(stored, CHUNK_HEADER_BYTES);
    this.#writeHeader(bytes, type, flags, stored, contentBytes, upToNs);
    return bytes;
  }

  /** Makes a chunk of JSON. @returns what to write */
  json(type: number, value: object, deflates = false): Uint8Array {
    const content = Buffer.from(JSON.stringify(value));
    if (content.length > MAX_JSON_BYTES) throw new Error(`a chunk of ${content.length} bytes of JSON`);
    return this.chunk(type, content, deflates);
  }

  /** What the file ends with: the index, and the footer. */
  finish(): Uint8Array {
    const at = this.bytes;
    const chunks = this.#index.map(({ type, offset, upToNs }) => ({
      ...{ type, offset },
      ...(upToNs !== undefined && { up_to_ns: String(upToNs) }),
    }));
    const index = this.json(CHUNK_INDEX, { every: this.#indexes, chunks });
    return Buffer.concat([index, encodeFooter(at)]);
  }

  #writeHeader(
    bytes: Uint8Array,
    type: number,
    flags: number,
    stored: Uint8Array,
    contentBytes: number,
    upToNs: bigint | undefined,
  ): void {
    if (this.#number % this.#indexes === 0) this.#index.push({ type, offset: this.bytes, upToNs });
    if (this.#index.length > MAX_INDEXED) {
      this.#index = this.#index.filter((_, index) => index % 2 === 0);
      this.#indexes *= 2;
    }
    const storedBytes = stored.length;
    writeChunkHeader(bytes, { type, flags, storedBytes, contentBytes, crc: crc32(stored), number: this.#number++ });
    this.bytes += CHUNK_HEADER_BYTES + paddedBytes(storedBytes);
  }
}
