import fc from 'fast-check';
import { expect, test } from 'vitest';
import { highHalf, join, lowHalf } from './halves.js';

test('halves: a number of 64 bits and its halves are the same, signed halves too', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      const [low, high] = [lowHalf(value), highHalf(value)];
      expect(BigInt(low) + BigInt(high) * 2n ** 32n).toBe(value);
      expect(join(low, high)).toBe(value);
      expect(join(low | 0, high | 0)).toBe(value);
    }),
  );
});
