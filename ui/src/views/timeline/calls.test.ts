import { describe, expect, it } from 'vitest';
import { ENTRY_LOST, PARTNER_LOST } from '../../trace/trace.js';
import { callAt, countCallRows, LOST, layoutCalls, MAX_CALL_ROWS, UNENDED, WHOLE, walkCalls } from './calls.js';
import { createTrace, type GivenEvent } from './testing.js';

function rowsOf(events: readonly GivenEvent[], end?: number) {
  const trace = createTrace([end === undefined ? { events } : { events, end }]);
  const journey = trace.journeys[0]!;
  const rows = layoutCalls(trace.events, journey, countCallRows(trace.events, journey, true));
  return rows.map(({ count, begin, end: ends, event, state }) =>
    Array.from({ length: count }, (_, at) => [begin[at], ends[at], event[at], state[at]]),
  );
}

describe('calls', () => {
  it('are nested as they were made', () => {
    const rows = rowsOf([
      { time: 0 },
      { time: 10, fn: 1, depth: 1 },
      { time: 20, fn: 1, depth: 1, isReturn: true },
      { time: 25, fn: 1, depth: 1 },
      { time: 30, fn: 1, depth: 1, isReturn: true },
      { time: 40, isReturn: true },
      { time: 50 },
      { time: 60, isReturn: true },
    ]);
    expect(rows).toEqual([
      [
        [0, 40, 0, WHOLE],
        [50, 60, 6, WHOLE],
      ],
      [
        [10, 20, 1, WHOLE],
        [25, 30, 3, WHOLE],
      ],
    ]);
  });

  it('of other CPUs do not end each other', () => {
    const rows = rowsOf([
      { time: 0 },
      { time: 5, cpu: 1 },
      { time: 10, isReturn: true },
      { time: 20, cpu: 1, isReturn: true },
    ]);
    expect(rows).toEqual([
      [
        [0, 10, 0, WHOLE],
        [5, 20, 1, WHOLE],
      ],
    ]);
  });

  it('whose return is lost end where another one shows that they have', () => {
    const rows = rowsOf([
      { time: 0, flags: PARTNER_LOST },
      { time: 30, fn: 1 },
      { time: 40, fn: 1, isReturn: true },
    ]);
    expect(rows).toEqual([
      [
        [0, 30, 0, LOST],
        [30, 40, 1, WHOLE],
      ],
    ]);
  });

  it('whose entry is lost are there nevertheless', () => {
    expect(rowsOf([{ time: 40, isReturn: true, flags: ENTRY_LOST }])).toEqual([[[40, 40, 0, LOST]]]);
  });

  it('that outlive the packet are not lost', () => {
    expect(rowsOf([{ time: 0 }], 90)).toEqual([[[0, 90, 0, UNENDED]]]);
  });

  it('that are too deep stand in the last row', () => {
    const rows = rowsOf(Array.from({ length: 100 }, (_, at) => ({ time: at, depth: at })));
    expect(rows).toHaveLength(MAX_CALL_ROWS);
    expect(rows.at(-1)).toHaveLength(100 - MAX_CALL_ROWS + 1);
  });

  it('have one row without returns', () => {
    const trace = createTrace([{ events: [{ time: 0, depth: 3 }] }], false);
    expect(countCallRows(trace.events, trace.journeys[0]!, false)).toBe(1);
  });
});

describe('what is seen of calls', () => {
  const trace = createTrace([
    {
      events: [
        { time: 0 },
        { time: 100, isReturn: true },
        { time: 200 },
        { time: 200.5, isReturn: true },
        { time: 200.6 },
        { time: 300, isReturn: true },
      ],
    },
  ]);
  const [row] = layoutCalls(trace.events, trace.journeys[0]!, 1);

  it('is what reaches into the window, also what began before it', () => {
    const seen: unknown[] = [];
    walkCalls(row!, { start: 50, scale: 1, width: 200 }, 1, (...piece) => seen.push(piece));
    expect(seen).toEqual([
      [0, 50, 0, 1],
      [150, 200, 2, 2],
    ]);
  });

  it('is found by its time', () => {
    expect([50, 150, 102, 250].map((time) => callAt(row!, time, 3))).toEqual([0, -1, 0, 2]);
  });
});
