/**
 * The file of a recording. docs/recording.md is the specification: what stands here, and what records are. Pure. All
 * numbers are little-endian.
 *
 *     file    magic u8[8], version u32, header bytes u32 = 16; then chunks; then the footer, if it was finished
 *     chunk   type u32, flags u32, stored bytes u32, content bytes u32, CRC-32 u32 of what is stored, number u32, from 0;
 *             then what is stored, and zeros up to the next multiple of 8
 *     footer  offset of the chunk with the index u64, magic u8[8]
 *
 * A chunk with the flag DEFLATED stores its content compressed, in zlib's form; any other as it is.
 */
import { ParseError } from '../base/errors.js';

/** No text begins so, and a transfer as text breaks it. */
export const MAGIC = Uint8Array.of(0x8a, 0x49, 0x50, 0x46, 0x54, 0x0d, 0x0a, 0x1a);
/** Readers refuse any other version; they skip chunks of types, and members of JSON, that they do not know. */
export const VERSION = 1;
export const FILE_HEADER_BYTES = 16;
/** What later writers may add to it is skipped, up to so many bytes. */
const MAX_FILE_HEADER_BYTES = 4096;
export const CHUNK_HEADER_BYTES = 24;
export const FOOTER_BYTES = 16;

/** What is known when the trace begins, as JSON. The first chunk. */
export const CHUNK_HEADER = 1;
/** Steps: see STEP_HEADER_BYTES. */
export const CHUNK_RECORDS = 2;
/** Names that the records behind it need, as JSON. */
export const CHUNK_NAMES = 3;
/** Lines of /proc/kallsyms, where fields need them. Several such chunks are one text. */
export const CHUNK_SYMBOLS = 4;
/** The losses so far, as JSON. */
export const CHUNK_LOSSES = 5;
/** The end of the trace, or of this part of it, as JSON. */
export const CHUNK_END = 6;
/** Where the chunks are, as JSON. The last chunk. */
export const CHUNK_INDEX = 7;
/**
 * The journeys that live where the records of this file begin, and began before: for each a record with its begin, as in
 * the ring, and in it the place where the packet is now; the oldest first. Before the first records; several such chunks
 * are one row.
 */
export const CHUNK_CARRIED = 8;

export const DEFLATED = 1;

/** The largest content of a chunk, and of one of JSON. A file that says more is damaged. */
export const MAX_CHUNK_BYTES = 16 << 20;
export const MAX_JSON_BYTES = 8 << 20;
/** The most characters `{`, `[` and `:` in a chunk of JSON: each may become an object of many bytes. */
export const MAX_JSON_NODES = 1 << 20;
/** The longest name, in characters. */
export const MAX_NAME_LENGTH = 1023;

/**
 * The content of a chunk of records is a row of steps. A step is what the recorder took from the rings at once:
 *
 *     step    time u64 (nanoseconds of CLOCK_MONOTONIC: all records up to then have been read, and misses are known),
 *             bytes of events u32, bytes of ends u32, windows u32, zero u32; then the records of the ring of events; the
 *             records of the ring of ends; for each window in which calls were missed its begin u64 and its end u64
 *
 * Records stand there as in the ring: length u32, with bit 30 set for a record that was given up; page offset u32, of no
 * meaning here; the record; up to the next multiple of 8 anything.
 */
export const STEP_HEADER_BYTES = 24;
/** The most bytes of records in a step: each is handed on at once. */
export const MAX_STEP_BYTES = 2 << 20;
export const WINDOW_BYTES = 16;
export const RECORD_HEADER_BYTES = 8;
export const GIVEN_UP = 0x40000000;
export const LENGTH_MASK = 0x3fffffff;

export interface ChunkHeader {
  readonly type: number;
  readonly flags: number;
  readonly storedBytes: number;
  readonly contentBytes: number;
  readonly crc: number;
  /** Counted from 0. */
  readonly number: number;
}

export function encodeFileHeader(): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER_BYTES);
  bytes.set(MAGIC);
  const view = new DataView(bytes.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, FILE_HEADER_BYTES, true);
  return bytes;
}

/** A file that lacks what may still be written. */
export class CutError extends ParseError {
  constructor(at: number, problem: string) {
    super('recording', at, problem);
  }
}

/**
 * @param bytes the first FILE_HEADER_BYTES
 * @returns where the first chunk begins
 * @throws ParseError for a file that is no recording, or one of another version or byte order
 */
export function parseFileHeader(bytes: Uint8Array): number {
  if (bytes.length === 0) throw new CutError(0, 'it is empty');
  if (!bytes.subarray(0, MAGIC.length).every((byte, index) => byte === MAGIC[index])) {
    throw new ParseError('recording', 0, 'it does not begin as a recording does');
  }
  if (bytes.length < FILE_HEADER_BYTES) throw new CutError(bytes.length, 'it is cut within its header');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const version = view.getUint32(8, true);
  const size = view.getUint32(12, true);
  if (version === VERSION && (size < FILE_HEADER_BYTES || size > MAX_FILE_HEADER_BYTES || size % 8 !== 0)) {
    throw new ParseError('recording', 12, `its file header claims to have ${size} bytes`);
  }
  if (version === VERSION) return size;
  if (view.getUint32(8, false) === VERSION) {
    throw new ParseError('recording', 8, 'it was written on a machine of the other byte order');
  }
  throw new ParseError('recording', 8, `its version is ${version}, and this ipft reads version ${VERSION}`);
}

export function startsWithMagic(bytes: Uint8Array, at = 0): boolean {
  return MAGIC.every((byte, index) => bytes[at + index] === byte);
}

export function encodeFooter(indexOffset: number): Uint8Array {
  const bytes = new Uint8Array(FOOTER_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(indexOffset), true);
  bytes.set(MAGIC, 8);
  return bytes;
}

/** @param bytes where the header is written to: CHUNK_HEADER_BYTES */
export function writeChunkHeader(bytes: Uint8Array, header: ChunkHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const { type, flags, storedBytes, contentBytes, crc, number } = header;
  view.setUint32(0, type, true);
  view.setUint32(4, flags, true);
  view.setUint32(8, storedBytes, true);
  view.setUint32(12, contentBytes, true);
  view.setUint32(16, crc, true);
  view.setUint32(20, number, true);
}

/** @param at where it stands in the file @throws ParseError if it can't be the header of a chunk */
export function parseChunkHeader(bytes: Uint8Array, at: number): ChunkHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const header: ChunkHeader = {
    ...{ type: view.getUint32(0, true), flags: view.getUint32(4, true) },
    ...{ storedBytes: view.getUint32(8, true), contentBytes: view.getUint32(12, true) },
    ...{ crc: view.getUint32(16, true), number: view.getUint32(20, true) },
  };
  const largest = Math.max(header.storedBytes, header.contentBytes);
  if (largest > MAX_CHUNK_BYTES) throw new ParseError('recording', at, `a chunk claims to have ${largest} bytes`);
  return header;
}

/** How much room so many bytes take, of a chunk or a record. */
export function paddedBytes(storedBytes: number): number {
  return (storedBytes + 7) & ~7;
}
