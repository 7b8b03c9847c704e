import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encode, Fragment, TextBuffer } from './text-buffer.js';

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

/** Of one to four bytes. fast-check's own units take a second to begin with. */
const scalar = fc
  .oneof(
    fc.nat(0x7f),
    fc.nat(0x7ff),
    fc.integer({ min: 0xe000, max: 0xffff }),
    fc.integer({ min: 0x10000, max: 0x10ffff }),
  )
  .map((code) => String.fromCodePoint(code));
/** Also halves of pairs, which UTF-8 has no bytes for. */
const character = fc.oneof(
  scalar,
  fc.integer({ min: 0xd800, max: 0xdfff }).map((code) => String.fromCharCode(code)),
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
    fc.property(fc.array(fc.string({ unit: character }), { maxLength: 6 }), (texts) => {
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

/** What can be written, and what stands there then. */
const piece: fc.Arbitrary<readonly [string, (out: TextBuffer) => void]> = fc.oneof(
  fc.string({ maxLength: 24 }).map((text) => [text, (out: TextBuffer) => out.text(text)] as const),
  fc.string({ unit: scalar, maxLength: 12 }).map((text) => [text, (out: TextBuffer) => out.text(text)] as const),
  fc
    .string({ unit: scalar, maxLength: 24 })
    .map((text) => [text, (out: TextBuffer) => out.bytes(encode(text))] as const),
  fc.constant(['|', (out: TextBuffer) => out.byte(0x7c)] as const),
  fc.nat(40).map((count) => ['.'.repeat(count), (out: TextBuffer) => out.repeat(0x2e, count)] as const),
  fc
    .tuple(fc.oneof(fc.nat(1e8), fc.maxSafeNat()), fc.integer({ min: 1, max: 20 }))
    .map(
      ([value, width]) =>
        [String(value).padStart(width, '0'), (out: TextBuffer) => out.unsigned(value, width)] as const,
    ),
  u64.map((value) => [String(value), (out: TextBuffer) => out.unsigned64(...halves(value))] as const),
  u64.map((value) => [`0x${value.toString(16)}`, (out: TextBuffer) => out.hex64(...halves(value))] as const),
  fc.string({ maxLength: 24 }).map((text) => {
    const other = new TextBuffer(1);
    other.text(text);
    return [text, (out: TextBuffer) => out.append(other)] as const;
  }),
);

test('TextBuffer: whatever is written one behind the other stands there, however often the buffer was full', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.nat(64), fc.nat(40), (pieces, capacity, takeAfter) => {
      const out = new TextBuffer(capacity);
      const taken: string[] = [];
      let length = 0;
      for (const [index, [text, write]] of pieces.entries()) {
        write(out);
        length += Buffer.byteLength(text);
        expect(out.length).toBe(length);
        if (index !== takeAfter) continue;
        const bytes = out.take();
        taken.push(Buffer.from(bytes).toString());
        out.giveBack(bytes);
        length = 0;
      }
      expect(taken.join('') + out.takeText()).toBe(pieces.map(([text]) => text).join(''));
    }),
    { numRuns: 300 },
  );
});

test('TextBuffer: numbers around each count of digits', () => {
  for (let power = 1n; power < 2n ** 64n; power *= 10n) {
    for (const value of [power - 1n, power, power + 1n]) {
      expect(written((out) => out.unsigned64(...halves(value)))).toBe(String(value));
      if (value <= BigInt(Number.MAX_SAFE_INTEGER)) {
        expect(written((out) => out.unsigned(Number(value)))).toBe(String(value));
        expect(written((out) => out.unsigned(Number(value), 9))).toBe(String(value).padStart(9, '0'));
      }
    }
  }
});

test('TextBuffer.difference64: what is left, with a borrow between the halves', () => {
  fc.assert(
    fc.property(u64, u64, (one, other) => {
      const [more, less] = one < other ? [other, one] : [one, other];
      expect(written((out) => out.difference64(...halves(more), ...halves(less)))).toBe(String(more - less));
    }),
  );
  expect(written((out) => out.difference64(0, 1, 1, 0))).toBe('4294967295');
  expect(written((out) => out.difference64(5, 7, 5, 7))).toBe('0');
});

test('TextBuffer.take: what was taken stays as it is, until it is given back; then its memory is written to again', () => {
  const out = new TextBuffer(64);
  out.text('first');
  const first = out.take();
  expect(out.length).toBe(0);
  out.text('second, longer');
  expect(Buffer.from(first).toString()).toBe('first');
  const second = out.take();
  out.giveBack(first);
  out.text('third');
  expect(Buffer.from(second).toString()).toBe('second, longer');
  const third = out.take();
  expect(Buffer.from(third).toString()).toBe('third');
  // The buffer for `third` was chosen before: what was given back comes after it.
  out.text('fourth');
  const fourth = out.take();
  expect(fourth.buffer).toBe(first.buffer);
  expect(Buffer.from(fourth).toString()).toBe('fourth');
});

test('TextBuffer.giveBack: no more buffers wait than are used, and none that is too small', () => {
  const out = new TextBuffer(64);
  const taken = Array.from({ length: 5 }, (_, index) => {
    out.text(`text ${index}`);
    return out.take();
  });
  for (const one of taken) out.giveBack(one);
  const again = Array.from({ length: 5 }, () => out.take().buffer);
  expect(again.filter((buffer) => taken.some((one) => one.buffer === buffer))).toHaveLength(2);
  out.giveBack(new TextBuffer(8).take());
  out.text('x'.repeat(1000));
  out.take();
  out.text('y'.repeat(1000));
  expect(out.takeText()).toBe('y'.repeat(1000));
});

test('Fragment: one that is used again has no more than what it was set to last', () => {
  const out = new TextBuffer(1);
  const fragment = new Fragment();
  for (const text of [
    'a longer text, to begin with',
    'short',
    '',
    'exactly8',
    'ünïcödé',
    'again something of some length!',
  ]) {
    const scratch = new TextBuffer(1);
    scratch.text(text);
    expect(scratch.takeFragment(fragment)).toBe(fragment);
    expect(scratch.length).toBe(0);
    out.bytes(fragment);
    out.byte(0x7c);
    expect(out.takeText()).toBe(`${text}|`);
  }
});

test('TextBuffer.clear: what was written is gone', () => {
  expect(
    written((out) => {
      out.text('gone');
      out.clear();
      out.text('here');
    }),
  ).toBe('here');
});
