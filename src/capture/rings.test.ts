import { expect, test } from 'vitest';
import { WritableRing } from '../../tests/support/kernel-rings.js';
import { END_SYMBOL, EVENT_SIZE, IPFT_EVENT_NOTICE, IPFT_NOTICE_END } from '../abi/layout.js';
import type { RecordTaker } from '../base/event.js';
import { Rings } from './rings.js';

/** Rings, and what was read of them: `e` with the time of an event, `end` with that of an end. */
function create() {
  const [events, ends] = [new WritableRing(1 << 12), new WritableRing(1 << 12)];
  const clock = { ns: 1000 };
  const rings = new Rings(events.reader(), ends.reader(), () => BigInt(clock.ns));
  const seen: string[] = [];
  const taker: RecordTaker = {
    event: ({ timestampLow }) => void seen.push(`e${timestampLow}`),
    began() {},
    moved() {},
    snapshot() {},
    process() {},
    ended: ({ timestampNs }) => void seen.push(`end${timestampNs}`),
  };
  const event = (ns: number, isBusy = false) => {
    const at = events.reserve(EVENT_SIZE, isBusy)!;
    events.event(at, ns, 1, 0, 0, 0);
    return at;
  };
  const end = (ns: number, isBusy = false) => {
    const at = ends.reserve(END_SYMBOL, isBusy)!;
    ends.event(at, ns, 1, 0, IPFT_NOTICE_END, 0, IPFT_EVENT_NOTICE);
    return at;
  };
  return { rings, events, ends, clock, seen, taker, event, end };
}

test('Rings: an end is read when an event was that is later, or all that was there with it', () => {
  const { rings, seen, taker, event, end } = create();
  for (const ns of [10, 20, 30, 40, 50]) event(ns);
  end(15);
  end(30);
  end(60);
  expect(rings.read(taker, 2)).toEqual({ events: 2, moved: true, drained: false, upToNs: 20n });
  expect(seen.splice(0)).toEqual(['e10', 'e20', 'end15']);
  // One of the same time may have been written before it.
  expect(rings.read(taker, 1)).toMatchObject({ drained: false, upToNs: 30n });
  expect(seen.splice(0)).toEqual(['e30']);
  expect(rings.countUnreadEnds()).toBe(2);
  expect(rings.read(taker, 2)).toEqual({ events: 2, moved: true, drained: true, upToNs: 1000n });
  expect(seen.splice(0)).toEqual(['e40', 'e50', 'end30', 'end60']);
});

test('Rings: what is not read of the ends is not told to be', () => {
  const { rings, clock, seen, taker, event, end } = create();
  event(10);
  event(500);
  for (const ns of [1, 2, 3, 4, 5, 6]) end(ns);
  event(600);
  expect(rings.read(taker, 2)).toMatchObject({ drained: false, upToNs: 0n });
  expect(seen.splice(0)).toEqual(['e10', 'e500', 'end1', 'end2']);
  clock.ns = 2000;
  event(1500);
  end(1400);
  expect(rings.read(taker, 2)).toMatchObject({ drained: false, upToNs: 0n });
  expect(rings.read(taker, 2)).toMatchObject({ drained: true, upToNs: 1000n });
  expect(rings.read(taker, 2)).toMatchObject({ drained: true, upToNs: 2000n });
  expect(seen.filter((one) => one.startsWith('end'))).toEqual(['end3', 'end4', 'end5', 'end6', 'end1400']);
});

test('Rings: a record that is being written holds back what is behind it, ends too', () => {
  const { rings, events, ends, seen, taker, event, end } = create();
  event(10);
  const busy = event(20, true);
  event(30);
  end(15);
  const busyEnd = end(16, true);
  end(17);
  expect(rings.read(taker)).toMatchObject({ drained: false, upToNs: 10n });
  expect(rings.read(taker)).toMatchObject({ moved: false, drained: false });
  events.submit(busy);
  expect(rings.read(taker)).toMatchObject({ moved: true, drained: false });
  expect(seen).toEqual(['e10', 'e20', 'e30', 'end15']);
  ends.submit(busyEnd);
  expect(rings.read(taker)).toMatchObject({ moved: true, drained: true });
  expect(seen).toEqual(['e10', 'e20', 'e30', 'end15', 'end16', 'end17']);
});

test('Rings: at the end no more is read than what had been written', () => {
  const { rings, seen, taker, event, end } = create();
  for (const ns of [10, 20, 30]) event(ns);
  end(25);
  rings.read(taker, 1);
  event(40);
  const until = rings.written;
  event(50);
  end(45);
  for (let tries = 0; !rings.read(taker, 1, until).drained; tries++) expect(tries).toBeLessThan(10);
  expect(seen).toEqual(['e10', 'e20', 'e30', 'end25', 'e40']);
});
