import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clampSpan, extentOf, firstSpanOf, lengthOf, MIN_LENGTH, moveSpan, spanAround, zoomSpan } from './scale.js';
import { createTrace } from './testing.js';

const EXTENT = { from: 0, until: 1000 };

describe('the time in sight', () => {
  it('is that of all journeys, with room on both sides', () => {
    const { journeys } = createTrace([
      { begin: 500, end: 600, events: [] },
      { begin: 100, end: 1100, events: [] },
    ]);
    expect(extentOf(journeys, 'time')).toEqual({ from: 80, until: 1120 });
    expect(extentOf(journeys, 'own')).toEqual({ from: -20, until: 1020 });
  });

  it('has a length even where nothing has one', () => {
    const { journeys } = createTrace([{ begin: 5, end: 5, events: [] }]);
    expect(lengthOf(extentOf(journeys, 'time'))).toBeGreaterThan(0);
    expect(lengthOf(extentOf([], 'own'))).toBeGreaterThan(0);
  });

  it('is that of most packets at first, where each has its own begin and one took far longer', () => {
    const journeysOf = (...lengths: readonly number[]) =>
      createTrace(lengths.map((length, index) => ({ begin: index * 500, end: index * 500 + length, events: [] })))
        .journeys;
    const most = [1000, 1100, 1200, 900, 1000, 1000, 1000, 1000, 1000];
    const one = journeysOf(...most, 30_000, 1000);
    const extent = extentOf(one, 'own');
    const first = firstSpanOf(one, 'own', extent);
    expect([first.from < 0, first.until > 1200, first.until < 2000]).toEqual([true, true, true]);
    expect(firstSpanOf(one, 'time', extent)).toBe(extent);
    const even = journeysOf(...most, 4000, 1000);
    expect(firstSpanOf(even, 'own', extentOf(even, 'own'))).toEqual(extentOf(even, 'own'));
    const few = journeysOf(1000, 30_000);
    expect(firstSpanOf(few, 'own', extentOf(few, 'own'))).toEqual(extentOf(few, 'own'));
  });

  it('keeps the time under the pointer where it is', () => {
    const span = zoomSpan({ from: 200, until: 600 }, 0.5, 300, EXTENT);
    expect(span).toEqual({ from: 250, until: 450 });
  });

  it('does not leave what there is', () => {
    expect(moveSpan({ from: 0, until: 100 }, -50, EXTENT)).toEqual({ from: 0, until: 100 });
    expect(moveSpan({ from: 800, until: 900 }, 500, EXTENT)).toEqual({ from: 900, until: 1000 });
    expect(clampSpan({ from: -5000, until: 5000 }, EXTENT)).toEqual(EXTENT);
    expect(lengthOf(spanAround(500, 500, EXTENT))).toBeGreaterThanOrEqual(MIN_LENGTH);
  });

  const TIME = fc.double({ min: 0, max: 2 ** 53, noNaN: true });
  it('lies within what there is, whatever is asked', () =>
    fc.assert(
      fc.property(TIME, TIME, TIME, fc.double({ min: 0.001, max: 1000, noNaN: true }), (one, other, at, factor) => {
        const extent = { from: 0, until: 2 ** 53 };
        const span = zoomSpan({ from: Math.min(one, other), until: Math.max(one, other) + 100 }, factor, at, extent);
        expect(span.from).toBeGreaterThanOrEqual(extent.from);
        expect(span.until).toBeLessThanOrEqual(extent.until + 2);
        expect(lengthOf(span)).toBeGreaterThan(0);
      }),
    ));
});
