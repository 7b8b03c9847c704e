/** What two packets have done, side by side, and how that differs. Pure. */
import { type Details, IS_RETURN, type Journey, type Trace } from '../../trace/trace.js';
import { align } from './align.js';

/** The functions that a packet passed. */
export interface Side {
  readonly journey: Journey;
  /** The indexes of their events. */
  readonly entries: Uint32Array;
}

export interface FieldDifference {
  readonly name: string;
  readonly left: unknown;
  readonly right: unknown;
}

/** A function of the left packet, of the right one, or the same of both; by their positions in `entries`. */
export interface ComparedRow {
  readonly left: number | undefined;
  readonly right: number | undefined;
  /** Whether the packets are in different places, and were not yet at the function before. */
  readonly isOtherPlace: boolean;
  /** How much longer it took the right packet to the next function, in nanoseconds, if that is much. */
  readonly slower: number | undefined;
  /** The fields that differ here, and did not yet in the same way. */
  readonly fields: readonly FieldDifference[];
}

export interface Comparison {
  readonly left: Side;
  readonly right: Side;
  readonly rows: readonly ComparedRow[];
  /** The number of rows where both have the same function. */
  readonly equal: number;
  /** The number of functions in the middle that were too many to align. */
  readonly skipped: number;
  /** The names of fields that differ at more functions than not. They are not told function by function. */
  readonly everywhere: readonly string[];
}

/** What is slower by less than this part of the longer packet's time, or by less than this time, is the same. */
const MUCH = 0.05;
const MUCH_NS = 1000;

/** @param details of both, once they are read */
export function compare(
  trace: Trace,
  left: Journey,
  right: Journey,
  details: readonly [Details, Details] | undefined,
): Comparison {
  const { fn, place } = trace.events;
  const sides = [left, right].map((journey) => ({ journey, entries: entriesOf(trace, journey) }));
  const [a, b] = sides as [Side, Side];
  const names = (side: Side) => Uint32Array.from(side.entries, (at) => fn[at]!);
  const { rows: aligned, skipped } = align(names(a), names(b));
  const least = Math.max(MUCH_NS, MUCH * Math.max(left.end - left.begin, right.end - right.begin));
  const everywhere = details ? findEverywhere(a, b, aligned, details) : [];
  const known = new Map<string, string>();
  let places = '';
  let equal = 0;
  const rows = aligned.map((row): ComparedRow => {
    if (row.left === undefined || row.right === undefined)
      return { ...row, isOtherPlace: false, slower: undefined, fields: [] };
    equal++;
    const [placeA, placeB] = [place[a.entries[row.left]!]!, place[b.entries[row.right]!]!];
    const now = `${placeA} ${placeB}`;
    const isOtherPlace = placeA !== placeB && now !== places;
    places = now;
    const slower = stepOf(trace, b, row.right) - stepOf(trace, a, row.left);
    const all = details ? findDifferences(fieldsAt(a, row.left, details[0]), fieldsAt(b, row.right, details[1])) : [];
    const fields = all.filter(({ name, left, right }) => {
      const values = JSON.stringify([left, right]);
      const isNew = known.get(name) !== values;
      known.set(name, values);
      return isNew && !everywhere.includes(name);
    });
    return { ...row, isOtherPlace, slower: Math.abs(slower) >= least ? slower : undefined, fields };
  });
  return { left: a, right: b, rows, equal, skipped, everywhere };
}

/** Whether there is nothing to say about a row. */
export function isEqual({ left, right, isOtherPlace, slower, fields }: ComparedRow): boolean {
  return left !== undefined && right !== undefined && !isOtherPlace && slower === undefined && fields.length === 0;
}

/** The time from a function to the next one, or to the end. */
export function stepOf({ events }: Trace, { journey, entries }: Side, position: number): number {
  const next = position + 1 < entries.length ? events.time[entries[position + 1]!]! : journey.end;
  return Math.max(0, next - events.time[entries[position]!]!);
}

function entriesOf({ events }: Trace, { first, count }: Journey): Uint32Array {
  const entries = new Uint32Array(count);
  let length = 0;
  for (let at = first; at < first + count; at++) if ((events.flags[at]! & IS_RETURN) === 0) entries[length++] = at;
  return entries.slice(0, length);
}

type Values = Readonly<Record<string, unknown>> | undefined;

function fieldsAt({ journey, entries }: Side, position: number, { fields }: Details): Values {
  return fields?.[entries[position]! - journey.first] || undefined;
}

function findDifferences(left: Values, right: Values): FieldDifference[] {
  if (!left || !right) return [];
  const differences: FieldDifference[] = [];
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const [a, b] = [left[name], right[name]];
    if (a !== b && JSON.stringify(a) !== JSON.stringify(b)) differences.push({ name, left: a, right: b });
  }
  return differences;
}

/** The fields whose differences are new at more functions than not: clocks, counters, addresses of the kernel. */
function findEverywhere(
  a: Side,
  b: Side,
  rows: readonly { readonly left: number | undefined; readonly right: number | undefined }[],
  details: readonly [Details, Details],
): string[] {
  const changes = new Map<string, { values: string; count: number }>();
  let compared = 0;
  for (const { left, right } of rows) {
    if (left === undefined || right === undefined) continue;
    compared++;
    for (const one of findDifferences(fieldsAt(a, left, details[0]), fieldsAt(b, right, details[1]))) {
      const values = JSON.stringify([one.left, one.right]);
      const known = changes.get(one.name) ?? { values: '', count: 0 };
      if (known.values !== values) known.count++;
      known.values = values;
      changes.set(one.name, known);
    }
  }
  // Of a few functions nothing can be said.
  return compared < 6 ? [] : [...changes].filter(([, { count }]) => count > compared / 2).map(([name]) => name);
}

/** What is shown: a row, the places from a row on, or how many equal rows are left out. */
export type Line =
  | { readonly kind: 'row'; readonly row: ComparedRow }
  | {
      readonly kind: 'place';
      readonly left: number | undefined;
      readonly right: number | undefined;
      readonly isOther: boolean;
    }
  | { readonly kind: 'folded'; readonly from: number; readonly count: number };

/** Equal rows that stay beside others, and the length from which the rest is folded. */
const CONTEXT = 3;
const MIN_FOLDED = 6;

/** @param isOpen whether the equal rows from one on are shown */
export function linesOf({ events }: Trace, comparison: Comparison, isOpen: (from: number) => boolean): Line[] {
  const { rows, left, right } = comparison;
  const lines: Line[] = [];
  let [placeA, placeB] = [-1, -1];
  const add = (row: ComparedRow) => {
    const nowA = row.left === undefined ? placeA : events.place[left.entries[row.left]!]!;
    const nowB = row.right === undefined ? placeB : events.place[right.entries[row.right]!]!;
    if (nowA !== placeA || nowB !== placeB) {
      // A side that has no function here keeps its place.
      lines.push({
        kind: 'place',
        ...{ left: nowA < 0 ? undefined : nowA, right: nowB < 0 ? undefined : nowB },
        isOther: nowA !== nowB && nowA >= 0 && nowB >= 0,
      });
    }
    [placeA, placeB] = [nowA, nowB];
    lines.push({ kind: 'row', row });
  };
  for (let at = 0; at < rows.length; ) {
    let end = at;
    while (end < rows.length && isEqual(rows[end]!)) end++;
    const from = at === 0 ? 0 : at + CONTEXT;
    const until = end === rows.length ? end : end - CONTEXT;
    if (until - from >= MIN_FOLDED && !isOpen(from)) {
      for (; at < from; at++) add(rows[at]!);
      lines.push({ kind: 'folded', from, count: until - from });
      // Where it was meanwhile is told behind it, if that is another place than before.
      at = until;
    }
    for (; at < end; at++) add(rows[at]!);
    if (at < rows.length) add(rows[at++]!);
  }
  return lines;
}

/** Functions that one packet passes, or both, and the other does not: from where they part to where they meet again. */
export interface Parting {
  /** The last function that both pass before, as the left packet's position; undefined: there is none. */
  readonly after: number | undefined;
  /** The first function of each, and their number. */
  readonly left: { readonly from: number; readonly count: number } | undefined;
  readonly right: { readonly from: number; readonly count: number } | undefined;
}

/** The first parting, and the one with most functions, which may be the same; undefined if both pass the same functions. */
export function findPartings({ rows }: Comparison): { readonly first: Parting; readonly largest: Parting } | undefined {
  let first: Parting | undefined;
  let largest: Parting | undefined;
  let most = 0;
  for (let at = 0; at < rows.length; at++) {
    if (isCommon(rows[at]!)) continue;
    let end = at;
    while (end < rows.length && !isCommon(rows[end]!)) end++;
    const own = rows.slice(at, end);
    const of = (positions: readonly (number | undefined)[]) => {
      const passed = positions.filter((position) => position !== undefined);
      return passed[0] === undefined ? undefined : { from: passed[0], count: passed.length };
    };
    const parting = {
      after: rows[at - 1]?.left,
      ...{ left: of(own.map(({ left }) => left)), right: of(own.map(({ right }) => right)) },
    };
    first ??= parting;
    if (end - at > most) largest = parting;
    most = Math.max(most, end - at);
    at = end;
  }
  return first && largest && { first, largest };
}

function isCommon({ left, right }: ComparedRow): boolean {
  return left !== undefined && right !== undefined;
}

/** The function after which one packet took most longer than the other; undefined if it is little. */
export function findSlowest({ rows }: Comparison): ComparedRow | undefined {
  let slowest: ComparedRow | undefined;
  for (const row of rows) {
    if (row.slower !== undefined && Math.abs(row.slower) > Math.abs(slowest?.slower ?? 0)) slowest = row;
  }
  return slowest;
}
