/** Packets as the kernel side tells of them, with losses and out of order, and the truth about them. */
import fc from 'fast-check';
import { createEvent, type RecordTaker, type TraceEvent } from '../../src/base/event.js';
import type { Began, Ended, Moved } from '../../src/base/journey.js';

/** The truth about one packet. */
export interface TruePacket {
  readonly id: number;
  readonly address: bigint;
  /** The packet that it was copied from. */
  readonly parent: TruePacket | undefined;
  /** Times of its events, and of those that found no room. */
  readonly shown: number[];
  readonly lost: number[];
  announced: boolean;
  /** When it was freed. */
  endedAt: number | undefined;
  endLost: boolean;
  /** Events so far, as the kernel side counts them. */
  count: number;
}

export type Told =
  | { readonly event: TraceEvent }
  | { readonly began: Began }
  | { readonly moved: Moved }
  | { readonly ended: Ended };

export interface Story {
  readonly records: readonly Told[];
  readonly packets: readonly TruePacket[];
  /** Time of the last thing that happened. */
  readonly endNs: number;
}

/** A happening, its packet, and which of its records find room. */
interface Happening {
  readonly what: 'event' | 'free' | 'copy';
  readonly which: number;
  readonly hasRoom: boolean;
}

const ADDRESSES = 3;

const happening: fc.Arbitrary<Happening> = fc.record({
  what: fc.constantFrom('event', 'event', 'event', 'free', 'copy'),
  which: fc.nat(ADDRESSES - 1),
  hasRoom: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
});

/** A few addresses that are used again and again. Neighbouring events of different CPUs may be swapped. */
export const stories: fc.Arbitrary<Story> = fc
  .tuple(fc.array(happening, { maxLength: 120 }), fc.array(fc.boolean(), { maxLength: 60 }))
  .map(([happenings, swaps]) => tell(happenings, swaps));

function tell(happenings: readonly Happening[], swaps: readonly boolean[]): Story {
  const living = new Map<number, TruePacket>();
  const packets: TruePacket[] = [];
  const records: Told[] = [];
  const create = (place: number, parent?: TruePacket): TruePacket => {
    const packet: TruePacket = {
      ...{ id: packets.length * 4 + 1, address: 0xffff888000000000n + BigInt(place * 256), parent },
      ...{ shown: [], lost: [], announced: false, endedAt: undefined, endLost: false, count: 0 },
    };
    living.set(place, packet);
    packets.push(packet);
    return packet;
  };
  let time = 0;
  for (const { what, which, hasRoom } of happenings) {
    time += 1000;
    const packet = living.get(which);
    if (what === 'copy') {
      const free = [0, 1, 2].find((place) => !living.has(place));
      if (packet && free !== undefined) create(free, packet);
    } else if (what === 'free') {
      if (!packet) continue;
      living.delete(which);
      packet.endedAt = time;
      packet.endLost = packet.announced && !hasRoom;
      if (packet.announced && hasRoom) records.push({ ended: endOf(packet, time) });
    } else {
      const its = packet ?? create(which);
      if (hasRoom && !its.announced) {
        its.announced = true;
        const { id: journey, address: packetId, parent } = its;
        const parentId = parent?.id ?? 0;
        records.push({ began: { journey, timestampNs: BigInt(time), packetId, parent: parentId, place: undefined } });
      }
      if (hasRoom) {
        its.shown.push(time);
        const cpu = (time / 1000) % 2;
        records.push({
          event: { ...createEvent(), journey: its.id, sequence: its.count, timestampLow: time, target: its.id, cpu },
        });
      } else its.lost.push(time);
      its.count++;
    }
  }
  for (const [index, swap] of swaps.entries()) {
    const [a, b] = [records[index * 2], records[index * 2 + 1]];
    if (swap && a && b && 'event' in a && 'event' in b) [records[index * 2], records[index * 2 + 1]] = [b, a];
  }
  // Ends come from a ring of their own: each comes up to a few records late, behind the begin of the next journey at
  // its address.
  for (const [index, late] of swaps.entries()) {
    const at = records.findIndex((told, place) => place > index && 'ended' in told);
    if (late && at >= 0) records.splice(at + 1 + (index % 5), 0, ...records.splice(at, 1));
  }
  return { records, packets, endNs: time };
}

function endOf({ id, count }: TruePacket, time: number): Ended {
  return {
    ...{ journey: id, timestampNs: BigInt(time), events: count },
    fate: {
      ...{ dropped: id % 8 === 1, received: false, stage: 'none', reason: 0 },
      ...{ location: 0n, symbol: '', device: '', family: 0, protocol: 0 },
    },
  };
}

/** Hands on a record of any kind. */
export function hand(told: Told, taker: RecordTaker): void {
  if ('event' in told) taker.event(told.event);
  else if ('began' in told) taker.began(told.began);
  else if ('moved' in told) taker.moved(told.moved);
  else taker.ended(told.ended);
}
