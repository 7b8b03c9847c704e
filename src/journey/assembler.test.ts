import fc from 'fast-check';
import { expect, test } from 'vitest';
import { traces } from '../../tests/support/calls.js';
import { createEvent, type TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { Assembler, type AssemblerOptions, type CompleteJourney, type JourneySink } from './assembler.js';
import { Choice } from './choice.js';

const journey = (id: number, over: Partial<Journey> = {}): Journey => ({
  ...{ number: id, shortId: id, packetId: 0n, parent: 0, beginNs: 0n, endNs: 0n, events: 0, lost: 0, gap: false },
  ...{ outcome: 'consumed' as const, snapshots: [], fate: undefined },
  ...over,
});
const event = (id: number, time: number, tag = 0): TraceEvent => ({
  ...createEvent(new DataView(Uint8Array.from([9, tag & 255, 9]).buffer)),
  ...{ journey: id, timestampLow: time, timestampHigh: 7, target: tag, cpu: 1, place: tag & 0xffff, dataOffset: 1 },
});

interface Seen {
  readonly id: number;
  readonly events: TraceEvent[];
}

/** Notes journeys; takes the events of each in steps, if it is to, and has room for so many steps. */
class Notes implements JourneySink {
  readonly seen: Seen[] = [];
  room = Number.POSITIVE_INFINITY;
  keptBytes = 0;

  constructor(readonly inSteps = false) {}

  isFull(): boolean {
    return this.room <= 0;
  }

  journey(whole: CompleteJourney): Iterable<void> | undefined {
    const seen: Seen = { id: whole.journey.shortId, events: [] };
    this.seen.push(seen);
    const steps = this.#steps(whole, seen);
    if (this.inSteps) return steps;
    for (const _ of steps);
    return undefined;
  }

  *#steps(whole: CompleteJourney, seen: Seen): Iterable<void> {
    for (let position = 0; position < whole.count; position++) {
      const event = createEvent();
      whole.load(position, event);
      seen.events.push({ ...event, data: new DataView(Uint8Array.of(event.data.getUint8(event.dataOffset)).buffer) });
      this.room--;
      yield;
    }
  }
}

const assemble = (notes: Notes, options: Partial<AssemblerOptions> = {}) =>
  new Assembler(notes, { dataSize: 1, hasReturns: false, ...options });

test('Assembler: each journey whole, by time, then as its events came; in the order of ends or of beginnings', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom(1, 5, 40), fc.nat(20), fc.nat(3)), { maxLength: 200 });
  fc.assert(
    fc.property(steps, fc.boolean(), fc.constantFrom('end' as const, 'begin' as const), (list, inSteps, order) => {
      const notes = new Notes(inSteps);
      const assembler = assemble(notes, { order });
      const open = new Map<number, Journey>();
      const truth: { id: number; events: { time: number; came: number }[]; over: number }[] = [];
      let count = 0;
      const end = (id: number) => {
        const its = open.get(id);
        if (!its) return;
        open.delete(id);
        truth.find((one) => one.id === its.shortId)!.over = ++count;
        assembler.ended(its);
      };
      for (const [came, [id, time, then]] of list.entries()) {
        let its = open.get(id);
        if (!its) {
          its = journey(truth.length + 1);
          open.set(id, its);
          truth.push({ id: its.shortId, events: [], over: 0 });
        }
        truth[its.shortId - 1]!.events.push({ time, came });
        assembler.event(event(its.shortId, time, came), its);
        if (then === 0) end(id);
        notes.room = then;
        assembler.release();
      }
      for (const id of [...open.keys()]) end(id);
      for (notes.room = 1; assembler.finish(); notes.room = 1) expect(inSteps || notes.isFull()).toBe(true);
      for (const { events } of truth) events.sort((a, b) => a.time - b.time || a.came - b.came);
      if (order === 'end') truth.sort((a, b) => a.over - b.over);
      else truth.sort((a, b) => a.events[0]!.time - b.events[0]!.time || a.id - b.id);
      expect(notes.seen.map(({ id, events }) => [id, events.map(({ target }) => target)])).toEqual(
        truth.map(({ id, events }) => [id, events.map(({ came }) => came)]),
      );
      for (const { id, events } of notes.seen) {
        for (const one of events) {
          expect(one).toMatchObject({ journey: id, place: one.target & 0xffff, timestampHigh: 7, cpu: 1 });
          expect(one.data.getUint8(0)).toBe(one.target & 255);
        }
      }
    }),
  );
});

test('Assembler: the entries whose return is missing are known, and no others', () => {
  fc.assert(
    fc.property(traces, (events) => {
      const notes = new Notes();
      const assembler = new Assembler(notes, { dataSize: 0, hasReturns: true });
      const open = new Map<number, Journey>();
      const bytes = new DataView(new ArrayBuffer(1));
      for (const one of events) {
        const its = open.get(one.journey) ?? journey(one.journey);
        open.set(its.shortId, its);
        assembler.event({ ...one, data: bytes }, its);
      }
      for (const its of open.values()) assembler.ended(its);
      assembler.finish();
      for (const { id, events: found } of notes.seen) {
        const own = events.filter((one) => one.journey === id);
        expect(found.map(({ partnerLost }) => partnerLost)).toEqual(own.map(({ partnerIsLost }) => partnerIsLost));
      }
    }),
    { numRuns: 400 },
  );
});

test('Assembler: room of what was handed on, or is not chosen, is used again', () => {
  for (const choice of [undefined, new Choice({ only: ['dropped'] })]) {
    const notes = new Notes();
    const assembler = assemble(notes, { maxBytes: 1 << 20, choice });
    const happened = event(1, 1);
    for (let id = 1; id <= 2000; id++) {
      const its = journey(id);
      for (let time = 0; time < 100; time++) assembler.event(happened, its);
      if (!assembler.hasRoom) expect.unreachable('room is lost');
      assembler.ended(its);
      assembler.release();
      notes.seen.length = 0;
    }
  }
});

test('Assembler: room ends by events, by journeys, by what waits and by what the sink keeps', () => {
  const fill = (options: Partial<AssemblerOptions>, eventsEach: number, ends = false, notes = new Notes()) => {
    const assembler = assemble(notes, { ...options, order: 'begin' });
    let id = 0;
    for (; assembler.hasRoom && id < 100_000; id++) {
      const its = journey(id + 1);
      for (let time = 0; time < eventsEach; time++) assembler.event(event(id, time), its);
      if (ends) assembler.ended(its);
    }
    return { count: id, isHeapFull: assembler.isHeapFull };
  };
  // 24 bytes an event, 600 a journey.
  const byEvents = fill({ maxBytes: 1 << 20 }, 100);
  expect(byEvents).toEqual({ count: Math.ceil(((1 << 20) * 0.9) / 3000), isHeapFull: false });
  expect(fill({ maxBytes: 1 << 20 }, 100, true)).toEqual(byEvents);
  expect(fill({ maxHeapBytes: 1 << 20 }, 1)).toEqual({ count: Math.ceil(((1 << 20) * 0.9) / 600), isHeapFull: true });
  const notes = new Notes();
  notes.keptBytes = 1 << 20;
  expect(fill({ maxHeapBytes: 1 << 20 }, 1, false, notes)).toEqual({ count: 0, isHeapFull: true });
});
