import fc from 'fast-check';
import { expect, test } from 'vitest';
import { align, PathBook } from './paths.js';

/** A book that journeys are added to. @param times of its steps, and of its end */
function open() {
  const book = new PathBook();
  const add = (number: number, targets: number[], times: number[], outcome = 'consumed', netns = 1) => {
    for (const [at, target] of targets.entries()) book.step(target, netns, times[at] ?? 0);
    book.end({ number, outcome, duration: times.at(-1) ?? 0, gap: number === 104 });
  };
  return { book, add };
}

test('PathBook: equal paths together, the most frequent first, with what is to be known of their times', () => {
  const { book, add } = open();
  for (let number = 1; number <= 100; number++) add(number, [1, 2], [0, number, number * 10]);
  add(101, [1, 2], [0, 1, 2], 'dropped');
  add(102, [1, 2], [0, 1, 2], 'consumed', 2);
  add(103, [2, 1], [0, 5, 6]);
  add(104, [2, 1], [0, 5, 6]);
  // Without steps it has no path.
  add(105, [], [3]);
  const paths = book.paths();
  expect(book.journeys).toBe(104);
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

test('PathBook: paths of any length, which differ in their last step alone', () => {
  const { book, add } = open();
  for (const [number, length] of [1, 63, 64, 65, 1000].entries()) {
    const targets = Array.from({ length }, (_, at) => 70_000 + at);
    const times = [...targets.keys(), length + 7];
    for (let i = 0; i < 5; i++) add(number * 10 + i, targets, times);
    add(number * 10 + 5, [...targets.slice(0, -1), 1], times);
    const [path] = book.paths().filter(({ examples }) => examples[0] === number * 10);
    expect(path?.steps.map(({ target }) => target)).toEqual(targets);
    expect(path).toMatchObject({ count: 5, median: length + 7, slowest: { index: length - 1, median: 8 } });
  }
  expect(book.size).toBe(10);
});

test('PathBook: memory is bounded by the paths, not by the journeys; what is kept stands for all', () => {
  const { book, add } = open();
  for (let number = 0; number < 50_000; number++) add(number, [1], [0, number]);
  const before = book.sizeBytes;
  for (let number = 50_000; number < 100_000; number++) add(number, [1], [0, number]);
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
