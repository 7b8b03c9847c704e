import { expect, test } from 'vitest';
import { sketchTrace } from '../../../../tests/support/sketched-trace.js';
import { pathsOf } from '../../trace/paths.js';
import { buildGraph } from './graph.js';
import { selectPaths } from './select.js';
import { timesOfBoxes } from './times.js';

test('the most frequent paths are drawn, and one of each outcome', () => {
  const passes = (name: string, times: number) => Array.from({ length: times }, () => ({ passes: name }));
  const trace = sketchTrace([
    ...passes('a', 5),
    ...passes('b', 4),
    ...passes('c', 3),
    ...passes('d', 2),
    { passes: 'e', outcome: 'dropped' },
  ]);
  const { paths } = pathsOf(trace).choose(trace.journeys);
  expect(selectPaths(paths, 3).map(({ number }) => number)).toEqual([1, 2, 5]);
  expect(selectPaths(paths, 5)).toBe(paths);
});

test('a box has the median time from its first function to what follows', () => {
  const trace = sketchTrace([10, 30, 20].map((us) => ({ passes: 'a b c@gw', at: [0, 1000, us * 1000] })));
  const book = pathsOf(trace);
  const { paths } = book.choose(trace.journeys);
  const graph = buildGraph([{ steps: book.stepsOf(paths[0]!), outcome: 'delivered', end: '', count: 3 }], book.labels);
  expect([...timesOfBoxes(graph, paths, trace.events)]).toEqual([
    [0, 20_000],
    [1, 1000],
  ]);
});
