/**
 * Reads and writes integers of any width and alignment, bit-fields included. Pure; allocates only for integers of 16
 * bytes.
 */
import type { ValueTaker } from '../base/event.js';
import type { FieldType, FieldValue } from '../base/field.js';
import { encode, type TextBuffer } from '../base/text-buffer.js';
import { type Enumerator, writeEnumerator, writeFlags } from './enumerators.js';

/** Appends the value at byte `at`. */
export type Write = (out: TextBuffer, data: DataView, at: number) => void;

/** Returns the value at byte `at`. */
export type Read = (data: DataView, at: number) => FieldValue;

/** Gives the value at byte `at` to a taker. */
export type Give = (taker: ValueTaker, data: DataView, at: number) => void;

/** Access to a value: appends it as text and as JSON, gives it with its type, and reads it. */
export interface ValueAccess {
  readonly text: Write;
  readonly json: Write;
  readonly give: Give;
  /** The type of the values that `read` returns. */
  readonly type: FieldType;
  readonly read: Read;
}

/** Reads an integer's raw bits as two unsigned halves. */
export interface IntegerReader {
  /** 1 to 64. */
  readonly bits: number;
  readonly signed: boolean;
  low(data: DataView, at: number): number;
  high(data: DataView, at: number): number;
}

const ZERO = () => 0;

/** An integer of 1, 2, 4 or 8 whole bytes, little-endian. */
export function byteReader(sizeBytes: number, signed: boolean): IntegerReader {
  const bits = sizeBytes * 8;
  switch (sizeBytes) {
    case 1:
      return { bits, signed, low: (data, at) => data.getUint8(at), high: ZERO };
    case 2:
      return { bits, signed, low: (data, at) => data.getUint16(at, true), high: ZERO };
    case 4:
      return { bits, signed, low: (data, at) => data.getUint32(at, true), high: ZERO };
    default:
      return {
        ...{ bits, signed },
        low: (data, at) => data.getUint32(at, true),
        high: (data, at) => data.getUint32(at + 4, true),
      };
  }
}

/** An integer of 2, 4 or 8 bytes in network byte order. */
export function bigEndianReader(sizeBytes: number, signed: boolean): IntegerReader {
  const bits = sizeBytes * 8;
  if (sizeBytes === 2) return { bits, signed, low: (data, at) => data.getUint16(at), high: ZERO };
  if (sizeBytes === 4) return { bits, signed, low: (data, at) => data.getUint32(at), high: ZERO };
  return { bits, signed, low: (data, at) => data.getUint32(at + 4), high: (data, at) => data.getUint32(at) };
}

/**
 * A bit-field that begins `shift` bits (0 to 7) behind the byte `at`. Bits count from the least significant one, as
 * they do on little-endian machines.
 */
export function bitReader(shift: number, bits: number, signed: boolean): IntegerReader {
  return {
    ...{ bits, signed },
    low: (data, at) => readBits(data, at, shift, Math.min(bits, 32)),
    high: (data, at) => (bits <= 32 ? 0 : readBits(data, at + 4, shift, bits - 32)),
  };
}

/** Reads up to 32 bits, which may lie in five bytes. */
function readBits(data: DataView, at: number, shift: number, bits: number): number {
  let value = 0;
  // Sums of powers of two, not shifts: the last of the five bytes would be shifted out of 32 bits.
  for (let byte = 0; byte * 8 < shift + bits; byte++) value += data.getUint8(at + byte) * 2 ** (byte * 8);
  return Math.floor(value / 2 ** shift) % 2 ** bits;
}

/** Decimal, by sign and width. */
export function decimalWriter(reader: IntegerReader): Write {
  const { bits, signed } = reader;
  if (!signed) {
    if (bits <= 32) return (out, data, at) => out.unsigned(reader.low(data, at));
    return (out, data, at) => out.unsigned64(reader.low(data, at), reader.high(data, at));
  }
  if (bits <= 32) {
    const half = 2 ** (bits - 1);
    return (out, data, at) => {
      const value = reader.low(data, at);
      if (value >= half) out.byte(MINUS);
      out.unsigned(value >= half ? 2 * half - value : value);
    };
  }
  const half = 2 ** (bits - 33);
  return (out, data, at) => {
    const high = reader.high(data, at);
    out.signed64(reader.low(data, at), high >= half ? high + 0x100000000 - 2 * half : high);
  };
}

/** Gives an integer with its sign. */
export function integerGiver(reader: IntegerReader): Give {
  const { bits, signed } = reader;
  if (!signed) return (taker, data, at) => taker.unsigned(reader.low(data, at), reader.high(data, at));
  if (bits > 32) {
    const half = 2 ** (bits - 33);
    return (taker, data, at) => {
      const high = reader.high(data, at);
      taker.signed(reader.low(data, at), high >= half ? high + 0x100000000 - 2 * half : high);
    };
  }
  const half = 2 ** (bits - 1);
  return (taker, data, at) => {
    const low = reader.low(data, at);
    if (low >= half) taker.signed(low + 0x100000000 - 2 * half, 0xffffffff);
    else taker.signed(low, 0);
  };
}

/** Gives what is shown as text. */
export function textGiver(write: Write): Give {
  return (taker, data, at) => taker.text(write, data, at);
}

/** The widest integer that a double always holds exactly. */
const MAX_NUMBER_BITS = 53;

/** An integer as a number if a double holds all values of its width, else as a bigint. */
export function integerValue(reader: IntegerReader): Pick<ValueAccess, 'type' | 'read' | 'give'> {
  const { bits, signed } = reader;
  if (bits > MAX_NUMBER_BITS) {
    const cut = signed ? BigInt.asIntN : BigInt.asUintN;
    return {
      type: 'bigint',
      give: integerGiver(reader),
      read: (data, at) => cut(bits, (BigInt(reader.high(data, at)) << 32n) | BigInt(reader.low(data, at))),
    };
  }
  const half = signed ? 2 ** (bits - 1) : Number.POSITIVE_INFINITY;
  return {
    type: 'number',
    give: integerGiver(reader),
    read(data, at) {
      const value = reader.high(data, at) * 0x100000000 + reader.low(data, at);
      return value >= half ? value - 2 * half : value;
    },
  };
}

/** Whether an integer is not 0. */
export function booleanValue(reader: IntegerReader): Pick<ValueAccess, 'type' | 'read' | 'give'> {
  const read = (data: DataView, at: number) => reader.low(data, at) !== 0 || reader.high(data, at) !== 0;
  return { type: 'boolean', read, give: (taker, data, at) => taker.boolean(read(data, at)) };
}

/** An integer of 16 bytes. */
export function wideValue(signed: boolean): Pick<ValueAccess, 'type' | 'read'> {
  return {
    type: 'bigint',
    read: (data, at) => (signed ? BigInt.asIntN(128, readWide(data, at)) : readWide(data, at)),
  };
}

/** `0x…`, without leading zeros. */
export function hexWriter(reader: IntegerReader): Write {
  return (out, data, at) => out.hex64(reader.low(data, at), reader.high(data, at));
}

/** `true` and `false`. */
export function booleanWriter(reader: IntegerReader): Write {
  return (out, data, at) => out.bytes(reader.low(data, at) === 0 && reader.high(data, at) === 0 ? FALSE : TRUE);
}

/** An enumerator's name, or the number. */
export function enumWriter(reader: IntegerReader, enumerators: readonly Enumerator[]): Write {
  const number = decimalWriter(reader);
  return (out, data, at) => {
    if (!writeEnumerator(out, enumerators, reader.low(data, at), reader.high(data, at))) number(out, data, at);
  };
}

/** Names of flags. */
export function flagsWriter(reader: IntegerReader, enumerators: readonly Enumerator[]): Write {
  return (out, data, at) => writeFlags(out, enumerators, reader.low(data, at), reader.high(data, at));
}

/** A duration in nanoseconds in the largest unit that it fills, exact: `999ns`, `1.5us`, `2.000001s`. */
export function durationWriter(reader: IntegerReader): Write {
  const half = reader.bits <= 32 ? 2 ** (reader.bits - 1) : 2 ** (reader.bits - 33);
  return (out, data, at) => {
    let low = reader.low(data, at);
    let high = reader.high(data, at);
    if (reader.signed && (reader.bits <= 32 ? low : high) >= half) {
      out.byte(MINUS);
      // The halves are negated one by one, since a double does not hold both.
      const borrow = reader.bits > 32 && low !== 0 ? 1 : 0;
      low = (2 ** Math.min(reader.bits, 32) - low) % 0x100000000;
      high = reader.bits > 32 ? (2 ** (reader.bits - 32) - high - borrow) % 0x100000000 : 0;
    }
    // From 2^53 ns (104 days) on a double is not exact: the nanoseconds are shown.
    if (high >= 1 << 21) {
      out.unsigned64(low, high);
      out.bytes(UNITS[0]!.name);
      return;
    }
    writeDuration(out, high * 0x100000000 + low);
  };
}

function writeDuration(out: TextBuffer, ns: number): void {
  const unit = UNITS[ns < 1e3 ? 0 : ns < 1e6 ? 1 : ns < 1e9 ? 2 : 3]!;
  const whole = Math.floor(ns / unit.ns);
  out.unsigned(whole);
  let rest = ns - whole * unit.ns;
  if (rest > 0) {
    let digits = unit.digits;
    while (rest % 10 === 0) {
      rest /= 10;
      digits--;
    }
    out.byte(POINT);
    out.unsigned(rest, digits);
  }
  out.bytes(unit.name);
}

/** An integer of 16 bytes in decimal. It is rare enough to use a bigint. */
export function wideDecimalWriter(signed: boolean): Write {
  return (out, data, at) => {
    const value = readWide(data, at);
    out.text(String(signed ? BigInt.asIntN(128, value) : value));
  };
}

/** The same as `0x…`. */
export const writeWideHex: Write = (out, data, at) => out.text(`0x${readWide(data, at).toString(16)}`);

function readWide(data: DataView, at: number): bigint {
  return data.getBigUint64(at, true) | (data.getBigUint64(at + 8, true) << 64n);
}

const UNITS = [
  { ns: 1, digits: 0, name: encode('ns') },
  { ns: 1e3, digits: 3, name: encode('us') },
  { ns: 1e6, digits: 6, name: encode('ms') },
  { ns: 1e9, digits: 9, name: encode('s') },
];
const MINUS = 0x2d;
const POINT = 0x2e;
const TRUE = encode('true');
const FALSE = encode('false');
