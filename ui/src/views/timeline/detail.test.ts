import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventAt, gallop, lowerBound, walkPieces } from './detail.js';

interface Piece {
  readonly x0: number;
  readonly x1: number;
  readonly event: number;
  readonly merged: number;
}

function piecesOf(times: readonly number[], end: number, start: number, scale: number, width: number): Piece[] {
  const pieces: Piece[] = [];
  const mapping = { start, scale, width };
  walkPieces(Float64Array.from(times), 0, times.length, end, mapping, 1, (x0, x1, event, merged) =>
    pieces.push({ x0, x1, event, merged }),
  );
  return pieces;
}

describe('the pieces of a lane', () => {
  it('last until the next event, the last one until the end', () => {
    expect(piecesOf([10, 20, 50], 60, 0, 1, 100)).toEqual([
      { x0: 10, x1: 20, event: 0, merged: 1 },
      { x0: 20, x1: 50, event: 1, merged: 1 },
      { x0: 50, x1: 60, event: 2, merged: 1 },
    ]);
  });

  it('are cut at the edges of what is in sight', () => {
    expect(piecesOf([10, 20, 50], 60, 15, 1, 10)).toEqual([
      { x0: 0, x1: 5, event: 0, merged: 1 },
      { x0: 5, x1: 10, event: 1, merged: 1 },
    ]);
    expect(piecesOf([10, 20], 30, 100, 1, 10)).toEqual([]);
    expect(piecesOf([10, 20], 30, 0, 1, 10)).toEqual([]);
  });

  it('merge what is within a pixel, and tell the last of it, which lasts', () => {
    expect(piecesOf([10, 10.2, 10.4, 50], 60, 0, 1, 100)).toEqual([
      { x0: 10, x1: 50, event: 2, merged: 3 },
      { x0: 50, x1: 60, event: 3, merged: 1 },
    ]);
  });

  it('show events that take no time', () => {
    expect(piecesOf([7, 7, 7], 7, 0, 1, 100)).toEqual([{ x0: 7, x1: 7, event: 2, merged: 3 }]);
  });

  const TIMES = fc.array(fc.integer({ min: 0, max: 100_000 }), { maxLength: 200 });
  it('are no more than the pixels, stand one behind the other, and have every event in sight', () =>
    fc.assert(
      fc.property(
        TIMES,
        fc.integer({ min: -1000, max: 100_000 }),
        fc.double({ min: 0.0001, max: 10, noNaN: true }),
        (unsorted, start, scale) => {
          const times = [...unsorted].sort((a, b) => a - b);
          const pieces = piecesOf(times, 100_000, start, scale, 50);
          expect(pieces.length).toBeLessThanOrEqual(52);
          for (const [index, piece] of pieces.entries()) {
            expect(piece.x1).toBeGreaterThanOrEqual(piece.x0);
            if (index > 0) expect(piece.x0).toBeCloseTo(pieces[index - 1]!.x1, 6);
          }
          const inSight = times.filter((time) => (time - start) * scale > 0 && (time - start) * scale < 50).length;
          const merged = pieces.reduce((sum, piece) => sum + piece.merged, 0);
          expect(merged).toBeGreaterThanOrEqual(inSight);
        },
      ),
    ));

  it('come to an end where times are too large for pixels', () => {
    const late = 2 ** 53;
    expect(piecesOf([late - 2, late - 1, late], late, late - 10, 1e-30, 100)).toHaveLength(1);
  });
});

describe('searching', () => {
  it('finds the first that is not below, by halves and by leaps', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer({ min: -1, max: 51 }), (unsorted, value) => {
        const values = Float64Array.from(unsorted).sort();
        const expected = values.findIndex((one) => one >= value);
        const at = expected < 0 ? values.length : expected;
        expect(lowerBound(values, 0, values.length, value)).toBe(at);
        expect(gallop(values, 0, values.length, value)).toBe(at);
      }),
    ));

  it('finds the event at a time', () => {
    const times = Float64Array.of(10, 20, 20, 30);
    expect([5, 10, 19.5, 20, 29, 99].map((time) => eventAt(times, 0, 4, time))).toEqual([0, 0, 0, 2, 2, 3]);
    expect(eventAt(times, 2, 2, 10)).toBe(-1);
  });
});
