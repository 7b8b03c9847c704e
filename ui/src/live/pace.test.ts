import { expect, test } from 'vitest';
import { Pace } from './pace.js';

test('the first picture comes at once, others twice a second', () => {
  const pace = new Pace();
  expect(pace.waitMs(0)).toBe(0);
  pace.drawn(1000, 1010);
  expect(pace.waitMs(1010)).toBe(490);
  expect(pace.waitMs(1499)).toBe(1);
  expect(pace.waitMs(5000)).toBe(0);
});

test('pictures that take long take a fifth of the time', () => {
  const pace = new Pace();
  pace.drawn(0, 1000);
  expect(pace.waitMs(1000)).toBe(4000);
});
