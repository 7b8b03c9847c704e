import { expect, test } from 'vitest';
import { PartStore } from './part-store.js';

const SOON = () => AbortSignal.timeout(20);
const lines = (store: PartStore, from: number, maxBytes = Number.POSITIVE_INFINITY) =>
  store.read(from, maxBytes).map((line) => JSON.parse(line.toString()));
const parts = (store: PartStore, from: number) => lines(store, from).map(({ part, kind }) => `${part} ${kind}`);

/** Each part is about 100 bytes. */
function fill(store: PartStore, pairs: number): void {
  for (let i = 0; i < pairs; i++) {
    store.add('journeys', 'j'.repeat(60), { journeys: 2, events: 10 });
    store.add('details', 'd'.repeat(60), { journeys: 2, events: 10 });
  }
}

const NONE = { journeys: 0, events: 0 };

test('the oldest journeys are forgotten with their details, and that is told; head and names stay', () => {
  const store = new PartStore({ keptBytes: 900 });
  store.add('head', '{}', NONE);
  store.add('journeys', 'names', NONE);
  store.add('details', 'of names', NONE);
  fill(store, 2);
  expect(parts(store, 0)).toEqual([
    '0 head',
    '1 journeys',
    '2 details',
    '3 journeys',
    '4 details',
    '5 journeys',
    '6 details',
  ]);
  fill(store, 3);
  store.add('tail', '{}', NONE);
  const all = lines(store, 0);
  expect(all.map(({ part, kind }) => `${part} ${kind}`)).toEqual([
    ...[
      '0 head',
      '1 journeys',
      '2 details',
      '6 forgotten',
      '7 journeys',
      '8 details',
      '9 journeys',
      '10 details',
      '11 journeys',
      '12 details',
      '13 tail',
    ],
  ]);
  expect(all[3]).toEqual({ part: 6, kind: 'forgotten', journeys: 4, events: 20 });
  expect(store.forgotten).toEqual({ journeys: 4, events: 20 });
  // Who has had them is not told.
  expect(parts(store, 7)[0]).toBe('7 journeys');
  expect(parts(store, 14)).toEqual([]);
});

test('an answer has a bound, and journeys are not parted from their details', () => {
  const store = new PartStore();
  fill(store, 3);
  expect(lines(store, 0, 1)).toHaveLength(2);
  expect(lines(store, 0, 250).map(({ part }) => part)).toEqual([0, 1]);
  expect(lines(store, 2, 500).map(({ part }) => part)).toEqual([2, 3, 4, 5]);
});

test('waiting ends when there is more, by the signal, and when another trace begins', async () => {
  const store = new PartStore();
  const waiting = store.waitFor(0, new AbortController().signal);
  store.add('head', '{}', NONE);
  await waiting;
  await store.waitFor(5, SOON());
  const closed = store.waitFor(5, new AbortController().signal);
  store.close();
  await closed;
});

test('a recording is read as far as pages have asked, and a bit ahead', async () => {
  const store = new PartStore({ aheadBytes: 500 });
  fill(store, 2);
  let hasRoom = true;
  await store.waitForRoom(SOON());
  fill(store, 3);
  hasRoom = false;
  const room = store.waitForRoom().then(() => (hasRoom = true));
  await store.waitForRoom(SOON());
  expect(hasRoom).toBe(false);
  store.read(0, Number.POSITIVE_INFINITY);
  await room;
  expect(hasRoom).toBe(true);
});
