/**
 * A growing buffer of UTF-8 text that writes numbers without making strings or bigints of them: the outputs write
 * millions of lines, and an allocation for each number would be most of their time.
 */
export class TextBuffer {
  #bytes: Uint8Array;
  #length = 0;

  /** @param capacity bytes to begin with; it doubles when they are full */
  constructor(capacity = 1 << 16) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes written since the last `take`. */
  get length(): number {
    return this.#length;
  }

  /** A copy of what was written, as bytes of its own; the buffer is empty afterwards. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** What was written, as a string; the buffer is empty afterwards. */
  takeText(): string {
    return Buffer.from(this.take().buffer).toString('utf8');
  }

  /** One byte. */
  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
  }

  /** Bytes prepared beforehand, as `encode` makes them. */
  bytes(values: Uint8Array): void {
    const { length } = values;
    if (this.#length + length > this.#bytes.length) this.#grow(length);
    // A loop beats `set` for the few dozen bytes that this is used for.
    for (let i = 0; i < length; i++) this.#bytes[this.#length + i] = values[i]!;
    this.#length += length;
  }

  /** Any string. For text that is known beforehand, `bytes` is faster. */
  text(value: string): void {
    if (this.#length + value.length * 3 > this.#bytes.length) this.#grow(value.length * 3);
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code >= 0x80) {
        this.#length += encoder.encodeInto(value.slice(i), this.#bytes.subarray(this.#length)).written;
        return;
      }
      this.#bytes[this.#length++] = code;
    }
  }

  /** The same byte `count` times; none for a count below 1. */
  repeat(value: number, count: number): void {
    for (let i = 0; i < count; i++) this.byte(value);
  }

  /** Fills up with spaces to `width` bytes since `start`, a former `length`. */
  padEnd(start: number, width: number): void {
    this.repeat(SPACE, width - (this.#length - start));
  }

  /** An unsigned integer up to 2^53 - 1 in decimal, with leading zeros up to `width` digits. */
  unsigned(value: number, width = 1): void {
    if (this.#length + 32 > this.#bytes.length) this.#grow(32);
    let digits = width;
    for (let limit = 10 ** width; value >= limit && digits < 16; limit *= 10) digits++;
    let rest = value;
    let at = this.#length + digits;
    // Above 32 bits a division is of doubles: take nine digits off at a time, and those with integers.
    while (rest > 0xffffffff) {
      const upper = Math.floor(rest / 1e9);
      let lower = rest - upper * 1e9;
      for (let i = 0; i < 9; i++) {
        const tenth = Math.floor(lower / 10);
        this.#bytes[--at] = ZERO + (lower - tenth * 10);
        lower = tenth;
      }
      rest = upper;
    }
    while (at > this.#length) {
      const tenth = Math.floor(rest / 10);
      this.#bytes[--at] = ZERO + (rest - tenth * 10);
      rest = tenth;
    }
    this.#length += digits;
  }

  /** An unsigned 64-bit integer in decimal. */
  unsigned64(low: number, high: number): void {
    if (high < 1 << 21) {
      this.unsigned(high * 0x100000000 + low);
      return;
    }
    // Three groups of nine digits: long division by 1e9 over 16-bit pieces, so that each step fits a double.
    let [a, b, c, d] = [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff];
    const divide = () => {
      let rest = a % 1e9;
      a = (a - rest) / 1e9;
      let step = rest * 65536 + b;
      rest = step % 1e9;
      b = (step - rest) / 1e9;
      step = rest * 65536 + c;
      rest = step % 1e9;
      c = (step - rest) / 1e9;
      step = rest * 65536 + d;
      rest = step % 1e9;
      d = (step - rest) / 1e9;
      return rest;
    };
    const lowest = divide();
    const middle = divide();
    const highest = divide();
    if (highest > 0) this.unsigned(highest);
    this.unsigned(middle, highest > 0 ? 9 : 1);
    this.unsigned(lowest, 9);
  }

  /** The 64-bit number that is left when one is taken from another that is not smaller, in decimal. */
  difference64(low: number, high: number, lessLow: number, lessHigh: number): void {
    const borrow = low < lessLow ? 1 : 0;
    this.unsigned64((low - lessLow) >>> 0, (high - lessHigh - borrow) >>> 0);
  }

  /** A signed 64-bit integer in decimal. */
  signed64(low: number, high: number): void {
    if (high < 0x80000000) {
      this.unsigned64(low, high);
      return;
    }
    this.byte(MINUS);
    const negated = (~low + 1) >>> 0;
    this.unsigned64(negated, (~high + (negated === 0 ? 1 : 0)) >>> 0);
  }

  /** `0x` and an unsigned 64-bit integer in hexadecimal, without leading zeros. */
  hex64(low: number, high: number): void {
    if (this.#length + 18 > this.#bytes.length) this.#grow(18);
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
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + needed));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** The UTF-8 bytes of a text, for `TextBuffer.bytes`. */
export function encode(text: string): Uint8Array {
  return encoder.encode(text);
}

const encoder = new TextEncoder();
const ZERO = 0x30;
const MINUS = 0x2d;
const SPACE = 0x20;
const LETTER_X = 0x78;
const HEX_DIGITS = encoder.encode('0123456789abcdef');

function hexDigits(value: number): number {
  return value === 0 ? 1 : 8 - (Math.clz32(value) >>> 2);
}
