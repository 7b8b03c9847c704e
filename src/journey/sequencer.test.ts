import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type TrueEvent, traces } from '../../tests/support/calls.js';
import { createEvent, type TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { Sequencer, type SequenceTaker } from './sequencer.js';

const MS = 1_000_000;
/** Shortly before the low half of a time is full. */
const BEGIN = 3 * 2 ** 32 - 40 * MS;
const low = (time: number) => (BEGIN + time * MS) % 2 ** 32;
const high = (time: number) => Math.floor((BEGIN + time * MS) / 2 ** 32);
/** The same with a millisecond between events. */
const spread = (event: TrueEvent): TrueEvent => ({
  ...event,
  ...{ timestampLow: low(event.timestampLow), timestampHigh: high(event.timestampLow) },
  ...(event.isReturn ? { entryLow: low(event.entryLow), entryHigh: high(event.entryLow) } : {}),
});
const journey = (id: number) => ({ shortId: id }) as Journey;

/** Notes what comes, and takes no more than it has room for. */
class Notes implements SequenceTaker {
  room = Number.POSITIVE_INFINITY;
  readonly seen: string[] = [];
  isFull(): boolean {
    return this.seen.length >= this.room;
  }
  event({ journey, timestampLow, place, partnerLost }: TraceEvent): void {
    this.seen.push(`${journey} ${timestampLow} ${partnerLost}`);
    if (place !== journey) expect.unreachable('an event in the place of another');
  }
  ended({ shortId: id }: Journey): void {
    this.seen.push(`${id} ended`);
  }
}

test('Sequencer: events by time, with what is known of their partners, each journey behind its last event, as much as is wanted', () => {
  const steps = fc.array(fc.record({ swap: fc.boolean(), release: fc.boolean(), wanted: fc.nat(3) }), {
    minLength: 40,
  });
  fc.assert(
    fc.property(traces, steps, (truth, choices) => {
      const events = truth.map(spread);
      const order = [...events.keys()];
      for (let at = 0; at + 1 < order.length; at += 2) {
        // No event is later than the timeline waits.
        const isNear = truth[at + 1]!.timestampLow - truth[at]!.timestampLow < 10;
        if (isNear && choices[at % choices.length]!.swap) order.splice(at, 2, at + 1, at);
      }
      const lastOf = new Map(order.map((index, at) => [events[index]!.journey, at]));
      const notes = new Notes();
      const sequencer = new Sequencer(0, true, notes);
      const over: { id: number; at: number }[] = [];
      for (const [at, index] of order.entries()) {
        const event = events[index]!;
        sequencer.event({ ...event, place: event.journey });
        if (lastOf.get(event.journey) === at) over.push({ id: event.journey, at: truth[index]!.timestampLow });
        // As the tracker tells of it: when nothing that is as early can come any more.
        while (over[0] && over[0].at + 20 < truth[index]!.timestampLow) sequencer.ended(journey(over.shift()!.id));
        const { release, wanted } = choices[at % choices.length]!;
        if (!release) continue;
        notes.room = notes.seen.length + wanted;
        const isMore = sequencer.release(0);
        if (notes.seen.length > notes.room || isMore !== notes.isFull()) expect.unreachable('more than was wanted');
      }
      for (const { id } of over) sequencer.ended(journey(id));
      for (notes.room = 0; ; notes.room += 2) {
        if (!sequencer.finish()) break;
        expect(notes.isFull()).toBe(true);
      }
      const shown = events.map((one) => `${one.journey} ${one.timestampLow} ${one.partnerIsLost}`);
      expect(notes.seen.filter((line) => !line.endsWith('ended')).join('\n')).toBe(shown.join('\n'));
      for (const id of lastOf.keys()) {
        expect(notes.seen.filter((line) => line === `${id} ended`)).toHaveLength(1);
        expect(notes.seen.findLastIndex((line) => line.startsWith(`${id} `))).toBe(notes.seen.indexOf(`${id} ended`));
      }
    }),
    { numRuns: 80 },
  );
});

test('Sequencer: without returns an event waits until none that is earlier can come, and no longer', () => {
  const notes = new Notes();
  const sequencer = new Sequencer(0, false, notes);
  const add = (time: number) =>
    sequencer.event({ ...createEvent(), journey: 1, timestampLow: low(time), timestampHigh: high(time), place: 1 });
  const seen = () => notes.seen.map((line) => line.split(' ')[1]);
  for (const time of [30, 39, 38, 41]) add(time);
  sequencer.ended(journey(1));
  expect(sequencer.release(9)).toBe(false);
  expect(seen()).toEqual([String(low(30))]);
  add(50);
  sequencer.release(0);
  expect(seen()).toEqual([30, 38, 39].map((time) => String(low(time))));
  sequencer.release(10);
  expect(seen()).toEqual([...[30, 38, 39, 41].map((time) => String(low(time))), 'ended', String(low(50))]);
});

test('Sequencer: a call that is open when its journey has ended has lost its return, and waits for nothing', () => {
  const notes = new Notes();
  const sequencer = new Sequencer(0, true, notes);
  const add = (id: number, time: number) =>
    sequencer.event({ ...createEvent(), journey: id, timestampLow: time, place: id });
  add(1, 1);
  add(2, 2);
  sequencer.ended(journey(1));
  add(3, 3);
  sequencer.ended(journey(3));
  sequencer.release(10);
  expect(notes.seen).toEqual(['1 1 true']);
  // The second call may go on for ever; after a second nobody waits for it.
  sequencer.release(999);
  expect(notes.seen).toHaveLength(1);
  sequencer.release(1000);
  expect(notes.seen.slice(1)).toEqual(['2 2 false', '1 ended', '3 3 true', '3 ended']);
});
