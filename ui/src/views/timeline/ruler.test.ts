import { describe, expect, it } from 'vitest';
import { rulerOf } from './ruler.js';

function textsOf(from: number, until: number): readonly string[] {
  const { base, ticks } = rulerOf({ from, until }, 500, 100);
  return [base ?? '', ...ticks.map(({ text }) => text)];
}

describe('the ruler', () => {
  it('has ticks at round times, with the unit that suits', () => {
    expect(textsOf(0, 5e9)).toEqual(['', '0 s', '1 s', '2 s', '3 s', '4 s', '5 s']);
    expect(textsOf(0, 2e6)).toEqual(['', '0.0 ms', '0.5 ms', '1.0 ms', '1.5 ms', '2.0 ms']);
    expect(textsOf(0, 400)).toEqual(['', '0 ns', '100 ns', '200 ns', '300 ns', '400 ns']);
    expect(textsOf(0, 45e3)).toEqual(['', '0 µs', '10 µs', '20 µs', '30 µs', '40 µs']);
  });

  it('counts from a base late in the trace', () => {
    expect(textsOf(5_123_400_010, 5_123_400_050)).toEqual([
      ...['5.1234000 s', '+10 ns', '+20 ns', '+30 ns', '+40 ns', '+50 ns'],
    ]);
    expect(textsOf(9_007_199_254_740_000, 9_007_199_254_740_900)[0]).toBe('9,007,199.254740 s');
  });

  it('has times before the begin', () => {
    expect(textsOf(-2e9, 2e9)).toEqual(['', '-2 s', '-1 s', '0 s', '1 s', '2 s']);
  });

  it('has ticks no closer than asked, and not many', () => {
    for (let length = 20; length < 2 ** 53; length *= 1.7) {
      const { ticks } = rulerOf({ from: 12_345, until: 12_345 + length }, 1000, 90);
      expect(ticks.length).toBeGreaterThan(0);
      expect(ticks.length).toBeLessThanOrEqual(12);
      expect(new Set(ticks.map(({ text }) => text)).size).toBe(ticks.length);
    }
  });

  it('has none where there is no room', () => {
    expect(rulerOf({ from: 0, until: 100 }, 0, 90).ticks).toEqual([]);
  });
});
