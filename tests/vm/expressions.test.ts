/** Expressions in the running kernel: its verifier, and what they choose of real packets, against libpcap itself. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TracerName } from '../../src/base/method.js';
import type { NamedObject } from '../../src/base/named-object.js';
import { Session } from '../../src/capture/session.js';
import { NO_FIELDS } from '../../src/fields/field-set.js';
import type { PacketFilter } from '../../src/filter/packet-filter.js';
import { compileExpression, DLT_EN10MB, DLT_RAW } from '../../src/filter/pcap/expression.js';
import { pcapFilter } from '../../src/filter/pcap/pcap-filter.js';
import { loadKernelBtf } from '../../src/kernel/btf.js';
import { hasReadOnlyCast, mendsFaultsEverywhere } from '../../src/kernel/features.js';
import { chooseBackend } from '../../src/probes/backends.js';
import { loadTargets } from '../../src/probes/targets.js';
import { BPF_PROG_TYPE_RAW_TRACEPOINT } from '../../src/sys/bpf.js';
import { BpfObject, linkObjects } from '../../src/sys/libbpf.js';
import { compileWithLibpcap } from '../../src/sys/libpcap.js';
import { EXPRESSIONS } from '../support/expressions.js';
import { Chance, makeFrame } from '../support/frames.js';
import { takenByLibpcap } from '../support/libpcap-reference.js';
import { findInner, makeTunnelFrame } from '../support/tunnel-frames.js';
import { compiled, Network, ROOT, run, until } from './harness.js';

const compile = (text: string) => compileExpression(text, compileWithLibpcap);
const filterOf = (text: string) => pcapFilter({ outer: compile(text) });
const innerFilterOf = (text: string) => pcapFilter({ inner: compile(text) });

/** A session with functions whose names match, not attached. */
async function open(packets: PacketFilter, functions: RegExp, tracer: TracerName = 'function') {
  const { backend } = await chooseBackend(tracer, undefined);
  const { targets, deciding } = await loadTargets(backend, { functionPattern: { regExp: functions, text: '' } });
  const session = await Session.open({
    ...{ backend, tracer, targets, deciding, packets, samplePeriod: 1, follow: true },
    ...{ ringSizeBytes: 1 << 20, snaplen: 96, fields: NO_FIELDS },
  });
  return { session, targets };
}

describe('the verifier takes expressions', () => {
  const vmlinux = loadKernelBtf();
  const canReadDirectly = hasReadOnlyCast(vmlinux) && mendsFaultsEverywhere(vmlinux);
  const ways = canReadDirectly ? [true, false] : [true];
  let asks: NamedObject;
  beforeAll(() => {
    asks = { name: 'asks', bytes: readFileSync(compiled(join(ROOT, 'tests/vm/filters/asks.bpf.c'))) };
  });

  test.each(
    ways.flatMap((byHelper) => [
      { byHelper, what: 'a hundred of them', filterOf },
      { byHelper, what: 'the same, of the packet in a tunnel', filterOf: innerFilterOf },
    ]),
  )('$what, read with a helper: $byHelper', ({ byHelper, filterOf }) => {
    for (const text of EXPRESSIONS) {
      const filter = filterOf(text).compile!(vmlinux, byHelper);
      using object = new BpfObject(linkObjects([asks, filter]));
      object.setProgramType('asks', BPF_PROG_TYPE_RAW_TRACEPOINT, 0);
      try {
        object.load(new Set(['asks']));
      } catch (error) {
        throw new Error(`${text}: ${(error as { verifierLog?: string }).verifierLog?.slice(-2000)}`, { cause: error });
      }
    }
  });

  test.each(['function', 'function_graph'] as const)('in the programs of %s', async (tracer) => {
    const long = Array.from({ length: 160 }, (_, index) => `host 10.0.${index}.1`).join(' or ');
    for (const text of ['vlan 5 and host 2001:db8::1 and len > 60 and ip[2:2] / 3 = 20', long]) {
      const both = pcapFilter({ outer: compile(text), inner: compile(text) });
      for (const filter of [filterOf(text), both]) {
        const { session } = await open(filter, /^(ip_rcv|ip_route_output_key_hash_rcu)$/, tracer);
        session[Symbol.dispose]();
      }
    }
  });
});

/** Of each kind that differs in how it is read. */
const ON_FRAMES = [
  ...['ip', 'not ip', 'ip6', 'arp', 'tcp port 443', 'udp port 53 or udp port 4789', 'host 10.0.0.1', 'net 10', 'stp'],
  ...['host 2001:db8::1', 'ether host 02:00:00:00:00:01', 'ether[11:2] = 0x0208', 'ether[14:4] > 7', 'vlan', 'vlan 5'],
  ...['vlan and tcp', 'vlan 7 and vlan 5', 'not vlan and udp', 'mpls', 'pppoes and tcp', 'geneve', 'ip proto 47'],
  ...['greater 90', 'ip[6:2] & 0x1fff != 0', 'ip[0] & 0xf != 5', 'ip6[6] = 44', 'ip[2:2] % 7 = 3'],
  ...['tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420', 'icmp[0] = 8', 'icmp6', '(1 << (ip[8] & 63)) = 1'],
];

/** What becomes of a received frame: the kernel takes away a tag that no device is for, and two if the first has no id. */
function formsOf(frame: Buffer): Buffer[] {
  const isTagged = (one: Buffer) => one.length >= 18 && [0x8100, 0x88a8].includes(one.readUInt16BE(12));
  const strip = (one: Buffer) => Buffer.concat([one.subarray(0, 12), one.subarray(16)]);
  if (!isTagged(frame)) return [frame];
  const once = strip(frame);
  const hasId = (frame.readUInt16BE(14) & 0xfff) > 0;
  return [frame, once, ...(!hasId && isTagged(once) ? [strip(once)] : [])];
}

/** Of the packet in a tunnel, the same. */
const INNER_ON_FRAMES = [
  ...['ip', 'not ip', 'tcp port 443', 'host 10.0.0.1', 'host 2001:db8::1', 'vlan', 'ether host 02:00:00:00:00:01'],
  ...['greater 90', 'ip[0] & 0xf != 5', 'ip6[6] = 44', 'tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420', 'icmp[0] = 8'],
];

const SENDER = 'ipft-frames';
const TAP = 'ipft-tap';

describe('expressions choose the frames that libpcap chooses', () => {
  const chance = new Chance(47);
  const frames = Array.from({ length: 60 }, () => makeFrame(chance).bytes);
  const tunnels = Array.from({ length: 60 }, () => makeTunnelFrame(chance).bytes);
  beforeAll(() => {
    execFileSync('modprobe', ['dummy']);
    execFileSync('modprobe', ['tun']);
    const ip = (...args: string[]) => execFileSync('ip', args);
    ip('link', 'add', SENDER, 'type', 'dummy');
    ip('tuntap', 'add', 'dev', TAP, 'mode', 'tap');
    for (const device of [SENDER, TAP]) {
      execFileSync('sysctl', ['-q', `net.ipv6.conf.${device}.disable_ipv6=1`]);
      ip('link', 'set', device, 'up');
    }
  });
  afterAll(() => {
    spawnSync('ip', ['link', 'del', SENDER]);
    spawnSync('ip', ['link', 'del', TAP]);
  });

  /** A program that takes nothing where libpcap makes none. */
  function programOf(text: string, linkType: number): Uint8Array {
    const result = compileWithLibpcap(text, linkType);
    return 'program' in result ? result.program : Uint8Array.from([6, 0, 0, 0, 0, 0, 0, 0]);
  }

  test.each(ON_FRAMES)('%s', async (text) => {
    const program = programOf(text, DLT_EN10MB);
    await expectTaken(filterOf(text), frames, (frame) => takenByLibpcap(program, frame));
  });

  test.each(INNER_ON_FRAMES)('in a tunnel, %s', async (text) => {
    const [ethernet, ip] = [programOf(text, DLT_EN10MB), programOf(text, DLT_RAW)];
    await expectTaken(innerFilterOf(text), tunnels, (frame) => {
      const found = findInner({ bytes: frame, hasEthernet: true }, frame.length);
      return found !== undefined && takenByLibpcap(found.hasEthernet ? ethernet : ip, frame.subarray(found.at));
    });
  });

  /** Sends the frames, and has them received. */
  async function expectTaken(filter: PacketFilter, frames: readonly Buffer[], takes: (frame: Buffer) => boolean) {
    const wanted = {
      packet: frames.filter(takes).length,
      tap: frames.filter((frame) => formsOf(frame).some(takes)).length,
    };
    const { session } = await open(
      filter,
      // A frame that is of no protocol which is known here is freed without its tag.
      /^(dev_hard_start_xmit|netif_receive_skb|netif_rx|ip_rcv|ipv6_rcv|skb_release_data)$/,
    );
    using opened = session;
    await opened.attach(new AbortController().signal);
    let began = 0;
    const nothing = { event() {}, ended() {}, moved() {}, snapshot() {} };
    const read = () => opened.read({ ...nothing, began: () => void began++ });
    const counts = { packet: 0, tap: 0 };
    for (const [kind, device] of [
      ['packet', SENDER],
      ['tap', TAP],
    ] as const) {
      began = 0;
      const input = frames.map((frame) => frame.toString('hex')).join('\n');
      execFileSync('/usr/bin/python3', ['-IS', join(ROOT, 'tests/vm/frames.py'), kind, device], { input });
      await until(
        () => {
          read();
          return began >= wanted[kind];
        },
        () => `the begin of ${wanted[kind]} journeys, not ${began}`,
      );
      run('ip', ['link', 'show', device]);
      read();
      counts[kind] = began;
    }
    expect(counts).toEqual(wanted);
    await opened.release();
  }
});

describe('a packet is known by an expression', () => {
  let network: Network;
  beforeAll(() => {
    execFileSync('modprobe', ['veth']);
    network = new Network();
  });
  afterAll(() => network?.[Symbol.dispose]());

  /**
   * The functions that the packets of some traffic passed, without copies, while a session with the expression was
   * attached.
   */
  async function functionsOf(expression: string | PacketFilter, traffic: () => void): Promise<string[][]> {
    const { session, targets } = await open(
      typeof expression === 'string' ? filterOf(expression) : expression,
      /^(__ip_local_out|ip_output|dev_hard_start_xmit|ip_rcv|icmp_rcv|udp_rcv|eth_type_trans|ip6_output|ipv6_rcv|kfree_skbmem)$/,
    );
    using opened = session;
    await opened.attach(new AbortController().signal);
    traffic();
    const journeys = new Map<number, string[]>();
    let living = 0;
    await until(() => {
      opened.read({
        // A socket of ping gets copies of answers.
        began: ({ journey, parent }) => {
          living++;
          if (parent === 0) journeys.set(journey >>> 0, []);
        },
        event: ({ journey, target }) => void journeys.get(journey)?.push(targets[target]?.name ?? ''),
        ended: () => void living--,
        ...{ moved() {}, snapshot() {} },
      });
      return living === 0;
    }, 'the end of what began');
    await opened.release();
    return [...journeys.values()];
  }

  test('from the first function at which its headers can be read, in both directions', async () => {
    const found = await functionsOf('icmp', () => {
      network.ping(0, { count: 2 });
      network.sendInVain('fd11::2', 1, 10);
    });
    for (const functions of found) expect(functions).toContain('icmp_rcv');
    expect(found.length).toBe(4);
    for (const functions of found) expect(['__ip_local_out', 'ip_output']).toContain(functions[0]);
  });

  test('within tunnels and around them, and nothing else', async () => {
    const ip = (namespace: string, ...args: string[]) => execFileSync('ip', ['-n', namespace, ...args]);
    for (const module of ['ip_gre', 'vxlan']) execFileSync('modprobe', [module]);
    for (const [namespace, own, other] of [
      [network.here, 1, 2],
      [network.there, 2, 1],
    ] as const) {
      const ends = ['local', `10.11.0.${own}`, 'remote', `10.11.0.${other}`];
      ip(namespace, 'link', 'add', 'tunnel-g', 'type', 'gre', ...ends);
      ip(namespace, 'link', 'add', 'tunnel-v', 'type', 'vxlan', 'id', '42', 'dstport', '4789', ...ends);
      for (const [device, net] of [
        ['tunnel-g', 12],
        ['tunnel-v', 13],
      ] as const) {
        ip(namespace, 'addr', 'add', `10.${net}.0.${own}/24`, 'dev', device);
        ip(namespace, 'link', 'set', device, 'up');
      }
    }
    for (const to of ['10.12.0.2', '10.13.0.2']) network.ping(0, { count: 1, to });
    const pings = () => {
      for (const to of ['10.11.0.2', '10.12.0.2', '10.13.0.2']) network.ping(0, { count: 1, to });
    };
    // A request and its answer each: the packet around is the same skb.
    for (const [text, count] of [
      ['icmp and host 10.12.0.2', 2],
      ['icmp and net 10.13.0.0/16', 2],
      ['ip proto 47', 2],
      // The frame within may be one of ARP.
      ['udp port 4789 and udp[39] = 1', 2],
      ['icmp', 6],
      ['icmp and host 10.14.0.2', 0],
      ['tcp or net 8.0.0.0/8', 0],
    ] as const) {
      const found = await functionsOf(text, pings);
      expect([text, found.length]).toEqual([text, count]);
      for (const functions of found) expect(functions).toContain('ip_rcv');
    }
  });

  /** Kinds of tunnels, with their options, and whether the packets around and within are those of IPv6. */
  const KINDS: readonly { kind: string; options?: string; over6?: boolean; within6?: boolean; module?: string }[] = [
    ...[
      { kind: 'gre', options: 'key 7 csum seq', module: 'ip_gre' },
      { kind: 'gretap', module: 'ip_gre' },
    ],
    ...[{ kind: 'ipip' }, { kind: 'geneve', options: 'id 5' }, { kind: 'vxlan', options: 'id 5 dstport 0' }],
    { kind: 'vxlan', options: 'id 6 dstport 5555' },
    { kind: 'ip6tnl', options: 'mode any', over6: true, module: 'ip6_tunnel' },
    { kind: 'ip6tnl', options: 'mode ip6ip6', over6: true, within6: true, module: 'ip6_tunnel' },
    { kind: 'sit', within6: true },
    { kind: 'ip6gre', over6: true, module: 'ip6_gre' },
    { kind: 'vxlan', options: 'id 7 dstport 4789', over6: true },
  ];

  test.each(KINDS)('in a tunnel: $kind $options', async ({ kind, options = '', over6, within6, module = kind }) => {
    execFileSync('modprobe', [module]);
    const around = over6 ? 'fd11::' : '10.11.0.';
    const within = within6 ? 'fd15::' : '10.15.0.';
    for (const [namespace, own, other] of [
      [network.here, 1, 2],
      [network.there, 2, 1],
    ] as const) {
      const ip = (text: string) => execFileSync('ip', ['-n', namespace, ...text.split(' ').filter(Boolean)]);
      // Geneve finds its own address.
      const local = kind === 'geneve' ? '' : `local ${around}${own}`;
      ip(`link add tunnel type ${kind} ${local} remote ${around}${other} ${options}`);
      ip('link set tunnel up');
      ip(`addr add ${within}${own}/${within6 ? '64 nodad' : '24'} dev tunnel`);
    }
    const ping = (to: string) => network.ping(0, { count: 1, to });
    ping(`${within}2`);
    const traffic = () => {
      for (const to of [`${within}2`, '10.11.0.2', 'fd11::2']) ping(to);
    };
    const echo = within6 ? 'icmp6[0] = 128' : 'icmp[0] = 8';
    const echoes = within6 ? '(icmp6[0] = 128 or icmp6[0] = 129)' : 'icmp';
    const found = await functionsOf(innerFilterOf(`${echoes} and host ${within}2`), traffic);
    expect(found.length).toBe(2);
    for (const functions of found) expect(functions).toContain(within6 ? 'ipv6_rcv' : 'icmp_rcv');
    expect(await functionsOf(innerFilterOf(`${echoes} and not host ${within}2`), traffic)).toEqual([]);
    const outer = over6 ? 'ip6 and not icmp6' : 'ip and not icmp';
    const both = pcapFilter({ outer: compile(outer), inner: compile(echo) });
    expect((await functionsOf(both, traffic)).length).toBe(options.includes('5555') ? 0 : 1);
    for (const namespace of [network.here, network.there])
      execFileSync('ip', ['-n', namespace, 'link', 'del', 'tunnel']);
  });

  test('in a tunnel: on the device of WireGuard', async () => {
    execFileSync('modprobe', ['wireguard']);
    execFileSync('ip', ['-n', network.here, 'link', 'add', 'tunnel', 'type', 'wireguard']);
    execFileSync('ip', ['-n', network.here, 'addr', 'add', '10.15.0.1/24', 'dev', 'tunnel']);
    execFileSync('ip', ['-n', network.here, 'link', 'set', 'tunnel', 'up']);
    // It has no peer, and drops what it gets.
    const traffic = () => {
      spawnSync('ip', ['netns', 'exec', network.here, 'ping', '-c', '1', '-W', '1', '10.15.0.2']);
      network.ping(0, { count: 1 });
    };
    expect((await functionsOf(innerFilterOf('icmp and dst host 10.15.0.2'), traffic)).length).toBe(1);
    expect(await functionsOf(innerFilterOf('tcp'), traffic)).toEqual([]);
  });

  test('before and after its address is translated', async () => {
    network.exec(
      'nft',
      'table ip translates { chain out { type nat hook output priority -100; ip daddr 10.99.0.9 dnat to 10.11.0.2; }; }',
    );
    network.exec('ip', 'route', 'add', '10.99.0.0/24', 'dev', 'veth-a');
    const ping = () => void network.ping(0, { count: 1, to: '10.99.0.9' });
    ping();
    const before = await functionsOf('icmp and dst host 10.99.0.9', ping);
    const after = await functionsOf('icmp and dst host 10.11.0.2', ping);
    expect(before.length).toBe(1);
    expect(before[0]).toContain('ip_rcv');
    expect(after.length).toBe(1);
    // The hook that translates comes behind the first function.
    expect(before[0]![0]).toBe('__ip_local_out');
    expect(after[0]![0]).toBe('ip_output');
  });
});
