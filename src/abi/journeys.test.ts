import { expect, test } from 'vitest';
import { build, LEAD, type Values } from '../../tests/support/records.js';
import { countFollowed, decodeLivings } from './journeys.js';

/** The map, with these places. */
const map = (...places: Values[]) => {
  const bytes = places.map((values) => new Uint8Array(build('journey', values).buffer, LEAD));
  return new DataView(Uint8Array.from(Buffer.concat(bytes)).buffer);
};
const OWNER = 0xffff888000000100n;

test('decodeLivings: the journeys of places that have an owner whose journey has not ended', () => {
  const places = map(
    { owner: OWNER, id: 0x500000009n, events: 6 },
    { owner: 0, id: 4 },
    { owner: 0xffff888000000201n, id: 5 },
    { owner: 0xffff888000000302n, id: 6 },
    { owner: 0xffff888100000000n, id: 7 },
  );
  expect(decodeLivings(places)).toEqual([
    { journey: 9, events: 6, freeing: undefined },
    { journey: 7, events: 0, freeing: undefined },
  ]);
});

test('decodeLivings: what the end of a packet that is being freed will be', () => {
  const freeing = { owner: OWNER, id: 0x500000009n, events: 6, freeing_ns: 77 };
  const fate = { location: 0x1234n, reason: 5, family: 2, protocol: 6 };
  expect(decodeLivings(map({ ...freeing, ...fate, stage: 2, flags: 12, device: 'eth0' }))[0]?.freeing).toEqual({
    ...{ journey: 0x500000009, timestampNs: 77n, events: 6 },
    fate: { ...fate, dropped: true, received: true, stage: 'queued', symbol: '', device: 'eth0' },
  });
  const its = (values: Values) => decodeLivings(map({ ...freeing, ...values }))[0]?.freeing?.fate;
  expect(its({ flags: 4 })).toMatchObject({ received: true, dropped: false });
  expect(its({ flags: 8 })).toMatchObject({ received: false, dropped: true });
  expect(its({ flags: 0xf3 })).toMatchObject({ received: false, dropped: false });
  expect(its({ stage: 9 })?.stage).toBe('none');
});

test('countFollowed: places that were ever used, and those whose packet the extension has left out once', () => {
  const places = map({ owner: OWNER, left_out: 1 }, {}, { owner: 0xffff888000000201n }, { owner: 1n << 32n });
  expect(countFollowed(places)).toEqual({ packets: 3, leftOut: 1 });
});
