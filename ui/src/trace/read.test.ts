import { describe, expect, test } from 'vitest';
import { DataError, type Limits, readTrace, TraceReader } from './read.js';
import { createParts, type GivenPart, HEAD } from './testing.js';
import type { Trace } from './trace.js';

const NO_LIMIT = { journeys: Infinity, details: Infinity };

async function createReader(limits?: Limits): Promise<TraceReader> {
  const reader = new TraceReader(limits);
  await reader.read(HEAD);
  return reader;
}

async function add(reader: TraceReader, part: GivenPart): Promise<void> {
  for (const text of await createParts(part)) await reader.read(text);
}

/** The times and functions of each journey, by its number. */
function look({ journeys, events, functions }: Trace): Record<string, unknown> {
  const entries = journeys.map(({ number, first, count }) => [
    number,
    [...events.time.subarray(first, first + count)].map(
      (time, at) => `${functions[events.fn[first + at]!]?.name} ${time}`,
    ),
  ]);
  return Object.fromEntries(entries);
}

const one = (number: number, count: number, begin = number * 100) => ({ journeys: [{ number, begin, count }] });

describe('part after part', () => {
  test('the trace has what was read until then, in the order of begins', async () => {
    const reader = await createReader();
    expect(reader.takeTrace(undefined).journeys).toEqual([]);
    await add(reader, { ...one(2, 2), functions: ['a'] });
    expect(look(reader.takeTrace(undefined))).toEqual({ 2: ['a 200', 'a 201'] });
    await add(reader, { ...one(1, 1), functions: ['b'], fn: 1 });
    await add(reader, { ...one(3, 1), fn: 0 });
    expect(reader.pending).toEqual({ journeys: 2, events: 2 });
    expect(reader.total).toEqual({ journeys: 3, events: 4 });
    const trace = reader.takeTrace(undefined);
    expect(look(trace)).toEqual({ 2: ['a 200', 'a 201'], 1: ['b 100'], 3: ['a 300'] });
    expect(trace.journeys.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect(trace.events.count).toBe(4);
    expect(trace.find(3)).toBe(trace.journeys[2]);
    expect((await trace.details(trace.journeys[0]!)).changes).toEqual([{ kind: 'of 1' }]);
  });

  test('a journey stays the same object, and its details the same function', async () => {
    const reader = await createReader();
    await add(reader, { ...one(1, 1), functions: ['a'] });
    const before = reader.takeTrace(undefined);
    await add(reader, one(2, 100_000));
    const after = reader.takeTrace(undefined);
    expect(after.journeys[0]).toBe(before.journeys[0]);
    expect(after.details).toBe(before.details);
    expect(after.events.time[0]).toBe(100);
  });
});

describe('more than the limits allow', () => {
  test('the oldest parts are forgotten, and what is kept is as it was', async () => {
    const reader = await createReader({ ...NO_LIMIT, events: 10 });
    await add(reader, { journeys: [], functions: ['a', 'b'] });
    const kept: number[] = [];
    let events = 0;
    for (let number = 1; number <= 200; number++) {
      const count = 1 + ((number * 7) % 5);
      await add(reader, { ...one(number, count), fn: number % 2 });
      if (number % 3 !== 0) continue;
      const trace = reader.takeTrace(undefined);
      const numbers = trace.journeys.map((journey) => journey.number);
      expect(numbers.at(-1)).toBe(number);
      // No gap: only the oldest are gone.
      expect(numbers).toEqual(numbers.map((_, index) => number - numbers.length + 1 + index));
      for (const [own, shown] of Object.entries(look(trace))) {
        const name = Number(own) % 2 === 0 ? 'a' : 'b';
        const length = 1 + ((Number(own) * 7) % 5);
        expect(shown).toEqual(Array.from({ length }, (_, index) => `${name} ${Number(own) * 100 + index}`));
      }
      expect(trace.events.count).toBeLessThanOrEqual(10);
      expect(trace.events.time.length).toBeLessThanOrEqual(10);
      expect(trace.find(numbers[0]! - 1)).toBeUndefined();
      kept.push(numbers.length);
      events = trace.events.count;
    }
    expect(Math.max(...kept)).toBeGreaterThan(2);
    const { journeys } = reader.takeTrace(undefined);
    const total = Array.from({ length: 200 }, (_, index) => 1 + (((index + 1) * 7) % 5)).reduce((a, b) => a + b);
    expect(reader.forgotten.journeys + journeys.length).toBe(200);
    expect(reader.forgotten.events + events).toBeLessThanOrEqual(total);
  });

  test('journeys and details have limits, too', async () => {
    const few = await createReader({ events: 1000, journeys: 3, details: Infinity });
    await add(few, { ...one(1, 1), functions: ['a'] });
    for (let number = 2; number < 9; number++) await add(few, one(number, 1));
    expect(few.takeTrace(undefined).journeys.map(({ number }) => number)).toEqual([6, 7, 8]);
    expect(few.forgotten).toEqual({ journeys: 5, events: 5 });
    const short = await createReader({ events: 1000, journeys: 1000, details: 1 });
    await add(short, { ...one(1, 1), functions: ['a'] });
    await add(short, one(2, 1));
    expect(short.takeTrace(undefined).journeys.map(({ number }) => number)).toEqual([2]);
  });

  test('a part that is larger than all that is kept is kept alone', async () => {
    const reader = await createReader({ ...NO_LIMIT, events: 4 });
    await add(reader, { ...one(1, 3), functions: ['a'] });
    await add(reader, one(2, 9));
    await add(reader, one(3, 2));
    expect(Object.keys(look(reader.takeTrace(undefined)))).toEqual(['3']);
    await add(reader, one(4, 9));
    expect(look(reader.takeTrace(undefined))[4]).toHaveLength(9);
  });
});

describe('what can not be read', () => {
  test('without a head there is no trace', async () => {
    await expect(new TraceReader().read({ kind: 'journeys', text: '' })).rejects.toThrow(DataError);
    await expect(readTrace([])).rejects.toThrow('there is no trace in it');
    expect(() => new TraceReader().takeTrace(undefined)).toThrow(DataError);
  });

  test('a part with a function that has no name ends the trace there', async () => {
    const good = await createParts({ ...one(1, 2), functions: ['a'] });
    const bad = await createParts({ ...one(2, 2), fn: 1 });
    const trace = await readTrace([HEAD, ...good, ...bad, { kind: 'tail', text: '{}' }]);
    expect(trace.problem).toMatch(/damaged.*a function has no name/);
    expect(look(trace)).toEqual({ 1: ['a 100', 'a 101'] });
  });

  test('a whole page has exactly the room that its events need', async () => {
    const parts = await createParts({ ...one(1, 7), functions: ['a'] });
    const trace = await readTrace([HEAD, ...parts, ...(await createParts(one(2, 5))), { kind: 'tail', text: '{}' }]);
    expect(trace.problem).toBeUndefined();
    expect(trace.events.time.length).toBe(12);
  });
});
