/** The chunks of a file, one after the other. Trusts nothing that stands in it. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { crc32, inflateSync } from 'node:zlib';
import { causedBy, ParseError } from '../base/errors.js';
import {
  CHUNK_HEADER_BYTES,
  CHUNK_INDEX,
  type ChunkHeader,
  DEFLATED,
  FILE_HEADER_BYTES,
  FOOTER_BYTES,
  paddedBytes,
  parseChunkHeader,
  parseFileHeader,
  startsWithMagic,
} from './format.js';

const JOINED = 'two files joined? ipft show takes several, and joins them itself';
const SHRUNK = 'it has become shorter while it was read';

/** A chunk that is whole. */
export interface Chunk {
  readonly type: number;
  /** Where it begins in the file. */
  readonly at: number;
  readonly content: Uint8Array<ArrayBuffer>;
}

export interface ChunkReaderOptions {
  /** Whether what is written to the file from now on is read, too. */
  readonly grows?: boolean;
}

export class ChunkReader implements Disposable {
  readonly #fd: number;
  /** How long the file was when it was opened; undefined if it may grow. */
  readonly #sizeBytes: number | undefined;
  #at = FILE_HEADER_BYTES;
  #number = 0;
  /** Whether the chunk that was read last is the index, which is the last one. */
  #isLast = false;

  /** @throws the system's error for a file that can't be read, ParseError for one that is no recording */
  constructor(path: string, { grows = false }: ChunkReaderOptions = {}) {
    this.#fd = openRegular(path);
    try {
      // Otherwise a recorder that is as fast as this reader would keep it reading without end.
      this.#sizeBytes = grows ? undefined : fstatSync(this.#fd).size;
      this.#at = parseFileHeader(this.#read(FILE_HEADER_BYTES, 0));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** The size of the file in bytes. */
  get sizeBytes(): number {
    return this.#sizeBytes ?? fstatSync(this.#fd).size;
  }

  /** Where the next chunk begins in the file. */
  get at(): number {
    return this.#at;
  }

  /**
   * The next chunk.
   * @returns undefined behind the last chunk of a file that was finished; `cut` where there is no whole chunk, though
   * there may be one later if the file grows
   * @throws ParseError where the file is damaged
   */
  next(): Chunk | 'cut' | undefined {
    const at = this.#at;
    if (this.#isLast) return this.#finish(at);
    const bytes = this.#read(CHUNK_HEADER_BYTES, at);
    if (bytes.length < CHUNK_HEADER_BYTES) return this.#hasShrunk(at) ? refuse(at, SHRUNK) : 'cut';
    if (startsWithMagic(bytes)) refuse(at, `it is cut, and another recording begins here: ${JOINED}`);
    // A file system may have made room for bytes that were never written.
    if (bytes.every((byte) => byte === 0)) return this.#endsInZeros(at) ? 'cut' : refuse(at, 'a chunk has no header');
    const header = parseChunkHeader(bytes, at);
    if (header.number !== this.#number) refuse(at, 'a chunk does not follow the one before it');
    const stored = this.#read(header.storedBytes, at + CHUNK_HEADER_BYTES);
    if (stored.length < header.storedBytes) return 'cut';
    if (crc32(stored) !== header.crc) {
      // Written in part.
      return this.#endsInZeros(at + CHUNK_HEADER_BYTES + Math.max(0, header.storedBytes - 8))
        ? 'cut'
        : refuse(at, 'a chunk is damaged: its checksum is wrong');
    }
    const content = inflate(header, stored, at);
    this.#at = at + CHUNK_HEADER_BYTES + paddedBytes(header.storedBytes);
    this.#number++;
    this.#isLast = header.type === CHUNK_INDEX;
    return { type: header.type, at, content };
  }

  /** Checks what stands behind the index. */
  #finish(at: number): 'cut' | undefined {
    const bytes = this.#read(FOOTER_BYTES + 1, at);
    if (bytes.length < FOOTER_BYTES) return 'cut';
    if (!startsWithMagic(bytes, FOOTER_BYTES - 8)) refuse(at, 'behind the index stands something else than the end');
    if (bytes.length > FOOTER_BYTES) {
      refuse(at + FOOTER_BYTES, `it goes on behind its end: ${JOINED}`);
    }
    return undefined;
  }

  /** Whether there are only zeros from here to the end of the file, which may be long. */
  #endsInZeros(from: number): boolean {
    const PIECE = 1 << 20;
    for (let at = from; ; at += PIECE) {
      const piece = this.#read(PIECE, at);
      if (piece.some((byte) => byte !== 0)) return false;
      if (piece.length < PIECE) return true;
    }
  }

  /** Whether a file that should grow has become shorter than what was read of it. */
  #hasShrunk(at: number): boolean {
    return this.#sizeBytes === undefined && fstatSync(this.#fd).size < at;
  }

  /** Fewer bytes than wanted where the file ends. */
  #read(wanted: number, at: number): Uint8Array<ArrayBuffer> {
    const size = this.sizeBytes;
    // Not more memory than the file could fill.
    const bytes = new Uint8Array(Math.max(0, Math.min(wanted, size - at)));
    let done = 0;
    while (done < bytes.length) {
      const count = readSync(this.#fd, bytes, done, bytes.length - done, at + done);
      if (count === 0) return bytes.subarray(0, done);
      done += count;
    }
    return bytes;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function openRegular(path: string): number {
  // Opening some devices has an effect. A path that leads to nothing is told by opening it.
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) refuse(0, 'it is no regular file');
  // Another file may have been put there meanwhile, and a pipe would be waited for.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  if (fstatSync(fd).isFile()) return fd;
  closeSync(fd);
  return refuse(0, 'it is no regular file');
}

function refuse(at: number, problem: string): never {
  throw new ParseError('recording', at, problem);
}

function inflate(
  { flags, contentBytes }: ChunkHeader,
  stored: Uint8Array<ArrayBuffer>,
  at: number,
): Uint8Array<ArrayBuffer> {
  const SIZE = 'the content of a chunk has another size than it says';
  if (flags & ~DEFLATED) refuse(at, 'a chunk has flags that this ipft does not know');
  if (!(flags & DEFLATED)) return stored.length === contentBytes ? stored : refuse(at, SIZE);
  let content: Buffer<ArrayBuffer>;
  try {
    // In one piece: zlib would join pieces in memory of the same size again.
    const options = { maxOutputLength: Math.max(1, contentBytes), chunkSize: Math.max(64, contentBytes) };
    content = inflateSync(stored, options) as Buffer<ArrayBuffer>;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const problem = code === 'ERR_BUFFER_TOO_LARGE' ? SIZE : `a chunk can't be decompressed: ${message}`;
    throw causedBy(new ParseError('recording', at, problem), error);
  }
  if (content.length !== contentBytes) refuse(at, SIZE);
  // Records are read in words.
  return content.byteOffset % 8 === 0 ? content : new Uint8Array(content);
}
