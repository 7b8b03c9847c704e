import { expect, test } from 'vitest';
import { boundsOf, stepOf } from './counted.js';

test('boundsOf: the least and the greatest number of a step are in it, and those beside them are not', () => {
  for (let step = 1; step <= 128; step++) {
    const { least, greatest } = boundsOf(step);
    expect([least, greatest].map(stepOf)).toEqual([step, step]);
    expect([least - 1n, greatest + 1n].map(stepOf)).toEqual([step - 1, step + 1]);
  }
});
