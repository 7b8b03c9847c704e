/** Traces for the tests of the timeline. */
import type { Events, Journey, Place, Trace } from '../../trace/trace.js';
import { IS_RETURN } from '../../trace/trace.js';

/** An event: its time, and what differs from the first function, in the first place, on CPU 0. */
export interface GivenEvent {
  readonly time: number;
  readonly fn?: number;
  readonly place?: number;
  readonly cpu?: number;
  readonly depth?: number;
  readonly isReturn?: boolean;
  readonly flags?: number;
}

export type GivenJourney = Partial<Omit<Journey, 'first' | 'count' | 'events'>> & {
  readonly events: readonly GivenEvent[];
};

const PLACES: readonly Place[] = [
  { netns: 0, name: null, ifindex: 0, device: '' },
  { netns: 10, name: 'client', ifindex: 2, device: 'eth0' },
  { netns: 20, name: 'server', ifindex: 3, device: 'eth1' },
];

/** A trace with these journeys, numbered from 1. */
export function createTrace(given: readonly GivenJourney[], hasReturns = true): Trace {
  const all = given.flatMap(({ events }) => events);
  const events: Events = {
    count: all.length,
    time: Float64Array.from(all, ({ time }) => time),
    fn: Uint16Array.from(all, ({ fn = 0 }) => fn),
    place: Uint16Array.from(all, ({ place = 1 }) => place),
    cpu: Uint16Array.from(all, ({ cpu = 0 }) => cpu),
    flags: Uint8Array.from(all, ({ flags = 0, isReturn = false }) => flags | (isReturn ? IS_RETURN : 0)),
    depth: Uint8Array.from(all, ({ depth = 0 }) => depth),
    sinceEntry: new Float64Array(hasReturns ? all.length : 0),
  };
  let first = 0;
  const journeys = given.map(({ events: own, ...facts }, index): Journey => {
    const from = first;
    first += own.length;
    return {
      ...{
        number: index + 1,
        packetId: `0x${index}`,
        outcome: 'delivered',
        endText: 'delivered',
        lost: 0,
        hasGap: false,
      },
      ...{ begin: own[0]?.time ?? 0, end: own.at(-1)?.time ?? 0, events: own.length, part: 0, position: index },
      ...facts,
      ...{ first: from, count: own.length },
    };
  });
  return {
    head: {
      ...{ ipft: '1', kernel: '6.12', backend: 'kprobe', began: 0n, realtime: 0n, hasReturns, fields: [] },
    },
    functions: [
      { name: 'ip_rcv', module: 'vmlinux' },
      { name: 'veth_xmit', module: 'veth' },
    ],
    ...{ places: PLACES, journeys, events, problem: undefined },
    details: () => Promise.resolve({ snapshots: [], changes: [] }),
    find: (number) => journeys.find((journey) => journey.number === number),
  };
}
