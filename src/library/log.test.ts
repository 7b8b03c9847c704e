import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Log } from './log.js';

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);

async function take<T>(iterator: AsyncIterator<T>, count: number): Promise<T[]> {
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push((await iterator.next()).value);
  return items;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function filled(limit: number, count: number): Log<number> {
  const log = new Log<number>(limit, () => 1);
  for (const number of numbers(count)) log.push(number);
  return log;
}

test('Log: each iterator goes through all that is kept', async () => {
  const log = filled(100, 5);
  log.end();
  expect(await all(log.iterate())).toEqual(numbers(5));
  expect(await all(log.iterate())).toEqual(numbers(5));
});

test('Log: without anyone who iterates the oldest is forgotten, and counted; the newest stays', async () => {
  const log = filled(10, 1000);
  expect(log.hasRoom).toBe(true);
  log.end();
  const kept = await all(log.iterate());
  expect(kept.length).toBeLessThanOrEqual(10);
  expect(kept).toEqual(numbers(kept.length, log.forgotten));
  expect(kept.at(-1)).toBe(999);

  const heavy = new Log<number>(10, () => 1000);
  heavy.push(1);
  // Nobody has still to get it.
  expect(heavy.hasRoom).toBe(true);
  heavy.push(2);
  heavy.end();
  expect(await all(heavy.iterate())).toEqual([2]);
});

test('Log: who has begun to iterate gets everything; there is no room while it is behind', async () => {
  const log = filled(10, 3);
  const slow = log.iterate();
  expect(await take(slow, 1)).toEqual([0]);
  for (const number of numbers(30, 3)) log.push(number);
  expect(log.hasRoom).toBe(false);
  expect(await take(slow, 20)).toEqual(numbers(20, 1));
  expect(log.hasRoom).toBe(false);
  expect(await take(slow, 12)).toEqual(numbers(12, 21));
  expect(log.hasRoom).toBe(true);
});

test('Log: one that was not begun, or was left, holds nothing back', () => {
  const log = filled(10, 3);
  log.iterate();
  const left = log.iterate();
  void left.next();
  void left.return?.();
  for (const number of numbers(30)) log.push(number);
  expect(log.hasRoom).toBe(true);
  expect(log.forgotten).toBeGreaterThan(20);
});

test('Log: next() waits, several may wait, and return() calls them off', async () => {
  const log = filled(10, 0);
  const iterator = log.iterate();
  const waiting = [iterator.next(), iterator.next(), iterator.next()];
  log.push(1);
  log.push(2);
  expect(await waiting[0]).toEqual({ done: false, value: 1 });
  expect(await waiting[1]).toEqual({ done: false, value: 2 });
  await iterator.return?.();
  expect(await waiting[2]).toEqual({ done: true, value: undefined });
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test('Log: an error comes behind what is kept, once', async () => {
  const log = filled(10, 2);
  const iterator = log.iterate();
  log.end(new Error('the ring'));
  expect(await take(iterator, 2)).toEqual([0, 1]);
  await expect(iterator.next()).rejects.toThrow('the ring');
  expect(await iterator.next()).toEqual({ done: true, value: undefined });
});

test('Log: whatever the order of pushing, taking and leaving, nobody misses or repeats anything', async () => {
  const step = fc.record({ who: fc.nat(2), what: fc.constantFrom('push', 'push', 'next', 'leave' as const) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 100 }), fc.integer({ min: 1, max: 8 }), async (steps, limit) => {
      const log = new Log<number>(limit, () => 1);
      const readers = new Map<number, { iterator: AsyncIterator<number>; next: number | undefined }>();
      let pushed = 0;
      for (const { who, what } of steps) {
        const reader = readers.get(who) ?? { iterator: log.iterate(), next: undefined };
        if (what === 'push') log.push(pushed++);
        else if (what === 'leave') {
          await reader.iterator.return?.();
          readers.delete(who);
        } else if ((reader.next ?? log.forgotten) < pushed) {
          reader.next ??= log.forgotten;
          expect((await reader.iterator.next()).value).toBe(reader.next++);
          readers.set(who, reader);
        }
      }
    }),
  );
});
