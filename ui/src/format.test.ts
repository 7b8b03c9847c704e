import { expect, test } from 'vitest';
import { counted, formatNumber } from './format.js';

test('numbers have their digits in groups, those behind the point have not', () => {
  expect([0, 999, 1000, 1_234_567, -4321, 2 ** 53].map((value) => formatNumber(value))).toEqual([
    ...['0', '999', '1,000', '1,234,567', '-4,321', '9,007,199,254,740,992'],
  ]);
  expect(formatNumber(1234.56789, 4)).toBe('1,234.5679');
  expect(counted(1, 'packet')).toBe('1 packet');
  expect(counted(12_000, 'event')).toBe('12,000 events');
});
