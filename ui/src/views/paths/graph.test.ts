import { expect, test } from 'vitest';
import type { Label } from '../../trace/paths.js';
import type { Outcome } from '../../trace/trace.js';
import { foldGraph } from './fold.js';
import { buildGraph, type Graph, type GraphPath } from './graph.js';
import { BOX_WIDTH, layOut } from './layout.js';

/** Functions as letters; capital ones are in another namespace. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const labels: Label[] = [...LETTERS].map((letter, fn) => ({ fn: fn % 26, place: /[a-z]/.test(letter) ? 1 : 2 }));

function path(functions: string, count = 1, outcome: Outcome = 'delivered'): GraphPath {
  return { steps: Uint32Array.from(functions, (letter) => LETTERS.indexOf(letter)), outcome, end: outcome, count };
}

function textOf({ steps, end }: Graph['boxes'][number]): string {
  return end ?? steps.map((step) => (typeof step === 'number' ? LETTERS[step] : `(${step.ways})`)).join('');
}

/** What packets pass, as boxes and what they lead to. */
function describe(graph: Graph): string[] {
  const boxes = new Map(graph.boxes.map((box) => [box.id, textOf(box)]));
  return graph.edges.map(({ from, to, count }) => `${boxes.get(from)} ${count} ${boxes.get(to)}`).sort();
}

const build = (...paths: GraphPath[]) => buildGraph(paths, labels);

test('functions that follow each other are one box', () => {
  expect(describe(build(path('abcd', 3)))).toEqual(['abcd 3 delivered']);
});

test('paths share what is the same, part and meet again', () => {
  expect(describe(build(path('abcdxyef', 5), path('abcdef', 2)))).toEqual([
    'abcd 2 ef',
    'abcd 5 xy',
    'ef 7 delivered',
    'xy 5 ef',
  ]);
});

test('paths with other ends part', () => {
  expect(describe(build(path('abcdef', 5), path('abcxy', 2, 'dropped')))).toEqual([
    'abc 2 xy',
    'abc 5 def',
    'def 5 delivered',
    'xy 2 dropped',
  ]);
});

test('paths from other functions meet', () => {
  expect(describe(build(path('abcdef', 5), path('xycdef', 2)))).toEqual(['ab 5 cdef', 'cdef 7 delivered', 'xy 2 cdef']);
});

test('a box is in one namespace', () => {
  expect(describe(build(path('abCD')))).toEqual(['CD 1 delivered', 'ab 1 CD']);
});

test('a function that comes twice is drawn twice: there are no circles', () => {
  expect(describe(build(path('abab')))).toEqual(['abab 1 delivered']);
  for (const { edges } of [build(path('abab'), path('ababab'), path('baba'))]) {
    for (const { from, to } of edges) expect(from).toBeLessThan(to);
  }
});

test('freeing alike is no meeting if the ends differ', () => {
  expect(describe(build(path('abcdefg', 5), path('abvwxyzfg', 2, 'dropped')))).toEqual([
    'ab 2 vwxyzfg',
    'ab 5 cdefg',
    'cdefg 5 delivered',
    'vwxyzfg 2 dropped',
  ]);
});

test('random paths: each walk passes its functions in order, and numbers add up', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 300; round++) {
    const paths = Array.from({ length: 1 + random(6) }, () => {
      const letters = Array.from({ length: 1 + random(12) }, () => LETTERS[random(2) * 26 + random(5)]);
      return path(letters.join(''), 1 + random(9), random(3) === 0 ? 'dropped' : 'delivered');
    });
    const graph = buildGraph(paths, labels);
    for (const [index, walk] of graph.walks.entries()) {
      const passed = walk.flatMap(({ box }) => graph.boxes[box]!.steps);
      expect(passed).toEqual([...paths[index]!.steps]);
      expect(graph.boxes[walk.at(-1)!.box]!.end).toBe(paths[index]!.end);
    }
    for (const { from, to } of graph.edges) expect(from).toBeLessThan(to);
    const folded = foldGraph(graph, paths, () => false);
    for (const one of [graph, folded]) checkCounts(one, paths);
    checkLayout(folded, paths);
    // What is open is as it was.
    expect(describe(foldGraph(graph, paths, () => true))).toEqual(describe(graph));
  }
});

/** What comes to a box, goes on. */
function checkCounts({ boxes, edges, walks }: Graph, paths: readonly GraphPath[]): void {
  for (const box of boxes) {
    const sum = (edges_: readonly { readonly count: number }[]) => edges_.reduce((all, { count }) => all + count, 0);
    const begins = walks.reduce((all, walk, index) => all + (walk[0]!.box === box.id ? paths[index]!.count : 0), 0);
    expect(sum(edges.filter(({ to }) => to === box.id)) + begins).toBe(box.count);
    if (box.end === undefined) expect(sum(edges.filter(({ from }) => from === box.id))).toBe(box.count);
  }
}

function checkLayout(graph: Graph, paths: readonly GraphPath[]): void {
  const { boxes, edges, width, height } = layOut(graph, paths, (id) => 30 + (id % 3) * 20);
  const all = [...boxes.values()];
  for (const [index, a] of all.entries()) {
    expect(a.x).toBeGreaterThanOrEqual(0);
    expect(a.x + BOX_WIDTH).toBeLessThanOrEqual(width);
    expect(a.y + a.height).toBeLessThanOrEqual(height);
    for (const b of all.slice(index + 1)) {
      const isApart =
        a.x + BOX_WIDTH <= b.x || b.x + BOX_WIDTH <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
      expect(isApart).toBe(true);
    }
  }
  for (const { edge } of edges) {
    const [from, to] = [boxes.get(edge.from)!, boxes.get(edge.to)!];
    expect(from.y + from.height).toBeLessThan(to.y);
  }
}

test('small differences are folded where all meet again', () => {
  const paths = [path('abcdefgh', 5), path('abxydefgh', 2), path('abefgh', 1)];
  const graph = build(...paths);
  const folded = foldGraph(graph, paths, () => false);
  expect(describe(folded)).toEqual(['ab(3)efgh 8 delivered']);
  const [box] = folded.boxes;
  expect(folded.folded).toEqual(new Set([box!.id]));
  expect(box!.steps[2]).toEqual({ ways: 3, least: 0, most: 3 });
});

test('what ends there, or is in another namespace meanwhile, is not folded', () => {
  const paths = [path('abcdefgh', 5), path('abxyefgh', 3), path('abxyq', 2, 'dropped')];
  expect(foldGraph(build(...paths), paths, () => false).boxes.length).toBe(build(...paths).boxes.length);
  const others = [path('abCDef', 5), path('abef', 2)];
  expect(describe(foldGraph(build(...others), others, () => false))).toEqual(describe(build(...others)));
});

test('very long paths share their begins', () => {
  const long = 'abcde'.repeat(1000);
  const graph = build(path(`${long}x`, 2), path(`${long}y`, 1, 'dropped'));
  expect(graph.edges.map(({ count }) => count)).toEqual([2, 2, 1, 1]);
  expect(graph.boxes[0]!.steps).toHaveLength(5000);
});

test('no paths, and a path without functions', () => {
  expect(build()).toMatchObject({ boxes: [], edges: [] });
  expect(layOut(build(), [], () => 0)).toMatchObject({ edges: [], lanes: [] });
  expect(describe(build(path('')))).toEqual([]);
});
