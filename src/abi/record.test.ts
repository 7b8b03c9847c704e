import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as record from './record.js';

const header = readFileSync(new URL('../../bpf/abi/event.h', import.meta.url), 'utf8');
const constant = (name: string) => {
  const [, shift, value] = new RegExp(`^#define ${name}\\s+\\(?(1u << )?(0x[0-9a-f]+|\\d+)`, 'm').exec(header) ?? [];
  return shift ? 2 ** Number(value) : Number(value);
};
/** Where each member of a struct lies, by the header's own text. */
function layout(struct: string): Record<string, number> {
  const sizes: Record<string, number> = { __u64: 8, __u32: 4, __u16: 2, __u8: 1, char: 1 };
  const body = new RegExp(`struct ${struct} \\{([^}]+)\\}`).exec(header)?.[1] ?? '';
  let offset = 0;
  const offsets: Record<string, number> = {};
  for (const [, type = '', name = '', elements] of body.matchAll(/^\t(?:struct )?(\w+) (\w+)(?:\[(\w+)\])?;/gm)) {
    const size = sizes[type] ?? layout(type)['size'] ?? Number.NaN;
    offsets[name] = offset;
    const count = elements === undefined ? 1 : /^\d+$/.test(elements) ? Number(elements) : constant(elements);
    offset += size * count;
  }
  return { ...offsets, size: offset };
}
/** A record with a value at each of its members, by their names. */
function build(struct: string, values: Record<string, bigint | string>): DataView {
  const offsets = layout(struct);
  const bytes = Buffer.alloc(offsets['size'] ?? 0);
  const wide = new DataView(new ArrayBuffer(bytes.length + 8));
  for (const [name, value] of Object.entries(values)) {
    const at = offsets[name];
    if (at === undefined) throw new Error(`struct ${struct} has no member ${name}`);
    const next = Math.min(...Object.values(offsets).filter((offset) => offset > at));
    if (typeof value === 'string') bytes.write(value, at);
    else for (let i = 0; i < next - at; i++) bytes[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  new Uint8Array(wide.buffer).set(bytes, 8);
  return wide;
}
const place = (netns: number, ifindex: number, device: string) => {
  const view = build('ipft_place', { netns: BigInt(netns), ifindex: BigInt(ifindex), device });
  return Buffer.from(view.buffer, 8).toString('latin1');
};
const event = (journey: number, sequence: number) =>
  Buffer.from(
    build('ipft_event', { timestamp_ns: 1n << 40n, journey: BigInt(journey), sequence: BigInt(sequence) }).buffer,
    8,
  );

test('record.ts mirrors bpf/abi/event.h', () => {
  const mirrored: Record<string, unknown> = { ...record };
  expect(layout('ipft_event')).toEqual({
    ...{ timestamp_ns: record.EVENT_TIMESTAMP, journey: record.EVENT_JOURNEY, sequence: record.EVENT_SEQUENCE },
    ...{ target: record.EVENT_TARGET, cpu: record.EVENT_CPU, flags: record.EVENT_FLAGS, depth: record.EVENT_DEPTH },
    size: record.EVENT_SIZE,
  });
  for (const name of ['RETURN', 'NO_FIELDS', 'FREED', 'ENTRY_LOST', 'NOTICE'] as const) {
    expect(constant(`IPFT_EVENT_${name}`)).toBe(mirrored[`IPFT_EVENT_${name}`]);
  }
  expect(constant('IPFT_TARGET_POSITION')).toBe(record.TARGET_POSITION);
  expect(constant('IPFT_MAX_POSITION')).toBe(record.MAX_POSITION);
  expect(record.TARGET_INDEX).toBe(2 ** record.TARGET_ARGUMENTS - 1);
  for (const name of ['BEGIN', 'PLACE', 'END'] as const) {
    expect(constant(`IPFT_NOTICE_${name}`)).toBe(mirrored[`IPFT_NOTICE_${name}`]);
  }
  for (const name of ['HIDDEN', 'FREES', 'QUEUES', 'TAIL', 'RELEASES', 'HEAD', 'FINAL', 'REPORTS', 'DEFERS'] as const) {
    expect(constant(`IPFT_TARGET_${name}`)).toBe(mirrored[`TARGET_${name}`]);
  }
  expect(layout('ipft_cpu')['size']).toBe(record.CPU_SIZE);
  expect(layout('ipft_journey')).toMatchObject({ size: record.JOURNEY_SIZE, left_out: 86 });
  const flags = { directReads: true, follow: true, dropHasReason: true, consumeHasLocation: true };
  const config = record.encodeConfig({ dataSize: 64, samplePeriod: 3, ...flags });
  expect(layout('ipft_config')).toEqual({
    ...{ data_size: 0, sample_period: 4, direct_reads: 8, follow: 12, drop_has_reason: 16 },
    ...{ consume_has_location: 20, symbol_format: 24, size: config.length },
  });
  expect([...new Uint32Array(config.buffer, config.byteOffset, 6)]).toEqual([64, 3, 1, 1, 1, 1]);
  expect(Buffer.from(config.subarray(24)).toString('latin1')).toBe('%pS\0');
  for (const [index, flag] of (['directReads', 'follow', 'dropHasReason', 'consumeHasLocation'] as const).entries()) {
    const one = record.encodeConfig({ dataSize: 64, samplePeriod: 3, ...flags, [flag]: false });
    expect([one[8 + index * 4], one.filter((byte, at) => byte !== config[at]).length]).toEqual([0, 1]);
  }
  expect(constant('IPFT_TARGET_POSITION')).toBe(record.TARGET_POSITION);
  expect(constant('IPFT_TARGET_ARGUMENTS')).toBe(record.TARGET_ARGUMENTS);
  expect(constant('IPFT_MAX_POSITION')).toBe(record.MAX_POSITION);
  expect(constant('IPFT_MAX_ARGUMENTS')).toBe(record.MAX_ARGUMENTS);
  expect(constant('IPFT_MASK_PLACE')).toBe(record.IPFT_MASK_PLACE);
  expect(constant('IPFT_MARK_PLACE')).toBe(record.IPFT_MARK_PLACE);
  expect(constant('IPFT_JOURNEY_BITS')).toBe(Math.log2(record.MAX_JOURNEYS));
});

test('NoticeDecoder.began, moved: where a journey begins and goes on', () => {
  const began = build('ipft_begin', {
    ...{ skb: 0xffff888012345678n, number: 0x100000007n, parent: 3n },
  });
  event(7, 0).copy(Buffer.from(began.buffer), 8);
  Buffer.from(began.buffer).write(place(0xf0000001, 2, 'eth0'), 8 + (layout('ipft_begin')['place'] ?? 0), 'latin1');
  expect(new record.NoticeDecoder().began(began, 8)).toEqual({
    ...{ packetId: 0xffff888012345678n, journey: 0x100000007, parent: 3, timestampNs: 1n << 40n },
    place: { netns: 0xf0000001, ifindex: 2, device: 'eth0' },
  });
  const moved = new DataView(new ArrayBuffer(8 + (layout('ipft_moved')['size'] ?? 0)));
  const bytes = Buffer.from(moved.buffer);
  event(7, 1).copy(bytes, 8);
  bytes.write(place(0xf0000001, 9, 'a-name-15-chars'), 8 + record.EVENT_SIZE, 'latin1');
  const where = { netns: 0xf0000001, ifindex: 9, device: 'a-name-15-chars' };
  expect(new record.NoticeDecoder().moved(moved, 8)).toEqual({ journey: 7, place: where });
  bytes.fill(0, 8 + record.EVENT_SIZE);
  expect(new record.NoticeDecoder().moved(moved, 8)).toBeUndefined();
});

test('NoticeDecoder.ended: what became of it; an address is named once', () => {
  const ended = build('ipft_end', {
    ...{
      number: 0x5fffffffen,
      location: 0xffffffff81234567n,
      reason: 0x30002n,
      ifindex: 4n,
      family: 10n,
      protocol: 262n,
      stage: 1n,
    },
    ...{ flags: 8n + 4n, device: 'veth0', symbol: 'ip_rcv+0x10/0x40 [mod]' },
  });
  event(0xfffffffe, 12).copy(Buffer.from(ended.buffer), 8);
  const decoder = new record.NoticeDecoder();
  const first = decoder.ended(ended, 8, layout('ipft_end')['size'] ?? 0);
  expect(first).toEqual({
    ...{ journey: 0x5fffffffe, timestampNs: 1n << 40n, events: 12 },
    fate: {
      ...{ dropped: true, received: true, stage: 'sent', reason: 0x30002, location: 0xffffffff81234567n },
      ...{ symbol: 'ip_rcv+0x10/0x40 [mod]', device: 'veth0', family: 10, protocol: 262 },
    },
  });
  // The record is shorter then: what is behind it is another's.
  const short = layout('ipft_end')['symbol'] ?? 0;
  new Uint8Array(ended.buffer).fill(0x41, 8 + short);
  expect(decoder.ended(ended, 8, short).fate).toBe(first.fate);
  ended.setUint32(8 + (layout('ipft_end')['reason'] ?? 0), 7, true);
  expect(decoder.ended(ended, 8, short).fate).toEqual({ ...first.fate, reason: 7 });
});

/** A place's notice, of a decoder that may know it. */
const movedTo = (decoder: record.NoticeDecoder, netns: number, ifindex: number, device: string) => {
  const view = new DataView(new ArrayBuffer(layout('ipft_moved')['size'] ?? 0));
  Buffer.from(view.buffer).write(place(netns, ifindex, device), record.EVENT_SIZE, 'latin1');
  return decoder.moved(view, 0)?.place;
};

test('NoticeDecoder: the same bytes are the same object, others another one, also where their sums agree', () => {
  const decoder = new record.NoticeDecoder();
  const first = movedTo(decoder, 5, 40, 'eth0');
  // The same by `31 * netns + ifindex`.
  const second = movedTo(decoder, 6, 9, 'eth0');
  const third = movedTo(decoder, 6, 9, 'eth1');
  expect([first, second, third].map((one) => [one?.netns, one?.ifindex, one?.device])).toEqual([
    ...[
      [5, 40, 'eth0'],
      [6, 9, 'eth0'],
    ],
    [6, 9, 'eth1'],
  ]);
  expect(movedTo(decoder, 5, 40, 'eth0')).toBe(first);
  expect(movedTo(decoder, 6, 9, 'eth0')).toBe(second);
  expect(movedTo(decoder, 6, 9, 'eth1')).toBe(third);
});

test('NoticeDecoder: what is kept is bounded, and what was forgotten is decoded again', () => {
  const decoder = new record.NoticeDecoder();
  const first = movedTo(decoder, 1, 1, 'eth0');
  const view = new DataView(new ArrayBuffer(layout('ipft_moved')['size'] ?? 0));
  view.setUint32(record.EVENT_SIZE, 1, true);
  for (let ifindex = 2; ifindex <= 0x10000; ifindex++) {
    view.setUint32(record.EVENT_SIZE + 4, ifindex, true);
    decoder.moved(view, 0);
  }
  expect(movedTo(decoder, 1, 1, 'eth0')).toBe(first);
  movedTo(decoder, 1, 0, 'one more');
  const again = movedTo(decoder, 1, 1, 'eth0');
  expect(again).toEqual(first);
  expect(again).not.toBe(first);
  // It is bounded anew: as many more are kept again.
  expect(movedTo(decoder, 1, 1, 'eth0')).toBe(again);
});

test('NoticeDecoder: a device name without a zero behind it, each flag by itself, a stage of a later version', () => {
  expect(movedTo(new record.NoticeDecoder(), 1, 1, 'sixteen-letters!')?.device).toBe('sixteen-letters!');
  const fate = (values: Record<string, bigint>) =>
    new record.NoticeDecoder().ended(build('ipft_end', values), 8, layout('ipft_end')['size'] ?? 0).fate;
  expect(fate({ flags: 4n })).toMatchObject({ received: true, dropped: false });
  expect(fate({ flags: 8n })).toMatchObject({ received: false, dropped: true });
  expect(fate({ flags: 0xf3n })).toMatchObject({ received: false, dropped: false });
  expect(fate({ stage: 9n })).toMatchObject({ stage: 'none', symbol: '' });
  const freeing = (values: Record<string, bigint>) =>
    record.decodeLivings(new DataView(build('ipft_journey', { owner: 8n, freeing_ns: 1n, ...values }).buffer, 8))[0]
      ?.freeing?.fate;
  expect(freeing({ flags: 4n })).toMatchObject({ received: true, dropped: false });
  expect(freeing({ flags: 8n })).toMatchObject({ received: false, dropped: true });
  expect(freeing({ flags: 0xf3n })).toMatchObject({ received: false, dropped: false });
  expect(freeing({ stage: 9n })?.stage).toBe('none');
});

test('decodeLosses, decodeLivings', () => {
  const words = new BigUint64Array(16);
  words.set([5n, 10n, 20n, 0n, 0n, 1n, 2n, 3n], 8);
  words.set([4n, 40n, 50n], 5);
  expect(record.decodeLosses(new DataView(words.buffer))).toEqual({
    ...{ cpus: [{ cpu: 1, lost: 5n, firstNs: 10n, lastNs: 20n }], unfollowed: 5n, ends: 42n, unseen: 53n },
  });
  const places = [
    ...[
      { owner: 0xffff888000000100n, number: 0x500000009n, events: 6n },
      { owner: 0n, number: 4n },
    ],
    ...[
      { owner: 0xffff888000000201n, number: 5n },
      { owner: 0xffff888000000302n, number: 6n },
    ],
    { owner: 0xffff888100000000n, number: 7n },
  ].map((values) => new Uint8Array(build('ipft_journey', values).buffer, 8));
  expect(record.decodeLivings(new DataView(Uint8Array.from(Buffer.concat(places)).buffer))).toEqual([
    { journey: 9, events: 6, freeing: undefined },
    { journey: 7, events: 0, freeing: undefined },
  ]);
  const freeing = build('ipft_journey', {
    ...{
      owner: 0xffff888000000100n,
      number: 9n,
      events: 6n,
      freeing_ns: 77n,
      location: 0x1234n,
      reason: 5n,
      family: 2n,
      protocol: 6n,
    },
    ...{ stage: 2n, flags: 12n, device: 'eth0' },
  });
  expect(record.decodeLivings(new DataView(freeing.buffer, 8))[0]?.freeing).toEqual({
    ...{ journey: 9, timestampNs: 77n, events: 6 },
    fate: {
      ...{ dropped: true, received: true, stage: 'queued', reason: 5, location: 0x1234n, symbol: '' },
      ...{ device: 'eth0', family: 2, protocol: 6 },
    },
  });
});
