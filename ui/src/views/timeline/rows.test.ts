import { describe, expect, it } from 'vitest';
import { HEADING_HEIGHT, heightOfRows, layoutRows, rowAt, rowOf } from './rows.js';

const GROUPS = [
  { key: 'a', title: 'a', lanes: Uint32Array.of(0, 2), dropped: 0 },
  { key: 'b', title: 'b', lanes: Uint32Array.of(1), dropped: 0 },
];

describe('rows', () => {
  it('are lanes alone without headings', () => {
    const rows = layoutRows(GROUPS, false, new Set(['a']), (lane) => 10 + lane);
    expect([...rows.id]).toEqual([0, 2, 1]);
    expect([...rows.top]).toEqual([0, 10, 22, 33]);
  });

  it('have a heading for each group, and no lanes where it is folded', () => {
    const rows = layoutRows(GROUPS, true, new Set(['a']), () => 10);
    expect([...rows.id]).toEqual([~0, ~1, 1]);
    expect(heightOfRows(rows)).toBe(2 * HEADING_HEIGHT + 10);
  });

  it('are found by height and by what they have', () => {
    const rows = layoutRows(GROUPS, true, new Set(), () => 10);
    const tops = [-5, 0, HEADING_HEIGHT - 1, HEADING_HEIGHT, HEADING_HEIGHT + 10, 1e9];
    expect(tops.map((y) => rowAt(rows, y))).toEqual([0, 0, 0, 1, 2, 4]);
    expect([rowOf(rows, 2), rowOf(rows, ~1), rowOf(rows, 7)]).toEqual([2, 3, -1]);
  });

  it('may be none', () => {
    const rows = layoutRows([], true, new Set(), () => 10);
    expect([rowAt(rows, 0), heightOfRows(rows)]).toEqual([-1, 0]);
  });
});
