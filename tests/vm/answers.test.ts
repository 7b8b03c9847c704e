/** `--connection`: what answers a packet, in the running kernel, through NAT. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ipft, Network, ROOT, Route, traceWhile } from './harness.js';

const FUNCTIONS = '^(ip_output|ip6_output|ip_forward|icmp_rcv|icmpv6_rcv|udp_rcv|tcp_v4_rcv)$';

/** How often each function was passed by what is shown of some traffic. */
async function countFunctions(args: readonly string[], traffic: () => unknown): Promise<Record<string, number>> {
  const { stdout } = await traceWhile(['-o', 'json', '-r', FUNCTIONS, ...args], traffic);
  const counts: Record<string, number> = {};
  for (const line of stdout.trim().split('\n').filter(Boolean)) {
    const { function: name } = JSON.parse(line) as { readonly function?: string };
    if (name !== undefined) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

describe('through a router that translates addresses', () => {
  let route: Route;
  beforeAll(() => {
    for (const module of ['veth', 'nf_nat', 'nft_masq']) execFileSync('modprobe', [module]);
    route = new Route();
    const chain = 'chain out { type nat hook postrouting priority 100; oifname "middle1" masquerade; };';
    route.exec(route.middle, 'nft', `table ip ipft_nat { ${chain} }`);
  });
  afterAll(() => route?.[Symbol.dispose]());

  const pingFar = (mark: number) =>
    route.exec(route.near, 'ping', '-q', '-c1', '-w300', '-m', String(mark), '10.22.0.3');
  const request = ['icmp[0] = 8 and src host 10.21.0.1'];
  const there = { ip_output: 2, ip_forward: 1, icmp_rcv: 1 };
  const thereAndBack = { ip_output: 4, ip_forward: 2, icmp_rcv: 2 };

  test('the answer is seen from the first function on, though it goes to another address; others are not', async () => {
    const traffic = () => {
      route.exec(route.middle, 'ping', '-q', '-c1', '-w300', '10.22.0.3');
      pingFar(0);
      route.exec(route.far, 'ping', '-q', '-c1', '-w300', '10.22.0.2');
    };
    expect(await countFunctions(request, traffic)).toEqual(there);
    expect(await countFunctions([...request, '--connection'], traffic)).toEqual(thereAndBack);
  });

  test('of a packet that a mark, or its place, has chosen', async () => {
    const args = ['-m', '9', '--connection', '--snaplen', '96'];
    expect(await countFunctions(args, () => [pingFar(9), pingFar(8)])).toEqual(thereAndBack);
    const place = ['icmp', '--dev', 'near0', '--connection'];
    expect((await countFunctions(place, () => pingFar(0)))['ip_output']).toBe(3);
  });

  test('an error of ICMP answers the packet that it quotes', async () => {
    const [program, ...script] = ['/usr/bin/python3', '-IS', `${ROOT}/tests/vm/traffic.py`];
    const send = () => route.exec(route.near, program!, ...script, '-', 'udp', '10.22.0.3', '0', '10');
    expect(await countFunctions(['udp and src host 10.21.0.1', '--connection'], send)).toEqual({
      ...{ ip_output: 4, ip_forward: 2, udp_rcv: 1, icmp_rcv: 1 },
    });
  });

  test('a connection of TCP, of which the expression takes a packet', async () => {
    const [program, ...script] = ['/usr/bin/python3', '-IS', `${ROOT}/tests/vm/traffic.py`];
    const send = () => route.exec(route.near, program!, ...script, route.far, 'tcp', '10.22.0.3', '0', '1000');
    const syn = ['tcp[tcpflags] = tcp-syn'];
    const all = await countFunctions(['tcp'], send);
    expect(await countFunctions(syn, send)).toEqual({ ip_output: 2, ip_forward: 1, tcp_v4_rcv: 1 });
    // How many acknowledgements there are is a matter of time.
    const found = await countFunctions([...syn, '--connection'], send);
    for (const [name, count] of Object.entries(all)) {
      expect(found[name]).toBeGreaterThan(count / 2);
      expect(found[name]).toBeLessThan(count * 2);
    }
    expect(found['ip_output']).toBe((found['ip_forward'] ?? 0) * 2);
    expect(found['tcp_v4_rcv']).toBe(found['ip_forward']);
  });
});

test('IPv6', async () => {
  using network = new Network();
  const ping = () => network.exec('ping', '-q', '-c1', '-w300', 'fd11::2');
  const request = ['icmp6[icmp6type] = icmp6-echo and src host fd11::1'];
  expect(await countFunctions(request, ping)).toEqual({ ip6_output: 1, icmpv6_rcv: 1 });
  expect(await countFunctions([...request, '--connection'], ping)).toEqual({ ip6_output: 2, icmpv6_rcv: 2 });
});

test('without snapshots no connection is known', () => {
  const { status, stderr } = ipft('icmp', '--connection', '--snaplen', '0');
  expect(stderr).toContain('--connection needs --snaplen');
  expect(status).toBe(2);
});
