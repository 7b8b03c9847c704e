import { expect, test } from 'vitest';
import { createEvent } from '../base/event.js';
import type { Fate } from '../base/journey.js';
import { Places } from '../base/places.js';
import { JourneyTracker } from '../journey/tracker.js';
import { Collector } from './collector.js';

const FATE: Fate = {
  ...{ dropped: true, received: false, stage: 'none', reason: 7, location: 0x1000n, symbol: 'nf_hook_slow+0xb0/0x120' },
  ...{ device: '', family: 0, protocol: 0 },
};
const PLACE = { netns: 4026531840, ifindex: 2, device: 'veth0' };

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** A session of `count` events of one packet, each a microsecond behind the one before, the last of them first. */
function collect(maxEvents: number, count: number, end: (tracker: JourneyTracker) => void) {
  const targets = ['ip_rcv', 'nf_hook_slow'].map((name) => ({ name, module: 'vmlinux' }));
  const names = { reason: (reason: number) => `REASON_${reason}`, symbol: () => undefined };
  const readFields = (data: DataView, offset: number) => ({ len: data.getUint32(offset, true) });
  const places = new Places();
  const collector = new Collector({
    targets,
    hasReturns: false,
    readFields,
    dataSize: 4,
    names,
    places,
    maxEvents,
  });
  const tracker = new JourneyTracker(collector, places);
  tracker.began({ journey: 9, timestampNs: 1000n, packetId: 0xffff888000001000n, parent: 0, place: PLACE });
  const data = new DataView(new ArrayBuffer(8));
  for (const sequence of [count - 1, ...Array.from({ length: count - 1 }, (_, index) => index)]) {
    data.setUint32(4, 100 + sequence, true);
    const event = { ...createEvent(data), journey: 9, sequence, target: sequence % 2, cpu: 3 };
    tracker.event({ ...event, timestampLow: 1000 * (sequence + 1), dataOffset: 4 });
  }
  end(tracker);
  collector.finish();
  return collector;
}

const dropped = (count: number) => (tracker: JourneyTracker) => {
  tracker.ended({ journey: 9, timestampNs: 1_000_000n, events: count, fate: FATE });
  tracker.finish([], 2_000_000n);
};

test('Collector: events in the order of time, and the journey with what became of it', async () => {
  const collector = collect(100, 3, dropped(4));
  const events = await all(collector.events.iterate());
  expect(events.map(({ timestampNs, fields }) => [timestampNs, fields?.['len']])).toEqual([
    [1000n, 100],
    [2000n, 101],
    [3000n, 102],
  ]);
  expect(events[1]).toEqual({
    ...{ journey: 1, timestampNs: 2000n, cpu: 3, function: 'nf_hook_slow', module: 'vmlinux', isReturn: false },
    ...{ netns: 4026531840, device: 'veth0', depth: 0, partnerLost: false, fields: { len: 101 } },
  });
  expect(await all(collector.journeys.iterate())).toEqual([
    {
      ...{ number: 1, packetId: 0xffff888000001000n, parent: undefined, outcome: 'dropped', reason: 'REASON_7' },
      ...{ location: 'nf_hook_slow+0xb0', device: undefined, socket: undefined, beginNs: 1000n, endNs: 1_000_000n },
      ...{ events, lost: 1, gap: true },
    },
  ]);
});

test('Collector: of a journey that does not end no more is kept than was asked for, and that is told', async () => {
  const collector = collect(10, 50, dropped(50));
  expect(collector.unkept).toBe(40);
  const [journey] = await all(collector.journeys.iterate());
  expect(journey).toMatchObject({ lost: 40, gap: true });
  expect(journey?.events).toHaveLength(10);
  // The newest ones: nobody waited for the others.
  const events = await all(collector.events.iterate());
  expect(events.length + collector.events.forgotten).toBe(50);
  expect(events.at(-1)?.timestampNs).toBe(50_000n);
});

test('Collector: journeys that have ended make room for others', async () => {
  const names = { reason: () => undefined, symbol: () => undefined };
  const places = new Places();
  const options = { targets: [], hasReturns: false, readFields: undefined, dataSize: 0, names, places, maxEvents: 25 };
  const collector = new Collector(options);
  const tracker = new JourneyTracker(collector, new Places());
  for (let journey = 1; journey <= 20; journey++) {
    tracker.began({ journey, timestampNs: 1n, packetId: BigInt(journey), parent: 0, place: undefined });
    for (let sequence = 0; sequence < 10; sequence++) {
      tracker.event({ ...createEvent(), journey, sequence, timestampLow: journey * 1000 + sequence });
    }
    tracker.ended({ journey, timestampNs: BigInt(journey * 1000 + 20), events: 10, fate: FATE });
    tracker.settle(BigInt(journey) * 1_000_000_000n);
    collector.tick(1000);
  }
  tracker.finish([], 0n);
  collector.finish();
  expect(collector.unkept).toBe(0);
  for (const { events, gap } of await all(collector.journeys.iterate()))
    expect([events.length, gap]).toEqual([10, false]);
});

test('Collector: the end waits for room, and hands on the rest when someone takes it', async () => {
  const names = { reason: () => undefined, symbol: () => undefined };
  const places = new Places();
  const options = { targets: [], hasReturns: false, readFields: undefined, dataSize: 0, names, places, maxEvents: 10 };
  const collector = new Collector(options);
  const tracker = new JourneyTracker(collector, new Places());
  const iterator = collector.events.iterate();
  const first = iterator.next();
  tracker.began({ journey: 1, timestampNs: 1n, packetId: 1n, parent: 0, place: undefined });
  for (let sequence = 0; sequence < 100; sequence++) {
    tracker.event({ ...createEvent(), journey: 1, sequence, timestampLow: sequence });
  }
  tracker.finish([], 0n);
  const finished = collector.finish();
  expect(collector.wantsMore).toBe(false);
  const times = [(await first).value?.timestampNs];
  const reading = (async () => {
    for await (const { timestampNs } of { [Symbol.asyncIterator]: () => iterator }) times.push(timestampNs);
  })();
  await finished;
  await reading;
  expect(times).toEqual(Array.from({ length: 100 }, (_, index) => BigInt(index)));
});
