import { belowBillion, billions } from './billion.js';

/**
 * A growing buffer of UTF-8 text, and of the bytes around it in formats that are not text. It writes numbers without making
 * strings or bigints of them: outputs write millions of lines, and an allocation for each number would take most of the time.
 */
export class TextBuffer {
  #bytes: Uint8Array;
  /** The same memory. Writing in words may go beyond the text by up to `SLACK` bytes: there is always room for them. */
  #view: DataView;
  #length = 0;
  readonly #spare: Uint8Array[] = [];

  /** @param capacity in bytes; doubles when it is full */
  constructor(capacity = 1 << 16) {
    this.#bytes = new Uint8Array(capacity + SLACK);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes written since the last `take`. */
  get length(): number {
    return this.#length;
  }

  /** The text, in memory of its own; the buffer is empty afterwards. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#use(this.#spare.pop() ?? new Uint8Array(this.#bytes.length));
    return taken;
  }

  /**
   * Takes back the memory of a text that `take` returned, to write to it again. The caller must not use it afterwards.
   */
  giveBack(taken: Uint8Array): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(new Uint8Array(taken.buffer));
  }

  /** The text as a string; the buffer is empty afterwards. */
  takeText(): string {
    const text = Buffer.from(this.#bytes.buffer, 0, this.#length).toString('utf8');
    this.#length = 0;
    return text;
  }

  /** Empties the buffer. */
  clear(): void {
    this.#length = 0;
  }

  /** Appends the text of another buffer, which keeps it. */
  append(other: TextBuffer): void {
    if (this.#length + other.#length + SLACK > this.#bytes.length) this.#grow(other.#length);
    // A copy by the engine takes an object, and as long to begin as some dozen of bytes.
    if (other.#length <= SHORT) other.copyTo(this.#bytes, this.#length);
    else this.#bytes.set(other.#bytes.subarray(0, other.#length), this.#length);
    this.#length += other.#length;
  }

  /** Copies the text to other memory, where there is room for it. @param at where it begins there */
  copyTo(target: Uint8Array, at: number): void {
    const bytes = this.#bytes;
    for (let i = 0; i < this.#length; i++) target[at + i] = bytes[i]!;
  }

  /** Copies the text into a fragment; the buffer is empty afterwards. */
  takeFragment(into = new Fragment()): Fragment {
    into.set(this.#bytes, this.#length);
    this.#length = 0;
    return into;
  }

  /** Appends a byte. */
  byte(value: number): void {
    if (this.#length + SLACK >= this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** Replaces a byte that has been appended. @param at a former `length` */
  replace(at: number, value: number): void {
    this.#bytes[at] = value;
  }

  /** Appends bytes as they are: those of an array from `begin` on. */
  copy(source: Uint8Array, begin = 0, end = source.length): void {
    if (this.#length + end - begin + SLACK > this.#bytes.length) this.#grow(end - begin);
    if (end - begin === source.length) {
      this.#bytes.set(source, this.#length);
      this.#length += source.length;
      return;
    }
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = begin; i < end; i++) bytes[at++] = source[i]!;
    this.#length = at;
  }

  /** Appends 16 bits, little endian. */
  word16(value: number): void {
    if (this.#length + 2 + SLACK > this.#bytes.length) this.#grow(2);
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
  }

  /** Appends 32 bits, little endian. */
  word32(value: number): void {
    if (this.#length + 4 + SLACK > this.#bytes.length) this.#grow(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  /** Replaces 16 bits that were appended since the last `take`. @param at a former `length` */
  patch16(at: number, value: number): void {
    this.#view.setUint16(at, value, true);
  }

  /** Replaces 32 bits that were appended since the last `take`. @param at a former `length` */
  patch32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** Appends zeros until the length is a multiple of 4. */
  align4(): void {
    while ((this.#length & 3) !== 0) this.byte(0);
  }

  /** Takes back what was appended behind a former `length`. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** Appends text that `encode` has prepared. */
  bytes({ words, length }: Fragment): void {
    if (this.#length + length + SLACK > this.#bytes.length) this.#grow(length);
    const view = this.#view;
    let at = this.#length;
    // Eight bytes at a time: a copy by the engine takes as long to begin as a dozen of these.
    const count = (length + 7) >> 3;
    for (let i = 0; i < count; i++, at += 8) view.setFloat64(at, words[i]!, true);
    this.#length += length;
  }

  /** Appends a string. For text that is known beforehand, `bytes` is faster. */
  text(value: string): void {
    if (this.#length + value.length * 3 + SLACK > this.#bytes.length) this.#grow(value.length * 3);
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) {
        this.#length += encoder.encodeInto(value.slice(i), this.#bytes.subarray(this.#length)).written;
        return;
      }
      this.#bytes[this.#length++] = code;
    }
  }

  /** Appends a byte `count` times; none for a count below 1. */
  repeat(value: number, count: number): void {
    for (let i = 0; i < count; i++) this.byte(value);
  }

  /** Appends spaces up to `width` bytes after `start`, a former `length`. */
  padEnd(start: number, width: number): void {
    this.repeat(SPACE, width - (this.#length - start));
  }

  /** Appends an unsigned integer up to 2^53 - 1 in decimal, with leading zeros up to `width` digits. */
  unsigned(value: number, width = 1): void {
    if (this.#length + 32 + SLACK > this.#bytes.length) this.#grow(32);
    // Integers of 32 bits divide fast: eight digits at a time.
    if (value < 1e8) {
      this.#digits(value, Math.max(width, countDigits(value)));
      return;
    }
    // 2^53 has 16 digits, so that the upper part has eight at most.
    const upper = Math.floor(value / 1e8);
    this.#digits(upper, Math.max(width - 8, countDigits(upper)));
    this.#digits(value - upper * 1e8, 8);
  }

  /** Appends an integer below 10^8 with this number of digits, leading zeros included. */
  #digits(value: number, count: number): void {
    const view = this.#view;
    let rest = value | 0;
    let at = this.#length + count;
    this.#length = at;
    for (; count >= 2; count -= 2) {
      const hundredth = (rest / 100) | 0;
      at -= 2;
      view.setInt16(at, DIGIT_PAIRS[rest - hundredth * 100]!, true);
      rest = hundredth;
    }
    if (count === 1) this.#bytes[at - 1] = ZERO + (rest % 10);
  }

  /** Appends an unsigned 64-bit integer in decimal. */
  unsigned64(low: number, high: number): void {
    if (high < 1 << 21) {
      this.unsigned(high * 0x100000000 + low);
      return;
    }
    const upper = billions(low, high);
    this.unsigned(upper);
    this.unsigned(belowBillion(low, upper), 9);
  }

  /** Appends the difference of two unsigned 64-bit integers in decimal. The second must not be larger. */
  difference64(low: number, high: number, lessLow: number, lessHigh: number): void {
    const borrow = low < lessLow ? 1 : 0;
    this.unsigned64((low - lessLow) >>> 0, (high - lessHigh - borrow) >>> 0);
  }

  /** Appends a signed 64-bit integer in decimal. */
  signed64(low: number, high: number): void {
    if (high < 0x80000000) {
      this.unsigned64(low, high);
      return;
    }
    this.byte(MINUS);
    const negated = (~low + 1) >>> 0;
    this.unsigned64(negated, (~high + (negated === 0 ? 1 : 0)) >>> 0);
  }

  /** Appends `0x` and an unsigned 64-bit integer in hexadecimal, without leading zeros. */
  hex64(low: number, high: number): void {
    if (this.#length + 18 + SLACK > this.#bytes.length) this.#grow(18);
    this.#bytes[this.#length++] = ZERO;
    this.#bytes[this.#length++] = LETTER_X;
    if (high !== 0) {
      this.#hex(high, hexDigits(high));
      this.#hex(low, 8);
    } else {
      this.#hex(low, hexDigits(low));
    }
  }

  #hex(value: number, digits: number): void {
    for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
      this.#bytes[this.#length++] = HEX_DIGITS[(value >>> shift) & 15]!;
    }
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + needed + SLACK));
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

/**
 * UTF-8 text that is written many times, in words of eight bytes; the last word is filled up with zeros. The words are
 * doubles, the only type of that size that needs no allocation. Copying a double may change the bits of a NaN, and
 * UTF-8 never forms one: it would need a byte 0xff, or one from 0xf0 on with 0x7f behind it.
 */
export class Fragment {
  words = new Float64Array(0);
  length = 0;
  #bytes = new Uint8Array(this.words.buffer);

  /** Replaces the text by the first `length` bytes. */
  set(bytes: Uint8Array, length: number): void {
    const size = (length + 7) & ~7;
    if (size > this.#bytes.length) {
      this.words = new Float64Array(size >> 3);
      this.#bytes = new Uint8Array(this.words.buffer);
    }
    for (let i = 0; i < length; i++) this.#bytes[i] = bytes[i]!;
    for (let i = length; i < size; i++) this.#bytes[i] = 0;
    this.length = length;
  }
}

/** Text for `TextBuffer.bytes`. */
export function encode(text: string): Fragment {
  const fragment = new Fragment();
  const bytes = encoder.encode(text);
  fragment.set(bytes, bytes.length);
  return fragment;
}

/** Digits of an integer below 10^8; one for 0. */
function countDigits(value: number): number {
  if (value < 1e4) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4;
  if (value < 1e6) return value < 1e5 ? 5 : 6;
  return value < 1e7 ? 7 : 8;
}

const encoder = new TextEncoder();
/** The number of taken buffers that are kept for reuse. */
const MAX_SPARE = 2;
/** The bytes behind the text that may be written to. */
const SLACK = 8;
/** The length up to which bytes are copied one by one. */
const SHORT = 256;
const ZERO = 0x30;
const MINUS = 0x2d;
const SPACE = 0x20;
const LETTER_X = 0x78;
/** The digits of 0 to 99; the first digit is in the lower byte. */
const DIGIT_PAIRS = Int16Array.from({ length: 100 }, (_, n) => ((ZERO + (n % 10)) << 8) | (ZERO + Math.floor(n / 10)));
const HEX_DIGITS = encoder.encode('0123456789abcdef');

function hexDigits(value: number): number {
  return value === 0 ? 1 : 8 - (Math.clz32(value) >>> 2);
}
