import { expect, test } from 'vitest';
import { formatRanges, isInRanges, parseRanges } from './path-numbers.js';

test('numbers are written as ranges, and read back', () => {
  expect(formatRanges([7, 1, 3, 2, 9, 8, 3])).toBe('1-3,7-9');
  expect(formatRanges([])).toBe('');
  const ranges = parseRanges('1-3,7');
  expect([0, 1, 2, 3, 4, 7, 8].filter((number) => isInRanges(ranges, number))).toEqual([1, 2, 3, 7]);
});

test('a range may have no end', () => {
  expect(isInRanges(parseRanges('5-'), 1e9)).toBe(true);
  expect(isInRanges(parseRanges('5-'), 4)).toBe(false);
});

test('what is no number chooses nothing', () => {
  expect(parseRanges('x,-,')).toEqual([]);
  expect(parseRanges('1,'.repeat(5000))).toHaveLength(1000);
});
