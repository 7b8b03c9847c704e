import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BtfBuilder } from '../../tests/support/btf-builder.js';
import { encode, TextBuffer } from '../base/text-buffer.js';
import { parseBtf } from '../btf/btf.js';
import { type Enumerator, readEnumerators, writeEnumerator, writeFlags } from './enumerators.js';

const halves = (value: bigint) => ({ low: Number(value & 0xffffffffn), high: Number(value >> 32n) });
const enumerator = (name: string, value: bigint): Enumerator => ({ name: encode(name), ...halves(value) });
const written = (write: (out: TextBuffer) => void) => {
  const out = new TextBuffer();
  write(out);
  return out.takeText();
};

test('writeFlags: the names whose bits are all set, each for a bit that no other has told, and the rest as a number', () => {
  // A few bits at the edges of both halves, so that flags overlap.
  const bit = fc.constantFrom(0, 1, 30, 31, 32, 33, 62, 63).map((shift) => 1n << BigInt(shift));
  const bits = fc.array(bit, { maxLength: 3 }).map((list) => list.reduce((all, one) => all | one, 0n));
  fc.assert(
    fc.property(fc.array(bits, { maxLength: 6 }), fc.array(bits, { maxLength: 3 }), (flags, parts) => {
      const value = parts.reduce((all, part) => all | part, 0n);
      const list = flags.map((flag, index) => enumerator(`F${index}`, flag));
      const { low, high } = halves(value);
      let rest = value;
      const names: string[] = [];
      for (const [index, flag] of flags.entries()) {
        if (flag === 0n || (value & flag) !== flag || (rest & flag) === 0n) continue;
        names.push(`F${index}`);
        rest &= ~flag;
      }
      if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
      const zero = flags.indexOf(0n);
      const wanted = value !== 0n ? names.join('|') : zero < 0 ? '<none>' : `F${zero}`;
      const seen = written((out) => writeFlags(out, list, low, high));
      if (seen !== wanted) expect(seen).toBe(wanted);
    }),
    { numRuns: 1000 },
  );
});

test('writeEnumerator: the first of exactly that value', () => {
  const list = [
    enumerator('LOW', 1n),
    enumerator('HIGH', 1n << 32n),
    enumerator('BOTH', (1n << 32n) | 1n),
    enumerator('AGAIN', 1n),
  ];
  const name = (value: bigint) =>
    written((out) => {
      const { low, high } = halves(value);
      if (!writeEnumerator(out, list, low, high)) out.text('-');
    });
  expect([1n, 1n << 32n, (1n << 32n) | 1n, 0n, 2n].map(name)).toEqual(['LOW', 'HIGH', 'BOTH', '-', '-']);
});

test('readEnumerators: values as the bits that a member of the width would have; what needs more bits is left out', () => {
  const builder = new BtfBuilder();
  const values = { MINUS: -2, SMALL: 3, BYTE: 0x80, TOP: 0x7fffffff };
  const signed = builder.enumeration('s', values, true);
  const unsigned = builder.enumeration('u', { MINUS: -2, SMALL: 3 });
  const wide = builder.enumeration64('w', { MINUS: -2n, SMALL: 3n, WIDE: 1n << 40n }, true);
  const btf = parseBtf(builder.bytes());
  const read = (type: number, bits: number, isSigned = false) =>
    readEnumerators(btf, type, { bits, signed: isSigned }).map(({ name, low, high }) => {
      const text = written((out) => out.bytes(name));
      return `${text} ${((BigInt(high) << 32n) | BigInt(low)).toString(16)}`;
    });
  const rest = ['SMALL 3', 'BYTE 80', 'TOP 7fffffff'];
  expect(read(signed, 64)).toEqual(['MINUS fffffffffffffffe', ...rest]);
  expect(read(signed, 33)).toEqual(['MINUS 1fffffffe', ...rest]);
  expect(read(signed, 32)).toEqual(['MINUS fffffffe', ...rest]);
  expect(read(signed, 31)).toEqual(['MINUS 7ffffffe', ...rest]);
  expect(read(signed, 8)).toEqual(['MINUS fe', 'SMALL 3', 'BYTE 80']);
  expect(read(signed, 2)).toEqual(['MINUS 2', 'SMALL 3']);
  expect(read(signed, 1)).toEqual([]);
  // Whether clang 14 meant a negative number, an unsigned enum does not tell: the value's sign does.
  expect(read(unsigned, 64)).toEqual(['MINUS fffffffe', 'SMALL 3']);
  expect(read(unsigned, 64, true)).toEqual(['MINUS fffffffe', 'MINUS fffffffffffffffe', 'SMALL 3']);
  expect(read(unsigned, 33, true)).toEqual(['MINUS fffffffe', 'MINUS 1fffffffe', 'SMALL 3']);
  for (const isSigned of [false, true]) expect(read(unsigned, 32, isSigned)).toEqual(['MINUS fffffffe', 'SMALL 3']);
  expect(read(unsigned, 31)).toEqual(['MINUS 7ffffffe', 'SMALL 3']);
  expect(read(wide, 64)).toEqual(['MINUS fffffffffffffffe', 'SMALL 3', 'WIDE 10000000000']);
  expect(read(wide, 41)).toEqual(['MINUS 1fffffffffe', 'SMALL 3', 'WIDE 10000000000']);
  expect(read(wide, 40)).toEqual(['MINUS fffffffffe', 'SMALL 3']);
});
