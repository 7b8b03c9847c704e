import { expect, test } from 'vitest';
import { align } from './align.js';

const letters = (text: string) => Uint32Array.from(text, (letter) => letter.charCodeAt(0));

/** The rows as text: `a` of both, `-a` of the left one, `+a` of the right one. */
function describe(left: string, right: string, most?: number): string {
  return align(letters(left), letters(right), most)
    .rows.map((row) =>
      row.right === undefined ? `-${left[row.left!]}` : `${row.left === undefined ? '+' : ''}${right[row.right]}`,
    )
    .join(' ');
}

/** The length of the longest common subsequence, by the textbook. */
function longest(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      rows[i]![j] = a[i - 1] === b[j - 1] ? rows[i - 1]![j - 1]! + 1 : Math.max(rows[i - 1]![j]!, rows[i]![j - 1]!);
    }
  }
  return rows[a.length]![b.length]!;
}

test('equal ones stand side by side', () => {
  expect(describe('abcd', 'abcd')).toBe('a b c d');
  expect(describe('abcd', 'abxd')).toBe('a b -c +x d');
  expect(describe('', 'ab')).toBe('+a +b');
  expect(describe('', '')).toBe('');
});

test('no other alignment has more equal ones, and with a bound every element has its row', () => {
  let seed = 3;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % below;
  };
  const text = () => Array.from({ length: random(14) }, () => 'abcd'[random(4)]).join('');
  for (let round = 0; round < 500; round++) {
    const [left, right] = [text(), text()];
    for (const most of [1000, 3, 1, 0]) {
      const { rows, skipped } = align(letters(left), letters(right), most);
      expect(rows.flatMap((row) => row.left ?? [])).toEqual([...left].map((_, index) => index));
      expect(rows.flatMap((row) => row.right ?? [])).toEqual([...right].map((_, index) => index));
      const equal = rows.filter((row) => row.left !== undefined && row.right !== undefined);
      for (const row of equal) expect(left[row.left!]).toBe(right[row.right!]);
      if (most === 1000) expect([equal.length, skipped]).toEqual([longest(left, right), 0]);
    }
  }
});

test('what differs too much is aligned at both ends, and the middle is told', () => {
  const [left, right] = ['abc'.repeat(200), 'xyz'.repeat(200)];
  const { rows, skipped } = align(letters(`12${left}34`), letters(`12${right}34`), 100);
  expect(rows.filter((row) => row.left !== undefined && row.right !== undefined)).toHaveLength(4);
  expect(rows).toHaveLength(1204);
  expect(skipped).toBeGreaterThan(0);
});

test('100,000 elements that have nothing to do with each other are aligned within the bound', () => {
  let seed = 1;
  const noise = () =>
    Uint32Array.from({ length: 100_000 }, () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed >>> 16;
    });
  const { rows, skipped } = align(noise(), noise());
  expect(rows.length).toBeGreaterThanOrEqual(100_000);
  expect(skipped).toBeGreaterThan(0);
});
