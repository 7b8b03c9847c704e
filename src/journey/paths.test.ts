import fc from 'fast-check';
import { expect, test } from 'vitest';
import { align, PathBook } from './paths.js';

const walk = (number: number, targets: number[], times: number[], outcome = 'consumed', netns = 1) => ({
  ...{ number, outcome, times, gap: number === 104 },
  steps: targets.map((target) => ({ target, netns })),
});

test('PathBook: equal paths together, the most frequent first, with what is to be known of their times', () => {
  const book = new PathBook();
  for (let number = 1; number <= 100; number++) book.add(walk(number, [1, 2], [0, number, number * 10]));
  book.add(walk(101, [1, 2], [0, 1, 2], 'dropped'));
  book.add(walk(102, [1, 2], [0, 1, 2], 'consumed', 2));
  book.add(walk(103, [2, 1], [0, 5, 6]));
  book.add(walk(104, [2, 1], [0, 5, 6]));
  const paths = book.paths();
  expect(paths.map(({ count, examples }) => [count, ...examples])).toEqual([
    [100, 1, 2, 3],
    [2, 103, 104],
    [1, 101],
    [1, 102],
  ]);
  expect(paths[0]).toMatchObject({ shortest: 10, median: 500, percentile95: 950, longest: 1000 });
  expect(paths[0]?.slowest).toEqual({ index: 1, median: 450 });
  expect(paths.map(({ gaps }) => gaps)).toEqual([0, 1, 0, 0]);
  expect(paths[1]?.slowest).toEqual({ index: 0, median: 5 });
});

test('PathBook: memory is bounded by the paths, not by the journeys; what is kept stands for all', () => {
  const book = new PathBook();
  for (let number = 0; number < 50_000; number++) book.add(walk(number, [1], [0, number]));
  const before = book.sizeBytes;
  for (let number = 50_000; number < 100_000; number++) book.add(walk(number, [1], [0, number]));
  expect(book.sizeBytes).toBe(before);
  const [path] = book.paths();
  expect(path).toMatchObject({ count: 100_000, shortest: 0, longest: 99_999 });
  expect(Math.abs((path?.median ?? 0) - 50_000)).toBeLessThan(5000);
  expect(Math.abs((path?.percentile95 ?? 0) - 95_000)).toBeLessThan(2500);
});

test('align: both sequences in order, equal elements next to each other, as many as there can be', () => {
  const sequence = fc.array(fc.nat(3), { maxLength: 12 });
  fc.assert(
    fc.property(sequence, sequence, (left, right) => {
      const rows = align(left, right, (a, b) => a === b);
      expect(rows.flatMap((row) => (row.left === undefined ? [] : [row.left]))).toEqual([...left.keys()]);
      expect(rows.flatMap((row) => (row.right === undefined ? [] : [row.right]))).toEqual([...right.keys()]);
      const pairs = rows.filter((row) => row.left !== undefined && row.right !== undefined);
      for (const row of pairs) expect(left[row.left!]).toBe(right[row.right!]);
      expect(pairs).toHaveLength(longestCommon(left, right));
    }),
    { numRuns: 500 },
  );
});

/** Tried the slow way. */
function longestCommon(left: readonly number[], right: readonly number[]): number {
  if (left.length === 0 || right.length === 0) return 0;
  const [a, b] = [left.slice(1), right.slice(1)];
  if (left[0] === right[0]) return 1 + longestCommon(a, b);
  const known = new Map<string, number>();
  const best = (l: readonly number[], r: readonly number[]): number => {
    if (l.length === 0 || r.length === 0) return 0;
    const key = `${l.length} ${r.length}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const value = l[0] === r[0] ? 1 + best(l.slice(1), r.slice(1)) : Math.max(best(l.slice(1), r), best(l, r.slice(1)));
    known.set(key, value);
    return value;
  };
  return best(left, right);
}
