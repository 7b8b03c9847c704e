import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TextBuffer } from './text-buffer.js';

const halves = (value: bigint) => [Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn)] as const;
const edges = [
  0n,
  1n,
  9n,
  10n,
  0xffffffffn,
  0x100000000n,
  2n ** 53n - 1n,
  2n ** 53n,
  10n ** 18n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const u64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(...edges),
  // Digits are made in groups of nine.
  fc
    .tuple(fc.bigInt({ min: 1n, max: 18n * 10n ** 9n }), fc.constantFrom(-1n, 0n, 1n))
    .map(([n, d]) => n * 10n ** 9n + d),
);

function written(write: (out: TextBuffer) => void): string {
  const out = new TextBuffer(1);
  write(out);
  return out.takeText();
}

test('TextBuffer: 64-bit numbers are written as BigInt writes them', () => {
  fc.assert(
    fc.property(u64, (value) => {
      const [low, high] = halves(value);
      expect(written((out) => out.unsigned64(low, high))).toBe(value.toString());
      expect(written((out) => out.hex64(low, high))).toBe(`0x${value.toString(16)}`);
      expect(written((out) => out.signed64(low, high))).toBe(BigInt.asIntN(64, value).toString());
    }),
    { numRuns: 2000 },
  );
});

test('TextBuffer.unsigned: any safe integer, with leading zeros up to the width', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 12 }), (value, width) => {
      expect(written((out) => out.unsigned(value, width))).toBe(String(value).padStart(width, '0'));
    }),
  );
});

test('TextBuffer.text: any string, among others, grows the buffer', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (texts) => {
      const expected = Buffer.from(texts.join('|')).toString();
      const result = written((out) => {
        for (const [index, text] of texts.entries()) {
          if (index > 0) out.byte(0x7c);
          out.text(text);
        }
      });
      expect(result).toBe(expected);
    }),
  );
});

test('TextBuffer.padEnd: fills up, and leaves what is longer', () => {
  expect(
    written((out) => {
      out.text('ab');
      out.padEnd(0, 5);
      out.text('|');
    }),
  ).toBe('ab   |');
  expect(
    written((out) => {
      out.text('abcdef');
      out.padEnd(0, 5);
      out.text('|');
    }),
  ).toBe('abcdef|');
});
