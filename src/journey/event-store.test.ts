import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEvent, type TraceEvent } from '../base/event.js';
import { EventStore, NO_EVENT } from './event-store.js';

const DATA_SIZE = 7;
const half = fc.integer({ min: 0, max: 0xffffffff });
const anyEvent: fc.Arbitrary<TraceEvent> = fc
  .record({
    ...{ journey: half, timestampLow: half, timestampHigh: half, entryLow: half, entryHigh: half },
    target: fc.nat(0xffff),
    cpu: fc.nat(0xffff),
    place: fc.nat(0xffff),
    depth: fc.nat(0xff),
    ...{ isReturn: fc.boolean(), hasFields: fc.boolean(), skbFreed: fc.boolean(), entryLost: fc.boolean() },
    data: fc.uint8Array({ minLength: 20, maxLength: 20 }),
    dataOffset: fc.nat(20 - DATA_SIZE),
  })
  .map(({ data, ...fields }) => ({ ...createEvent(new DataView(data.buffer)), ...fields }));

/** An event without what its bytes lie in, and with the bytes. */
function plain({ data, dataOffset, ...event }: TraceEvent) {
  const bytes = [...new Uint8Array(data.buffer, data.byteOffset + dataOffset, DATA_SIZE)];
  return { ...event, sequence: 0, bytes };
}

test('EventStore: an event is what it was, with its bytes, wherever there was room, until it is freed', () => {
  const steps = fc.array(fc.record({ event: anyEvent, freed: fc.option(fc.nat()) }), { minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(steps, (list) => {
      const store = new EventStore(DATA_SIZE, true);
      const kept = new Map<number, ReturnType<typeof plain>>();
      const loaded = createEvent();
      for (const { event, freed } of list) {
        const index = store.add(event, event.journey);
        if (kept.has(index)) expect.unreachable('the place of another');
        kept.set(index, plain(event));
        // Its bytes are the ring's, and will be others.
        new Uint8Array(event.data.buffer).fill(0xee);
        const gone = freed === null ? undefined : [...kept.keys()][freed % kept.size];
        if (gone !== undefined) {
          store.free(gone);
          kept.delete(gone);
        }
        expect(store.count).toBe(kept.size);
      }
      for (const [index, event] of kept) {
        store.load(index, loaded);
        expect(plain(loaded)).toEqual(event);
      }
    }),
  );
});

test('EventStore: without returns and data an event takes 20 bytes, and freed chains are used again', () => {
  const store = new EventStore(0);
  const event = createEvent();
  const fill = () => {
    const chains = [];
    for (let chain = 0; chain < 100; chain++) {
      let last = NO_EVENT;
      const indices = [];
      for (let at = 0; at < 300; at++) {
        last = store.add({ ...event, timestampLow: at }, last);
        indices.push(last);
      }
      chains.push({ first: indices[0] ?? NO_EVENT, last });
      expect([...store.inOrder(last, 300)]).toEqual(indices);
    }
    return chains;
  };
  const chains = fill();
  expect(store.usedBytes).toBe(20 * 300 * 100);
  const highest = Math.max(...chains.map(({ last }) => last));
  for (const { first, last } of chains) store.freeChain(first, last, 300);
  expect(store.usedBytes).toBe(0);
  expect(Math.max(...fill().map(({ last }) => last))).toBeLessThanOrEqual(highest);
});
