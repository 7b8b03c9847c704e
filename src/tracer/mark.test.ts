import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { setMark } from './mark.js';
import { IPFT_MARK_PLACE, IPFT_MASK_PLACE } from './record.js';

const OBJECT = gunzipSync(readFileSync(new URL('../../dist/bpf/x64/kprobe-multi.bpf.o.gz', import.meta.url)));
const count = (bytes: Uint8Array, opcode: number, immediate: number) => {
  const pattern = Buffer.from([opcode, 0, 0, 0, 0, 0, 0, 0]);
  pattern.writeUInt32LE(immediate, 4);
  let found = 0;
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const here = Buffer.from(bytes.subarray(at, at + 8));
    here[1] = 0;
    if (here.equals(pattern)) found++;
  }
  return found;
};
const [AND, XOR] = [0x57, 0xa7];

test('setMark: each comparison of a program looks for the mark under the mask', () => {
  const comparisons = count(OBJECT, AND, IPFT_MASK_PLACE);
  expect(comparisons).toBeGreaterThanOrEqual(4);
  expect(count(OBJECT, XOR, IPFT_MARK_PLACE)).toBe(comparisons);
  const before = Buffer.from(OBJECT);
  const set = setMark(OBJECT, { value: 0x80001234, mask: 0xf000ffff });
  expect(before.equals(OBJECT)).toBe(true);
  expect(count(set, AND, 0xf000ffff)).toBe(comparisons);
  expect(count(set, XOR, 0x80001234)).toBe(comparisons);
  expect(count(set, AND, IPFT_MASK_PLACE) + count(set, XOR, IPFT_MARK_PLACE)).toBe(0);
});
