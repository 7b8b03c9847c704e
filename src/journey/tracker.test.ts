import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hand, type Story, stories, type TruePacket } from '../../tests/support/packets.js';
import { createEvent, type TraceEvent } from '../base/event.js';
import { type Began, type Ended, type Fate, type Journey, outcomeOf } from '../base/journey.js';
import { Places } from '../base/places.js';
import { type EventSink, JourneyTracker } from './tracker.js';

/** Notes which events belong to which journey, and the journeys as they end. */
class Notes implements EventSink {
  hasRoom = true;
  readonly events = new Map<number, number[]>();
  readonly journeys: Journey[] = [];

  event(event: TraceEvent, journey: Journey): void {
    this.events.set(journey.number, [...(this.events.get(journey.number) ?? []), event.timestampLow]);
    expect(event.target).toBe(journey.shortId);
  }

  ended(journey: Journey): void {
    this.journeys.push(journey);
  }
}

function follow({ records, packets, endNs }: Story, each: (tracker: JourneyTracker, index: number) => void = () => {}) {
  const notes = new Notes();
  const tracker = new JourneyTracker(notes, new Places());
  for (const [index, told] of records.entries()) {
    hand(told, tracker);
    each(tracker, index);
  }
  const alive = packets.filter(({ endedAt }) => endedAt === undefined);
  tracker.finish(
    alive.map(({ id, count }) => ({ journey: id, events: count, freeing: undefined })),
    BigInt(endNs),
  );
  return { notes, tracker };
}

test('JourneyTracker: each packet is one journey, however its address is used again and whatever is lost', () => {
  fc.assert(
    fc.property(stories, (story) => {
      const { notes, tracker } = follow(story);
      const seen = story.packets.filter(({ shown }) => shown.length > 0);
      expect(notes.journeys.map(({ shortId }) => shortId).sort((a, b) => a - b)).toEqual(seen.map(({ id }) => id));
      expect(new Set(notes.journeys.map(({ number }) => number)).size).toBe(seen.length);
      for (const packet of seen) {
        const journey = notes.journeys.find(({ shortId }) => shortId === packet.id)!;
        expect(notes.events.get(journey.number)?.sort((a, b) => a - b)).toEqual(packet.shown);
        expectTruth(journey, packet);
      }
      expect(tracker.events).toBe(seen.reduce((sum, { shown }) => sum + shown.length, 0));
      expect(tracker.late).toBe(0);
    }),
    { numRuns: 1000 },
  );
});

function expectTruth(journey: Journey, packet: TruePacket): void {
  expect(journey.packetId).toBe(packet.address);
  expect(journey.events).toBe(packet.shown.length);
  const isEnded = packet.endedAt !== undefined;
  expect(journey.outcome).toBe(
    packet.endLost ? 'unknown' : !isEnded ? 'alive' : packet.id % 8 === 1 ? 'dropped' : 'consumed',
  );
  if (packet.endLost) {
    // What came behind the last event that was seen is not known.
    expect(journey.gap).toBe(true);
    expect(journey.lost).toBe(packet.lost.filter((time) => time < packet.shown.at(-1)!).length);
  } else {
    expect(journey.lost).toBe(packet.lost.length);
    expect(journey.gap).toBe(packet.lost.length > 0);
    if (isEnded) expect(journey.endNs).toBe(BigInt(packet.endedAt ?? 0));
  }
  expect(Math.abs(Number(journey.beginNs) - packet.shown[0]!)).toBeLessThanOrEqual(
    (packet.shown[1] ?? packet.shown[0]!) - packet.shown[0]!,
  );
}

test('JourneyTracker: a copy names its parent', () => {
  fc.assert(
    fc.property(stories, (story) => {
      const { notes } = follow(story);
      const numbers = new Map(notes.journeys.map(({ shortId, number }) => [shortId, number]));
      for (const journey of notes.journeys) {
        const packet = story.packets.find(({ id }) => id === journey.shortId);
        // Of a parent that was not seen while the copy lived there is no number.
        expect([0, packet?.parent ? numbers.get(packet.parent.id) : 0]).toContain(journey.parent);
        if (!packet?.parent) expect(journey.parent).toBe(0);
      }
    }),
  );
  const { notes } = follow({
    packets: [],
    endNs: 9,
    records: [
      ...[began(1, 0x100n), event(1, 0, 1), began(5, 0x200n, 1), event(5, 0, 2), began(9, 0x300n, 13), event(9, 0, 3)],
      ...[began(13, 0x400n), event(13, 0, 4)],
    ],
  });
  expect(notes.journeys.map(({ number, parent }) => [number, parent])).toEqual([
    [1, 0],
    [2, 1],
    [3, 4],
    [4, 0],
  ]);
});

test('JourneyTracker: memory does not grow: journeys are handed on when they have settled', () => {
  const notes = new Notes();
  const tracker = new JourneyTracker(notes, new Places());
  for (let index = 0; index < 1000; index++) {
    const id = index * 4 + 1;
    hand(began(id, BigInt(index % 7)), tracker);
    hand(event(id, 0, index), tracker);
    hand({ ended: ended(id, 1, BigInt(index)) }, tracker);
    hand(event(id, 1, index), tracker);
  }
  tracker.settle(100_000_000n + 499n);
  expect(notes.journeys).toHaveLength(500);
  // Functions that free it were left behind its end; their events are its own.
  expect(notes.journeys.every(({ events, lost, gap }) => events === 2 && lost === 0 && !gap)).toBe(true);
  tracker.settle(200_000_000n);
  expect(notes.journeys).toHaveLength(1000);
  hand(event(1, 2, 7), tracker);
  expect(tracker.late).toBe(1);
  // One whose end is lost is over when its address is used again.
  for (const id of [5001, 5005]) {
    hand(began(id, 1n), tracker);
    hand(event(id, 0, 1), tracker);
  }
  tracker.settle(300_000_000n);
  expect(notes.journeys.slice(1000).map(({ shortId, outcome, gap }) => [shortId, outcome, gap])).toEqual([
    [5001, 'unknown', true],
  ]);
});

test('JourneyTracker: who was on the way while probes were missed may have a gap', () => {
  const notes = new Notes();
  const tracker = new JourneyTracker(notes, new Places());
  for (const [id, from, to] of [
    [1, 10, 20],
    [5, 25, 35],
    [9, 31, 39],
    [13, 41, 50],
    [17, 20, 30],
    [21, 40, 50],
  ] as const) {
    hand(began(id, BigInt(id)), tracker);
    hand(event(id, 0, from), tracker);
    hand({ ended: ended(id, 1, BigInt(to)) }, tracker);
  }
  tracker.missed(30n, 35n);
  tracker.missed(35n, 40n);
  tracker.settle(1_000_000_000n);
  expect(notes.journeys.map(({ gap }) => gap)).toEqual([false, true, true, false, true, true]);
  expect(tracker.gaps).toBe(4);
});

test('JourneyTracker: of more times of misses than are kept the oldest become one, and the others stay as they are', () => {
  const notes = new Notes();
  const tracker = new JourneyTracker(notes, new Places());
  // Each time is from 0 to 10 of a thousand; journeys lie in between.
  const COUNT = 1001;
  const between = [0, 1, 500, COUNT - 2];
  for (const window of between) {
    const id = window * 4 + 1;
    hand(began(id, BigInt(id)), tracker);
    hand(event(id, 0, window * 1000 + 400), tracker);
    hand({ ended: ended(id, 1, BigInt(window * 1000 + 600)) }, tracker);
  }
  hand(began(3, 99_999n), tracker);
  hand(event(3, 0, 300_005), tracker);
  hand({ ended: ended(3, 1, 300_006n) }, tracker);
  for (let window = 0; window < COUNT; window++) tracker.missed(BigInt(window * 1000), BigInt(window * 1000 + 10));
  tracker.settle(1_000_000_000n);
  expect(notes.journeys.map(({ shortId, gap }) => [shortId, gap])).toEqual([
    ...between.map((window) => [window * 4 + 1, window === 0]),
    [3, true],
  ]);
});

test('JourneyTracker: what there is no room for is counted, and what has begun goes on', () => {
  const notes = new Notes();
  const tracker = new JourneyTracker(notes, new Places());
  hand(began(1, 1n), tracker);
  notes.hasRoom = false;
  hand(began(5, 2n), tracker);
  for (const id of [1, 5]) hand(event(id, 0, 1), tracker);
  notes.hasRoom = true;
  hand(event(5, 1, 2), tracker);
  tracker.finish([{ journey: 1, events: 1, freeing: undefined }], 9n);
  expect(notes.journeys.map(({ shortId, events, outcome }) => [shortId, events, outcome])).toEqual([[1, 1, 'alive']]);
  expect(tracker.lostJourneys).toBe(1);
  expect(tracker.events).toBe(1);
});

test('JourneyTracker: places are numbered, and change with the packet', () => {
  const notes = new Notes();
  const known = new Places();
  const tracker = new JourneyTracker(notes, known);
  const places: (string | undefined)[] = [];
  notes.event = ({ place }) => void places.push(known.get(place)?.device);
  const at = (device: string) => ({ netns: 4026531840, ifindex: 1, device });
  tracker.began(began(1, 1n).began);
  hand(event(1, 0, 1), tracker);
  tracker.moved({ journey: 1, place: at('a') });
  hand(event(1, 1, 2), tracker);
  tracker.moved({ journey: 1, place: at('b') });
  tracker.moved({ journey: 77, place: at('c') });
  hand(event(1, 2, 3), tracker);
  expect(places).toEqual([undefined, 'a', 'b']);
});

test('outcomeOf: dropped, whatever came before; else how far it got since it was received', () => {
  const of = (over: Partial<Fate>) => outcomeOf({ ...FATE, ...over });
  expect(of({})).toBe('consumed');
  expect(of({ stage: 'queued', received: true })).toBe('delivered');
  expect(of({ stage: 'sent' })).toBe('transmitted');
  expect(of({ stage: 'sent', received: true })).toBe('forwarded');
  expect(of({ stage: 'queued', dropped: true })).toBe('dropped');
  expect(of({ stage: 'processed', dropped: true, received: true })).toBe('processed');
  expect(of({ stage: 'unread', received: true })).toBe('dropped');
});

test('JourneyTracker: an id that another journey gets is no confusion, though the first one has not ended yet', () => {
  const notes = new Notes();
  const tracker = new JourneyTracker(notes, new Places());
  const LATER = 2 ** 32;
  hand(began(7, 0x100n), tracker);
  hand(event(7, 0, 1), tracker);
  // The same skb and the same place on the kernel side: only the number tells them apart.
  hand(began(7 + LATER, 0x100n), tracker);
  hand(began(7 + LATER, 0x100n), tracker);
  hand(event(7, 0, 2), tracker);
  hand(event(7, 1, 3), tracker);
  tracker.ended({ ...ended(7, 1, 4n), fate: { ...FATE, dropped: true } });
  tracker.ended(ended(7 + LATER, 2, 5n));
  tracker.settle(1_000_000_000n);
  expect(notes.journeys.map(({ outcome, events, gap }) => [outcome, events, gap])).toEqual([
    ['dropped', 1, false],
    ['consumed', 2, false],
  ]);
});

function began(journey: number, packetId: bigint, parent = 0): { began: Began } {
  return { began: { journey, timestampNs: 0n, packetId, parent, place: undefined } };
}
function event(journey: number, sequence: number, time: number) {
  return { event: { ...createEvent(), journey, sequence, timestampLow: time, target: journey } };
}
const FATE: Fate = {
  ...{ dropped: false, received: false, stage: 'none', reason: 0 },
  ...{ location: 0n, symbol: '', device: '', family: 0, protocol: 0 },
};

function ended(journey: number, events: number, timestampNs: bigint): Ended {
  return { journey, timestampNs, events, fate: FATE };
}

test('JourneyTracker: snapshots belong to their journey; of many, the first ones and the last are kept', () => {
  const notes = new Notes();
  const tracker = new JourneyTracker(notes, new Places());
  const snapshot = (lengthBytes: number) => ({
    ...{ bytes: new Uint8Array(1), hasEthernet: false, protocol: 0x800, lengthBytes, vlan: undefined, gso: undefined },
  });
  for (const id of [1, 5]) hand(began(id, BigInt(id)), tracker);
  for (let i = 0; i < 40; i++) tracker.snapshot({ journey: 5, snapshot: snapshot(i) });
  tracker.snapshot({ journey: 9, snapshot: snapshot(99) });
  for (const id of [1, 5]) hand(event(id, 0, 1), tracker);
  notes.hasRoom = false;
  hand(began(7, 7n), tracker);
  tracker.snapshot({ journey: 7, snapshot: snapshot(7) });
  tracker.finish([], 0n);
  expect(notes.journeys.map(({ shortId, snapshots }) => [shortId, snapshots.map((one) => one.lengthBytes)])).toEqual([
    [1, []],
    [5, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 39]],
  ]);
});

test('JourneyTracker: the first process of each party counts; a copy has the sender of its parent', () => {
  const notes = new Notes();
  const tracker = new JourneyTracker(notes, new Places());
  const process = (command: string) => ({
    ...{ pid: 1, command, cgroup: undefined, container: undefined, unit: undefined, pod: undefined },
  });
  hand(began(1, 1n), tracker);
  tracker.process({ journey: 1, party: 'sender', process: process('a') });
  tracker.process({ journey: 1, party: 'sender', process: process('b') });
  tracker.process({ journey: 1, party: 'receiver', process: process('c') });
  tracker.process({ journey: 99, party: 'receiver', process: process('d') });
  tracker.began({ journey: 5, packetId: 5n, parent: 1, timestampNs: 0n, place: undefined });
  tracker.process({ journey: 5, party: 'receiver', process: process('e') });
  hand(began(6, 6n), tracker);
  for (const id of [1, 5, 6]) hand(event(id, 0, 1), tracker);
  tracker.finish([], 0n);
  expect(notes.journeys.map(({ sender, receiver }) => [sender?.command, receiver?.command])).toEqual([
    ['a', 'c'],
    ['a', 'e'],
    [undefined, undefined],
  ]);
});

test('JourneyTracker: one whose end the kernel missed has ended all the same, if that is long ago', () => {
  const notes = new Notes();
  const tracker = new JourneyTracker(notes, new Places());
  for (const id of [1, 5]) {
    hand(began(id, BigInt(id)), tracker);
    hand(event(id, 0, 1), tracker);
  }
  const living = [
    { journey: 1, events: 2, freeing: { ...ended(1, 2, 5n), fate: { ...FATE, dropped: true } } },
    { journey: 5, events: 1, freeing: ended(5, 1, 999_999_999n) },
  ];
  tracker.finish(living, 1_000_000_000n);
  expect(notes.journeys.map(({ shortId, outcome, lost }) => [shortId, outcome, lost])).toEqual([
    [1, 'dropped', 1],
    [5, 'alive', 0],
  ]);
});

test('JourneyTracker: a journey that was carried has a gap, and its earlier events are not lost', () => {
  const notes = new Notes();
  const tracker = new JourneyTracker(notes, new Places());
  const carry = (id: number) => tracker.began({ ...began(id, BigInt(id)).began, timestampNs: 10n, isCarried: true });
  for (const id of [1, 2, 3]) carry(id);
  for (const [id, sequence] of [
    [1, 41],
    [1, 40],
    [1, 42],
    [2, 7],
  ] as const) {
    hand(event(id, sequence, 100 + sequence), tracker);
  }
  hand({ ended: ended(1, 43, 200n) }, tracker);
  // An event between the last one that was read and the end is lost.
  hand({ ended: ended(2, 9, 200n) }, tracker);
  // Of the third there is nothing to show.
  hand({ ended: ended(3, 5, 200n) }, tracker);
  tracker.settle(1_000_000_000n);
  const seen = notes.journeys.map(({ shortId, gap, lost, beginNs }) => [shortId, gap, lost, beginNs]);
  expect(seen).toEqual([
    [1, true, 0, 10n],
    [2, true, 1, 10n],
  ]);
});
