import { expect, test } from 'vitest';
import { type SketchedJourney, sketchTrace } from '../../../../tests/support/sketched-trace.js';
import type { Details } from '../../trace/trace.js';
import { choosePair, nextOf } from './choice.js';
import { factsOf } from './facts.js';
import { type Comparison, compare, findPartings, findSlowest, type Line, linesOf } from './rows.js';

function compareTwo(left: SketchedJourney, right: SketchedJourney, details?: readonly [Details, Details]) {
  const trace = sketchTrace([left, right]);
  return { trace, comparison: compare(trace, trace.journeys[0]!, trace.journeys[1]!, details) };
}

const detailsOf = (...fields: NonNullable<Details['fields']>): Details => ({ fields, snapshots: [], changes: [] });

/** `a` of both, `-a` left only, `+a` right only, `@` a place, `…4` folded. */
function describe(lines: readonly Line[], { left, right }: Comparison, names: (at: number) => string): string {
  return lines
    .map((line) => {
      if (line.kind === 'place') return line.isOther ? '@≠' : '@';
      if (line.kind === 'folded') return `…${line.count}`;
      const { row } = line;
      if (row.left === undefined) return `+${names(right.entries[row.right!]!)}`;
      return `${row.right === undefined ? '-' : ''}${names(left.entries[row.left]!)}`;
    })
    .join(' ');
}

function linesOfTwo(left: string, right: string, isOpen: (from: number) => boolean = () => false): string {
  const { trace, comparison } = compareTwo({ passes: left }, { passes: right });
  const lines = linesOf(trace, comparison, isOpen);
  return describe(lines, comparison, (at) => trace.functions[trace.events.fn[at]!]!.name);
}

test('functions of one packet alone stand alone', () => {
  expect(linesOfTwo('a b c d', 'a x c d')).toBe('@ a -b +x c d');
});

test('long equal runs are folded, but for what stands beside a difference', () => {
  const equal = 'a b c d e f g h i j k l';
  expect(linesOfTwo(`${equal} y ${equal}`, `${equal} z ${equal}`)).toBe('…9 @ j k l -y +z a b c …9');
  expect(linesOfTwo(equal, equal)).toBe('…12');
  expect(linesOfTwo(equal, equal, (from) => from === 0)).toBe(`@ ${equal}`);
  expect(linesOfTwo('a b c', 'a b c')).toBe('@ a b c');
});

test('another place is told where it begins', () => {
  expect(linesOfTwo('a b c@gw d@gw', 'a b@gw c@gw d@gw')).toBe('@ a @≠ b @ c d');
});

test('no functions, and functions of one packet only', () => {
  expect(linesOfTwo('', '')).toBe('');
  expect(linesOfTwo('a b', '')).toBe('@ -a -b');
});

test('a step that takes much longer is marked, a little is not', () => {
  const { comparison } = compareTwo(
    { passes: 'a b c', at: [0, 10_000, 20_000] },
    { passes: 'a b c', at: [0, 10_500, 60_500] },
  );
  expect(comparison.rows.map(({ slower }) => slower)).toEqual([undefined, 40_000, undefined]);
  expect(findSlowest(comparison)).toMatchObject({ left: 1, slower: 40_000 });
});

test('a field that differs is told where the difference comes up', () => {
  const values = (lens: readonly number[], mark: string) => detailsOf(...lens.map((len) => ({ len, mark })));
  const { comparison } = compareTwo({ passes: 'a b c d e f g h' }, { passes: 'a b c d e f g h' }, [
    values([1, 1, 1, 1, 1, 1, 1, 1], 'x'),
    values([1, 1, 2, 2, 2, 2, 1, 2], 'y'),
  ]);
  expect(
    comparison.rows.map(({ fields }) => fields.map(({ name, left, right }) => `${name} ${left} ${right}`)),
  ).toEqual([['mark x y'], [], ['len 1 2'], ...[[], [], [], [], []]]);
});

test('a field that differs anew at most functions is told once', () => {
  const clock = (from: number) => detailsOf(...Array.from({ length: 8 }, (_, index) => ({ now: from + index })));
  const { comparison } = compareTwo({ passes: 'a b c d e f g h' }, { passes: 'a b c d e f g h' }, [
    clock(0),
    clock(50),
  ]);
  expect(comparison.everywhere).toEqual(['now']);
  expect(comparison.rows.flatMap(({ fields }) => fields)).toEqual([]);
});

test('where they part first, and most', () => {
  const { comparison } = compareTwo({ passes: 'a b c d e f g' }, { passes: 'a x b c p q r s g' });
  expect(findPartings(comparison)).toEqual({
    first: { after: 0, left: undefined, right: { from: 1, count: 1 } },
    largest: { after: 2, left: { from: 3, count: 3 }, right: { from: 4, count: 4 } },
  });
  expect(findPartings(compareTwo({ passes: 'a' }, { passes: 'a' }).comparison)).toBeUndefined();
});

test('facts that differ are marked, those that always do are not', () => {
  const trace = sketchTrace([
    { passes: 'a', over: { text: 'ping', sender: { command: 'ping', pid: 1 } } },
    { passes: 'a', outcome: 'dropped', over: { text: 'ping' } },
  ]);
  const facts = factsOf(trace, trace.journeys[0]!, trace.journeys[1]!, undefined);
  expect(facts.filter(({ isDifferent }) => isDifferent).map(({ name }) => name)).toEqual(['ended', 'path', 'by']);
  expect(facts.find(({ name }) => name === 'by')).toMatchObject({ left: 'ping[1]', right: '' });
});

test('without a choice a packet of the most frequent path is compared with a similar one that was dropped', () => {
  const trace = sketchTrace([
    { passes: 'x y z', outcome: 'dropped' },
    { passes: 'a b c d' },
    { passes: 'a b c d' },
    { passes: 'a b c z', outcome: 'dropped' },
    { passes: 'a b c d e', outcome: 'forwarded' },
  ]);
  const pair = (packet?: number, other?: number) => {
    const { left, right } = choosePair(trace, trace.journeys, packet, other);
    return [left?.number, right?.number];
  };
  expect(pair()).toEqual([2, 4]);
  expect(pair(1)).toEqual([1, 2]);
  expect(pair(3, 5)).toEqual([3, 5]);
  expect(pair(99, 98)).toEqual([2, 4]);
});

test('of packets with the same path the next one is compared; a single one with none', () => {
  const trace = sketchTrace([{ passes: 'a' }, { passes: 'a' }]);
  expect(choosePair(trace, trace.journeys, 2, undefined).right?.number).toBe(1);
  expect(choosePair(trace, trace.journeys.slice(0, 1), undefined, undefined).right).toBeUndefined();
  expect(choosePair(trace, [], undefined, undefined)).toEqual({ left: undefined, right: undefined });
});

test('the neighbours of a packet that is not chosen itself', () => {
  const trace = sketchTrace([{ passes: 'a' }, { passes: 'b' }, { passes: 'c' }]);
  const chosen = [trace.journeys[0]!, trace.journeys[2]!];
  expect([nextOf(chosen, trace.journeys[1]!, -1)?.number, nextOf(chosen, trace.journeys[1]!, 1)?.number]).toEqual([
    1, 3,
  ]);
});
