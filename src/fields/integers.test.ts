import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TextBuffer } from '../base/text-buffer.js';
import {
  bigEndianReader,
  bitReader,
  booleanValue,
  booleanWriter,
  byteReader,
  decimalWriter,
  durationWriter,
  hexWriter,
  type IntegerReader,
  integerValue,
  type Write,
  wideDecimalWriter,
  wideValue,
  writeWideHex,
} from './integers.js';

const out = new TextBuffer();
const written = (write: Write, data: DataView, at: number) => {
  write(out, data, at);
  return out.takeText();
};
/** Bytes, many of them at the edges. */
const bytes = (count: number) =>
  fc.array(fc.oneof(fc.constantFrom(0, 0, 1, 0x7f, 0x80, 0xff, 0xff), fc.nat(255)), {
    minLength: count,
    maxLength: count,
  });
const little = (list: readonly number[]) => list.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);

/** The largest unit that it fills, and what is left of it, to the nanosecond. */
function duration(value: bigint): string {
  const [sign, ns] = value < 0n ? ['-', -value] : ['', value];
  if (ns >= 2n ** 53n) return `${sign}${ns}ns`;
  const [digits, unit] = ns < 1000n ? [0, 'ns'] : ns < 10n ** 6n ? [3, 'us'] : ns < 10n ** 9n ? [6, 'ms'] : [9, 's'];
  const scale = 10n ** BigInt(digits);
  const rest =
    digits === 0
      ? ''
      : String(ns % scale)
          .padStart(digits, '0')
          .replace(/0+$/, '');
  return `${sign}${ns / scale}${rest === '' ? '' : `.${rest}`}${unit}`;
}

/** What all writers and readers make of it, by BigInt's arithmetic. */
function expectInteger(reader: IntegerReader, data: DataView, at: number, raw: bigint): void {
  const { bits, signed } = reader;
  const value = signed ? BigInt.asIntN(bits, raw) : BigInt.asUintN(bits, raw);
  const { type, read } = integerValue(reader);
  const seen = [decimalWriter(reader), hexWriter(reader), booleanWriter(reader), durationWriter(reader)].map((write) =>
    written(write, data, at),
  );
  const unsigned = BigInt.asUintN(bits, raw);
  const wanted = [String(value), `0x${unsigned.toString(16)}`, String(unsigned !== 0n), duration(value)];
  if (seen.join() !== wanted.join()) expect(seen).toEqual(wanted);
  if (type !== (bits > 53 ? 'bigint' : 'number') || read(data, at) !== (bits > 53 ? value : Number(value)))
    expect([type, read(data, at)]).toEqual([bits > 53 ? 'bigint' : 'number', value]);
  if (booleanValue(reader).read(data, at) !== (unsigned !== 0n)) expect.unreachable('a boolean');
}

test('bitReader: bit-fields of every width and place, signed and not', () => {
  fc.assert(
    fc.property(bytes(9), fc.integer({ min: 1, max: 64 }), fc.nat(7), fc.boolean(), (list, bits, shift, signed) => {
      // Behind two others, with no byte more than the field needs.
      const data = new DataView(Uint8Array.from([9, 9, ...list.slice(0, Math.ceil((shift + bits) / 8))]).buffer);
      expectInteger(bitReader(shift, bits, signed), data, 2, BigInt.asUintN(bits, little(list) >> BigInt(shift)));
    }),
    { numRuns: 800 },
  );
});

test('byteReader, bigEndianReader: whole bytes in both orders', () => {
  fc.assert(
    fc.property(bytes(8), fc.constantFrom(1, 2, 4, 8), fc.boolean(), (list, size, signed) => {
      const own = list.slice(0, size);
      const data = new DataView(Uint8Array.from([9, ...own]).buffer);
      expectInteger(byteReader(size, signed), data, 1, little(own));
      if (size > 1) expectInteger(bigEndianReader(size, signed), data, 1, little([...own].reverse()));
    }),
    { numRuns: 500 },
  );
});

test('Integers of 16 bytes', () => {
  fc.assert(
    fc.property(bytes(16), (list) => {
      const data = new DataView(Uint8Array.from([9, ...list]).buffer);
      const value = little(list);
      expect(written(wideDecimalWriter(false), data, 1)).toBe(String(value));
      expect(written(wideDecimalWriter(true), data, 1)).toBe(String(BigInt.asIntN(128, value)));
      expect(written(writeWideHex, data, 1)).toBe(`0x${value.toString(16)}`);
      expect([wideValue(false).read(data, 1), wideValue(true).read(data, 1)]).toEqual([
        value,
        BigInt.asIntN(128, value),
      ]);
    }),
    { numRuns: 50 },
  );
});

test.each([
  ['0ns', 0n],
  ['999ns', 999n],
  ['1us', 1000n],
  ['999.999us', 999_999n],
  ['1ms', 1_000_000n],
  ['999.999999ms', 999_999_999n],
  ['1s', 1_000_000_000n],
  ['9007199.254740991s', 2n ** 53n - 1n],
  ['9007199254740992ns', 2n ** 53n],
])('durationWriter: %s', (text, ns) => {
  const data = new DataView(BigUint64Array.of(ns).buffer);
  expect(written(durationWriter(byteReader(8, false)), data, 0)).toBe(text);
  const negative = new DataView(BigInt64Array.of(-ns).buffer);
  expect(written(durationWriter(byteReader(8, true)), negative, 0)).toBe(ns === 0n ? text : `-${text}`);
});
