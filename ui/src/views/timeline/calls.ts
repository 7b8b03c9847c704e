/** A journey's calls, nested: made of entries and returns. */
import { ENTRY_LOST, type Events, IS_RETURN, type Journey, PARTNER_LOST } from '../../trace/trace.js';
import { gallop, lowerBound, type Mapping } from './detail.js';

/** More rows than this no lane has: calls that are deeper stand in the last one. */
export const MAX_CALL_ROWS = 24;

/** The calls of a row, by begin. */
export interface CallRow {
  readonly count: number;
  readonly begin: Float64Array;
  readonly end: Float64Array;
  /** The latest end so far: calls of a row overlap only where there are more rows than are shown. */
  readonly latest: Float64Array;
  /** The event of the entry, or of the return whose entry is lost. */
  readonly event: Uint32Array;
  /** `WHOLE`, `LOST` or `UNENDED`. */
  readonly state: Uint8Array;
}

export const WHOLE = 0;
/** Its return, or its entry, is lost: how long it took is not known. */
export const LOST = 1;
/** It had not returned when the packet's journey ended. */
export const UNENDED = 2;

interface Call {
  readonly begin: number;
  end: number;
  readonly event: number;
  state: number;
}

/** How many rows the calls of a journey take. */
export function countCallRows(events: Events, { first, count }: Journey, hasReturns: boolean): number {
  if (!hasReturns) return 1;
  let deepest = 0;
  for (let at = first; at < first + count; at++) if (events.depth[at]! > deepest) deepest = events.depth[at]!;
  return Math.min(deepest + 1, MAX_CALL_ROWS);
}

/** The calls of a journey, in rows by their depth. */
export function layoutCalls(events: Events, journey: Journey, rows: number): readonly CallRow[] {
  const { first, count, end } = journey;
  const { time, fn, cpu, flags, depth, sinceEntry } = events;
  const inRows: Call[][] = Array.from({ length: rows }, () => []);
  // Calls that have not returned, of each CPU.
  const open = new Map<number, Call[]>();
  for (let at = first; at < first + count; at++) {
    const row = Math.min(depth[at]!, rows - 1);
    let stack = open.get(cpu[at]!);
    if (!stack) {
      stack = [];
      open.set(cpu[at]!, stack);
    }
    if ((flags[at]! & IS_RETURN) === 0) {
      // What should have returned by now: its return is lost.
      while (stack.length > 0 && depth[stack.at(-1)!.event]! >= depth[at]! && depth[at]! < 255)
        endLost(stack.pop()!, time[at]!);
      const call = { begin: time[at]!, end: Math.max(end, time[at]!), event: at, state: UNENDED };
      inRows[row]!.push(call);
      stack.push(call);
      continue;
    }
    let top = stack.pop();
    while (top && (depth[top.event]! > depth[at]! || (depth[top.event] === depth[at] && fn[top.event] !== fn[at]))) {
      endLost(top, time[at]!);
      top = stack.pop();
    }
    if (top && depth[top.event] === depth[at]) {
      top.end = time[at]!;
      top.state = WHOLE;
      continue;
    }
    if (top) stack.push(top);
    const state = (flags[at]! & (ENTRY_LOST | PARTNER_LOST)) === 0 ? WHOLE : LOST;
    inRows[row]!.push({ begin: time[at]! - (sinceEntry[at] ?? 0), end: time[at]!, event: at, state });
  }
  for (const stack of open.values()) {
    for (const call of stack) if ((flags[call.event]! & PARTNER_LOST) !== 0) call.state = LOST;
  }
  return inRows.map(toRow);
}

function endLost(call: Call, at: number): void {
  call.end = at;
  call.state = LOST;
}

function toRow(calls: Call[]): CallRow {
  calls.sort((a, b) => a.begin - b.begin || a.event - b.event);
  const count = calls.length;
  const row = {
    ...{ count, begin: new Float64Array(count), end: new Float64Array(count), latest: new Float64Array(count) },
    ...{ event: new Uint32Array(count), state: new Uint8Array(count) },
  };
  let latest = Number.NEGATIVE_INFINITY;
  for (const [at, call] of calls.entries()) {
    latest = Math.max(latest, call.end);
    row.begin[at] = call.begin;
    row.end[at] = call.end;
    row.latest[at] = latest;
    row.event[at] = call.event;
    row.state[at] = call.state;
  }
  return row;
}

/** Goes through the calls of a row that are in sight, as `walkPieces` does. `at` is the last one of those merged. */
export function walkCalls(
  row: CallRow,
  { start, scale, width }: Mapping,
  step: number,
  visit: (x0: number, x1: number, at: number, merged: number) => void,
): void {
  let at = lowerBound(row.latest, 0, row.count, start);
  while (at < row.count) {
    const x0 = (row.begin[at]! - start) * scale;
    if (x0 >= width) return;
    const edge = Math.max(x0, -step) + step;
    let next = at + 1;
    if (next < row.count && (row.begin[next]! - start) * scale < edge)
      next = Math.max(next, gallop(row.begin, next, row.count, start + edge / scale));
    const x1 = (Math.max(row.latest[next - 1]!, row.begin[next - 1]!) - start) * scale;
    if (x1 >= 0) visit(Math.max(0, x0), Math.min(width, Math.max(x1, x0)), next - 1, next - at);
    at = next;
  }
}

/** The call of a row at a time, or the one that ended last before it, within `near`; -1 if there is none. */
export function callAt(row: CallRow, time: number, near: number): number {
  let at = lowerBound(row.begin, 0, row.count, time + near) - 1;
  for (let tried = 0; at >= 0 && tried < 8; at--, tried++) if (row.end[at]! >= time - near) return at;
  return -1;
}
