import { expect, test } from 'vitest';
import { bytes, ethernet, ipv4, tcp, udp } from '../../tests/support/headers.js';
import { type Packet, readPcapng, type Section } from '../../tests/support/pcapng.js';
import { createEvent, type FieldWriter, type TraceEvent } from '../base/event.js';
import type { Fate, Journey, Place } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import type { JourneyProcess } from '../base/process.js';
import type { Snapshot } from '../base/snapshot.js';
import { Choice, type ChoiceOptions } from '../journey/choice.js';
import type { OutputContext } from './output.js';
import { createPcapngOutput, type PcapngOptions } from './pcapng.js';

const MS = 1_000_000;
const BEGAN = 2 ** 32 - 50 * MS;
/** So that the low halves of times overflow. */
const OFFSET = 1_800_000_000_000_000_000n;
const EVIL = 'evil\x1b[2J"\u202e\n';
const PLACES: Place[] = [
  { netns: 4026531840, ifindex: 0, device: '' },
  { netns: 4026531841, ifindex: 2, device: 'eth"0\x07' },
];
const targets = [
  { name: 'ip_rcv', module: 'vmlinux' },
  { name: 'nf_conntrack_in', module: 'nf_conntrack' },
  { name: EVIL, module: EVIL },
];
const LEN: FieldWriter = {
  names: new Set(['len']),
  varies: false,
  text: () => {},
  values: () => {},
  json: (out, data, offset) => out.text(`,"len":${data.getUint8(offset)}`),
};
const NO_LOSSES: TraceLosses = {
  ...{ cpus: [], unfollowed: 0n, ends: 0n, unseen: 0n, missed: { shown: 0n, deciding: 0n } },
  ...{ countsMisses: true, switchedOff: [] },
};
const context = (over: Partial<OutputContext> = {}): OutputContext => ({
  ...{ targets, hasReturns: false, fields: undefined, dataSize: 0 },
  places: { get: (number) => PLACES[number - 1] },
  names: { reason: (reason) => `REASON_${reason}`, symbol: () => 'some_function+0x2' },
  netnsName: (netns) => (netns === 4026531841 ? EVIL : undefined),
  origin: { version: '1.2.3', kernel: `6.12\n${EVIL}`, beganNs: BigInt(BEGAN), realtimeOffsetNs: OFFSET },
  losses: () => NO_LOSSES,
  ...over,
});

const REQUEST = ipv4(17, udp([1000, 53], bytes('abcdef')));
const snapshot = (frame: Uint8Array, over: Partial<Snapshot> = {}): Snapshot => ({
  ...{ bytes: frame, hasEthernet: false, protocol: 0x800, lengthBytes: frame.length, vlan: undefined, gso: undefined },
  ...over,
});
const fate = (over: Partial<Fate> = {}): Fate => ({
  ...{ dropped: false, received: false, stage: 'none', reason: 0 },
  ...{ location: 0n, symbol: '', device: '', family: 0, protocol: 0, ...over },
});
const process = (command: string): JourneyProcess => ({
  ...{ pid: 12, command, cgroup: undefined, container: undefined, unit: undefined, pod: undefined },
});

/** A journey that ends so long after the begin. */
const journey = (number: number, endMs: number, over: Partial<Journey> = {}): Journey => ({
  ...{ number, shortId: number, packetId: 0n, parent: 0, beginNs: BigInt(BEGAN), endNs: BigInt(BEGAN + endMs * MS) },
  ...{ events: 0, lost: 0, gap: false, outcome: 'consumed', snapshots: [], fate: fate() },
  ...over,
});

/** An event so long after the begin. */
function event(atMs: number, over: Partial<TraceEvent> = {}): TraceEvent {
  const time = BEGAN + atMs * MS;
  const [timestampLow, timestampHigh] = [time % 2 ** 32, Math.floor(time / 2 ** 32)];
  return { ...createEvent(new DataView(Uint8Array.of(84).buffer)), timestampLow, timestampHigh, place: 2, ...over };
}

type Lives = readonly (readonly [Journey, readonly TraceEvent[]])[];

/** What is in the file of journeys and their events. */
function sectionOf(lives: Lives, options: PcapngOptions = {}, over: Partial<OutputContext> = {}): Section {
  const output = createPcapngOutput(context(over), options);
  const all = lives.flatMap(([one, events]) =>
    events.map((event) => [one, { ...event, journey: one.shortId }] as const),
  );
  const time = ({ timestampLow, timestampHigh }: TraceEvent) => timestampHigh * 2 ** 32 + timestampLow;
  for (const [one, event] of all.sort(([, a], [, b]) => time(a) - time(b))) output.event(event, one);
  for (const [one] of lives) output.ended(one);
  const pieces: Uint8Array[] = [];
  for (let hasMore = true; hasMore; pieces.push(output.take())) hasMore = output.tick(0);
  const [section, ...more] = readPcapng(Buffer.concat([...pieces, ...output.finish()]));
  if (!section || more.length > 0) throw new Error('there is not one section');
  return section;
}
const choose = (options: Partial<ChoiceOptions>) =>
  new Choice({ only: undefined, slowerNs: undefined, ...options } as ChoiceOptions);
const outcomes = (packets: readonly Packet[]) => packets.map(({ comment }) => comment.ipft.outcome);

test('an event is a packet: its function, time, bytes and what is known of it', () => {
  const dropped = journey(7, 3, {
    ...{ outcome: 'dropped', parent: 3, gap: true, lost: 2, sender: process(EVIL), receiver: process('nginx') },
    ...{ snapshots: [snapshot(REQUEST)], fate: fate({ dropped: true, reason: 5, location: 1n }) },
  });
  const section = sectionOf([
    [dropped, [event(1, { snapshot: 1, cpu: 3 }), event(2, { snapshot: 1, target: 1, place: 1 })]],
  ]);
  expect(section).toMatchObject({ os: expect.stringMatching(/^Linux 6\.12\\x0a/), application: 'ipft 1.2.3' });
  const [first, last] = section.packets;
  expect(first).toMatchObject({
    interface: { linkType: 101, name: 'ip_rcv' },
    ...{ timeNs: OFFSET + BigInt(BEGAN + MS), bytes: REQUEST, length: REQUEST.length, id: 7n },
    ...{ verdict: undefined, drops: undefined, flags: undefined },
  });
  const facts = {
    ...{ outcome: 'dropped', reason: 'REASON_5', ended_in: 'some_function+0x2', parent: 3, gap: true, lost: 2 },
    ...{ sender: 'evil\\x1b[2J"\\u202e\\x0a[12]', receiver: 'nginx[12]' },
  };
  expect(first?.comment).toEqual({
    ...{ function: 'ip_rcv', module: 'vmlinux', is_return: false, journey: 7, netns: 4026531841, device: 'eth"0\x07' },
    ...{ processor_id: 3, ipft: { ...facts, netns_name: EVIL } },
  });
  expect(last).toMatchObject({
    ...{ interface: { name: 'nf_conntrack_in (nf_conntrack)' }, timeNs: OFFSET + BigInt(BEGAN + 2 * MS) },
    ...{ verdict: '1:2', drops: 2n },
  });
  expect(last?.comment).toEqual({
    ...{ function: 'nf_conntrack_in', module: 'nf_conntrack', is_return: false, journey: 7, netns: 4026531840 },
    ...{ processor_id: 0, ipft: facts },
  });
});

test('an interface for each function and link type; a VLAN tag is put back', () => {
  const frame = ethernet(0x800, REQUEST);
  const snapshots = [
    snapshot(REQUEST),
    snapshot(frame, { hasEthernet: true }),
    snapshot(frame, { hasEthernet: true, vlan: { protocol: 0x8100, value: 0x6005 } }),
    snapshot(frame.subarray(0, 10), { hasEthernet: true, vlan: { protocol: 0x8100, value: 5 } }),
  ];
  const events = [1, 2, 3, 4].map((at) => event(at, { snapshot: at }));
  const section = sectionOf([[journey(1, 5, { snapshots }), [...events, event(5, { snapshot: 1 })]]]);
  expect(section.interfaces).toMatchObject([
    { name: 'ip_rcv', linkType: 101, description: 'calls of the function ip_rcv of vmlinux, packets from IP on' },
    { name: 'ip_rcv', linkType: 1, description: 'calls of the function ip_rcv of vmlinux, packets from Ethernet on' },
  ]);
  const tagged = bytes(frame.subarray(0, 12), '81006005', frame.subarray(12));
  expect(section.packets.map((packet) => [packet.bytes, packet.length])).toEqual([
    [REQUEST, REQUEST.length],
    [frame, frame.length],
    [tagged, tagged.length],
    [frame.subarray(0, 10), 10],
    [REQUEST, REQUEST.length],
  ]);
  expect(section.statistics.map(({ interface: { linkType }, delivered }) => [linkType, delivered])).toEqual([
    [101, 2n],
    [1, 3n],
  ]);
});

test('no headers yet, no bytes; cut ones; more than 64 KiB; more than the kernel says', () => {
  const large = ipv4(6, tcp([1, 2], 0x10), { totalBytes: 0 });
  const snapshots = [
    snapshot(bytes()),
    snapshot(large.subarray(0, 3), { lengthBytes: large.length }),
    snapshot(large, { lengthBytes: 512 * 1024, gso: { sizeBytes: 1448, segments: 362 } }),
    snapshot(large, { lengthBytes: 7 }),
  ];
  const events = [0, 1, 2, 3, 4].map((at) => event(at, { snapshot: at }));
  // A recording may say what it likes.
  const { packets } = sectionOf([[journey(1, 5, { snapshots }), [...events, event(5, { snapshot: 9, target: 77 })]]]);
  expect(packets.map((packet) => [packet.bytes.length, packet.length])).toEqual([
    [0, 0],
    [0, 0],
    [3, large.length],
    [large.length, 512 * 1024],
    [large.length, large.length],
    [0, 0],
  ]);
  expect(packets.at(-1)?.interface.name).toBe('? (?)');
});

test('packets are in the order of time, and tell what became of them from 0.2 s before the end on', () => {
  const snapshots = [snapshot(REQUEST)];
  const lives: Lives = [
    [
      journey(1, 300, { snapshots, outcome: 'transmitted' }),
      [0, 100, 200, 300].map((at) => event(at, { snapshot: 1 })),
    ],
    [journey(2, 150, { snapshots, outcome: 'delivered' }), [50, 150].map((at) => event(at, { snapshot: 1 }))],
  ];
  const { packets } = sectionOf(lives);
  expect(packets.map(({ id }) => id)).toEqual([1n, 2n, 1n, 2n, 1n, 1n]);
  expect(outcomes(packets)).toEqual([null, 'delivered', 'transmitted', 'delivered', 'transmitted', 'transmitted']);
  expect(packets.map(({ verdict, drops, flags }) => [verdict, drops, flags])).toEqual([
    [undefined, undefined, undefined],
    [undefined, undefined, undefined],
    [undefined, undefined, 2],
    ['1:0', 0n, undefined],
    [undefined, undefined, 2],
    ['1:0', 0n, 2],
  ]);
});

test('an event is handed on when it is known what becomes of its packet, or there are no others', () => {
  const output = createPcapngOutput(context());
  const count = () => {
    output.tick(0);
    return packets().length;
  };
  let file = Buffer.alloc(0);
  const packets = () => {
    file = Buffer.concat([file, output.take()]);
    return readPcapng(file)[0]?.packets ?? [];
  };
  const first = journey(1, 10, { snapshots: [snapshot(REQUEST)] });
  const next = journey(2, 500, { snapshots: [snapshot(REQUEST)] });
  output.event(event(0, { journey: 1, snapshot: 1 }), first);
  expect(count()).toBe(0);
  output.ended(first);
  output.event(event(399, { journey: 2, snapshot: 1 }), next);
  expect(count()).toBe(0);
  output.event(event(401, { journey: 2, snapshot: 1 }), next);
  expect(count()).toBe(1);
  expect(packets()).toMatchObject([{ id: 1n, verdict: '1:4', comment: { ipft: { outcome: 'consumed' } } }]);
  output.tick(399);
  expect(packets().length).toBe(1);
  output.tick(400);
  expect(outcomes(packets())).toEqual(['consumed', null, null]);
});

test('what may be missing: a gap that is known has a number, a possible one has none', () => {
  const end = (over: Partial<Journey>) => sectionOf([[journey(1, 5, over), [event(5)]]]).packets[0];
  expect(end({})).toMatchObject({ drops: 0n });
  expect(end({ gap: true, lost: 5 })).toMatchObject({ drops: 5n, comment: { ipft: { gap: true, lost: 5 } } });
  expect(end({ gap: true })).toMatchObject({ drops: undefined, comment: { ipft: { gap: true } } });
  const nothing = { verdict: undefined, drops: undefined, comment: { ipft: { outcome: null } } };
  expect(end({ outcome: 'unknown', fate: undefined, gap: true, lost: 1 })).toMatchObject(nothing);
  expect(end({ outcome: 'alive', fate: undefined })).toMatchObject(nothing);
});

test('what was lost of the whole trace stands at an interface of its own', () => {
  const cpus = [2n, 3n].map((lost, cpu) => ({ cpu, lost, firstNs: 1n, lastNs: 2n }));
  const losses = () => ({ ...NO_LOSSES, cpus, unfollowed: 1n, ends: 4n, missed: { shown: 6n, deciding: 0n } });
  const one = journey(1, 5, { snapshots: [snapshot(REQUEST)] });
  const { statistics } = sectionOf([[one, [event(5, { snapshot: 1 })]]], {}, { losses });
  expect(statistics).toMatchObject([
    { interface: { name: 'ipft' }, dropped: 6n, comment: '{"ring":5,"ends":4,"unfollowed":1,"missedCalls":6}' },
    {
      interface: { name: 'ip_rcv' },
      delivered: 1n,
      beginNs: OFFSET + BigInt(BEGAN),
      endNs: OFFSET + BigInt(BEGAN + 5 * MS),
    },
  ]);
});

test('once: a packet once at each place, from where its headers can be read', () => {
  const snapshots = [snapshot(REQUEST)];
  const places = [1, 1, 2, 2, 1, 0];
  const events = places.map((place, at) => event(at, { place, target: at % 3, snapshot: at === 0 ? 0 : 1 }));
  const lives: Lives = [[journey(1, 9, { snapshots, outcome: 'delivered' }), events]];
  for (const choice of [undefined, choose({ only: ['delivered'] })]) {
    const { packets } = sectionOf(lives, { once: true, choice });
    expect(packets.map(({ timeNs }) => Number(timeNs - OFFSET) - BEGAN)).toEqual([MS, 2 * MS, 5 * MS]);
    expect(packets.map(({ verdict }) => verdict)).toEqual([undefined, undefined, '1:0']);
  }
});

test('with a choice, chosen journeys alone, one after the other', () => {
  const snapshots = [snapshot(REQUEST)];
  const lives: Lives = [
    [journey(1, 300, { snapshots, outcome: 'delivered' }), [event(0, { snapshot: 1 }), event(300, { snapshot: 1 })]],
    [journey(2, 50, { snapshots }), [event(40, { snapshot: 1 })]],
    [journey(3, 50, { snapshots, outcome: 'delivered' }), [event(50, { snapshot: 1 })]],
  ];
  const { packets } = sectionOf(lives, { choice: choose({ only: ['delivered'] }) });
  expect(packets.map(({ id }) => id)).toEqual([1n, 1n, 3n]);
  expect(outcomes(packets)).toEqual([null, 'delivered', 'delivered']);
});

test('calls, their returns, and what is lost of them', () => {
  const back = event(2, { isReturn: true, skbFreed: true });
  const entry = event(1, {});
  const returned = { ...back, entryLow: entry.timestampLow, entryHigh: entry.timestampHigh };
  const alone = { ...event(4, { isReturn: true, entryLost: true }), entryLow: 0, entryHigh: 0 };
  const { packets } = sectionOf([[journey(1, 5), [entry, returned, alone]]], {}, { hasReturns: true });
  expect(
    packets.map(({ comment: { is_return, duration_ns, partner, skb_freed } }) => [
      is_return,
      duration_ns,
      partner,
      skb_freed,
    ]),
  ).toEqual([
    [false, undefined, undefined, undefined],
    [true, MS, undefined, true],
    [true, BEGAN + 4 * MS, 'lost', undefined],
  ]);
});

test('fields stand in the comment, unless that is longer than it may be', () => {
  const one = journey(1, 5);
  const fields = (json: FieldWriter['json']) => ({ fields: { ...LEN, json }, dataSize: 1 });
  const comment = (over: Partial<OutputContext>, hasFields = true) =>
    sectionOf([[one, [event(5, { hasFields })]]], {}, over).packets[0]?.comment;
  expect(comment(fields(LEN.json))).toMatchObject({ len: 84, ipft: { outcome: 'consumed' } });
  expect(comment(fields(LEN.json), false)).not.toHaveProperty('len');
  const long = comment(fields((out) => out.text(`,"len":"${'x'.repeat(65536)}"`)));
  expect(long).toMatchObject({ function: 'ip_rcv', ipft: { outcome: 'consumed', fields: 'too long for a comment' } });
  expect(long).not.toHaveProperty('len');
  // Fields that are called like keys replace them.
  const named = { ...LEN, names: new Set(['netns', 'device']), json: LEN.json };
  expect(comment({ fields: named, dataSize: 1 })).not.toHaveProperty('device');
});

test('without packets there is a file, too', () => {
  for (const choice of [undefined, choose({ only: ['dropped'] })])
    expect(sectionOf([], { choice, hardware: 'x86_64' })).toMatchObject({
      hardware: 'x86_64',
      packets: [],
      statistics: [],
    });
});

test('names from outside do no harm', () => {
  const { interfaces } = sectionOf([[journey(1, 5), [event(5, { target: 2 })]]]);
  expect(interfaces[0]?.name).toBe('evil\\x1b[2J"\\u202e\\x0a (evil\\x1b[2J"\\u202e\\x0a)');
});

test('memory is used again for journeys that come later', () => {
  const snapshots = [snapshot(REQUEST)];
  const lives: Lives = Array.from({ length: 3000 }, (_, index) => {
    const at = index * 10;
    return [journey(index + 1, at, { shortId: index % 100, snapshots }), [event(at, { snapshot: 1 })]];
  });
  const output = createPcapngOutput(context());
  const pieces: Uint8Array[] = [];
  for (const [one, [first]] of lives) {
    output.event({ ...first!, journey: one.shortId }, one);
    output.ended(one);
    output.tick(0);
    pieces.push(output.take());
  }
  const [section] = readPcapng(Buffer.concat([...pieces, ...output.finish()]));
  expect(section?.packets.map(({ id, comment: { journey } }) => [id, journey])).toEqual(
    lives.map(([{ number }]) => [BigInt(number), number]),
  );
});
