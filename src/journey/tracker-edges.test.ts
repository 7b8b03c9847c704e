import { expect, test } from 'vitest';
import { createEvent, SEQUENCE_UNKNOWN, type TraceEvent } from '../base/event.js';
import type { Fate, Journey } from '../base/journey.js';
import { Places } from '../base/places.js';
import { JourneyTracker } from './tracker.js';

const SECOND = 1_000_000_000n;
const FATE: Fate = {
  ...{ dropped: false, received: false, stage: 'none', reason: 0 },
  ...{ location: 0n, symbol: '', device: '', family: 0, protocol: 0 },
};

/** A tracker, what it has handed on, and the news that it takes, in short. */
function start() {
  const over: Journey[] = [];
  const tracker = new JourneyTracker(
    { hasRoom: true, event: () => {}, ended: (journey) => over.push(journey) },
    new Places(),
  );
  return {
    tracker,
    over,
    began: (journey: number, packetId: number, timestampNs = 0n) =>
      tracker.began({ journey, timestampNs, packetId: BigInt(packetId), parent: 0, place: undefined }),
    event: (journey: number, sequence: number, time: number) =>
      tracker.event({
        ...{ ...createEvent(), journey, sequence },
        ...{ timestampLow: time % 2 ** 32, timestampHigh: Math.floor(time / 2 ** 32) },
      }),
    ended: (journey: number, events: number, timestampNs: bigint, fate: Partial<Fate> = {}) =>
      tracker.ended({ journey, events, timestampNs, fate: { ...FATE, ...fate } }),
  };
}
const shown = ({ number, outcome, lost, gap }: Journey) => [number, outcome, lost, gap];

test('JourneyTracker: a journey that two CPUs were about to begin is one', () => {
  const { tracker, over, began, event, ended } = start();
  began(1, 0x100);
  event(1, 0, 1);
  began(1, 0x100);
  event(1, 1, 2);
  ended(1, 2, 3n);
  tracker.settle(SECOND);
  expect(over.map(shown)).toEqual([[1, 'consumed', 0, false]]);
  expect(over[0]?.events).toBe(2);
});

test('JourneyTracker: an id that is used again is another journey; each is handed on once', () => {
  const { tracker, over, began, event, ended } = start();
  began(1, 0x100);
  event(1, 0, 1);
  began(5, 0x200);
  event(5, 0, 2);
  ended(5, 1, 3n);
  const AGAIN = 2 ** 32;
  began(1 + AGAIN, 0x300, 4n);
  began(5 + AGAIN, 0x400, 5n);
  // The end of the first is never told. That of the second was, and more of it may be told for a while.
  expect(over).toEqual([]);
  event(5, 0, 6);
  event(1, 0, 7);
  tracker.settle(SECOND);
  expect(over.map(shown)).toEqual([
    [2, 'consumed', 0, false],
    [1, 'unknown', 0, true],
  ]);
  expect(over.map(({ events }) => events)).toEqual([1, 1]);
  ended(1 + AGAIN, 1, SECOND);
  ended(5 + AGAIN, 1, SECOND);
  tracker.settle(2n * SECOND);
  expect(over.map(({ number }) => number)).toEqual([2, 1, 3, 4]);
  expect([tracker.journeys, tracker.over, tracker.gaps]).toEqual([4, 4, 1]);
});

test('JourneyTracker: the end that is read after the next beginning at its address is its end all the same', () => {
  const { tracker, over, began, event, ended } = start();
  began(1, 0x100);
  event(1, 0, 1);
  began(5, 0x100, 20n);
  event(5, 0, 21);
  ended(1, 2, 10n, { dropped: true });
  ended(1, 9, 11n);
  expect(tracker.over).toBe(1);
  tracker.settle(SECOND);
  expect(over.map(shown)).toEqual([[1, 'dropped', 1, true]]);
  expect(over[0]?.endNs).toBe(10n);
  tracker.finish([{ journey: 5, events: 3, freeing: undefined }], SECOND);
  expect(over.map(shown).slice(1)).toEqual([[2, 'alive', 2, true]]);
  expect([...tracker.counts]).toEqual([
    ['dropped', 1],
    ['alive', 1],
  ]);
});

test('JourneyTracker: it lasts from its first event to the last moment that is known of it, in whatever order it is told', () => {
  const { tracker, over, began, event, ended } = start();
  const far = 2 ** 32;
  for (const id of [1, 5, 9]) began(id, id);
  for (const [sequence, time] of [far + 5, far - 1, far + 3].entries()) event(1, sequence, time);
  for (const [sequence, time] of [7, 9, 3].entries()) event(5, sequence, time);
  event(9, 0, 2 * far);
  ended(9, 1, BigInt(far));
  const alive = [1, 5].map((journey) => ({ journey, events: 3, freeing: undefined }));
  tracker.finish(alive, SECOND);
  expect(over.map(({ shortId, beginNs, endNs }) => [shortId, beginNs, endNs])).toEqual([
    [9, BigInt(2 * far), BigInt(2 * far)],
    [1, BigInt(far + 5), BigInt(far + 5)],
    [5, 7n, 9n],
  ]);
});

test('JourneyTracker: what comes after it was handed on is late, and an event without a number is no loss', () => {
  const { tracker, over, began, event, ended } = start();
  began(1, 0x100);
  event(1, 0, 1);
  event(1, SEQUENCE_UNKNOWN, 2);
  ended(1, 1, 3n);
  tracker.settle(3n + 99_999_999n);
  expect(over).toEqual([]);
  tracker.settle(3n + 100_000_000n);
  expect(over.map(shown)).toEqual([[1, 'consumed', 0, false]]);
  expect(over[0]?.events).toBe(2);
  event(1, 1, 4);
  ended(1, 2, 5n);
  tracker.finish([], SECOND);
  expect([tracker.late, tracker.events, tracker.journeys]).toEqual([1, 2, 1]);
});

test('JourneyTracker.finish: who is not among the living has ended unseen, but for one that began since', () => {
  const { tracker, over, began, event } = start();
  for (const id of [1, 5, 9]) began(id, id);
  event(1, 0, 10);
  event(5, 0, 20);
  // Announced, and no event of it found room: nobody has seen it.
  tracker.finish([{ journey: 9, events: 1, freeing: undefined }], 15n);
  expect(over.map(shown)).toEqual([
    [1, 'unknown', 0, true],
    [2, 'alive', 0, false],
  ]);
});

test('JourneyTracker: misses of a long trace are kept in bounded room; the oldest are taken for one', () => {
  const { tracker, over, began, event, ended } = start();
  const travel = (id: number, from: number, to: number) => {
    began(id, id);
    event(id, 0, from);
    ended(id, 1, BigInt(to));
  };
  // Before, within, between and behind the first windows, and at their edges.
  const times = [
    ...[
      [0, 99],
      [104, 105],
      [111, 199],
      [211, 299],
      [305, 500],
      [90, 100],
      [310, 320],
      [100_111, 100_199],
    ],
  ] as const;
  for (const [index, [from, to]] of times.entries()) travel(4 * index + 1, from!, to!);
  for (let index = 1; index <= 1001; index++) tracker.missed(BigInt(index * 100), BigInt(index * 100 + 10));
  tracker.settle(SECOND);
  expect(over.map(({ gap }) => gap)).toEqual([false, true, true, false, true, true, true, false]);
});

test('JourneyTracker: misses are forgotten when nobody is on the way that they could concern', () => {
  const { tracker, over, began, event, ended } = start();
  tracker.missed(10n, 20n);
  began(1, 1);
  tracker.settle(30n);
  event(1, 0, 12);
  ended(1, 1, 13n);
  tracker.settle(SECOND);
  expect(over.map(({ gap }) => gap)).toEqual([true]);
});

test('JourneyTracker: a place has one number, is told once, and beyond the bound is not told apart', () => {
  const told: string[] = [];
  const happening = { ...createEvent(), journey: 1 };
  let place = Number.NaN;
  const taker = {
    hasRoom: true,
    event: (event: TraceEvent) => {
      place = event.place;
    },
    ended: () => {},
  };
  const places = new Places();
  places.onPlace = ({ device }) => told.push(device);
  const tracker = new JourneyTracker(taker, places);
  const at = (netns: number, ifindex: number, device: string) => {
    tracker.moved({ journey: 1, place: { netns, ifindex, device } });
    tracker.event(happening);
    return place;
  };
  const first = { netns: 1, ifindex: 1, device: 'first' };
  tracker.began({ journey: 1, timestampNs: 0n, packetId: 1n, parent: 0, place: first });
  tracker.event(happening);
  expect(place).toBe(1);
  expect([at(1, 1, 'second'), at(2, 1, 'first'), at(1, 2, 'first'), at(1, 1, 'first')]).toEqual([2, 3, 4, 1]);
  expect(told).toEqual(['first', 'second', 'first', 'first']);
  expect([0, 1, 2, 5].map((index) => places.get(index)?.device)).toEqual([undefined, 'first', 'second', undefined]);
  tracker.moved({ journey: 1, place: first });
  for (let index = 5; index <= 0xffff; index++) at(7, index, 'more');
  expect(place).toBe(0xffff);
  expect([at(8, 1, 'too many'), at(7, 77, 'more'), at(1, 1, 'first')]).toEqual([0, 77, 1]);
  expect(told).toHaveLength(0xffff);
});
