import { expect, test } from 'vitest';
import { build, fill, LEAD, offsetOf, sizeOf } from '../../tests/support/records.js';
import type { Place } from '../base/journey.js';
import { MOVED_PLACE, PLACE_IFINDEX, PLACE_NETNS, WHOSE_PROCESS } from './layout.js';
import { NoticeDecoder } from './notices.js';

test('NoticeDecoder.began, moved: where a journey begins and goes on', () => {
  const event = { timestamp_ns: 1n << 40n, journey: 7 };
  const began = build('begin', { skb: 0xffff888012345678n, id: 0x100000007n, parent: 3 }, event);
  fill(began, LEAD + offsetOf('begin', 'place'), 'place', { netns: 0xf0000001, ifindex: 2, device: 'eth0' });
  expect(new NoticeDecoder().began(began, LEAD)).toEqual({
    ...{ packetId: 0xffff888012345678n, journey: 0x100000007, parent: 3, timestampNs: 1n << 40n },
    place: { netns: 0xf0000001, ifindex: 2, device: 'eth0' },
  });
  const moved = build('moved', {}, { ...event, sequence: 1 });
  const where = { netns: 0xf0000001, ifindex: 9, device: 'a-name-15-chars' };
  fill(moved, LEAD + MOVED_PLACE, 'place', { ...where });
  expect(new NoticeDecoder().moved(moved, LEAD)).toEqual({ journey: 7, place: where });
  fill(moved, LEAD, 'moved', { place: 0 });
  expect(new NoticeDecoder().moved(moved, LEAD)).toBeUndefined();
});

test('NoticeDecoder.snapshot: the bytes behind it, as many as the record has', () => {
  const at = LEAD + sizeOf('event');
  const bytes = at + sizeOf('snapshot');
  const view = new DataView(new ArrayBuffer(bytes + 8));
  const values = { length: 1514, captured: 5, protocol: 0xdd86, has_ethernet: 1 };
  fill(view, at, 'snapshot', { ...values, vlan_protocol: 0x81, vlan_value: 0x6005, gso_size: 1448, gso_segments: 2 });
  fill(view, LEAD, 'event', { journey: 7 });
  new Uint8Array(view.buffer).set([1, 2, 3, 4, 5, 6, 7, 8], bytes);
  const decoder = new NoticeDecoder();
  const snapped = decoder.snapshot(view, LEAD, at, bytes + 8);
  expect(snapped).toEqual({
    journey: 7,
    snapshot: {
      ...{ bytes: Uint8Array.of(1, 2, 3, 4, 5), hasEthernet: true, protocol: 0x86dd, lengthBytes: 1514 },
      ...{ vlan: { protocol: 0x8100, value: 0x6005 }, gso: { sizeBytes: 1448, segments: 2 } },
    },
  });
  // They are a copy: the ring's memory is used again.
  new Uint8Array(view.buffer).fill(0, bytes);
  expect(snapped?.snapshot.bytes[0]).toBe(1);
  fill(view, at, 'snapshot', { vlan_protocol: 0, gso_size: 0, has_ethernet: 0, captured: 9 });
  expect(decoder.snapshot(view, LEAD, at, bytes + 8)?.snapshot).toMatchObject({
    ...{ bytes: new Uint8Array(8), hasEthernet: false, vlan: undefined, gso: undefined },
  });
  expect(decoder.snapshot(view, LEAD, at, bytes)).toBeUndefined();
  expect(decoder.snapshot(view, LEAD, at, at)).toBeUndefined();
  fill(view, at, 'snapshot', { captured: 0 });
  expect(decoder.snapshot(view, LEAD, at, bytes + 8)).toBeUndefined();
});

test('NoticeDecoder.whose: one object for each process; its control group is looked for until it is known', () => {
  const asked: bigint[] = [];
  let known = false;
  const decoder = new NoticeDecoder((id) => {
    asked.push(id);
    return known ? { path: '/blue', unit: 'blue.service' } : undefined;
  });
  const whose = build('whose', { party: 2 }, { journey: 7 });
  fill(whose, LEAD + WHOSE_PROCESS, 'holder', { cgroup: 1n << 40n, tgid: 99, pid: 12, name: 'sixteen-bytes-ok' });
  const nothing = { container: undefined, unit: undefined, pod: undefined };
  expect(decoder.whose(whose, LEAD)).toEqual({
    ...{ journey: 7, party: 'receiver' },
    process: { pid: 12, command: 'sixteen-bytes-ok', cgroup: undefined, ...nothing },
  });
  known = true;
  const found = decoder.whose(whose, LEAD)?.process;
  expect(found).toMatchObject({ cgroup: '/blue', unit: 'blue.service' });
  fill(whose, LEAD, 'whose', { party: 1 });
  expect(decoder.whose(whose, LEAD)).toMatchObject({ party: 'sender' });
  expect(decoder.whose(whose, LEAD)?.process).toBe(found);
  expect(asked).toEqual([1n << 40n, 1n << 40n]);
  fill(whose, LEAD + WHOSE_PROCESS, 'holder', { pid: 0 });
  expect(decoder.whose(whose, LEAD)?.process.pid).toBeUndefined();
  fill(whose, LEAD, 'whose', { party: 3 });
  expect(decoder.whose(whose, LEAD)).toBeUndefined();
});

test('NoticeDecoder.ended: what became of it; an address is named once', () => {
  const ended = build(
    'end',
    {
      ...{ id: 0x5fffffffen, location: 0xffffffff81234567n, reason: 0x30002, ifindex: 4, family: 10 },
      ...{ protocol: 262, stage: 1, flags: 8 + 4, device: 'veth0', symbol: 'ip_rcv+0x10/0x40 [mod]' },
    },
    { timestamp_ns: 1n << 40n, journey: 0xfffffffe, sequence: 12 },
  );
  const decoder = new NoticeDecoder();
  const first = decoder.ended(ended, LEAD, sizeOf('end'));
  expect(first).toEqual({
    ...{ journey: 0x5fffffffe, timestampNs: 1n << 40n, events: 12 },
    fate: {
      ...{ dropped: true, received: true, stage: 'sent', reason: 0x30002, location: 0xffffffff81234567n },
      ...{ symbol: 'ip_rcv+0x10/0x40 [mod]', device: 'veth0', family: 10, protocol: 262 },
    },
  });
  // The record is shorter then: what is behind it is another's.
  const short = offsetOf('end', 'symbol');
  new Uint8Array(ended.buffer).fill(0x41, LEAD + short);
  expect(decoder.ended(ended, LEAD, short).fate).toBe(first.fate);
  fill(ended, LEAD, 'end', { reason: 7 });
  expect(decoder.ended(ended, LEAD, short).fate).toEqual({ ...first.fate, reason: 7 });
  // The kernel gives back a packet's fragments in the way of dropped ones.
  fill(ended, LEAD, 'end', { location: 0xffffffff81234568n, symbol: 'skb_release_data+0x1f/0x40' });
  expect(decoder.ended(ended, LEAD, sizeOf('end')).fate).toMatchObject({ dropped: false, reason: 7 });
});

/** A place's notice, of a decoder that may know it. */
const movedTo = (decoder: NoticeDecoder, place: Place) => {
  const view = build('moved', {});
  fill(view, LEAD + MOVED_PLACE, 'place', { ...place });
  return decoder.moved(view, LEAD)?.place;
};

test('NoticeDecoder: the same bytes are the same object, others another one, also where their sums agree', () => {
  const decoder = new NoticeDecoder();
  const places = [
    { netns: 5, ifindex: 40, device: 'eth0' },
    // The same by `31 * netns + ifindex`.
    { netns: 6, ifindex: 9, device: 'eth0' },
    { netns: 6, ifindex: 9, device: 'eth1' },
  ];
  const decoded = places.map((place) => movedTo(decoder, place));
  expect(decoded).toEqual(places);
  for (const [index, place] of places.entries()) expect(movedTo(decoder, place)).toBe(decoded[index]);
});

test('NoticeDecoder: what is kept is bounded, and what was forgotten is decoded again', () => {
  const decoder = new NoticeDecoder();
  const first = movedTo(decoder, { netns: 1, ifindex: 1, device: 'eth0' });
  const view = build('moved', {});
  view.setUint32(LEAD + MOVED_PLACE + PLACE_NETNS, 1, true);
  for (let ifindex = 2; ifindex <= 0x10000; ifindex++) {
    view.setUint32(LEAD + MOVED_PLACE + PLACE_IFINDEX, ifindex, true);
    decoder.moved(view, LEAD);
  }
  expect(movedTo(decoder, { netns: 1, ifindex: 1, device: 'eth0' })).toBe(first);
  movedTo(decoder, { netns: 1, ifindex: 0, device: 'one more' });
  const again = movedTo(decoder, { netns: 1, ifindex: 1, device: 'eth0' });
  expect(again).toEqual(first);
  expect(again).not.toBe(first);
  // It is bounded anew: as many more are kept again.
  expect(movedTo(decoder, { netns: 1, ifindex: 1, device: 'eth0' })).toBe(again);
});

test('NoticeDecoder: a device name without a zero behind it, each flag by itself, a stage of a later version', () => {
  const place = { netns: 1, ifindex: 1, device: 'sixteen-letters!' };
  expect(movedTo(new NoticeDecoder(), place)).toEqual(place);
  const fate = (flags: number, stage = 0) =>
    new NoticeDecoder().ended(build('end', { flags, stage }), LEAD, sizeOf('end')).fate;
  expect(fate(4)).toMatchObject({ received: true, dropped: false });
  expect(fate(8)).toMatchObject({ received: false, dropped: true });
  expect(fate(0xf3)).toMatchObject({ received: false, dropped: false });
  expect(fate(0, 9)).toMatchObject({ stage: 'none', symbol: '' });
  const stages = [0, 1, 2, 3, 4].map((stage) => fate(0, stage).stage);
  expect(stages).toEqual(['none', 'sent', 'queued', 'processed', 'unread']);
});
