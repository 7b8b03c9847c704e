import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEvent, type TraceEvent } from '../base/event.js';
import { EventStore } from './event-store.js';
import { Timeline } from './timeline.js';

const MS = 1_000_000;

/** A timeline and the store of its events. */
function order(take: (event: TraceEvent) => void, store = new EventStore(0)) {
  const event = createEvent();
  const timeline = new Timeline(store, (index) => {
    store.load(index, event);
    take(event);
    store.free(index);
  });
  const add = (event: TraceEvent) => timeline.add(store.add(event, event.journey));
  return { timeline, add };
}

test('Timeline: in the order of time, equal times as they came, nothing lost, whenever it is asked', () => {
  // The kernel's order: an event comes up to 9 ms after one that is later.
  const events = fc.array(fc.record({ step: fc.nat(3 * MS), late: fc.nat(9 * MS), ask: fc.boolean() }), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(events, (list) => {
      const seen: { time: number; came: number }[] = [];
      const { timeline, add } = order(({ timestampLow, target, place }) => {
        seen.push({ time: timestampLow, came: place === target ? target : Number.NaN });
      });
      let now = 20 * MS;
      for (const [came, { step, late, ask }] of list.entries()) {
        now += step;
        add({ ...createEvent(), timestampLow: now - late, target: came, place: came });
        if (ask) timeline.release();
      }
      timeline.releaseAll();
      expect(seen).toHaveLength(list.length);
      const inOrder = [...seen].sort((a, b) => a.time - b.time || a.came - b.came);
      expect(seen.map(({ came }) => came).join()).toBe(inOrder.map(({ came }) => came).join());
      expect(seen.some(({ came }) => Number.isNaN(came))).toBe(false);
      expect(timeline.count).toBe(0);
    }),
  );
});

test('Timeline: what is held is bounded, and goes on in order', () => {
  const seen: number[] = [];
  const store = new EventStore(4, true);
  const { timeline, add } = order(({ timestampLow }) => void seen.push(timestampLow), store);
  const event = createEvent(new DataView(new ArrayBuffer(4)));
  let most = 0;
  for (let time = 0; time < 200_000; time++) {
    add({ ...event, timestampLow: time * 20 });
    most = Math.max(most, timeline.count);
    if (time % 1000 === 0) timeline.release();
  }
  timeline.releaseAll();
  expect(most).toBeLessThanOrEqual(1 << 15);
  expect(seen).toHaveLength(200_000);
  expect(seen.findIndex((time, index) => time !== index * 20)).toBe(-1);
});

test('Timeline.release: whatever is older than 10 ms is handed on, nothing that is younger, across 32 bits', () => {
  const events = fc.array(fc.record({ step: fc.nat(3 * MS), late: fc.nat(9 * MS) }), { minLength: 20, maxLength: 40 });
  fc.assert(
    fc.property(events, fc.nat(100 * MS), (list, before) => {
      const seen: number[] = [];
      const times: number[] = [];
      const { timeline, add } = order((event) => seen.push(event.timestampHigh * 2 ** 32 + event.timestampLow));
      let now = 7 * 2 ** 32 - before;
      for (const { step, late } of list) {
        now += step;
        const time = now - late;
        times.push(time);
        add({ ...createEvent(), timestampLow: time % 2 ** 32, timestampHigh: Math.floor(time / 2 ** 32) });
        timeline.release();
        const newest = Math.max(...times);
        const old = times.filter((one) => one < newest - 10 * MS).sort((a, b) => a - b);
        if (seen.join() !== old.join()) expect(seen).toEqual(old);
      }
    }),
    { numRuns: 50 },
  );
});
