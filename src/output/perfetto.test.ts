import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { echo, ipv4 } from '../../tests/support/headers.js';
import { type PerfettoTrace, readPerfetto } from '../../tests/support/perfetto.js';
import { compare, isCall, isJourney, type JsonEvent, type JsonJourney, rootOf } from '../../tests/support/pictures.js';
import { showBytes, showText } from '../../tests/support/recorded.js';
import { type RecordingOptions, recordBytes } from '../../tests/support/recordings.js';
import { createEvent, type FieldWriter, type TraceEvent } from '../base/event.js';
import { groupBy } from '../base/group-by.js';
import type { Fate, Journey, Place } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import { Recording } from '../recording/recording.js';
import { JourneyOutput, type OutputContext } from './output.js';
import { PerfettoEncoder } from './perfetto.js';
import { MAX_FLOWS } from './tracks.js';

const KEPT = fileURLToPath(new URL('../../tests/recordings/v1', import.meta.url));
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-perfetto-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What a recording has in both forms. */
async function both(path: string): Promise<{ trace: PerfettoTrace; events: JsonEvent[]; journeys: JsonJourney[] }> {
  using recording = Recording.open(path);
  const trace = readPerfetto(await showBytes(recording, 'perfetto'));
  using again = Recording.open(path);
  const lines = (await showText(again, 'json'))
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const isEvent = (line: { type?: string }) => line.type !== 'journey';
  return { trace, events: lines.filter(isEvent), journeys: lines.filter((line) => !isEvent(line)) };
}

test.each(readdirSync(KEPT).filter((name) => name.endsWith('.ipft')))(
  'tests/recordings/v1/%s: slices are the events and journeys of JSON',
  async (name) => {
    const found = await both(join(KEPT, name));
    expect(found.events.length).toBeGreaterThan(30);
    compare(found.trace, found);
    using recording = Recording.open(join(KEPT, name));
    const { beganNs, realtimeOffsetNs } = recording.header;
    expect(Object.fromEntries(found.trace.clocks)).toEqual({ 1: beganNs + realtimeOffsetNs, 3: beganNs });
    const tracks = [...found.trace.tracks.values()].map((track) => track.name);
    expect(tracks[0]).toMatch(/^netns \d+ \(ipft-here\)$/);
    expect(tracks).toContain('events that found no room');
  },
);

const CALLS = { hasReturns: true, facts: { tracer: 'function_graph' } } as const;

test.each<readonly [string, Partial<RecordingOptions>]>([
  ['entries', {}],
  ['calls', CALLS],
  ['fields', { ...CALLS, hasFields: true }],
  ['losses', { ...CALLS, isVaried: true, ringBytes: 1 << 16, endsBytes: 1 << 12 }],
  ['packets and processes', { hasSnapshots: true, hasProcesses: true, isVaried: true, packets: 40 }],
])('%s: slices are the events and journeys of JSON', async (_, options) => {
  const path = join(dir, 'recording.ipft');
  writeFileSync(path, recordBytes({ events: 3000, ...options }));
  const found = await both(path);
  expect(found.events.length).toBeGreaterThan(500);
  compare(found.trace, found);
});

const targets = [
  { name: 'ip_rcv', module: 'vmlinux' },
  { name: 'dev_queue_xmit', module: 'vmlinux' },
  { name: `evil\x1b[2J\u202e"${'n'.repeat(10_000)}`, module: 'mod\0ule' },
];
const PLACES: Place[] = [
  { netns: 4026531840, ifindex: 2, device: 'eth0' },
  { netns: 4026531841, ifindex: 3, device: 'e\x07"\\ü' },
];
const NOTHING_LOST: TraceLosses = {
  ...{ cpus: [], unfollowed: 0n, ends: 0n, unseen: 0n, missed: { shown: 0n, deciding: 0n } },
  ...{ countsMisses: true, switchedOff: [] },
};
const T = 1_000_000_000n;

/** An event at a time. */
function event(number: number, at: bigint, over: Partial<TraceEvent> = {}): TraceEvent {
  return {
    ...createEvent(),
    ...{ journey: number, timestampLow: Number(at & 0xffffffffn), timestampHigh: Number(at >> 32n), place: 1 },
    ...over,
  };
}
const entry = (number: number, at: bigint, target: number, cpu = 0, over: Partial<TraceEvent> = {}) =>
  event(number, at, { target, cpu, ...over });
const returned = (number: number, at: bigint, target: number, from: bigint, cpu = 0, over: Partial<TraceEvent> = {}) =>
  event(number, at, {
    ...{ target, cpu, isReturn: true, entryLow: Number(from & 0xffffffffn), entryHigh: Number(from >> 32n) },
    ...over,
  });
const journey = (number: number, beginNs: bigint, endNs: bigint, over: Partial<Journey> = {}): Journey => ({
  ...{ number, shortId: number, packetId: 0xffff888000000000n + BigInt(number), parent: 0, beginNs, endNs, events: 0 },
  ...{ lost: 0, gap: false, outcome: 'consumed', snapshots: [], fate: undefined, ...over },
});

interface Given {
  readonly hasReturns?: boolean;
  readonly losses?: TraceLosses;
  readonly fields?: FieldWriter;
  readonly dataSize?: number;
}

/** Journeys with their events, in the order in which they end. */
function drawn(whole: readonly (readonly [Journey, readonly TraceEvent[]])[], given: Given = {}): PerfettoTrace {
  const { hasReturns = false, losses = NOTHING_LOST, fields, dataSize = 0 } = given;
  const context: OutputContext = {
    ...{ targets, hasReturns, fields, dataSize, losses: () => losses },
    places: { get: (number) => PLACES[number - 1] },
    names: { reason: () => undefined, symbol: () => undefined },
    netnsName: (netns) => (netns === PLACES[1]?.netns ? 'blue\n' : undefined),
    origin: { version: '0', kernel: '6.12', beganNs: T, realtimeOffsetNs: 1_700_000_000n * T },
  };
  const output = new JourneyOutput(new PerfettoEncoder(context), context, {});
  const pieces: Uint8Array[] = [];
  for (const [its, events] of whole) {
    for (const one of events) output.event(one, its);
    output.ended(its);
    for (let hasMore = true; hasMore; ) {
      hasMore = output.tick();
      pieces.push(Uint8Array.from(output.take()));
    }
  }
  return readPerfetto(Buffer.concat([...pieces, ...output.finish()]));
}
const shape = ({ slices }: PerfettoTrace) =>
  slices.map(({ name, begin, end, track, parent }) => [
    ...[name, Number(begin - T), end === undefined ? 'instant' : Number(end - T)],
    ...[track.uuid, parent?.name],
  ]);

test('without events there are clocks and counters of losses', () => {
  const { slices, tracks, counters, clocks } = drawn([]);
  expect(slices).toEqual([]);
  expect([...tracks.values()].map(({ name }) => name)).toEqual(['lost', 'events that found no room']);
  expect(counters.map(({ at, value }) => [at, value])).toEqual([
    [T, 0n],
    [T, 0n],
  ]);
  expect(clocks.get('1')).toBe(1_700_000_001n * T);
});

test('one event lasts until the end of its journey', () => {
  expect(shape(drawn([[journey(1, T, T + 10n), [entry(1, T + 2n, 0)]]]))).toEqual([
    ['journey 1', 0, 10, '2', undefined],
    ['ip_rcv', 2, 10, '2', 'journey 1'],
    ['consumed', 10, 'instant', '2', 'journey 1'],
  ]);
});

test('without returns an event lasts until the next one', () => {
  const events = [entry(1, T, 0), entry(1, T + 3n, 1, 1), entry(1, T + 3n, 0, 1), entry(1, T + 7n, 1)];
  expect(shape(drawn([[journey(1, T, T + 10n), events]])).map((one) => one.slice(0, 3))).toEqual([
    ['journey 1', 0, 10],
    ['ip_rcv', 0, 3],
    ['dev_queue_xmit', 3, 3],
    ['ip_rcv', 3, 7],
    ['dev_queue_xmit', 7, 10],
    ['consumed', 10, 'instant'],
  ]);
});

test('calls at the same time on two CPUs have a lane each', () => {
  const events = [
    entry(1, T, 0),
    entry(1, T + 1n, 1),
    // The other CPU begins with the packet before the first one has returned from handing it over.
    entry(1, T + 2n, 0, 1),
    returned(1, T + 3n, 1, T + 1n),
    returned(1, T + 4n, 0, T),
    entry(1, T + 5n, 1, 1),
    returned(1, T + 6n, 1, T + 5n, 1),
    returned(1, T + 7n, 0, T + 2n, 1),
  ];
  expect(shape(drawn([[journey(1, T, T + 9n), events]], { hasReturns: true }))).toEqual([
    ['journey 1', 0, 9, '2', undefined],
    ['ip_rcv', 0, 4, '2', 'journey 1'],
    ['dev_queue_xmit', 1, 3, '2', 'ip_rcv'],
    ['journey 1, on another CPU at the same time', 2, 9, '3', undefined],
    ['ip_rcv', 2, 7, '3', 'journey 1, on another CPU at the same time'],
    ['dev_queue_xmit', 5, 6, '3', 'ip_rcv'],
    ['consumed', 9, 'instant', '2', 'journey 1'],
  ]);
});

test('a lost return, a lost entry, and a return that comes before those of later calls', () => {
  const events = [
    entry(1, T, 0),
    entry(1, T + 1n, 1), // its return is lost
    entry(1, T + 3n, 1),
    returned(1, T + 5n, 0, T), // before that of the call within it
    returned(1, T + 6n, 1, T + 3n),
    returned(1, T + 8n, 1, T + 7n, 0, { entryLost: true }),
  ];
  expect(shape(drawn([[journey(1, T, T + 9n), events]], { hasReturns: true })).map((one) => one.slice(0, 3))).toEqual([
    ['journey 1', 0, 9],
    ['ip_rcv', 0, 5],
    ['dev_queue_xmit', 1, 3],
    ['dev_queue_xmit', 3, 5],
    ['dev_queue_xmit', 6, 'instant'],
    ['dev_queue_xmit', 8, 'instant'],
    ['consumed', 9, 'instant'],
  ]);
});

test('journeys with gaps say so over their whole length', () => {
  const lost = drawn([[journey(1, T, T + 9n, { gap: true, lost: 3 }), [entry(1, T + 1n, 0)]]]);
  expect(shape(lost).slice(0, 3)).toEqual([
    ['journey 1', 0, 9, '2', undefined],
    ['gap: 3 events lost', 0, 9, '2', 'journey 1'],
    ['ip_rcv', 1, 9, '2', 'gap: 3 events lost'],
  ]);
  const carried = drawn([[journey(1, T + 1n, T + 9n, { gap: true, isCarried: true }), [entry(1, T, 0)]]]);
  expect(shape(carried)[1]?.slice(0, 3)).toEqual(['gap: it began before this recording', 0, 9]);
});

test('losses are counted over time', () => {
  const cpus = [
    { cpu: 0, lost: 10n, firstNs: T + 5n, lastNs: T + 20n },
    { cpu: 3, lost: 1n, firstNs: T + 7n, lastNs: T + 7n },
  ];
  const losses = { ...NOTHING_LOST, cpus, ends: 4n, missed: { shown: 0n, deciding: 2n ** 60n } };
  const { counters, tracks } = drawn([[journey(1, T, T + 9n), [entry(1, T, 0)]]], { losses });
  expect(counters.map(({ track, at, value }) => [track.name, Number(at - T), value])).toEqual([
    ['events that found no room', 0, 0n],
    ['ends of journeys', 0, 0n],
    ['missed calls that decide about packets', 0, 0n],
    ['events that found no room', 5, 1n],
    ['events that found no room', 7, 2n],
    ['events that found no room', 7, 2n],
    ['ends of journeys', 9, 4n],
    ['missed calls that decide about packets', 9, 2n ** 60n],
    ['events that found no room', 20, 11n],
    ['events that found no room', 20, 11n],
  ]);
  expect(counters.every(({ track }) => tracks.get(track.parent!)?.name === 'lost')).toBe(true);
});

const packet = (bytes: Uint8Array) => ({
  ...{ bytes, hasEthernet: false, protocol: 0x0800, lengthBytes: bytes.length, vlan: undefined, gso: undefined },
});
const request = packet(ipv4(1, echo(8, 7, 1)));
const reply = packet(ipv4(1, echo(0, 7, 1), { from: '10.0.0.2', to: '10.0.0.1' }));

test('flows lead from a packet to its answer, and from it to its copies', () => {
  const { slices } = drawn([
    // An answer may end before what it answers, and a copy before its parent, or after it.
    [journey(2, T + 4n, T + 6n, { snapshots: [reply] }), [entry(2, T + 4n, 0)]],
    [journey(3, T + 3n, T + 7n, { parent: 1 }), [entry(3, T + 3n, 0)]],
    [journey(1, T, T + 8n, { snapshots: [request] }), [entry(1, T, 0), entry(1, T + 2n, 1)]],
    [journey(4, T + 1n, T + 9n, { parent: 1 }), [entry(4, T + 1n, 0)]],
    // Its parent was not seen.
    [journey(6, T + 1n, T + 9n, { parent: 5 }), [entry(6, T + 1n, 0)]],
  ]);
  const [one, two] = [1n, 2n].map((number) =>
    slices.find((slice) => isJourney(slice) && slice.args['journey'] === number),
  );
  expect(one?.name).toContain('10.0.0.1 > 10.0.0.2: ICMP echo request');
  expect(one?.flows).toHaveLength(1);
  expect(two?.flows).toEqual(one?.flows);
  expect([one?.track.name, two?.track.name]).toEqual(['10.0.0.1 > 10.0.0.2 ICMP', '10.0.0.2 > 10.0.0.1 ICMP']);
  const copies = slices.filter(({ category }) => category === 'copy');
  expect(copies.map((slice) => [slice.name, Number(slice.begin - T), rootOf(slice).args['journey']])).toEqual([
    ['copied: journey 4', 1, 1n],
    ['copy of journey 1', 1, 4n],
    ['copied: journey 3', 3, 1n],
    ['copy of journey 1', 3, 3n],
  ]);
  expect(copies[0]?.flows).toEqual(copies[1]?.endingFlows);
  expect(copies[2]?.flows).toEqual(copies[3]?.endingFlows);
  expect(copies[0]?.flows).not.toEqual(copies[2]?.flows);
});

test('names of any characters and of any length are shown, and stay within their place', () => {
  const its = journey(1, T, T + 9n, {
    outcome: 'transmitted',
    fate: { ...FATE, stage: 'sent', device: 'e\x1bth' },
    sender: { pid: 7, command: 'a\x07b', cgroup: '/x\ny', container: undefined, unit: undefined, pod: undefined },
  });
  const { slices, tracks } = drawn([[its, [entry(1, T, 2, 0, { place: 2 })]]]);
  expect([...tracks.values()][0]?.name).toBe('netns 4026531841 (blue\\x0a)');
  expect(slices[1]?.name).toBe(`evil\\x1b[2J\\u202e"${'n'.repeat(10_000)}`);
  expect(slices[1]?.category).toBe('mod\\x00ule');
  expect(slices[1]?.args['device']).toBe('e\\x07"\\ü');
  expect(slices[2]?.name).toBe('transmitted to e\\x1bth');
  expect(slices[0]?.args['sender']).toEqual({ pid: 7n, command: 'a\\x07b', cgroup: '/x\\x0ay' });
});
const FATE: Fate = {
  ...{ dropped: false, received: false, stage: 'none', reason: 0, location: 0n, symbol: '' },
  ...{ device: '', family: 0, protocol: 0 },
};

test.each([2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 10n])('times are exact from %s on', (begin) => {
  const events = [entry(1, begin, 0), entry(1, begin + 1n, 1)];
  const { slices } = drawn([[journey(1, begin, begin + 3n), events]]);
  expect(slices.map((slice) => [slice.begin - begin, slice.end === undefined ? 0n : slice.end - begin])).toEqual([
    [0n, 3n],
    [0n, 1n],
    [1n, 3n],
    [3n, 0n],
  ]);
});

test('lanes are used again: there are as many as journeys lasted at the same time', () => {
  const whole = Array.from({ length: 5000 }, (_, index) => {
    const begin = T + BigInt(index) * 10n;
    return [journey(index + 1, begin, begin + 25n), [entry(index + 1, begin, 0)]] as const;
  });
  const { tracks, slices } = drawn(whole);
  expect(slices).toHaveLength(15_000);
  expect([...tracks.values()].filter(({ name }) => name === 'packets')).toHaveLength(3);
});

test('fields that are called as what is there of every event are there instead of it', async () => {
  const path = join(dir, 'named.ipft');
  writeFileSync(path, recordBytes({ events: 100, fieldName: 'cpu' }));
  const { trace, events } = await both(path);
  const calls = groupBy(trace.slices.filter(isCall), ({ begin }) => Number(begin));
  for (const { timestamp, cpu } of events)
    expect(calls.get(timestamp)?.map(({ args }) => Number(args['cpu']))).toContain(cpu);
});

test('flows have lanes of their own up to a bound', () => {
  const whole = Array.from({ length: MAX_FLOWS + 500 }, (_, index) => {
    const begin = T + BigInt(index) * 10n;
    const from = `10.1.${index >> 8}.${index & 255}`;
    const snapshots = [packet(ipv4(1, echo(8, 7, 1), { from }))];
    return [journey(index + 1, begin, begin + 5n, { snapshots }), [entry(index + 1, begin, 0)]] as const;
  });
  const { tracks } = drawn(whole);
  const names = [...tracks.values()].map(({ name }) => name);
  expect(names.filter((name) => name.endsWith('ICMP'))).toHaveLength(MAX_FLOWS);
  expect(names.filter((name) => name === 'other flows')).toHaveLength(1);
});
