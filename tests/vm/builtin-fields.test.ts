/** Built-in fields of real packets: they say what the kernel's own tools say of the same packets. */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILTIN_NAMES, type BuiltinName } from '../../src/base/builtin-field.js';
import { compiled, extension, Network, parseEvents, Route, type Sent, traceWhile } from './harness.js';
import { HAS_ALL_TESTS, KERNEL, LARGEST_METHODS, optionsOf, testMethod } from './kernels.js';

const MARK = 57;
let network: Network;
beforeAll(() => {
  for (const module of ['veth', '8021q']) execFileSync('modprobe', [module]);
  network = new Network();
  network.trackConnections();
});
afterAll(() => network?.[Symbol.dispose]());

type Event = Record<string, unknown>;

/** The events of packets with the mark, at some functions. */
async function show(names: readonly BuiltinName[], functions: string, traffic: () => unknown, more: string[] = []) {
  const args = ['-m', String(MARK), '-o', 'json', '-r', `^(${functions})$`, '--fields', names.join(','), ...more];
  const result = await traceWhile(args, traffic);
  expect(result).toMatchObject({ status: 0 });
  return parseEvents(result.stdout);
}

const inode = (namespace: string) => Number(execFileSync('stat', ['-Lc', '%i', `/run/netns/${namespace}`]));
const indexOf = (device: string) => Number(network.exec('cat', `/sys/class/net/${device}/ifindex`));
const at = (events: readonly Event[], name: string) => events.filter((event) => event['function'] === name);

describe('all of them, an extension and an expression, with all ways to trace', () => {
  for (const method of LARGEST_METHODS) {
    testMethod(method, 'what a datagram is, where it is sent and where it is received', async () => {
      const sent: Sent[] = [];
      const others = BUILTIN_NAMES.filter((name) => name !== 'skb');
      // With snapshots, too, where the verifier sees a program once, not for each function.
      const snapshots = /^(kprobe|ftrace) /.test(method) ? [] : ['--snaplen', '96'];
      const more = ['-e', compiled(extension('kinds.bpf.c')), ...optionsOf(method), ...snapshots];
      const events = await show(
        others,
        'dev_hard_start_xmit|ip_rcv',
        () => {
          network.ping(MARK, { count: 1 });
          sent.push(network.send('udp', '10.11.0.2', MARK, 100));
        },
        [...more, '--follow', 'udp dst port 4711'],
      );
      const entries = events.filter((event) => !event['is_return']);
      for (const { proto } of entries) expect(proto).toBe('udp');
      const [out] = at(entries, 'dev_hard_start_xmit');
      const [received] = at(entries, 'ip_rcv');
      const packet = {
        ...{ proto: 'udp', saddr: '10.11.0.1', daddr: '10.11.0.2', sport: sent[0]?.port, dport: 4711 },
        ...{ ttl: 64, tos: '0x0', frag: '0x4000', flags: '<none>', seq: 0, vlan: 0, gso_size: 0 },
      };
      const socket = { family: 'inet', uid: 0, state: 'tcp_established' };
      expect(out).toMatchObject({
        ...{ ...packet, ...socket, len: 142, dev: 'veth-a', ifindex: indexOf('veth-a'), netns: inode(network.here) },
        ...{ comm: 'python3', ct_state: 'new', mark: `0x${MARK.toString(16)}` },
      });
      expect(String(out?.['cookie'])).toBe(sent[0]?.cookie);
      expect(received).toMatchObject({
        ...packet,
        len: 128,
        dev: 'veth-b',
        netns: inode(network.there),
      });
      for (const event of entries) expect(event['pid']).toEqual(expect.any(Number));
    });
  }
});

describe('what they say is what the kernel says elsewhere', () => {
  /** One trace has all of these. */
  const sent: Sent[] = [];
  const pids: number[] = [];
  let shown: Event[];
  beforeAll(async () => {
    const ip = (...args: string[]) => network.exec('ip', ...args);
    ip(...'link add link veth-a name veth-a.7 type vlan id 7 egress-qos-map 0:3'.split(' '));
    ip('addr', 'add', '10.77.0.1/24', 'dev', 'veth-a.7');
    ip('link', 'set', 'veth-a.7', 'up');
    ip('neigh', 'add', '10.77.0.2', 'lladdr', '02:00:00:00:00:01', 'dev', 'veth-a.7');
    const names = ['tuple', 'tcp', 'gso', 'skb', 'sock', 'ip', 'vlan', 'dev', 'process'] as const;
    shown = await show(names, 'dev_hard_start_xmit', () => {
      network.ping(MARK, { count: 1, more: ['-t', '33', '-Q', '0x28'] });
      network.ping(MARK, { count: 1, to: 'fd11::2', more: ['-t', '34', '-Q', '0x28'] });
      network.ping(MARK, { count: 1, bytes: 3000 });
      execFileSync('sh', ['-c', `ip netns exec ${network.here} ping -q -W 1 -c 1 -m ${MARK} 10.77.0.2 || true`]);
      const script = `echo $$; exec ping -q -c 1 -m ${MARK} 10.11.0.2`;
      pids.push(Number.parseInt(network.exec('sh', '-c', script), 10));
      sent.push(network.send('tcp', '10.11.0.2', MARK, 30_000), network.send('tcp', 'fd11::2', MARK, 30_000));
    });
    ip('link', 'del', 'veth-a.7');
  });

  test('tcp, gso, tuple: the handshake, and what is cut into segments', () => {
    const events = shown.filter(({ proto }) => proto === 'tcp');
    for (const [one, host, overhead] of [
      [sent[0], '10.11.0.', 66],
      [sent[1], 'fd11::', 86],
    ] as const) {
      const its = events.filter(({ saddr }) => String(saddr).startsWith(host));
      const seqOf = (event?: Event) => Number(event?.['seq']);
      expect(its[0]).toMatchObject({ proto: 'tcp', flags: 'syn', ack_seq: 0, sport: one?.port, dport: 4711 });
      // One behind the other: the bytes that were sent, by their numbers.
      const data = its.filter(({ len, flags }) => Number(len) > overhead && !String(flags).includes('syn'));
      // The sender has asked for the cookie by then.
      for (const { cookie } of data) expect(String(cookie)).toBe(one?.cookie);
      let next = (seqOf(its[0]) + 1) >>> 0;
      for (const { seq, len, flags, gso_size, gso_segs } of data) {
        expect(seq).toBe(next);
        expect(flags).toMatch(/^(psh\|)?ack$/);
        next = (next + Number(len) - overhead) >>> 0;
        if (Number(gso_size) > 0) expect(gso_segs).toBe(Math.ceil((Number(len) - overhead) / Number(gso_size)));
      }
      expect((next - seqOf(its[0]) - 1) >>> 0).toBe(30_000);
      const cut = data.filter(({ gso_segs }) => Number(gso_segs) > 1);
      expect(cut.length).toBeGreaterThan(0);
      for (const { gso_type } of cut) expect(gso_type).toBe(host === 'fd11::' ? 'tcpv6' : 'tcpv4');
      expect(its.some(({ flags }) => flags === 'fin|ack')).toBe(true);
    }
  });

  test('ip, vlan: time to live, class, fragments, and a tag; process: who sends', () => {
    const pinged = shown.filter(({ proto }) => proto !== 'tcp');
    const events = pinged.filter(({ pid }) => pid !== pids[0]);
    const v4 = { proto: 'icmp', saddr: '10.11.0.1', daddr: '10.11.0.2', sport: 0, dport: 0, vlan: 0, dev: 'veth-a' };
    const id = events[2]?.['ip_id'];
    expect(events).toMatchObject([
      { ...v4, ttl: 33, tos: '0x28' },
      { proto: 'icmpv6', saddr: 'fd11::1', daddr: 'fd11::2', ttl: 34, tos: '0x28', frag: '0x0', vlan: 0 },
      ...[0, 1480, 2960].map((begin) => ({
        ...{ ...v4, ip_id: id, ttl: 64, frag: `0x${((begin < 2960 ? 0x2000 : 0) + begin / 8).toString(16)}` },
      })),
      { proto: 'icmp', daddr: '10.77.0.2', dev: 'veth-a.7', vlan: 0 },
      { proto: 'icmp', daddr: '10.77.0.2', dev: 'veth-a', vlan: 7, vlan_prio: 3 },
    ]);
    expect(pinged.filter(({ pid }) => pid === pids[0])).toMatchObject([{ comm: 'ping' }]);
  });

  test('ct, tuple: a connection that is translated, as /proc/net/nf_conntrack has it', async () => {
    using route = new Route();
    const rules = [
      'chain out { type nat hook postrouting priority 100; oifname "middle1" masquerade; }',
      'chain marks { type filter hook forward priority 0; ct mark set 0x77; }',
    ];
    route.exec(route.middle, 'nft', `table ip ipft_test { ${rules.join('; ')}; }`);
    const events = await show(
      ['tuple', 'ct', 'netns'],
      'ip_forward|ip_forward_finish|dev_hard_start_xmit',
      () => {
        route.exec(route.near, 'ping', '-q', '-c', '2', '-i', '0.1', '-m', String(MARK), '10.22.0.3');
      },
      ['--follow'],
    );
    const entry = route
      .exec(route.middle, 'cat', '/proc/net/nf_conntrack')
      .split('\n')
      .find((line) => line.includes('icmp') && line.includes('mark=119'));
    expect(entry).toMatch(/src=10.21.0.1 dst=10.22.0.3 .*src=10.22.0.3 dst=10.22.0.2 /);
    const within = events.filter(({ netns }) => netns === route.inode(route.middle));
    const [first, ...later] = at(within, 'ip_forward');
    expect(first).toMatchObject({ saddr: '10.21.0.1', daddr: '10.22.0.3', ct_state: 'new' });
    expect(later).toMatchObject([{ saddr: '10.21.0.1', daddr: '10.22.0.3', ct_state: 'established' }]);
    const sent = at(within, 'dev_hard_start_xmit');
    expect(sent).toMatchObject([
      { saddr: '10.22.0.2', daddr: '10.22.0.3', ct_state: 'new' },
      { saddr: '10.22.0.2', daddr: '10.22.0.3', ct_state: 'established' },
    ]);
    if (!KERNEL.hasModuleBtf) return;
    for (const { ct_mark } of sent) expect(ct_mark).toBe('0x77');
    expect(sent[1]?.['ct_status']).toMatch(/seen_reply\|confirmed\|src_nat\|src_nat_done\|dst_nat_done/);
  });
});

// Which headers a packet has is found out alike on all kernels.
test.runIf(HAS_ALL_TESTS)(
  "what has no header, or not yet, has no values of it: never an earlier packet's",
  async () => {
    const ports = new Set([0, 4711]);
    const args = ['-m', '0', '--mask', '0xff', '-o', 'json', '--ring-size', '64M', '--fields', 'tuple,ip,dev,netns'];
    const result = await traceWhile(args, () => {
      for (const to of ['10.11.0.2', 'fd11::2', '10.11.0.2']) {
        for (const bytes of [10, 900, 2, 300]) ports.add(network.send('udp', to, 0, bytes).port);
        ports.add(network.send('tcp', to, 0, 5000).port);
        network.ping(0, { count: 2, to });
      }
    });
    expect(result.status).toBe(0);
    const events = parseEvents(result.stdout);
    const places = new Set([0, inode(network.here), inode(network.there), statSync('/proc/self/ns/net').ino]);
    const devices = new Set(['', 'lo', 'veth-a', 'veth-b']);
    for (const { netns, dev } of events) {
      expect(places).toContain(netns);
      expect(devices).toContain(dev);
    }
    expect(events.length).toBeGreaterThan(200);
    const known = new Set(['10.11.0.1', '10.11.0.2', 'fd11::1', 'fd11::2', '::']);
    for (const event of events) {
      const { saddr, daddr, sport, dport, proto, ttl } = event;
      // What hosts say of themselves, to neighbours and groups.
      if (proto === 'icmpv6' && ttl !== 64) continue;
      expect(known, JSON.stringify(event)).toContain(saddr);
      expect(known, JSON.stringify(event)).toContain(daddr);
      expect(ports, JSON.stringify(event)).toContain(sport);
      expect(ports, JSON.stringify(event)).toContain(dport);
      if (saddr === '::') expect(event).toMatchObject({ daddr: '::', sport: 0, dport: 0, ttl: 0, proto: '0' });
      else expect([64, 255], JSON.stringify(event)).toContain(ttl);
    }
    for (const proto of ['udp', 'tcp', 'icmp', 'icmpv6'])
      expect(events.some((event) => event['proto'] === proto)).toBe(true);
    // UDP's first functions see a packet whose header is not written.
    expect(events.some(({ saddr }) => saddr === '::')).toBe(true);
  },
);
