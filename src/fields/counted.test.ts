import { expect, test } from 'vitest';
import { boundsOf } from './counted.js';

/** As `ipft_step` of bpf/core/count.bpf.h has it. */
function stepOf(number: bigint): number {
  const amount = number < 0n ? -number : number;
  const log = amount.toString(2).length - 1;
  return number === 0n ? 64 : number > 0n ? 65 + log : 63 - log;
}

test('boundsOf: the least and the greatest number of a step are in it, and those beside them are not', () => {
  for (let step = 1; step <= 128; step++) {
    const { least, greatest } = boundsOf(step);
    expect([least, greatest].map(stepOf)).toEqual([step, step]);
    expect([least - 1n, greatest + 1n].map(stepOf)).toEqual([step - 1, step + 1]);
  }
});
