import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lanes } from './lanes.js';

test('the first free lane is taken', () => {
  const lanes = new Lanes();
  expect(lanes.take(0, 10)).toBe(0);
  expect(lanes.take(5, 20)).toBe(1);
  expect(lanes.take(10, 12)).toBe(2); // not at an end
  expect(lanes.take(11, 30)).toBe(0);
  expect(lanes.take(13, 14)).toBe(2);
});

test('no two in a lane overlap, and by begin there are as many as overlap', () => {
  const span = fc.tuple(fc.nat(1000), fc.nat(100)).map(([begin, length]) => [begin, begin + length] as const);
  fc.assert(
    fc.property(fc.array(span, { maxLength: 200 }), fc.boolean(), (spans, isByBegin) => {
      const sorted = isByBegin ? [...spans].sort(([a], [b]) => a - b) : spans;
      const lanes = new Lanes();
      const taken: (readonly [number, number])[][] = [];
      for (const [begin, end] of sorted) {
        const lane = lanes.take(begin, end);
        taken[lane] ??= [];
        for (const other of taken[lane]) expect(other[1] < begin || end < other[0]).toBe(true);
        taken[lane].push([begin, end]);
      }
      expect(Object.keys(taken)).toHaveLength(taken.length);
      if (!isByBegin) return;
      const most = Math.max(0, ...spans.map(([at]) => spans.filter(([begin, end]) => begin <= at && at <= end).length));
      expect(taken.length).toBe(most);
    }),
  );
});
