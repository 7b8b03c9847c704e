/** Events of calls as the kernel side would make them, with some lost, and the truth about them. */
import fc from 'fast-check';
import { createEvent, type TraceEvent } from '../../src/base/event.js';

export interface TrueEvent extends TraceEvent {
  /** Whether the entry or the return of the same call is missing. */
  readonly partnerIsLost: boolean;
}

interface Call {
  readonly target: number;
  readonly loseEntry: boolean;
  readonly loseReturn: boolean;
  readonly within: readonly Call[];
}

const call: fc.Memo<Call> = fc.memo((depth) =>
  fc.record({
    target: fc.nat(3),
    loseEntry: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    loseReturn: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    within: depth > 1 ? fc.array(call(), { maxLength: 3 }) : fc.constant([]),
  }),
);

/** Calls, some of them nested, of a few skbs on a few CPUs each. Events are in the order of time. */
export const traces: fc.Arbitrary<TrueEvent[]> = fc
  .array(
    fc.record({ skb: fc.constantFrom(0x1000, 0x2000), cpu: fc.nat(1), calls: fc.array(call(4), { maxLength: 4 }) }),
    {
      maxLength: 6,
    },
  )
  .chain((places) => {
    // One stream for each skb and CPU, so that calls there are properly nested.
    const streams = new Map<string, TrueEvent[]>();
    for (const { skb, cpu, calls } of places) {
      const key = `${skb}:${cpu}`;
      const stream = streams.get(key) ?? [];
      streams.set(key, stream);
      for (const one of calls) addCall(stream, one, skb, cpu, 0);
    }
    const all = [...streams.values()].filter((stream) => stream.length > 0);
    const order = fc.shuffledSubarray(
      all.flatMap((stream, index) => stream.map(() => index)),
      {
        minLength: all.reduce((sum, { length }) => sum + length, 0),
      },
    );
    return order.map((indices) => interleave(all, indices));
  });

function addCall(stream: TrueEvent[], one: Call, skb: number, cpu: number, depth: number): void {
  const common = { ...createEvent(), journey: skb, cpu, depth, target: one.target };
  const entry = { ...common, partnerIsLost: one.loseReturn, lost: one.loseEntry };
  stream.push(entry);
  for (const inner of one.within) addCall(stream, inner, skb, cpu, depth + 1);
  // The entry's time is not known before the streams are mixed: `interleave` fills it in.
  const leaving = { ...common, isReturn: true, entryLost: one.loseEntry, partnerIsLost: one.loseEntry };
  stream.push({ ...leaving, ...{ entry, lost: one.loseReturn } } as TrueEvent);
}

function interleave(streams: readonly TrueEvent[][], order: readonly number[]): TrueEvent[] {
  const positions = streams.map(() => 0);
  const events: TrueEvent[] = [];
  for (const [time, index] of order.entries()) {
    const event = streams[index]![positions[index]!++]! as TrueEvent & { entry?: TrueEvent; lost: boolean };
    event.timestampLow = time;
    if (event.entry) event.entryLow = event.entry.timestampLow;
    if (!event.lost) events.push(event);
  }
  return events;
}
