/** `--connection`, where it is the same on all kernels. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countFunctions, createTranslatingRoute } from './counted-functions.js';
import { Network, ROOT, type Route } from './harness.js';

describe('through a router that translates addresses', () => {
  let route: Route;
  beforeAll(() => {
    route = createTranslatingRoute();
  });
  afterAll(() => route?.[Symbol.dispose]());

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
