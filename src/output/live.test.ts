import { expect, test } from 'vitest';
import { echo, ipv4 } from '../../tests/support/headers.js';
import { usedBytes } from '../../tests/support/memory.js';
import { createEvent, type FieldWriter, type TraceEvent } from '../base/event.js';
import type { Fate, Journey, Place } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import { Choice } from '../journey/choice.js';
import { Clock } from './clock.js';
import { createLiveOutput, type LiveTextOptions } from './live.js';
import type { OutputContext } from './output.js';

const ESCAPE = '\x1b[';
const US = 1000;
const MS = 1_000_000;
const SECOND = 1_000_000_000;
const targets = [
  { name: 'ip_rcv', module: 'vmlinux' },
  { name: 'nf_hook_slow', module: 'vmlinux' },
  { name: 'veth_xmit', module: 'veth' },
  { name: 'udp_rcv', module: 'vmlinux' },
  { name: 'evil\x1b[2J\u202e\u{1f4a9}', module: 'mod\n' },
  { name: 'a_function_with_a_name_that_is_longer_than_its_column', module: 'vmlinux' },
];
const [IP_RCV, NF_HOOK, VETH_XMIT, UDP_RCV, EVIL, LONG] = [0, 1, 2, 3, 4, 5] as const;
const PLACES: readonly Place[] = [
  { netns: 4026531840, ifindex: 2, device: 'eth0' },
  { netns: 4026532158, ifindex: 3, device: 'veth-a' },
  { netns: 4026532158, ifindex: 0, device: '' },
  { netns: 4026532159, ifindex: 1, device: 'd\x1b\n\u00fc' },
];
const fields: FieldWriter = {
  names: new Set(['len']),
  varies: false,
  text: (out, data, offset) => out.text(` len: ${data.getUint8(offset)} and a few words more`),
  json: () => {},
  values: () => {},
};
const NOTHING_LOST: TraceLosses = {
  ...{ cpus: [], unfollowed: 0n, ends: 0n, unseen: 0n, missed: { shown: 0n, deciding: 0n } },
  ...{ countsMisses: true, switchedOff: [] },
};

const halves = (ns: number) => ({ low: ns % 2 ** 32, high: Math.floor(ns / 2 ** 32) });
const event = (journey: number, target: number, ns: number, over: Partial<TraceEvent> = {}): TraceEvent => ({
  ...createEvent(new DataView(Uint8Array.of(84).buffer)),
  ...{ journey, target, timestampLow: halves(ns).low, timestampHigh: halves(ns).high, place: 1, ...over },
});
const exit = (journey: number, target: number, entryNs: number, ns: number, over: Partial<TraceEvent> = {}) =>
  event(journey, target, ns, {
    ...{ isReturn: true, entryLow: halves(entryNs).low, entryHigh: halves(entryNs).high, hasFields: false, ...over },
  });
const journey = (number: number, over: Partial<Journey> = {}): Journey => ({
  ...{ number, shortId: number, packetId: BigInt(number), parent: 0, beginNs: BigInt(SECOND) },
  ...{ endNs: BigInt(SECOND + 1500 * US), events: 0, lost: 0, gap: false, outcome: 'consumed', snapshots: [] },
  ...{ fate: undefined, ...over },
});
const drop: Fate = {
  ...{ dropped: true, received: false, stage: 'none', reason: 4, location: 1n, symbol: 'nf_hook_slow+0xa9/0x110' },
  ...{ device: '', family: 0, protocol: 0 },
};
const ping = (from: string) => ({
  ...{ bytes: ipv4(1, echo(8, 5, 1), { from, to: '1.2.3.4' }), hasEthernet: false, protocol: 0x800, lengthBytes: 84 },
  ...{ vlan: undefined, gso: undefined },
});

interface Given extends LiveTextOptions {
  readonly context?: Partial<OutputContext>;
}

function create({ context, ...options }: Given) {
  return createLiveOutput(
    {
      ...{ targets, hasReturns: false, fields: undefined, dataSize: 0, places: { get: (one) => PLACES[one - 1] } },
      names: { reason: (reason) => `REASON_${reason}`, symbol: () => undefined },
      netnsName: (netns) => (netns === 4026532158 ? 'blue' : undefined),
      ...context,
    },
    options,
  );
}

/** The lines that an output makes of events and ends, in this order, without the header. */
function linesOf(given: Given, ...what: readonly (TraceEvent | Journey)[]): string[] {
  const output = create(given);
  const all = new Map<number, Journey>();
  for (const one of what) if ('number' in one) all.set(one.number, one);
  for (const one of what) {
    if ('number' in one) {
      output.ended(one);
      continue;
    }
    const its = all.get(one.journey) ?? journey(one.journey);
    all.set(one.journey, its);
    its.events++;
    output.event(one, its);
  }
  const pieces = [...output.finish()].map((piece) => Buffer.from(piece).toString());
  return pieces.join('').trimEnd().split('\n').slice(1);
}

test('a line an event, as wide as is asked for: columns that have no room are left out', () => {
  const events = [event(7, IP_RCV, 1.5 * SECOND), event(7, VETH_XMIT, 1.5 * SECOND + 12 * US, { cpu: 11, place: 2 })];
  const header = (width: number) =>
    [...create({ width: () => width }).finish()].map((piece) => Buffer.from(piece).toString()).join('');
  expect(header(80)).toBe('        TIME PKT  CPU WHERE          LAYER     FUNCTION\n');
  expect(linesOf({}, ...events)).toEqual([
    '    1.500000 #7     0 …26531840/eth0 ip        ip_rcv',
    '    1.500012 #7    11 blue/veth-a    driver    veth_xmit',
  ]);
  expect(header(110)).toBe('        TIME PKT  CPU WHERE                    LAYER     MODULE       FUNCTION\n');
  expect(linesOf({ width: () => 110 }, ...events)).toEqual([
    '    1.500000 #7     0 4026531840/eth0          ip        vmlinux      ip_rcv',
    '    1.500012 #7    11 blue/veth-a              driver    veth         veth_xmit',
  ]);
  expect(header(60)).toBe('        TIME PKT  CPU LAYER     FUNCTION\n');
  expect(linesOf({ width: () => 60 }, ...events)[1]).toBe('    1.500012 #7    11 driver    veth_xmit');
  expect(header(20)).toBe('        TIME PKT  FUNCTION\n');
  expect(linesOf({ width: () => 20 }, ...events)[1]).toBe('    1.500012 #7   veth_xmit');
});

test('with returns, calls within one another have the room of layer and module', () => {
  const words = (width: number) =>
    [...create({ context: { hasReturns: true }, width: () => width }).finish()]
      .map((piece) => Buffer.from(piece).toString().trim())
      .join('')
      .split(/ +/);
  expect(words(91)).toEqual(['TIME', 'PKT', 'CPU', 'WHERE', 'FUNCTION']);
  expect(words(119)).toEqual(['TIME', 'PKT', 'CPU', 'WHERE', 'LAYER', 'FUNCTION']);
  expect(words(120)).toEqual(['TIME', 'PKT', 'CPU', 'WHERE', 'LAYER', 'MODULE', 'FUNCTION']);
  expect(words(75)).toEqual(['TIME', 'PKT', 'CPU', 'FUNCTION']);
});

test('the width is asked for again: a terminal may become wider', () => {
  let width = 80;
  const output = create({ width: () => width });
  const its = journey(1);
  const more = (ns: number) => {
    output.event(event(1, IP_RCV, ns), its);
    output.event(event(1, UDP_RCV, ns + US), its);
    output.tick(1000);
    return Buffer.from(output.take()).toString();
  };
  expect(more(SECOND)).not.toContain('vmlinux');
  width = 120;
  expect(more(2 * SECOND)).toContain(' ip        vmlinux      ip_rcv\n');
  width = 40;
  expect(more(3 * SECOND)).toBe('    3.000000 #1   ip_rcv\n    3.000001 #1   udp_rcv\n');
});

test('which packet it is, when that is known; and what became of it, within the width', () => {
  const its = journey(7, {
    ...{ outcome: 'dropped', fate: drop, snapshots: [ping('10.0.0.2'), ping('192.0.2.1')], parent: 3 },
    ...{ gap: true, lost: 2 },
    sender: { pid: 1234, command: 'ping\x1b', cgroup: '/', unit: undefined, pod: undefined, container: undefined },
  });
  const lines = linesOf(
    {},
    event(7, IP_RCV, SECOND),
    event(7, NF_HOOK, SECOND + US, { snapshot: 1 }),
    event(7, UDP_RCV, SECOND + 2 * US, { snapshot: 2 }),
    its,
  );
  expect(lines).toEqual([
    '    1.000000 #7   * copy of #3',
    '    1.000000 #7     0 …26531840/eth0 ip        ip_rcv',
    '    1.000001 #7   * 10.0.0.2 > 1.2.3.4: ICMP echo request, id 5, seq 1, length',
    '                    64',
    '    1.000001 #7     0 …26531840/eth0 netfilter nf_hook_slow',
    '    1.000002 #7     0 …26531840/eth0 udp       udp_rcv',
    '    1.001500 #7   = dropped: REASON_4 in nf_hook_slow+0xa9 after 1500.0us, 3',
    '                    events, gap: 2 events lost, by ping\\x1b[1234]: 10.0.0.2 >',
    '                    1.2.3.4 (SNAT 192.0.2.1): ICMP echo request, id 5, seq 1,',
    '                    length 64',
  ]);
  expect(
    linesOf({ width: () => 200 }, event(7, IP_RCV, SECOND, { snapshot: 1 }), {
      ...its,
      lost: 0,
      gap: false,
      events: 0,
    }),
  ).toEqual([
    '    1.000000 #7   * copy of #3: 10.0.0.2 > 1.2.3.4: ICMP echo request, id 5, seq 1, length 64',
    '    1.000000 #7     0 4026531840/eth0          ip        vmlinux      ip_rcv',
    '    1.001500 #7   = dropped: REASON_4 in nf_hook_slow+0xa9 after 1500.0us, 1 event, by ping\\x1b[1234]: 10.0.0.2 > 1.2.3.4 (SNAT 192.0.2.1): ICMP echo request, id 5, seq 1, length 64',
  ]);
});

test('calls: those within others are moved to the right, those with nothing in them are one line, repeated ones are counted', () => {
  const at = (us: number) => SECOND + us * US;
  const calls = [
    event(1, IP_RCV, at(0)),
    event(1, NF_HOOK, at(1), { depth: 1 }),
    exit(1, NF_HOOK, at(1), at(2.25), { depth: 1 }),
    event(1, NF_HOOK, at(3), { depth: 1 }),
    exit(1, NF_HOOK, at(3), at(5), { depth: 1 }),
    event(1, UDP_RCV, at(6), { depth: 1 }),
    event(1, VETH_XMIT, at(7), { depth: 2, partnerLost: true }),
    exit(1, UDP_RCV, at(6), at(20), { depth: 1, skbFreed: true }),
    exit(1, LONG, 0, at(21), { depth: 1, entryLost: true }),
    exit(1, IP_RCV, at(0), at(1234.5)),
  ];
  const context = { hasReturns: true };
  const lines = linesOf({ context, width: () => 100 }, ...calls, journey(1)).map((line) => line.slice(37));
  expect(lines).toEqual([
    'ip        ip_rcv() {',
    'netfilter  nf_hook_slow() x2 3.2us',
    'udp        udp_rcv() {',
    'driver      veth_xmit() { lost return',
    'udp        } udp_rcv 14.0us freed',
    '-          } lost entry of a_function_with_a_name_that_is_longer_than_its_column',
    'ip        } ip_rcv 1234.5us',
    '00.0us, 10 events',
  ]);
  const hooks = (options: Parameters<typeof linesOf>[0]) =>
    linesOf(options, ...calls).filter((line) => line.includes('nf_hook'));
  expect(hooks({ context, fold: 'never' })).toHaveLength(4);
  // Equal data may have other fields, if those are computed.
  expect(hooks({ context: { ...context, fields: { ...fields, varies: true } } }).length).toBeGreaterThanOrEqual(4);
  expect(linesOf({ context, width: () => 120 }, ...calls)[1]).toMatch(/ vmlinux {7}nf_hook_slow\(\) x2 3.2us$/);
});

test('a call and its return stand below each other, however deep they are and however long the line becomes', () => {
  const calls = [
    event(1, LONG, SECOND, { depth: 200 }),
    event(1, NF_HOOK, SECOND, { depth: 201 }),
    exit(1, NF_HOOK, SECOND, SECOND + US, { depth: 201 }),
    exit(1, LONG, SECOND, SECOND + 2 * US, { depth: 200 }),
  ];
  const context = { hasReturns: true };
  const shallow = [event(1, LONG, SECOND), ...calls, exit(1, LONG, SECOND, SECOND + 3 * US)];
  const columns = (width: number) =>
    linesOf({ context, width: () => width, fold: 'never' }, ...shallow).map((line) => line.search(/\S+\(\) \{|\} /));
  expect(columns(140)).toEqual([70, 94, 94, 94, 94, 70]);
  expect(columns(120)).toEqual([70, 82, 82, 82, 82, 70]);
  expect(columns(80)).toEqual([37, 49, 49, 49, 49, 37]);
  expect(columns(40)).toEqual([18, 18, 18, 18, 18, 18]);
  const evil = event(1, EVIL, SECOND + US, { depth: 255, partnerLost: true });
  expect(linesOf({ context }, evil)[0]).toMatch(/ evil\\x1b\[2J\\u202e\\u\{1f4a9\}\(\) \{ lost return$/);
});

test('without returns repeated calls are counted, as long as nothing else comes in between and they are near', () => {
  const at = (us: number) => SECOND + us * US;
  const repeated = [0, 1, 2].map((us) => event(1, IP_RCV, at(us)));
  const functions = (...events: readonly TraceEvent[]) =>
    linesOf({}, ...events).map((line) => line.slice(13).replace(/ +/g, ' '));
  expect(functions(...repeated)).toEqual(['#1 0 …26531840/eth0 ip ip_rcv x3']);
  expect(functions(repeated[0]!, event(2, IP_RCV, at(0.5)), repeated[1]!)).toHaveLength(3);
  expect(functions(repeated[0]!, event(1, IP_RCV, at(1), { cpu: 1 }))).toHaveLength(2);
  expect(functions(repeated[0]!, event(1, IP_RCV, at(1), { place: 2 }))).toHaveLength(2);
  expect(functions(repeated[0]!, event(1, IP_RCV, at(50_000)))).toHaveLength(1);
  expect(functions(repeated[0]!, event(1, IP_RCV, at(50_001)))).toHaveLength(2);
});

test('fields stand behind the function, or below it; calls with others are not the same', () => {
  const context = { fields, dataSize: 1 };
  const wide = { context, width: () => 120 };
  const data = (value: number) => ({ data: new DataView(Uint8Array.of(value).buffer) });
  const calls = [event(1, IP_RCV, SECOND), event(1, IP_RCV, SECOND + 1), event(1, IP_RCV, SECOND + 2, data(85))];
  expect(linesOf(wide, ...calls).map((line) => line.slice(70))).toEqual([
    'ip_rcv x2 ( len: 84 and a few words more )',
    'ip_rcv ( len: 85 and a few words more )',
  ]);
  expect(linesOf({ context }, ...calls.slice(2))).toEqual([
    '    1.000000 #1     0 …26531840/eth0 ip        ip_rcv',
    '                  ( len: 85 and a few words more )',
  ]);
  const graph = { context: { ...context, hasReturns: true } };
  const returned = (value: number) =>
    linesOf(graph, event(1, IP_RCV, SECOND), exit(1, IP_RCV, SECOND, SECOND + US, { hasFields: true, ...data(value) }));
  expect(returned(84)[0]).toContain('ip_rcv() 1.0us');
  expect(returned(85)[0]).toContain('ip_rcv() {');
  expect(returned(85)[1]).toContain('} ip_rcv 1.0us');
});

test('names of the kernel control no terminal, and take no other room than they seem to', () => {
  const lines = linesOf({ width: () => 110 }, event(1, EVIL, SECOND, { place: 4 }), journey(1));
  expect(lines[0]).toBe(
    '    1.000000 #1     0 4026532159/d\\x1b\\x0aü    -         mod\\x0a      evil\\x1b[2J\\u202e\\u{1f4a9}',
  );
  const narrow = linesOf({}, event(1, EVIL, SECOND, { place: 4 }), event(1, IP_RCV, SECOND + 1, { place: 0 }));
  expect(narrow.map((line) => line.slice(22, 38))).toEqual(['…59/d\\x1b\\x0aü -', '-              i']);
});

test('each journey has its colour, if there are colours', () => {
  const lines = linesOf(
    { hasColor: true },
    event(1, IP_RCV, SECOND),
    event(2, IP_RCV, SECOND + 1),
    event(1, UDP_RCV, SECOND + 2),
  );
  const colors = lines.map((line) =>
    line
      .split(ESCAPE)
      .slice(1)
      .map((rest) => Number.parseInt(rest, 10)),
  );
  expect(colors).toEqual([
    [33, 0, 33, 0],
    [32, 0, 32, 0],
    [33, 0, 33, 0],
  ]);
  const plain = lines.map((line) =>
    line
      .split(ESCAPE)
      .map((rest, index) => (index === 0 ? rest : rest.replace(/^\d+m/, '')))
      .join(''),
  );
  expect(plain[0]).toBe('    1.000000 #1     0 …26531840/eth0 ip        ip_rcv');
  const end = linesOf({ hasColor: true }, event(1, IP_RCV, SECOND), journey(1, { outcome: 'dropped', fate: drop }))[1];
  expect(end).toContain('= \x1b[31mdropped: REASON_4 in nf_hook_slow+0xa9\x1b[0m after ');
  expect(linesOf({}, event(1, IP_RCV, SECOND), journey(1)).join('')).not.toContain('\x1b');
});

test('times of day: the day stands on a line of its own', () => {
  const day = 86_400 * SECOND;
  const clock = Clock.wall(0n);
  const lines = linesOf(
    { context: { clock } },
    event(1, IP_RCV, day),
    event(1, UDP_RCV, day + MS),
    event(2, IP_RCV, 2 * day),
  );
  expect(lines.filter((line) => line.startsWith('--')).every((line) => /^-- \d{4}-\d\d-\d\d$/.test(line))).toBe(true);
  expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d\.000000 #1 {5}0 /);
  expect(lines[2]).toMatch(/^\d\d:\d\d:\d\d\.001000 #1 /);
  expect(lines).toHaveLength(5);
});

test('losses are told when they are noticed, and again when there are more', () => {
  let losses = NOTHING_LOST;
  const output = create({ context: { losses: () => losses } });
  const its = journey(1);
  let ns = SECOND;
  const next = () => {
    ns += SECOND / 5;
    output.event(event(1, IP_RCV, ns), its);
    output.tick(1000);
    return Buffer.from(output.take())
      .toString()
      .split('\n')
      .filter((line) => line.startsWith('--'));
  };
  const cpu = (number: number, lost: bigint) => ({ cpu: number, lost, firstNs: 1n, lastNs: 2n });
  expect(next()).toEqual([]);
  losses = { ...NOTHING_LOST, cpus: [cpu(1, 3n)] };
  expect(next()).toEqual(['-- 3 events lost, since the ring was full (CPU 1: 3)']);
  expect(next()).toEqual([]);
  losses = {
    ...losses,
    cpus: [cpu(0, 1n), cpu(1, 5n)],
    unfollowed: 1n,
    unseen: 2n,
    ends: 3n,
    missed: { shown: 4n, deciding: 1n },
  };
  expect(next()).toEqual([
    '-- 3 events lost, since the ring was full (CPU 0: 1, CPU 1: 2)',
    '-- 1 event lost, since too many packets were followed at the same time',
    '-- 2 packets of which no event found room in the ring',
    '-- the end of 3 packets lost, since the ring was full',
    '-- 5 calls missed, of whatever packet: the CPU was within a BPF program',
  ]);
  losses = { ...losses, ends: 4n };
  expect([...output.finish()].map((piece) => Buffer.from(piece).toString()).join('')).toContain(
    '-- the end of 1 packet lost',
  );
});

test('a line does not wait for the next one: after a while without events it is there', () => {
  const output = create({});
  output.event(event(1, IP_RCV, SECOND), journey(1));
  const text = (idleMs: number) => {
    output.tick(idleMs);
    return Buffer.from(output.take()).toString();
  };
  expect(text(100)).toBe('');
  expect(text(150)).toContain('ip_rcv');
});

test('chosen journeys come whole, one after the other', () => {
  const choice = new Choice({ only: ['dropped'] });
  const lines = linesOf(
    { choice },
    ...[
      event(1, IP_RCV, SECOND),
      event(2, IP_RCV, SECOND + 1),
      event(3, UDP_RCV, SECOND + 2),
      event(1, UDP_RCV, SECOND + 3),
    ],
    ...[journey(2), journey(1, { outcome: 'dropped', fate: drop }), journey(3, { outcome: 'dropped', fate: drop })],
  );
  expect(lines.flatMap((line) => /#\d+/.exec(line)?.[0] ?? [])).toEqual(['#1', '#1', '#1', '#3', '#3']);
  expect(lines[2]).toContain('= dropped: REASON_4');
});

test('nothing is kept of journeys that have ended, however many there were', () => {
  const output = create({});
  let number = 0;
  const many = (count: number) => {
    for (let i = 0; i < count; i++) {
      const its = journey(++number, { shortId: number });
      output.event(event(its.shortId, number % targets.length, SECOND + number * US), its);
      output.ended(its);
      if (i % 1000 === 0) {
        while (output.tick(1000)) output.giveBack?.(output.take());
        output.giveBack?.(output.take());
      }
    }
  };
  many(20_000);
  const before = usedBytes();
  many(200_000);
  expect(usedBytes() - before).toBeLessThan(4 << 20);
});

test('text comes in pieces', () => {
  const output = create({});
  const its = journey(1);
  for (let i = 0; i < 30_000; i++) output.event(event(1, i % 4, SECOND + i * US), its);
  const pieces = [...output.finish()].map(({ length }) => length);
  expect(pieces.length).toBeGreaterThan(3);
  expect(Math.max(...pieces)).toBeLessThan((1 << 16) + 1000);
});
