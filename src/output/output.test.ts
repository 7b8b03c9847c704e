import { expect, test, vi } from 'vitest';
import { echo, ipv4 } from '../../tests/support/headers.js';
import { createEvent, type FieldWriter, type TraceEvent } from '../base/event.js';
import type { Fate, Journey, Outcome, Place } from '../base/journey.js';
import { Places } from '../base/places.js';
import { printable } from '../base/printable.js';
import type { JourneyProcess } from '../base/process.js';
import { Choice, type ChoiceOptions } from '../journey/choice.js';
import { EventStore } from '../journey/event-store.js';
import { type AggregateOptions, AggregateOutput } from './aggregate.js';
import { Clock } from './clock.js';
import type { Fold } from './folding.js';
import { createJsonOutput } from './json.js';
import type { Output, OutputContext } from './output.js';
import { PathsOutput } from './paths.js';

const targets = [
  { name: 'ip_rcv', module: 'vmlinux' },
  { name: 'a_function_with_a_name_longer_than_its_column', module: 'nf_conntrack' },
  { name: 'evil\x1b[2J"name', module: 'mod' },
];
const fields: FieldWriter = {
  names: new Set(['len']),
  varies: false,
  text: (out, data, offset) => out.text(` len: ${data.getUint8(offset)}`),
  json: (out, data, offset) => out.text(`,"len":${data.getUint8(offset)}`),
  values(taker, data, offset) {
    taker.name('len');
    taker.unsigned(data.getUint8(offset), 0);
  },
};
const TIME = 464048546193247;
const low = (time: number) => time % 2 ** 32;
const event = (journey: number, target: number, over: Partial<TraceEvent> = {}): TraceEvent => ({
  ...createEvent(new DataView(Uint8Array.of(84).buffer)),
  ...{
    journey,
    timestampLow: low(TIME),
    timestampHigh: Math.floor(TIME / 2 ** 32),
    target,
    cpu: 5,
  },
  ...over,
});

const journey = (number: number, over: Partial<Journey> = {}): Journey => ({
  ...{ number, shortId: number, packetId: 0xffff888000000000n + BigInt(number), parent: 0, beginNs: BigInt(TIME) },
  ...{
    endNs: BigInt(TIME) + 1500n,
    events: 0,
    lost: 0,
    gap: false,
    outcome: 'consumed',
    snapshots: [],
    fate: undefined,
  },
  ...over,
});
const fate = (over: Partial<Fate> = {}): Fate => ({
  ...{ dropped: false, received: false, stage: 'none', reason: 0 },
  ...{ location: 0n, symbol: '', device: '', family: 0, protocol: 0, ...over },
});
const PLACES: Place[] = [
  { netns: 4026531840, ifindex: 0, device: '' },
  { netns: 4026531841, ifindex: 2, device: 'eth"0' },
];

interface Given {
  readonly withFields?: boolean;
  /** Instead of `fields`. */
  readonly writer?: FieldWriter;
  readonly hasReturns?: boolean;
  readonly journeys?: readonly Journey[];
}

/** The text of events, each of the journey with its number, and of all journeys when they have ended. */
function outputText(
  create: (context: OutputContext) => Output,
  events: TraceEvent[],
  { withFields = true, writer = fields, hasReturns = false, journeys = [] }: Given = {},
): string {
  const output = create({
    targets,
    hasReturns,
    fields: withFields ? writer : undefined,
    dataSize: withFields ? 1 : 0,
    places: { get: (number) => PLACES[number - 1] },
    names: {
      reason: (reason) => (reason === 0 ? undefined : `REASON_${reason}`),
      symbol: (address) => (address === 0x42n ? 'some_function+0x2' : undefined),
    },
  });
  const all = new Map(journeys.map((one) => [one.number, one]));
  for (const one of events) {
    const its = all.get(one.journey) ?? journey(one.journey);
    all.set(one.journey, its);
    its.events++;
    output.event(one, its);
  }
  for (const one of all.values()) output.ended(one);
  output.tick(0);
  return Buffer.concat([output.take(), ...output.finish()]).toString();
}
const events = (text: string) => text.split('\n').filter((line) => line !== '' && !line.includes('"type":"journey"'));

const aggregate = (context: OutputContext) => new AggregateOutput(context);
const json = (context: OutputContext) => createJsonOutput(context);
const oldJson = (context: OutputContext) => createJsonOutput(context, { eventsOnly: true });

test('AggregateOutput: columns to the character; long names are whole, control characters are not', () => {
  const early = { timestampLow: low(TIME - 95) };
  expect(outputText(aggregate, [event(0x100, 0), event(0x200, 2), event(0x100, 1, early)])).toBe(
    [
      'Timestamp            CPU                   Module                         Function',
      '=== journey 256, consumed, 1.500us, 2 events',
      '464048546193152      005             nf_conntrack a_function_with_a_name_longer_than_its_column ( len: 84 )',
      '464048546193247      005                  vmlinux                           ip_rcv ( len: 84 )',
      '=== journey 512, consumed, 1.500us, 1 event',
      '464048546193247      005                      mod                 evil\\x1b[2J"name ( len: 84 )',
      '',
    ].join('\n'),
  );
});

test('AggregateOutput: without an extension a line ends after the function; without events there is the header', () => {
  expect(outputText(aggregate, [event(0x100, 0)], { withFields: false }).split('\n')[2]).toBe(
    '464048546193247      005                  vmlinux                           ip_rcv',
  );
  expect(outputText(aggregate, [])).toBe(
    'Timestamp            CPU                   Module                         Function\n',
  );
});

test('AggregateOutput: plain text has lines that are === and nothing else', () => {
  const plain = (context: OutputContext) => new AggregateOutput(context, { plainText: true, hasColor: true });
  const lines = outputText(plain, [event(7, 0), event(8, 0)], { journeys: [journey(7, { gap: true }), journey(8)] });
  expect(lines.split('\n').filter((line) => line.includes('==='))).toEqual(['===', '===']);
});

test('AggregateOutput: the separator says what became of the journey, and what may be missing', () => {
  const separator = (over: Partial<Journey>) =>
    outputText(aggregate, [event(7, 0)], { journeys: [journey(7, over)] }).split('\n')[1];
  const symbol = 'nf_hook_slow+0xa9/0x110 [nf\x1b]';
  const drop = fate({ dropped: true, reason: 4, location: 1n, symbol });
  expect(separator({ outcome: 'dropped', fate: drop, parent: 3, lost: 2, gap: true })).toBe(
    '=== journey 7, copy of 3, dropped: REASON_4 in nf_hook_slow+0xa9, 1.500us, 1 event, gap: 2 events lost',
  );
  const tcp = { family: 2, protocol: 6 };
  expect(separator({ outcome: 'processed', fate: { ...drop, ...tcp, stage: 'processed' } })).toContain(
    ', processed by AF_INET TCP: REASON_4 in nf_hook_slow+0xa9, ',
  );
  expect(separator({ outcome: 'dropped', fate: fate({ ...tcp, stage: 'unread' }) })).toContain(
    ', dropped: unread when the AF_INET TCP socket was closed, ',
  );
  // What stands in the place of a call's return address, where the return is traced, is no place.
  for (const trampoline of ['arch_rethook_trampoline+0x0', 'return_to_handler+0x0', 'bpf_trampoline_6442536402+0x5b']) {
    expect(separator({ outcome: 'dropped', fate: { ...drop, symbol: `${trampoline}/0x80` } })).toContain(
      ', dropped: REASON_4, ',
    );
  }
  expect(separator({ outcome: 'dropped', fate: fate({ dropped: true, location: 0x42n }) })).toContain(
    ', dropped in some_function+0x2, ',
  );
  expect(separator({ outcome: 'delivered', fate: fate({ family: 10, protocol: 6 }) })).toContain(
    ', delivered to AF_INET6 TCP, ',
  );
  expect(separator({ outcome: 'delivered', fate: fate({ family: 17, protocol: 3 }) })).toContain(
    ', delivered to AF_PACKET, ',
  );
  expect(separator({ outcome: 'forwarded', fate: fate({ device: 'a\x1b' }) })).toContain(', forwarded to a\\x1b, ');
  expect(separator({ outcome: 'unknown', gap: true })).toMatch(/, unknown, .*, gap: its end was lost$/);
  expect(separator({ outcome: 'alive', gap: true })).toMatch(/, gap possible: probes were missed meanwhile$/);
});

/** A ping's first bytes, and those after a translation of its source. */
const PING = [bytes('10.0.0.2'), bytes('192.0.2.1')].map((packet) => ({
  ...{ bytes: packet, hasEthernet: false, protocol: 0x800, lengthBytes: 84, vlan: undefined, gso: undefined },
}));
function bytes(from: string): Uint8Array {
  return ipv4(1, echo(8, 5, 1), { from, to: '1.2.3.4' });
}
const PING_TEXT = '10.0.0.2 > 1.2.3.4 (SNAT 192.0.2.1): ICMP echo request, id 5, seq 1, length 64';

test('AggregateOutput, JsonOutput: the packet of a journey, where it has snapshots', () => {
  const journeys = [journey(7, { snapshots: PING })];
  expect(outputText(aggregate, [event(7, 0)], { journeys }).split('\n')[1]).toBe(
    `=== journey 7, consumed, 1.500us, 1 event: ${PING_TEXT}`,
  );
  const line = outputText(json, [event(7, 0)], { journeys }).split('\n')[1] ?? '';
  expect(JSON.parse(line)).toMatchObject({
    ipft: {
      packet: {
        first: { network: { kind: 'ipv4', source: '10.0.0.2', ttl: 64 }, transport: { kind: 'icmp', id: 5 } },
        last: { network: { source: '192.0.2.1' } },
        changes: [{ kind: 'snat', from: { address: '10.0.0.2' }, to: { address: '192.0.2.1' } }],
        text: PING_TEXT,
      },
    },
  });
  expect(outputText(oldJson, [event(7, 0)], { journeys })).not.toContain('ipft');
});

test('AggregateOutput, JsonOutput: the processes of a journey, whatever they are called', () => {
  const curl = { pid: 1234, command: 'curl', cgroup: '/user.slice', unit: undefined, pod: undefined };
  const inContainer = (container: JourneyProcess['container']) => ({ ...curl, container });
  const sender = inContainer(undefined);
  const evil = { ...inContainer(undefined), pid: undefined, command: '\x1b[2J\u202ex' };
  const lines = (its: Partial<Journey>) => {
    const journeys = [journey(7, its)];
    const heading = outputText(aggregate, [event(7, 0)], { journeys }).split('\n')[1];
    const line = outputText(json, [event(7, 0)], { journeys }).split('\n')[1] ?? '';
    return { heading: heading?.replace('=== journey 7, consumed, 1.500us, 1 event', ''), line };
  };
  expect(lines({}).heading).toBe('');
  expect(lines({}).line).not.toContain('ipft');
  expect(lines({ sender }).heading).toBe(', by curl[1234]');
  expect(lines({ receiver: sender, snapshots: PING }).heading).toBe(`, for curl[1234]: ${PING_TEXT}`);
  expect(lines({ sender, receiver: evil }).heading).toBe(', by curl[1234] for \\x1b[2J\\u202ex');
  const id = 'c0ffee'.repeat(10);
  expect(lines({ sender: inContainer({ id, name: 'web' }) }).heading).toBe(', by curl[1234] (container web)');
  expect(lines({ sender: inContainer({ id, name: undefined }) }).heading).toBe(
    `, by curl[1234] (container ${id.slice(0, 12)})`,
  );
  expect(lines({ sender: { ...inContainer({ id, name: 'web' }), pod: 'one/two' } }).heading).toBe(
    ', by curl[1234] (pod one/two)',
  );
  const { line } = lines({ sender: inContainer({ id, name: 'web' }), receiver: evil });
  expect(printable(line)).toBe(line);
  expect(JSON.parse(line).ipft).toEqual({
    sender: { pid: 1234, command: 'curl', cgroup: '/user.slice', container: { id, name: 'web' } },
    receiver: { command: evil.command, cgroup: '/user.slice' },
  });
  const old = outputText(oldJson, [event(7, 0)], { journeys: [journey(7, { sender })] });
  expect(old).not.toContain('ipft');
});

test('AggregateOutput, PathsOutput: room for further journeys is bounded by memory', () => {
  const context = { targets, hasReturns: false, fields: undefined, dataSize: 0, places: new Places() };
  const names = { reason: () => undefined, symbol: () => undefined };
  for (const create of [AggregateOutput, PathsOutput]) {
    const output = new create({ ...context, names }, { maxBytes: 1 << 20 });
    let number = 0;
    for (; output.hasRoom && number < 100_000; number++) {
      const its = journey(number);
      for (let i = 0; i < 10; i++) {
        its.events++;
        output.event(event(number, i % 2), its);
      }
    }
    expect(number).toBeGreaterThan(100);
    expect(number).toBeLessThan(10_000);
  }
});

test('AggregateOutput: with showPlaces a line ends with where the packet was', () => {
  const create = (context: OutputContext) => new AggregateOutput(context, { showPlaces: true });
  const line = (place: number) => outputText(create, [event(7, 0, { place })]).split('\n')[2];
  expect(line(0)).toMatch(/ip_rcv \( len: 84 \)$/);
  expect(line(1)).toMatch(/ip_rcv \( len: 84 \) \[4026531840\]$/);
  expect(line(2)).toMatch(/ \[4026531841 eth"0\]$/);
});

test('JsonOutput: one object a line, in order of time, escaped; with eventsOnly as ipftrace2 has them', () => {
  const two = [
    event(0x200, 2, { isReturn: true, entryHigh: 0 }),
    event(0x100, 0, { timestampLow: low(TIME - 1), place: 2 }),
  ];
  const old = outputText(oldJson, two);
  expect(old.split('\n')[0]).toBe(
    '{"packet_id":"0xffff888000000100","timestamp":464048546193246,"processor_id":5,"module":"vmlinux","function":"ip_rcv","is_return":false,"len":84}',
  );
  expect(JSON.parse(old.split('\n')[1] ?? '')).toMatchObject({ function: 'evil\x1b[2J"name', is_return: true });
  expect(old.trimEnd().split('\n')).toHaveLength(2);
  expect(outputText(oldJson, [])).toBe('');
  const [first] = events(outputText(json, two));
  expect(first).toBe(
    '{"packet_id":"0xffff888000000100","timestamp":464048546193246,"processor_id":5,"module":"vmlinux","function":"ip_rcv","is_return":false,"journey":256,"netns":4026531841,"device":"eth\\"0","len":84}',
  );
});

test('JsonOutput: a journey has its line behind its last event', () => {
  const drop = fate({ dropped: true, reason: 4, location: 1n, symbol: 'ip_rcv+0x10/0x40' });
  const over = { parent: 3, beginNs: 464048546193247001n, endNs: 464048546193247999n, fate: drop };
  const text = outputText(json, [event(7, 0), event(7, 0)], {
    journeys: [journey(7, { ...over, outcome: 'dropped' })],
  });
  expect(text.split('\n')[2]).toBe(
    '{"type":"journey","journey":7,"packet_id":"0xffff888000000007","parent":3,"outcome":"dropped","reason":"REASON_4","ended_in":"ip_rcv+0x10","begin":464048546193247001,"end":464048546193247999,"events":2,"gap":false}',
  );
  const line = (given: Partial<Journey>) =>
    JSON.parse(outputText(json, [event(7, 0)], { journeys: [journey(7, given)] }).split('\n')[1] ?? '');
  expect(line({ outcome: 'delivered', fate: fate({ family: 2, protocol: 17 }) })).toMatchObject({
    ...{ parent: null, outcome: 'delivered', family: 'AF_INET', protocol: 'UDP', reason: null, ended_in: null },
  });
  expect(line({ outcome: 'transmitted', fate: fate({ device: 'eth0' }) })).toMatchObject({ device: 'eth0' });
  expect(line({ outcome: 'alive', gap: true, lost: 4 })).toMatchObject({ outcome: 'alive', gap: true, lost: 4 });
});

test('PathsOutput: without ranks the most frequent path is compared with one that ends differently, most of all a dropped one', () => {
  const create = (context: OutputContext) => new PathsOutput(context, { diff: 'most-frequent' });
  const text = (outcomes: readonly (readonly [number, Outcome])[]) => {
    const journeys = outcomes.map(([, outcome], index) => journey(index + 1, { outcome }));
    const events = outcomes.map(([target], index) => event(index + 1, target));
    return outputText(create, events, { journeys });
  };
  const alike: [number, Outcome][] = [...Array(3).fill([0, 'consumed']), ...Array(2).fill([1, 'consumed'])];
  expect(text([...alike, [2, 'alive']])).toContain('\npath 1 and path 3\n');
  expect(text([...alike, ...Array(2).fill([2, 'alive']), [3, 'dropped']])).toContain('\npath 1 and path 4\n');
  expect(text(alike)).toContain('\nno comparison: there are no two paths that end differently\n');
  expect(text([])).toContain('\nno comparison: ');
});

test('PathsOutput: equal paths together, the rare ones in sight, side by side where they part and meet', () => {
  const walk = (number: number, names: number[], over: Partial<Journey> = {}) => ({
    events: names.map((target, index) => event(number, target, { ...at(index * 1000 * number), place: 2 })),
    journey: journey(number, { endNs: BigInt(TIME) + BigInt(names.length * 1000 * number), ...over }),
  });
  const drop = fate({ dropped: true, reason: 4, location: 1n, symbol: 'ip_rcv+0x10/0x40' });
  const walks = [
    ...[1, 2, 3].map((number) => walk(number, [0, 1, 2])),
    walk(9, [0, 2], { outcome: 'dropped', fate: drop }),
    walk(10, [0, 2], { lost: 3, gap: true }),
  ];
  const create = (context: OutputContext) => new PathsOutput(context, { diff: [1, 2] });
  const text = outputText(
    create,
    walks.flatMap((one) => one.events),
    { journeys: walks.map((one) => one.journey) },
  );
  expect(text.split('\n')).toEqual([
    '4 journeys, 2 paths',
    '',
    '#1  3 journeys (75.00 %), consumed',
    '    duration: shortest 3.000us, median 6.000us, 95th percentile 9.000us, longest 9.000us',
    '    slowest step: ip_rcv -> a_function_with_a_name_longer_than_its_column [nf_conntrack], median 2.000us',
    '    journeys: 1, 2, 3',
    '    netns 4026531841',
    '      ip_rcv',
    '      a_function_with_a_name_longer_than_its_column [nf_conntrack]',
    '      evil\\x1b[2J"name [mod]',
    '',
    '#2  1 journey (25.00 %), dropped: REASON_4 in ip_rcv+0x10',
    '    duration: shortest 18.000us, median 18.000us, 95th percentile 18.000us, longest 18.000us',
    '    slowest step: ip_rcv -> evil\\x1b[2J"name [mod], median 9.000us',
    '    journeys: 9',
    '    netns 4026531841',
    '      ip_rcv',
    '      evil\\x1b[2J"name [mod]',
    '',
    'Not among these: journeys of which something was lost',
    '  1: consumed; for example journey 10',
    '',
    'path 1 and path 2',
    `    ${'#1  consumed'.padEnd(60)}    #2  dropped: REASON_4 in ip_rcv+0x10`,
    `    ${'ip_rcv (netns 4026531841)'.padEnd(60)}    ip_rcv (netns 4026531841)`,
    '  - here they part',
    '  < a_function_with_a_name_longer_than_its_column [nf_conntrack]  <',
    '  - here they meet again',
    `    ${'evil\\x1b[2J"name [mod]'.padEnd(60)}    evil\\x1b[2J"name [mod]`,
    '',
  ]);
  const wrong = (context: OutputContext) => new PathsOutput(context, { diff: [1, 7] });
  expect(outputText(wrong, [event(1, 0)])).toContain('no comparison: there is no path 7');
});

test('AggregateOutput, PathsOutput: a network namespace has its name behind its number', () => {
  const named = (create: (context: OutputContext) => Output) => (context: OutputContext) =>
    create({ ...context, netnsName: (netns) => (netns === 4026531841 ? 'blue\x1b' : undefined) });
  const text = (create: (context: OutputContext) => Output, place: number) =>
    outputText(named(create), [event(7, 0, { place })]);
  const places = (context: OutputContext) => new AggregateOutput(context, { showPlaces: true });
  expect(text(places, 1)).toContain(' [4026531840]\n');
  expect(text(places, 2)).toContain(' [4026531841 (blue\\x1b) eth"0]\n');
  expect(text((context) => new PathsOutput(context), 1)).toContain('    netns 4026531840\n');
  expect(text((context) => new PathsOutput(context), 2)).toContain('    netns 4026531841 (blue\\x1b)\n');
  expect(text((context) => createJsonOutput(context), 2)).toContain('"netns":4026531841,"device"');
});

/** A call of target 0, with one of target 2 in it; times are in nanoseconds behind TIME. */
const at = (time: number) => ({ timestampLow: low(TIME + time), timestampHigh: Math.floor((TIME + time) / 2 ** 32) });
const entered = (time: number) => ({ entryLow: low(TIME + time), entryHigh: Math.floor((TIME + time) / 2 ** 32) });
const graph = {
  outer: event(0x100, 0, at(0)),
  inner: event(0x100, 2, { ...at(1000), depth: 1 }),
  innerReturn: event(0x100, 2, { ...at(2500), ...entered(1000), depth: 1, isReturn: true }),
  outerReturn: event(0x100, 0, { ...at(12345), ...entered(0), isReturn: true }),
};
const lines = (text: string) => text.trimEnd().split('\n');

test('AggregateOutput: calls are nested by two spaces, with the time that they took', () => {
  const { outer, inner, innerReturn, outerReturn } = graph;
  expect(lines(outputText(aggregate, [outer, inner, innerReturn, outerReturn], { hasReturns: true })).slice(2)).toEqual(
    [
      `464048546193247      005                  vmlinux ${'ip_rcv() {'.padEnd(64)} ( len: 84 )`,
      `464048546194247      005                      mod ${'  evil\\x1b[2J"name() {'.padEnd(64)} ( len: 84 )`,
      `464048546195747      005                      mod ${'  } 1.500us'.padEnd(64)} ( len: 84 )`,
      `464048546205592      005                  vmlinux ${'} 12.345us'.padEnd(64)} ( len: 84 )`,
    ],
  );
  expect(lines(outputText(aggregate, [outer, outerReturn], { withFields: false, hasReturns: true })).slice(2)).toEqual([
    '464048546193247      005                  vmlinux ip_rcv() {',
    '464048546205592      005                  vmlinux } 12.345us',
  ]);
});

test('AggregateOutput: what is missing is named, and a return without fields ends before them', () => {
  const { outer, inner, innerReturn, outerReturn } = graph;
  const lost = { ...innerReturn, entryLost: true };
  const dropped = { ...outerReturn, hasFields: false };
  expect(lines(outputText(aggregate, [outer, lost, dropped], { hasReturns: true })).slice(3)).toEqual([
    `464048546195747      005                      mod ${'  } lost entry of evil\\x1b[2J"name'.padEnd(64)} ( len: 84 )`,
    '464048546205592      005                  vmlinux } 12.345us',
  ]);
  const freed = { ...outerReturn, hasFields: false, skbFreed: true };
  expect(lines(outputText(aggregate, [outer, inner, freed], { hasReturns: true })).slice(3)).toEqual([
    `464048546194247      005                      mod ${'  evil\\x1b[2J"name() { lost return'.padEnd(64)} ( len: 84 )`,
    '464048546205592      005                  vmlinux } 12.345us skb freed',
  ]);
});

test('JsonOutput: returns tell how long the call took, and which partner is missing', () => {
  const { outer, inner, innerReturn, outerReturn } = graph;
  const objects = (given: TraceEvent[]) =>
    events(outputText(json, given, { hasReturns: true })).map((line) => JSON.parse(line) as Record<string, unknown>);
  const [first, second, , last] = objects([outer, inner, innerReturn, outerReturn]);
  expect(first).toEqual({
    ...{ packet_id: '0xffff888000000100', timestamp: TIME, processor_id: 5, module: 'vmlinux', function: 'ip_rcv' },
    ...{ is_return: false, journey: 256, len: 84 },
  });
  expect(second).not.toHaveProperty('partner');
  expect(last).toEqual({ ...first, timestamp: TIME + 12345, is_return: true, duration_ns: 12345 });
  const damaged = objects([outer, inner, { ...outerReturn, hasFields: false, skbFreed: true }]);
  expect(damaged.map(({ partner }) => partner)).toEqual([undefined, 'lost', undefined]);
  expect(damaged[2]).toMatchObject({ skb_freed: true, duration_ns: 12345 });
  expect(damaged[2]).not.toHaveProperty('len');
  expect(objects([{ ...innerReturn, entryLost: true }])[0]).toMatchObject({ partner: 'lost', duration_ns: 1500 });
});

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are made of them
const withoutColors = (text: string) => text.replace(/\x1b\[[0-9;]*m/g, '');
const ENDS: Journey[] = [
  journey(0x100, { outcome: 'dropped', fate: fate({ dropped: true, reason: 3 }) }),
  journey(0x200, { outcome: 'delivered', fate: fate({ stage: 'queued', family: 2, protocol: 17 }), parent: 256 }),
  journey(0x300, { gap: true, lost: 2 }),
];
const ends = () => ENDS.map((one) => ({ ...one }));

test('AggregateOutput: colours change nothing but colours; no event has one', () => {
  const given = [event(0x100, 0), event(0x200, 1), event(0x300, 2)];
  const colored = (context: OutputContext) => new AggregateOutput(context, { hasColor: true });
  const text = outputText(colored, given, { journeys: ends() });
  expect(withoutColors(text)).toBe(outputText(aggregate, given, { journeys: ends() }));
  expect(text).toContain('\x1b[31mdropped: REASON_3\x1b[0m, 1.500us');
  expect(text).toContain('\x1b[32mdelivered to AF_INET UDP\x1b[0m');
  expect(text).toContain('\x1b[33mgap: 2 events lost\x1b[0m\n');
  for (const line of text.split('\n').filter((one) => /^\d/.test(one))) expect(line).not.toContain('\x1b');
  const many = (hasColor: boolean) => outputText(aggregateWith({ hasColor }), walks(60), { journeys: ends() });
  expect(many(true)).toContain('\x1b[2mas journey 1\x1b[0m');
  expect(withoutColors(many(true))).toBe(many(false));
});

test('PathsOutput: colours change nothing but colours, also where two paths stand side by side', () => {
  const given = [event(0x100, 0), event(0x100, 1), event(0x200, 0), event(0x300, 2)];
  const paths = (hasColor: boolean) => (context: OutputContext) => new PathsOutput(context, { diff: [1, 2], hasColor });
  const text = outputText(paths(true), given, { journeys: ends() });
  expect(text).toContain('\x1b[31mdropped: REASON_3\x1b[0m');
  expect(withoutColors(text)).toBe(outputText(paths(false), given, { journeys: ends() }));
});

test('--time wall: the column of times is wider; JSON has the epoch exactly, also of journeys', () => {
  const WALL = 1_795_000_000_000_000_001n;
  const clock = Clock.wall(WALL - BigInt(TIME));
  const wall = (create: typeof aggregate | typeof json) => (context: OutputContext) => create({ ...context, clock });
  const [header = '', , first = ''] = outputText(wall(aggregate), [event(0x100, 0)]).split('\n');
  const [plainHeader = '', , plainFirst = ''] = outputText(aggregate, [event(0x100, 0)]).split('\n');
  expect(header).toBe(`Timestamp${' '.repeat(20)}${plainHeader.slice(20)}`);
  expect(first.slice(0, 29)).toMatch(/^2026-11-1\dT\d\d:\d6:40\.000000001$/);
  expect(first.slice(29)).toBe(plainFirst.slice(20));
  const text = outputText(wall(json), [event(0x100, 0)]);
  expect(text).toContain(`"timestamp":${WALL},`);
  expect(text).toContain(`"begin":${WALL},"end":${WALL + 1500n},`);
});

test('--time relative: counted from the beginning of the trace', () => {
  const relative = (context: OutputContext) => createJsonOutput({ ...context, clock: Clock.since(BigInt(TIME) - 5n) });
  const text = outputText(relative, [event(0x100, 0)]);
  expect(text).toContain('"timestamp":5,');
  expect(text).toContain('"begin":5,"end":1505,');
});

const DROP = fate({ dropped: true, reason: 4, location: 1n, symbol: 'nf_hook_slow+0xa9/0x110' });
const aggregateWith = (options: AggregateOptions) => (context: OutputContext) => new AggregateOutput(context, options);
/** So many journeys of two events, the second one of another CPU or with other data, as is given. */
const walks = (count: number, second: (number: number) => Partial<TraceEvent> = () => ({})) =>
  Array.from({ length: count }, (_, index) => index + 1).flatMap((number) => [
    event(number, 0, at(number * 10_000)),
    event(number, 1, { ...at(number * 10_000 + 500), ...second(number) }),
  ]);

test('AggregateOutput: more than ten journeys end with a summary, or begin with it where they are sorted', () => {
  const sorted = aggregateWith({ order: 'begin' });
  const ends = Array.from({ length: 12 }, (_, index) =>
    journey(index + 1, { endNs: BigInt(TIME + (index + 1) * 1000) }),
  );
  const of = (number: number) => ends[number - 1]!;
  for (const number of [3, 5, 9]) Object.assign(of(number), { outcome: 'dropped', fate: DROP });
  Object.assign(of(7), { outcome: 'dropped', fate: fate({ dropped: true }) });
  Object.assign(of(12), { outcome: 'alive', endNs: BigInt(TIME) + 999_000_000n });
  const summary = [
    '12 journeys, 24 events: 4 dropped, 7 consumed, 1 alive',
    'Dropped:',
    '    3  REASON_4 in nf_hook_slow+0xa9 (first: journey 3)',
    '    1  where is not known (journey 7)',
    'Slowest: journey 11 (11.000us), journey 10 (10.000us), journey 9 (9.000us)',
  ];
  const text = outputText(aggregate, walks(12), { journeys: ends.map((one) => ({ ...one })) });
  expect(text.split('\n').slice(-7)).toEqual(['', ...summary, '']);
  const last = outputText(sorted, walks(12), { journeys: ends.map((one) => ({ ...one })) });
  expect(last).toBe(`${summary.join('\n')}\n\n${text.slice(0, text.indexOf('\n\n') + 1)}`);
  const few = outputText(aggregate, walks(10));
  expect(few).toMatch(/^Timestamp/);
  expect(few).not.toContain('10 journeys');
  const plain = outputText(aggregateWith({ plainText: true }), walks(60));
  expect(plain).toMatch(/^Timestamp/);
  expect(plain).not.toContain('60 journeys');
  expect(outputText(aggregate, walks(60))).toMatch(
    /\n\n60 journeys.*\nSlowest: .*\n-o paths shows each path once; .*\n$/,
  );
});

test('AggregateOutput: from the eleventh journey on, lines that would say the same but for times are folded', () => {
  const folded = (text: string) =>
    text.split('\n').flatMap((line) => {
      const [, number, same] = /^=== journey (\d+),.*, as journey (\d+), at \d+$/.exec(line) ?? [];
      return number === undefined ? [] : [[Number(number), Number(same)]];
    });
  const [from11, all] = [
    [11, 12, 13],
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
  ].map((numbers) => numbers.map((number) => [number, 1]));
  expect(folded(outputText(aggregate, walks(13)))).toEqual(from11);
  const text = outputText(aggregateWith({ fold: 'same' }), walks(13));
  expect(folded(text)).toEqual(all);
  expect(text.split('\n').filter((line) => /^\d+ +\d{3} /.test(line))).toHaveLength(2);
  expect(text).toContain(`=== journey 13, consumed, 1.500us, 2 events, as journey 1, at ${TIME + 130_000}\n`);
  for (const options of [{ fold: 'never' }, { fold: 'same', plainText: true }] as const) {
    expect(folded(outputText(aggregateWith(options), walks(13)))).toEqual([]);
  }
  // Another CPU, field, end or gap is another line; a path is the same but for the end.
  const fieldsDiffer = (number: number) => ({ data: new DataView(Uint8Array.of(number % 2).buffer) });
  const others = { cpu: (number: number) => ({ cpu: number % 2 }), fields: fieldsDiffer };
  for (const second of Object.values(others)) {
    expect(folded(outputText(aggregateWith({ fold: 'same' }), walks(4, second)))).toEqual([
      [3, 1],
      [4, 2],
    ]);
    expect(folded(outputText(aggregateWith({ fold: 'path' }), walks(4, second)))).toEqual(all!.slice(0, 3));
  }
  const ends = { journeys: [journey(2, { outcome: 'dropped', fate: DROP }), journey(3, { gap: true, lost: 1 })] };
  for (const fold of ['same', 'path'] as const) {
    expect(folded(outputText(aggregateWith({ fold }), walks(4), ends))).toEqual([[4, 1]]);
  }
});

test('AggregateOutput: where no journey is folded, each event is looked at once, for its line', () => {
  const load = vi.spyOn(EventStore.prototype, 'load');
  try {
    for (const options of [{ fold: 'never' }, { plainText: true }] as const) {
      load.mockClear();
      expect(outputText(aggregateWith(options), walks(13)).match(/ip_rcv/g)).toHaveLength(13);
      expect(load).toHaveBeenCalledTimes(26);
    }
  } finally {
    load.mockRestore();
  }
});

test('AggregateOutput: calls are folded though they take other times, and not where a return is missing', () => {
  const { outer, inner, innerReturn, outerReturn } = graph;
  const calls = [outer, inner, innerReturn, outerReturn];
  const again = calls.map((one) => ({ ...one, journey: 0x101 }));
  again[3] = { ...again[3]!, ...at(99_999) };
  const text = (given: TraceEvent[]) => outputText(aggregateWith({ fold: 'same' }), given, { hasReturns: true });
  expect(text([...calls, ...again])).toContain('=== journey 257, consumed, 1.500us, 4 events, as journey 256, at ');
  expect(text([...calls, ...again.slice(0, 3)])).not.toContain('as journey');
});

test('all outputs: a choice leaves out journeys that ended otherwise, or sooner', () => {
  const ends = () => [
    journey(1, { outcome: 'dropped', fate: DROP }),
    journey(2, { endNs: BigInt(TIME) + 5000n }),
    journey(3, { outcome: 'dropped', fate: DROP, endNs: BigInt(TIME) + 5000n }),
  ];
  const shown = (options: ChoiceOptions, create: (context: OutputContext, choice: Choice) => Output) => {
    const choice = new Choice(options);
    const text = outputText((context) => create(context, choice), walks(3), { journeys: ends() });
    expect(choice).toMatchObject({ asked: 3 });
    return text;
  };
  const numbers = (options: ChoiceOptions) => {
    const text = shown(options, (context, choice) => new AggregateOutput(context, { choice }));
    const lines = shown(options, (context, choice) => createJsonOutput(context, { choice }))
      .trimEnd()
      .split('\n');
    const objects = lines.filter(Boolean).map((line) => JSON.parse(line) as { journey: number; type?: string });
    const old = shown(options, (context, choice) => createJsonOutput(context, { choice, eventsOnly: true }));
    const found = [...text.matchAll(/^=== journey (\d+)/gm)].map(([, number]) => Number(number));
    // In JSON each with its two events, and then its own line.
    expect(objects.map(({ journey: number }) => number)).toEqual(found.flatMap((number) => [number, number, number]));
    expect(objects.filter((_, index) => index % 3 === 2).every(({ type }) => type === 'journey')).toBe(true);
    expect(old.split('\n')).toHaveLength(found.length * 2 + 1);
    const paths = shown(options, (context, choice) => new PathsOutput(context, { choice }));
    expect(paths).toMatch(new RegExp(`^${found.length} journeys? of 3, `));
    return found;
  };
  expect(numbers({})).toEqual([1, 2, 3]);
  expect(numbers({ only: ['dropped'] })).toEqual([1, 3]);
  expect(numbers({ slowerNs: 1500 })).toEqual([2, 3]);
  expect(numbers({ only: ['dropped', 'alive'], slowerNs: 1500 })).toEqual([3]);
  expect(numbers({ only: ['alive'] })).toEqual([]);
});

test('JsonOutput: with a choice, events that are held are bounded by memory, and released', () => {
  const context = { targets, hasReturns: false, fields: undefined, dataSize: 0, places: new Places() };
  const names = { reason: () => undefined, symbol: () => undefined };
  const choice = new Choice({ only: ['dropped'] });
  const output = createJsonOutput({ ...context, names }, { choice, maxBytes: 1 << 20 });
  const begun: Journey[] = [];
  const begin = () => {
    for (; output.hasRoom && begun.length < 10_000; ) {
      const its = journey(begun.length + 1);
      begun.push(its);
      for (let i = 0; i < 10; i++) output.event(event(its.shortId, i % 2), its);
      output.tick(100);
    }
  };
  begin();
  const first = begun.length;
  expect(first).toBeGreaterThan(50);
  expect(first).toBeLessThan(2000);
  for (const its of begun) output.ended(its);
  output.tick(100);
  expect(output.pendingBytes).toBe(0);
  begin();
  expect(begun.length).toBeGreaterThan(first * 1.9);
});

test('AggregateOutput: where equal data may have other fields, no journey stands for another one, unless that is asked for', () => {
  const again = Array.from({ length: 30 }, (_, index) => event(index + 1, 0));
  const text = (writer: FieldWriter, fold?: Fold) =>
    outputText((context) => new AggregateOutput(context, fold ? { fold } : {}), again, { writer });
  let count = 0;
  const counting: FieldWriter = { ...fields, varies: true, text: (out) => out.text(` n: ${++count}`) };
  expect(text(fields)).toContain('as journey');
  expect(text(counting)).not.toContain('as journey');
  expect(count).toBe(30);
  expect(text(counting, 'same')).toContain('as journey');
});

test('an event whose fields are none: nothing stands in the brackets, nor in JSON', () => {
  const none: FieldWriter = { ...fields, names: new Set(), varies: true, text() {}, json() {} };
  expect(outputText(aggregate, [event(1, 0)], { writer: none })).toContain(' ip_rcv ( )\n');
  expect(JSON.parse(events(outputText(json, [event(1, 0)], { writer: none }))[0]!)).toMatchObject({ is_return: false });
});
