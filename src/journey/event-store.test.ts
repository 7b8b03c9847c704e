import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEvent, type TraceEvent } from '../base/event.js';
import { EventStore } from './event-store.js';

const event = (skb: number, time: number, tag: number): TraceEvent => ({
  ...createEvent(new DataView(Uint8Array.from([9, tag & 255, 9]).buffer)),
  ...{ journey: skb, timestampLow: time, timestampHigh: 7, target: tag, cpu: 1 },
  dataOffset: 1,
});

test('EventStore.journeys: by journey, then by time, then as they came; nothing lost, data intact', () => {
  const events = fc.array(fc.tuple(fc.constantFrom(1, 5, 40), fc.nat(20)), { maxLength: 200 });
  fc.assert(
    fc.property(events, (list) => {
      const store = new EventStore(1);
      for (const [index, [skb, time]] of list.entries()) store.add(event(skb, time, index), index & 0xffff);
      const read = event(0, 0, 0);
      const packets = [...store.journeys()].map((indices) =>
        [...indices].map((index) => {
          store.load(index, read);
          expect(read.data.getUint8(read.dataOffset)).toBe(read.target & 255);
          expect(store.place(index)).toBe(read.target & 0xffff);
          return { skb: read.journey, time: read.timestampLow, came: read.target };
        }),
      );
      expect(packets.flat()).toHaveLength(list.length);
      for (const packet of packets) {
        expect(new Set(packet.map(({ skb }) => skb)).size).toBe(1);
        expect(packet).toEqual([...packet].sort((a, b) => a.time - b.time || a.came - b.came));
      }
      const firsts = packets.map((packet) => packet[0]?.time ?? 0);
      expect(firsts).toEqual([...firsts].sort((a, b) => a - b));
      expect(new Set(packets.map((packet) => packet[0]?.skb)).size).toBe(packets.length);
    }),
  );
});
