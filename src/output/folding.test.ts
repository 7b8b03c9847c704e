import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import type { CompleteJourney } from '../journey/assembler.js';
import { FEW_JOURNEYS, Folding, type FoldingOptions, MAX_OF_A_HASH } from './folding.js';

const NETNS = 4026531840;
const OPTIONS: FoldingOptions = {
  fold: 'same',
  dataSize: 0,
  showPlaces: false,
  netnsOf: (place) => NETNS + (place >> 1),
};
/** A hash that all journeys share. */
const mix = () => 0;

/** A journey whose events are filled in as they are asked for. */
function whole(number: number, count: number, fill: (event: TraceEvent, position: number) => void): CompleteJourney {
  const journey: Journey = {
    ...{ number, shortId: number, packetId: BigInt(number), parent: 0, beginNs: 0n, endNs: 1000n, events: count },
    ...{ lost: 0, gap: false, outcome: 'consumed', snapshots: [], fate: undefined },
  };
  return { journey, count, load: (position, event) => fill(event, position) };
}
/** A journey of one event, whose function makes it differ. */
const calling = (number: number, target: number) =>
  whole(number, 1, (event) => {
    event.target = target;
  });

const anyEvent = fc.record({
  ...{ target: fc.constantFrom(0, 0xffff), cpu: fc.constantFrom(0, 0xffff), place: fc.constantFrom(0, 1, 2, 0xffff) },
  depth: fc.constantFrom(0, 0xff),
  ...{ isReturn: fc.boolean(), hasFields: fc.boolean(), skbFreed: fc.boolean() },
  ...{ entryLost: fc.boolean(), partnerLost: fc.boolean() },
  data: fc.uint8Array({ minLength: 7, maxLength: 7, max: 1 }),
});
type AnyEvent = typeof anyEvent extends fc.Arbitrary<infer T> ? T : never;

/** What the lines of a journey say, as text. */
function said(
  events: readonly AnyEvent[],
  end: string,
  { fold, dataSize, showPlaces, netnsOf }: FoldingOptions,
): string {
  const lines = events.flatMap(({ data, place, ...event }): unknown[] => {
    if (fold === 'path') return event.isReturn ? [] : [[event.target, netnsOf(place)]];
    return [[event, event.hasFields ? [...data.subarray(0, dataSize)] : [], showPlaces ? place : 0]];
  });
  return JSON.stringify([end, lines]);
}

test('Folding: a journey repeats the first of which the lines say the same, whatever the hash', () => {
  const journeys = fc.array(fc.tuple(fc.array(anyEvent, { minLength: 1, maxLength: 3 }), fc.constantFrom('a', 'b')), {
    ...{ minLength: 1, maxLength: MAX_OF_A_HASH },
  });
  const options = fc.record({
    fold: fc.constantFrom('auto' as const, 'same' as const, 'path' as const),
    dataSize: fc.nat(7),
    showPlaces: fc.boolean(),
    mix: fc.constantFrom(undefined, mix, (hash: number, word: number) => (hash ^ word) & 3),
  });
  fc.assert(
    fc.property(journeys, fc.array(fc.nat(), { maxLength: 30 }), options, (kinds, order, given) => {
      const all = { ...OPTIONS, ...given };
      const folding = new Folding(all);
      const firsts = new Map<string, number>();
      for (const [index, kind] of [...kinds.keys(), ...order].entries()) {
        const [events, end] = kinds[kind % kinds.length]!;
        const journey = whole(index + 1, events.length, (event, position) => {
          const { data, ...rest } = events[position]!;
          Object.assign(event, rest, { data: new DataView(data.buffer, data.byteOffset, all.dataSize) });
        });
        const key = said(events, end, all);
        const first = all.fold === 'auto' && index < FEW_JOURNEYS ? undefined : firsts.get(key);
        expect(folding.find(journey, end)).toBe(first);
        if (!firsts.has(key)) firsts.set(key, index + 1);
      }
    }),
  );
});

test('Folding: no more than a few journeys of one hash are kept; further ones are shown whole', () => {
  const folding = new Folding({ ...OPTIONS, mix });
  const found = (from: number) =>
    Array.from({ length: MAX_OF_A_HASH + 2 }, (_, index) => folding.find(calling(from + index, index), 'consumed'));
  expect(found(1)).toEqual(Array.from({ length: MAX_OF_A_HASH + 2 }, () => undefined));
  const kept = Array.from({ length: MAX_OF_A_HASH }, (_, index) => index + 1);
  expect(found(101)).toEqual([...kept, undefined, undefined]);
});

test('Folding: with 16 MiB of journeys no more are kept, and those that are kept are still found', () => {
  const folding = new Folding(OPTIONS);
  const count = 1 << 20;
  const long = (number: number, last: number) =>
    whole(number, count, (event, position) => {
      event.target = position === count - 1 ? last : 1;
    });
  // 8 bytes an event: with the second one the memory is full.
  const numbers = [1, 2, 3].map((last) => folding.find(long(last, last), 'consumed'));
  expect(numbers).toEqual([undefined, undefined, undefined]);
  expect([1, 2, 3].map((last) => folding.find(long(last + 10, last), 'consumed'))).toEqual([1, 2, undefined]);
  expect(folding.find(calling(21, 1), 'consumed')).toBeUndefined();
  expect(folding.find(calling(22, 1), 'consumed')).toBeUndefined();
});

test('Folding: journeys that differ are rarely of one hash', () => {
  const folding = new Folding({ ...OPTIONS, dataSize: 8 });
  const view = new DataView(new ArrayBuffer(8));
  let [loads, folded] = [0, 0];
  const count = 1 << 14;
  for (let number = 1; number <= count; number++) {
    const journey = whole(number, 1, (event) => {
      loads++;
      view.setUint32(0, number & 0x7f, true);
      view.setUint32(4, number >>> 7, true);
      event.data = view;
    });
    if (folding.find(journey, 'consumed') !== undefined) folded++;
  }
  expect(folded).toBe(0);
  // To hash an event, and to keep it: none is compared.
  expect(loads).toBe(count * 2);
});
