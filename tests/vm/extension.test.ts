/** Extensions on real traffic: what they show is what was on the wire. */
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Session } from '../../src/capture/session.js';
import { loadExtension } from '../../src/fields/c/extension.js';
import { combineFields } from '../../src/fields/field-set.js';
import { markFilter } from '../../src/filter/mark.js';
import { chooseBackend } from '../../src/probes/backends.js';
import { loadTargets } from '../../src/probes/targets.js';
import { compiled, example, extension, ipft, Network, parseEvents, type Sent, traceWhile } from './harness.js';
import { CHOSEN_METHODS, HAS_ALL_TESTS, KERNEL, type Method, optionsOf, testMethod } from './kernels.js';

let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  network.trackConnections();
});
afterAll(() => network?.[Symbol.dispose]());

/** The events of an example, at some functions, while packets with the mark 9 are sent. */
async function show(file: string, functions: string, traffic: () => unknown): Promise<Record<string, unknown>[]> {
  const args = ['-m', '9', '-o', 'json', '-r', `^(${functions})$`, '-e', file];
  const result = await traceWhile(args, traffic);
  expect(result.status).toBe(0);
  return parseEvents(result.stdout);
}

describe('examples/extensions', () => {
  /** What is traced with them is the same on all kernels; these are traced on all. */
  const TRACED = ['conntrack.bpf.c', 'drop-reason.bpf.c', 'skb-len.bpf.c'];
  test.skipIf(HAS_ALL_TESTS)('the verifier takes them, and an extension that writes all of its bytes', async () => {
    const names = readdirSync(example('')).filter((name) => name.endsWith('.bpf.c') && !TRACED.includes(name));
    expect(names.length).toBeGreaterThan(4);
    const { backend } = await chooseBackend('function', undefined);
    const functionPattern = { regExp: /^ip_output$/, text: '' };
    const { targets, deciding } = await loadTargets(backend, { functionPattern });
    for (const path of [...names.map(example), extension('all-64.bpf.c')]) {
      const fields = combineFields([await loadExtension([compiled(path)])]);
      using session = await Session.open({
        ...{ backend, tracer: 'function', targets, deciding, packets: markFilter(9, 0xffffffff), samplePeriod: 1 },
        ...{ snaplen: 0, follow: false, ringSizeBytes: 1 << 16, fields },
      });
      expect(session.countFollowed().packets, path).toBe(0);
    }
  });

  // What fields of the kernel they read is in their BTF: builtin-fields.test.ts reads them on all kernels.
  test.runIf(HAS_ALL_TESTS)('gso: length, fragments and segmentation', async () => {
    const events = await show(example('gso.bpf.c'), 'dev_hard_start_xmit', () => {
      network.send('udp', '10.11.0.2', 9, 100);
      network.send('tcp', '10.11.0.2', 9, 30_000);
    });
    expect(events[0]).toMatchObject({ len: 142, data_len: 0, gso_size: 0, gso_segs: 0, gso_type: '<none>' });
    // TCP names its type for single segments too.
    const cut = events.filter(({ gso_size, gso_type }) => gso_size !== 0 && gso_type === 'tcpv4');
    expect(cut.length).toBeGreaterThan(0);
    for (const { len, gso_size, gso_segs } of cut) {
      expect(gso_size).toBe(1448);
      expect(gso_segs).toBe(Math.ceil((Number(len) - 66) / 1448));
    }
  });

  test.runIf(HAS_ALL_TESTS)('five-tuple: addresses, protocol and ports, IPv4 and IPv6', async () => {
    const sent: Sent[] = [];
    const events = await show(example('five-tuple.bpf.c'), 'dev_hard_start_xmit', () => {
      sent.push(network.send('udp', '10.11.0.2', 9, 10), network.send('udp', 'fd11::2', 9, 10));
      network.ping(9, { count: 1 });
    });
    const v4 = { saddr: '10.11.0.1', daddr: '10.11.0.2' };
    expect(events).toMatchObject([
      { ...v4, protocol: 'udp', sport: sent[0]?.port, dport: 4711 },
      { saddr: 'fd11::1', daddr: 'fd11::2', protocol: 'udp', sport: sent[1]?.port, dport: 4711 },
      { ...v4, protocol: 'icmp', sport: 0, dport: 0 },
    ]);
  });

  test.runIf(HAS_ALL_TESTS)('device: name, index and namespace', async () => {
    const events = await show(example('device.bpf.c'), 'dev_hard_start_xmit', () => network.ping(9, { count: 1 }));
    const ifindex = Number(network.exec('cat', '/sys/class/net/veth-a/ifindex'));
    const netns = statSync(`/run/netns/${network.here}`).ino;
    expect(events).toMatchObject([{ device: 'veth-a', ifindex, netns }]);
  });

  test.runIf(HAS_ALL_TESTS)('socket: cookie, family and owner', async () => {
    const sent: Sent[] = [];
    const events = await show(example('socket.bpf.c'), 'ip_output|ip6_output', () => {
      sent.push(network.send('udp', '10.11.0.2', 9, 10), network.send('udp', 'fd11::2', 9, 10));
    });
    expect(events.map(({ cookie, family, uid }) => [String(cookie), family, uid])).toEqual([
      [sent[0]?.cookie, 'inet', 0],
      [sent[1]?.cookie, 'inet6', 0],
    ]);
  });

  test('conntrack: state and status', async () => {
    const events = await show(example('conntrack.bpf.c'), 'ip_output|__ip_local_out', () => {
      network.ping(9, { count: 2 });
    });
    expect(events.map(({ function: name, state }) => `${name} ${state}`)).toEqual([
      '__ip_local_out untracked',
      'ip_output new_connection',
      '__ip_local_out untracked',
      'ip_output established',
    ]);
    expect(String(events[3]?.['status'])).toMatch(/^seen_reply\|confirmed/);
  });

  test.skipIf(!KERNEL.hasDropReasons)('drop-reason: a port where nobody listens', async () => {
    const events = await show(example('drop-reason.bpf.c'), '.*skb_reason.*', () => {
      network.sendInVain('10.11.0.1', 9, 10);
    });
    expect(events).toMatchObject([{ reason: 'no_socket' }]);
    expect(events[0]?.['number']).toBeGreaterThan(0);
  });
});

describe('an extension', () => {
  test('may have events of a kilobyte', async () => {
    const [event] = await show(extension('large.bpf.c'), 'ip_output', () => network.ping(9, { count: 1 }));
    expect(event).toMatchObject({ first: 1, last: 0xffffffff, middle: new Array(1016).fill(0) });
  });

  test.runIf(HAS_ALL_TESTS)('finds its 64 bytes zero, each time, and may write them all', async () => {
    const events = await show(extension('all-64.bpf.c'), 'ip_output|dev_hard_start_xmit', () =>
      network.ping(9, { count: 20 }),
    );
    expect(events).toHaveLength(40);
    for (const { dirty } of events) expect(dirty).toBe(0);
  });

  // Callbacks: Linux 5.13, and bpf_loop 5.17. Programs that are loaded anew for a function, or for a module's functions.
  const LOADED_ANEW: Method[] = ['ftrace function_graph', 'fentry-multi function'];
  const hasCallbacks = !release().startsWith('5.10.');
  for (const method of LOADED_ANEW.filter((one) => hasCallbacks && CHOSEN_METHODS.includes(one))) {
    testMethod(method, 'functions of all kinds: static, global, called back, unreachable', async () => {
      const args = ['-m', '9', '-o', 'json', '-r', '^(ip_output|veth_xmit)$', '-e', extension('callbacks.bpf.c')];
      const result = await traceWhile([...optionsOf(method), ...args], () => network.ping(9, { count: 1 }));
      const events = parseEvents(result.stdout).filter(({ skb_freed }) => !skb_freed);
      const functions = new Set(events.map(({ function: name }) => name));
      expect([...functions].sort()).toEqual(['ip_output', 'veth_xmit']);
      for (const event of events) expect(event).toMatchObject({ loops: 6, entries: 5, twice: 12, squared: 36 });
    });
  }

  test.runIf(release().startsWith('5.10.'))('with callbacks is refused by 5.10, with the reason', () => {
    const result = ipft('check', extension('callbacks.bpf.c'));
    expect(result.status).toBe(1);
    expect(result.stderr).toContain('this kernel has no callbacks: Linux 5.13 is the first');
  });
});
