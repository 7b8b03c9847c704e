/**
 * Writes Protocol Buffers (protobuf.dev/programming-guides/encoding) without making an object of a message or of a
 * 64-bit number. The numbers of fields are below 2048. Only what the formats here need.
 */
import type { TextBuffer } from '../base/text-buffer.js';

/** The kinds of fields on the wire. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

/** The bytes that are left for the length of a message: enough for 2^14 - 1, which most are shorter than. */
const LENGTH_BYTES = 2;
/** The most that a length, or a varint, takes. */
const MAX_VARINT_BYTES = 10;
/** The number of taken buffers that are kept for reuse. */
const MAX_SPARE = 2;

export class ProtoBuffer {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;
  readonly #spare: Uint8Array[] = [];

  /** @param capacity in bytes; doubles when it is full */
  constructor(capacity = 1 << 16) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written since the last `take`. */
  get length(): number {
    return this.#length;
  }

  /** The bytes, in memory of their own; the buffer is empty afterwards. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#use(this.#spare.pop() ?? new Uint8Array(this.#bytes.length));
    return taken;
  }

  /** Takes back the memory of what `take` returned. The caller must not use it afterwards. */
  giveBack(taken: Uint8Array): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(new Uint8Array(taken.buffer));
  }

  /** Moves the bytes of another buffer behind these. */
  takeFrom(other: ProtoBuffer): void {
    this.#reserve(other.#length);
    this.#bytes.set(other.#bytes.subarray(0, other.#length), this.#length);
    this.#length += other.#length;
    other.#length = 0;
  }

  /** Appends a few bytes that were prepared. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const to = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < bytes.length; i++) to[at++] = bytes[i]!;
    this.#length = at;
  }

  /** Appends an unsigned integer of up to 32 bits, a boolean, or an enumerator. */
  uint(field: number, value: number): void {
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
  }

  /** Appends a 64-bit integer; a signed one has its two's complement. */
  uint64(field: number, low: number, high: number): void {
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + VARINT);
    let [rest, upper] = [low >>> 0, high >>> 0];
    while (upper !== 0) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest = ((rest >>> 7) | (upper << 25)) >>> 0;
      upper >>>= 7;
    }
    this.#varint(rest);
  }

  /** Appends 64 bits that are not shortened. */
  fixed64(field: number, low: number, high: number): void {
    this.#reserve(MAX_VARINT_BYTES + 8);
    this.#varint(field * 8 + FIXED64);
    this.#view.setUint32(this.#length, low, true);
    this.#view.setUint32(this.#length + 4, high, true);
    this.#length += 8;
  }

  double(field: number, value: number): void {
    this.#reserve(MAX_VARINT_BYTES + 8);
    this.#varint(field * 8 + FIXED64);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  string(field: number, value: string): void {
    const mark = this.open(field);
    this.#reserve(value.length * 3);
    this.#length += encoder.encodeInto(value, this.#bytes.subarray(this.#length)).written;
    this.close(mark);
  }

  /** Appends a string that is in a buffer, and stays there. */
  text(field: number, text: TextBuffer): void {
    this.#reserve(2 * MAX_VARINT_BYTES + text.length);
    this.#varint(field * 8 + BYTES);
    this.#varint(text.length);
    text.copyTo(this.#bytes, this.#length);
    this.#length += text.length;
  }

  /** Begins a message. @returns what `close` is to be given */
  open(field: number): number {
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(field * 8 + BYTES);
    this.#length += LENGTH_BYTES;
    return this.#length;
  }

  /**
   * Ends a message. Its length has as many bytes as were left for it, also where one would do; if they are too few, the
   * message is moved.
   */
  close(mark: number): void {
    const length = this.#length - mark;
    let at = mark - LENGTH_BYTES;
    let size = LENGTH_BYTES;
    if (length >= 1 << (7 * LENGTH_BYTES)) {
      this.#reserve(MAX_VARINT_BYTES);
      size = length < 1 << 21 ? 3 : length < 1 << 28 ? 4 : 5;
      this.#bytes.copyWithin(at + size, mark, this.#length);
      this.#length += size - LENGTH_BYTES;
    }
    let rest = length;
    for (let i = 1; i < size; i++) {
      this.#bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[at] = rest;
  }

  /** @param value an unsigned integer of up to 32 bits, for which there is room */
  #varint(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + bytes));
    larger.set(this.#bytes.subarray(0, this.#length));
    const length = this.#length;
    this.#use(larger);
    this.#length = length;
    this.#spare.length = 0;
  }

  #use(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#length = 0;
  }
}

const encoder = new TextEncoder();
