import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type TrueEvent, traces } from '../../tests/support/calls.js';
import { createEvent, type TraceEvent } from '../base/event.js';
import { EventStore } from './event-store.js';
import { HeldCalls } from './held-calls.js';

const shown = ({ journey, cpu, timestampLow, target, depth, isReturn }: TrueEvent | ReturnType<typeof createEvent>) =>
  `${journey}/${cpu} ${timestampLow} ${' '.repeat(depth)}${isReturn ? '}' : '{'}${target}`;

/** Held calls and the store of their events, which has no more room than they need. */
function hold(onRelease: (event: TraceEvent) => void) {
  const store = new EventStore(0, true);
  const event = createEvent();
  const held = new HeldCalls(store, (index, partnerLost) => {
    store.load(index, event);
    onRelease({ ...event, partnerLost });
    store.free(index);
  });
  const take = (event: TraceEvent) => held.take(store.add(event, event.journey));
  return { held, take };
}

test('HeldCalls: events stay in order, and those whose partner is lost are known, however much is lost', () => {
  fc.assert(
    fc.property(traces, (events) => {
      const released: string[] = [];
      const { held, take } = hold((event) => void released.push(`${shown(event)} ${event.partnerLost}`));
      for (const event of events) take(event);
      held.finish();
      // As one text each: comparing arrays takes longer than all else here.
      expect(released.join('\n')).toBe(events.map((event) => `${shown(event)} ${event.partnerIsLost}`).join('\n'));
    }),
    { numRuns: 800 },
  );
});

test('HeldCalls: a call that takes for ever does not hold the others back for ever', () => {
  const released: number[] = [];
  const { held, take } = hold((event) => void released.push(event.timestampLow));
  const event = { ...createEvent(), journey: 1 };
  take({ ...event, timestampLow: 1 });
  take({ ...event, timestampLow: 2, journey: 2 });
  take({ ...event, timestampLow: 3, journey: 2, isReturn: true, entryLow: 2 });
  held.release(500);
  expect(released).toEqual([]);
  held.release(1000);
  expect(released).toEqual([1, 2, 3]);
  for (let time = 4; time < 100_000; time++) take({ ...event, timestampLow: time, cpu: time % 1000 });
  expect(released.length).toBeGreaterThan(80_000);
  held.finish();
  expect(released).toHaveLength(99_999);
  expect(released.findIndex((time, index) => time !== index + 1)).toBe(-1);
});

test('HeldCalls: how calls deeper than can be counted are nested is not known: none is taken for lost', () => {
  const released: [number, boolean][] = [];
  const { held, take } = hold((event) => void released.push([event.timestampLow, event.partnerLost]));
  const event = { ...createEvent(), journey: 1 };
  const depths = [253, 254, 255, 255, 255];
  for (const [target, depth] of depths.entries()) take({ ...event, target, timestampLow: target + 1, depth });
  for (const [target, depth] of [...depths.entries()].reverse()) {
    take({ ...event, target, timestampLow: 20 - target, depth, isReturn: true, entryLow: target + 1 });
  }
  held.release(0);
  expect(released).toHaveLength(10);
  expect(released.filter(([, lost]) => lost)).toEqual([]);
});

test('HeldCalls: one that is pushed out takes none of those behind it along', () => {
  const released: [number, boolean][] = [];
  const { held, take } = hold((event) => void released.push([event.timestampLow, event.partnerLost]));
  const event = { ...createEvent(), journey: 1 };
  take({ ...event, timestampLow: 1, cpu: 7 });
  let time = 1;
  while (!held.isFull) {
    take({ ...event, timestampLow: ++time, target: 1 });
    if (!held.isFull) take({ ...event, timestampLow: ++time, target: 1, isReturn: true, entryLow: time - 1 });
  }
  held.release(0);
  expect(released).toEqual([]);
  take({ ...event, timestampLow: ++time, target: 2, cpu: 1 });
  expect(released).toEqual([[1, false]]);
  held.release(0);
  // All but the last two, which are open.
  expect(released).toHaveLength(time - 2);
  // Its return finds it no more, and harms no other.
  take({ ...event, timestampLow: ++time, cpu: 7, isReturn: true, entryLow: 1 });
  held.finish();
  expect(released.filter(([, lost]) => lost)).toHaveLength(2);
});

test('HeldCalls: when a journey has ended, its open calls have lost their returns', () => {
  const released: [number, boolean][] = [];
  const { held, take } = hold((event) => void released.push([event.timestampLow, event.partnerLost]));
  const event = { ...createEvent(), journey: 1 };
  take({ ...event, timestampLow: 1 });
  take({ ...event, timestampLow: 2, journey: 11 });
  held.endJourney(1);
  held.release(0);
  expect(released).toEqual([[1, true]]);
  expect(held.count).toBe(1);
  held.finish();
  expect(released.at(-1)).toEqual([2, true]);
});
