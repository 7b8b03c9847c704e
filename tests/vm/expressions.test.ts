/** Expressions in the running kernel: its verifier, and from which function on they know a packet. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NamedObject } from '../../src/base/named-object.js';
import { pcapFilter } from '../../src/filter/pcap/pcap-filter.js';
import { loadKernelBtf } from '../../src/kernel/btf.js';
import { hasReadOnlyCast, mendsFaultsEverywhere } from '../../src/kernel/features.js';
import { BPF_PROG_TYPE_RAW_TRACEPOINT } from '../../src/sys/bpf.js';
import { BpfObject, linkObjects } from '../../src/sys/libbpf.js';
import { EXPRESSIONS } from '../support/expressions.js';
import { compile, filterOf, functionsOf, innerFilterOf, open } from './chosen-packets.js';
import { compiled, Network, ROOT } from './harness.js';
import { CHOOSES_FIRST, HAS_ALL_TESTS } from './kernels.js';

describe('the verifier takes expressions', () => {
  const vmlinux = loadKernelBtf();
  const canReadDirectly = hasReadOnlyCast(vmlinux) && mendsFaultsEverywhere(vmlinux);
  const ways = [...(canReadDirectly ? [false] : []), ...(!canReadDirectly || HAS_ALL_TESTS ? [true] : [])];
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
      const filter = pcapFilter({ outer: compile(text), inner: compile(text) });
      const { session } = await open(filter, /^(ip_rcv|ip_route_output_key_hash_rcu)$/, tracer);
      session[Symbol.dispose]();
    }
  });
});

describe('a packet is known by an expression', () => {
  let network: Network;
  beforeAll(() => {
    execFileSync('modprobe', ['veth']);
    network = new Network();
  });
  afterAll(() => network?.[Symbol.dispose]());

  test('from the first function at which its headers can be read, in both directions', async () => {
    const found = await functionsOf('icmp', () => {
      network.ping(0, { count: 2 });
      network.sendInVain('fd11::2', 1, 10);
    });
    for (const functions of found) expect(functions).toContain('icmp_rcv');
    expect(found.length).toBe(4);
    for (const functions of found) expect(['__ip_local_out', 'ip_output']).toContain(functions[0]);
  });

  /** Kinds of tunnels, with their options, and whether the packets around and within are those of IPv6. */
  const KINDS: readonly { kind: string; options?: string; over6?: boolean; within6?: boolean }[] = [
    ...[
      { kind: 'gre', options: 'key 7 csum seq' },
      { kind: 'gretap' },
      { kind: 'ipip' },
      { kind: 'sit', within6: true },
    ],
    ...[
      { kind: 'geneve', options: 'id 5' },
      { kind: 'vxlan', options: 'id 5 dstport 0' },
    ],
    { kind: 'vxlan', options: 'id 6 dstport 5555' },
    { kind: 'vxlan', options: 'id 7 dstport 4789', over6: true },
    { kind: 'ip6tnl', options: 'mode any', over6: true },
    { kind: 'ip6gre', over6: true },
  ];

  test.runIf(CHOOSES_FIRST)('within tunnels: before the headers are there, and behind them', async () => {
    for (const name of ['ip_gre', 'ipip', 'sit', 'geneve', 'vxlan', 'ip6_tunnel', 'ip6_gre'])
      execFileSync('modprobe', [name]);
    const hosts: string[] = [];
    for (const [index, { kind, options = '', over6 = false, within6 = false }] of KINDS.entries()) {
      const around = over6 ? 'fd11::' : '10.11.0.';
      const within = within6 ? `fd15:${index}::` : `10.15.${index}.`;
      hosts.push(`${within}2`);
      for (const [namespace, own, other] of [
        [network.here, 1, 2],
        [network.there, 2, 1],
      ] as const) {
        const ip = (text: string) => execFileSync('ip', ['-n', namespace, ...text.split(' ').filter(Boolean)]);
        // Geneve finds its own address.
        const local = kind === 'geneve' ? '' : `local ${around}${own}`;
        ip(`link add tunnel-${index} type ${kind} ${local} remote ${around}${other} ${options}`);
        ip(`link set tunnel-${index} up`);
        ip(`addr add ${within}${own}/${within6 ? '64 nodad' : '24'} dev tunnel-${index}`);
      }
    }
    const traffic = () => {
      for (const to of [...hosts, '10.11.0.2', 'fd11::2']) network.ping(0, { count: 1, to });
    };
    traffic();
    const nets = 'net 10.15.0.0/16 or net fd15::/16';
    const echoes = 'icmp or icmp6[0] = 128 or icmp6[0] = 129';
    const found = await functionsOf(innerFilterOf(`(${echoes}) and (${nets})`), traffic);
    expect(found.length).toBe(2 * KINDS.length);
    // Where there is no room for the headers, the packet ends on the device, and a copy goes on.
    const arrived = found.filter((functions) => functions.some((name) => ['icmp_rcv', 'ipv6_rcv'].includes(name)));
    expect(arrived.length).toBeGreaterThan(KINDS.length);
    // Only where the headers are there, which is not known of the other port.
    const outer = compile(`not (${nets})`);
    const inner = compile('icmp[0] = 8 or icmp6[0] = 128');
    expect((await functionsOf(pcapFilter({ outer, inner }), traffic)).length).toBe(KINDS.length - 1);
  });

  test.runIf(CHOOSES_FIRST)('before and after its address is translated', async () => {
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
