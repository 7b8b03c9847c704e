import { expect, test } from 'vitest';
import { parseParts, ServerError } from './server.js';
import { readStatus } from './status.js';

test('parts are lines of JSON; what is cut off, or is none, comes again', () => {
  const line = (part: unknown) => `${JSON.stringify(part)}\n`;
  const head = line({ part: 0, kind: 'head', text: '{}' });
  const gone = line({ part: 4, kind: 'forgotten', journeys: 2, events: 3 });
  const parts = parseParts(`${head}${gone}{"part":5,"kind":"jour`);
  expect(parts.map(({ part, kind, text }) => [part, kind, text])).toEqual([
    [0, 'head', '{}'],
    [4, 'forgotten', ''],
  ]);
  expect(parts[1]?.amount).toEqual({ journeys: 2, events: 3 });
  expect(parseParts(`${head}null\n${gone}`)).toHaveLength(1);
  expect(parseParts('')).toEqual([]);
});

test('a status has members of the right type, whatever is said', () => {
  expect(
    readStatus({ state: 'tracing', summed: { journeys: 2, outcomes: { dropped: 2, nonsense: 3 } } }),
  ).toMatchObject({
    ...{ state: 'tracing', canTrace: false, problem: undefined, words: [], trace: 0, lost: 0, title: '' },
    summed: { journeys: 2, events: 0, outcomes: [['dropped', 2]] },
  });
  for (const given of [
    null,
    'text',
    [],
    { state: 7, words: 'no list', lost: -1, parts: 'x', problem: 5, summed: null },
  ])
    expect(readStatus(given)).toMatchObject({ state: 'idle', words: [], lost: 0, parts: 0 });
  expect(readStatus({ problem: { message: 'm', at: { from: 1, to: 3 }, hint: 4 } }).problem).toEqual({
    ...{ message: 'm', at: { from: 1, to: 3 } },
  });
});

test('an address that is no longer right is not asked again', () => {
  expect([0, 403, 404, 410, 503].map((status) => new ServerError(status, { message: '' }).isRefused)).toEqual([
    ...[false, true, true, false, false],
  ]);
});
