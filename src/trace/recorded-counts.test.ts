import { expect, test } from 'vitest';
import { createHeader } from '../../tests/support/trace-header.js';
import { createEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { readCount } from '../fields/expression/count.js';
import { RecordedCounts } from './recorded-counts.js';

const NAMES = { countBy: '--count-by', histogram: '--hist' };

/** Counts calls on CPUs of journeys, given as number, parent and CPU; then all end. */
function count(
  per: 'packet' | 'call',
  calls: readonly (readonly [number, number, number])[],
  where?: (cpu: number) => boolean,
) {
  const query = readCount({ by: ['cpu'], histogram: undefined, per }, NAMES);
  const counts = new RecordedCounts(query, NAMES, createHeader([]), where && (({ cpu }) => where(cpu)));
  const journeyOf = ([number, parent]: readonly number[]) => ({ number, parent }) as unknown as Journey;
  for (const call of calls) counts.event({ ...createEvent(), cpu: call[2] }, journeyOf(call));
  for (const call of new Map(calls.map((one) => [one[0], one])).values()) counts.ended(journeyOf(call));
  const { rows, valueless } = counts.read();
  return { rows: rows.map(({ values, count }) => [values[0]?.text, count]), valueless };
}

test('RecordedCounts: a packet counts once, with its copies and theirs', () => {
  const calls = [
    [1, 0, 5],
    [1, 0, 6],
    [2, 1, 7],
    [3, 2, 7],
    [4, 0, 5],
  ] as const;
  expect(count('packet', calls)).toEqual({ rows: [['5', 2]], valueless: 0 });
  expect(count('call', calls)).toEqual({
    rows: [
      ['5', 2],
      ['7', 2],
      ['6', 1],
    ],
    valueless: 0,
  });
});

test('RecordedCounts: a copy of what is asked for is asked for, from the event on that is', () => {
  const calls = [
    [1, 0, 5],
    [1, 0, 6],
    [1, 0, 5],
    [2, 1, 7],
    [3, 0, 5],
  ] as const;
  expect(count('call', calls, (cpu) => cpu === 6)).toEqual({
    rows: [
      ['5', 1],
      ['6', 1],
      ['7', 1],
    ],
    valueless: 0,
  });
  expect(count('packet', calls, (cpu) => cpu === 6)).toEqual({ rows: [['6', 1]], valueless: 0 });
});
