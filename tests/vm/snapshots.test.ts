/** Which packet a journey is of: from snapshots of real packets on their way, with every backend and tracer. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JourneyPacket } from '../../src/base/packet.js';
import { Network, parseEvents, Route, run, splitJson, traceWhile } from './harness.js';
import { HAS_ALL_TESTS, MAIN_METHODS, optionsOf, testMethod } from './kernels.js';

const MARK = 51;
/** Few, since some backends attach to one after the other; they stand on both sides of each change. */
const FUNCTIONS =
  '^(ip_output|ip6_output|dev_hard_start_xmit|veth_xmit|vlan_dev_hard_start_xmit|vxlan_xmit|ip_rcv|ip_forward|' +
  'ip_local_deliver|icmp_rcv|tcp_v4_rcv|udp_rcv|ipv6_rcv)$';
/** For packets to 1.2.3.4, which nobody has, and for a port where nobody listens. */
const RULES = `table ip nat {
  chain pre { type nat hook prerouting priority -100
    ip daddr 1.2.3.4 dnat to 10.22.0.3
    udp dport 5001 redirect to :5000
  }
  chain post { type nat hook postrouting priority 100; oifname "middle1" masquerade; }
}`;

let route: Route;
let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['-a', 'veth', '8021q', 'vxlan', 'nft_chain_nat', 'nft_nat', 'nft_masq', 'nft_redir']);
  network = new Network();
  route = new Route();
  execFileSync('ip', ['netns', 'exec', route.middle, 'nft', '-f', '-'], { input: RULES });
  const ip = (namespace: string, ...args: string[]) => execFileSync('ip', ['-n', namespace, ...args]);
  for (const [namespace, device, host, other] of [
    [route.near, 'near0', 1, 2],
    [route.middle, 'middle0', 2, 1],
  ] as const) {
    const [local, remote] = [`10.21.0.${host}`, `10.21.0.${other}`];
    ip(namespace, 'link', 'add', 'link', device, 'name', 'tagged', 'type', 'vlan', 'id', '5');
    ip(namespace, 'addr', 'add', `10.25.0.${host}/24`, 'dev', 'tagged');
    ip(
      namespace,
      'link',
      'add',
      'vxlan0',
      ...`type vxlan id 100 local ${local} remote ${remote} dstport 4789`.split(' '),
    );
    ip(namespace, 'addr', 'add', `10.26.0.${host}/24`, 'dev', 'vxlan0');
    for (const made of ['tagged', 'vxlan0']) ip(namespace, 'link', 'set', made, 'up');
  }
  // Neighbours are found now, so that the traces hold only what the tests send.
  for (const to of ['10.25.0.2', '10.26.0.2']) ping(to, 0);
});
afterAll(() => {
  route?.[Symbol.dispose]();
  network?.[Symbol.dispose]();
});

function ping(to: string, mark = MARK): void {
  route.exec(route.near, 'ping', '-q', '-c', '1', '-w', '300', '-m', String(mark), to);
}

/** The packets of a trace, by their text. */
async function packetsOf(args: readonly string[], traffic: () => void): Promise<JourneyPacket[]> {
  const options = ['-m', String(MARK), '--follow', '-r', FUNCTIONS, '-o', 'json'];
  const { stdout } = await traceWhile([...options, ...args], traffic);
  return splitJson(stdout).journeys.flatMap(({ ipft, parent }) => (ipft && parent === null ? [ipft.packet] : []));
}

/** Numbers that differ from run to run. */
const textOf = ({ text }: JourneyPacket) =>
  text.replace(/(id|seq|ack|win|val|ecr) \d+(:\d+)?/g, '$1 N').replace(/:(3[2-9]|[45]\d|6[0-5])\d{3}\b/g, ':PORT');

describe.each(MAIN_METHODS)('%s', (method) => {
  testMethod(method, 'translations, tags and tunnels', async () => {
    const packets = await packetsOf(['--snaplen', '96', ...optionsOf(method)], () => {
      for (const to of ['1.2.3.4', '10.25.0.2', '10.26.0.2']) ping(to);
      route.send('-', 'udp', '10.21.0.2', MARK, 9);
      network.ping(MARK, { count: 1, to: 'fd11::2' });
    });
    const texts = packets.map(textOf);
    const request = 'ICMP echo request, id N, seq N, length 64';
    expect(texts).toContain(`10.21.0.1 > 1.2.3.4 (DNAT 10.22.0.3, SNAT 10.22.0.2): ${request}`);
    expect(texts).toContain(`10.25.0.1 > 10.25.0.2 (vlan 5 pushed, vlan 5 popped): ${request}`);
    const outer = 'VXLAN vni 100 10.21.0.1:PORT > 10.21.0.2:4789';
    expect(texts).toContain(`10.26.0.1 > 10.26.0.2 (in ${outer}, out of ${outer}): ${request}`);
    expect(texts).toContain('fd11::1 > fd11::2: ICMP6, echo request, id N, seq N, length 64');
  });
});

// How they are read is tried above; what the user side makes of them is the same on all kernels.
if (HAS_ALL_TESTS) {
  test('both tuples of a connection; a port that alone is translated; the whole of headers', async () => {
    const packets = await packetsOf(['--snaplen', '96'], () => {
      route.send(route.far, 'tcp', '10.22.0.3', MARK, 100);
      run('ip', ['netns', 'exec', route.near, 'python3', '-c', REDIRECTED]);
    });
    const [syn] = packets.filter(
      ({ first }) => first.transport?.kind === 'tcp' && first.transport.flags?.includes('SYN'),
    );
    const port = syn?.first.transport?.kind === 'tcp' ? syn.first.transport.sourcePort : 0;
    expect(syn?.first).toMatchObject({
      network: { kind: 'ipv4', source: '10.21.0.1', destination: '10.22.0.3', protocol: 6, payloadBytes: 40 },
      transport: {
        sourcePort: port,
        flags: ['SYN'],
        payloadBytes: 0,
        options: [{ name: 'mss', values: [1460] }, {}, {}, {}, {}],
      },
    });
    expect(syn?.changes).toMatchObject([
      { kind: 'snat', from: { address: '10.21.0.1', port }, to: { address: '10.22.0.2' } },
    ]);
    expect(syn?.last).toMatchObject({ network: { source: '10.22.0.2' }, ethernet: { etherType: 0x800 } });
    expect(packets.map(textOf)).toContain('10.21.0.1:PORT > 10.21.0.2:5001 (DNAT 10.21.0.2:5000): UDP, length 3');
  });
  const REDIRECTED = `import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 36, ${MARK})
s.sendto(b'abc', ('10.21.0.2', 5001))`;

  test('an expression tells which packets they were, the answer with what connection tracking took back', async () => {
    const { stdout } = await traceWhile(['-r', FUNCTIONS, '-o', 'json', '--follow', 'icmp'], () => ping('1.2.3.4', 0));
    const packets = splitJson(stdout).journeys.flatMap(({ ipft, parent }) =>
      ipft && parent === null ? [ipft.packet] : [],
    );
    expect(packets.map(textOf)).toEqual([
      '10.21.0.1 > 1.2.3.4 (DNAT 10.22.0.3, SNAT 10.22.0.2): ICMP echo request, id N, seq N, length 64',
      '10.22.0.3 > 10.22.0.2 (DNAT 10.21.0.1, SNAT 1.2.3.4): ICMP echo reply, id N, seq N, length 64',
    ]);
  });

  test('without --snaplen there are no snapshots; a short one says where it ends; fields do not matter', async () => {
    const { stdout } = await traceWhile(['-m', String(MARK), '-r', FUNCTIONS, '-o', 'json'], () => ping('10.21.0.2'));
    expect(parseEvents(stdout).length).toBeGreaterThan(0);
    expect(stdout).not.toContain('ipft');
    const [short] = await packetsOf(['--snaplen', '24'], () => ping('10.21.0.2'));
    expect(short?.text).toMatch(/^10\.21\.0\.1 > 10\.21\.0\.2: ICMP echo request, length 64 \[\|icmp\]$/);
    const [extended] = await packetsOf(['--snaplen', '96', '-e', 'five-tuple'], () => ping('10.21.0.2'));
    expect(extended?.text).toMatch(/^10\.21\.0\.1 > 10\.21\.0\.2: ICMP echo request, id \d+, seq 1, length 64$/);
  });
}
