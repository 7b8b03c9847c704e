import { expect, test } from 'vitest';
import { sketchTrace } from '../../../tests/support/sketched-trace.js';
import { findJourneys } from '../find.js';
import { pathsOf, timesOf } from './paths.js';
import { IS_RETURN } from './trace.js';

const trace = sketchTrace([
  { passes: 'a b c' },
  { passes: 'a b@gw c' },
  { passes: 'a b@main/eth0 c' },
  { passes: 'a b c', outcome: 'dropped' },
  { passes: 'a b c', over: { lost: 1 } },
  { passes: '' },
  { passes: 'a b c', outcome: 'unknown' },
]);

test('a path is the functions in their namespaces, and the end; devices make no difference', () => {
  const { paths, count, others } = pathsOf(trace).choose(trace.journeys);
  expect(paths.map(({ number, journeys }) => [number, journeys.map((one) => one.number)])).toEqual([
    [1, [1, 3]],
    [2, [2]],
    [3, [4]],
  ]);
  expect(count).toBe(4);
  expect(others.map(({ number }) => number)).toEqual([5, 6, 7]);
});

test('returns are no steps', () => {
  const made = sketchTrace([{ passes: 'a b b a' }, { passes: 'a b' }]);
  made.events.flags.fill(IS_RETURN, 2, 4);
  const { paths } = pathsOf(made).choose(made.journeys);
  expect(paths).toHaveLength(1);
  expect([...pathsOf(made).stepsOf(paths[0]!)]).toEqual([0, 1]);
});

test('a path keeps its number whichever packets are chosen, and words find its packets', () => {
  const chosen = findJourneys(trace, 'outcome:dropped');
  expect(
    pathsOf(trace)
      .choose(chosen)
      .paths.map(({ number }) => number),
  ).toEqual([3]);
  expect(findJourneys(trace, 'path:2-3').map(({ number }) => number)).toEqual([2, 4]);
  expect(findJourneys(trace, 'path:0').map(({ number }) => number)).toEqual([5, 6, 7]);
});

test('the same function in another namespace is another label', () => {
  const book = pathsOf(trace);
  const [first, second] = book.choose(trace.journeys).paths;
  const [a, b] = [first, second].map((path) => book.stepsOf(path!)) as [Uint32Array, Uint32Array];
  expect(a[0]).toBe(b[0]);
  expect(a[1]).not.toBe(b[1]);
  expect(book.labels[a[1]!]?.fn).toBe(book.labels[b[1]!]?.fn);
});

test('many paths of the same length stay apart', () => {
  const made = sketchTrace(
    Array.from({ length: 2000 }, (_, index) => ({ passes: [...index.toString(3).padStart(8, '0')].join(' ') })),
  );
  expect(pathsOf(made).choose(made.journeys).paths).toHaveLength(2000);
});

test('the typical packet is the one whose time is the median', () => {
  const made = sketchTrace([5, 1, 3].map((took) => ({ passes: 'a b', at: [0, took * 1000] })));
  const [path] = pathsOf(made).choose(made.journeys).paths;
  expect(timesOf(path!)).toMatchObject({ shortest: 2000, median: 4000, longest: 6000, typical: { number: 3 } });
});
