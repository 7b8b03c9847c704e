/** The programs in the kernel besides making events, with every backend and tracer that this kernel has. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEvent } from '../../src/base/event.js';
import { loadPrograms } from '../../src/capture/load.js';
import { Ring } from '../../src/capture/ring.js';
import { Session } from '../../src/capture/session.js';
import { loadExtension } from '../../src/fields/c/extension.js';
import { combineFields, NO_FIELDS } from '../../src/fields/field-set.js';
import { markFilter } from '../../src/filter/mark.js';
import { loadKernelBtf } from '../../src/kernel/btf.js';
import { chooseBackend } from '../../src/probes/backends.js';
import { loadTargets } from '../../src/probes/targets.js';
import { writeMapEntry } from '../../src/sys/bpf.js';
import { PAGE_SIZE } from '../../src/sys/page-size.js';
import { extension, ipft, Network, ROOT, run, splitJson, traceWhile, until } from './harness.js';
import { CHOOSES_FIRST, CHOSEN_METHODS, HAS_ALL_TESTS, KERNEL, optionsOf, testMethod } from './kernels.js';

const GRAPHS = CHOSEN_METHODS.filter((method) => method.endsWith('function_graph'));
/** Functions that free packets and tell tracepoints the location, on some kernel. */
const FREEING = 'kfree_skb|kfree_skb_reason|sk_skb_reason_drop|kfree_skb_list_reason|consume_skb|kfree_skbmem';

let network: Network;
beforeAll(() => {
  for (const module of ['veth', 'nf_tables']) execFileSync('modprobe', [module]);
  network = new Network();
});
afterAll(() => network?.[Symbol.dispose]());

const there = (program: string, ...args: string[]) => run('ip', ['netns', 'exec', network.there, program, ...args]);
/** Drops packets that come in there, after routing. */
function dropThere(what: string) {
  const { status, stderr } = there(
    'nft',
    `table inet ipft_drop { chain in { type filter hook input priority 0; ${what} drop; }; }`,
  );
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return { [Symbol.dispose]: () => there('nft', 'delete', 'table', 'inet', 'ipft_drop') };
}
const ping = (mark: number) =>
  run('ip', ['netns', 'exec', network.here, 'ping', '-q', '-c', '1', '-W', '1', '-m', String(mark), '10.11.0.2']);

describe('the place of an end, where the functions that free are traced with their returns', () => {
  for (const method of GRAPHS) {
    testMethod(method, 'is where the packet was dropped', async () => {
      using _rule = dropThere('icmp type echo-request');
      const args = [
        ...optionsOf(method),
        '-m',
        '41',
        '--follow',
        '-o',
        'json',
        '-r',
        `^(ip_rcv|nf_hook_slow|${FREEING})$`,
      ];
      const { stdout } = await traceWhile(args, () => ping(41));
      const { journeys } = splitJson(stdout);
      const dropped = journeys.filter(({ outcome }) => outcome === 'dropped');
      expect(dropped.map(({ ended_in }) => ended_in)).toEqual([
        expect.stringMatching(/^(nft_do_chain|nf_hook_slow)\+0x/),
      ]);
    });
  }
});

test('a packet that a socket has been found for, and that is dropped, ends once', async () => {
  const PORT = 'tcp dport 4712';
  const rules = `chain out { type filter hook output priority 0; ${PORT} meta mark set 42; };`;
  network.exec('nft', `table inet ipft_mark { ${rules} }`);
  const script = join(ROOT, 'tests/vm/connections.js');
  const end = (namespace: string, ...args: string[]) =>
    spawn('ip', ['netns', 'exec', namespace, process.execPath, script, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  const server = end(network.there, 'listen', '10.11.0.2', 'accept,read,drain,close');
  server.stdin.write('\n');
  await once(server.stdout, 'data');
  const client = end(network.here, 'connect', '10.11.0.2', 'write,wait,say,pause,write,pause,close');
  client.stdin.write('\n');
  await once(client.stdout, 'data');
  const destructors = 'sock_edemux|sock_efree|sock_pfree|sock_rfree|sock_wfree|tcp_wfree';
  const args = [
    '-m',
    '42',
    '--follow',
    '-o',
    'json',
    '-r',
    `^(tcp_v4_rcv|ip_rcv|ip_local_deliver|${destructors}|${FREEING})$`,
  ];
  const { stdout } = await traceWhile(args, async (tracing) => {
    using _rule = dropThere(PORT);
    client.stdin.write('\n');
    await tracing.until(() => tracing.stdout.includes('"outcome":"dropped"'), 'what was dropped');
  });
  client.stdin.end('\n');
  await Promise.all([once(client, 'close'), once(server, 'close')]);
  const { journeys, events } = splitJson(stdout);
  const dropped = journeys.filter(({ outcome }) => outcome === 'dropped');
  expect(dropped.length).toBeGreaterThanOrEqual(1);
  const namesOf = (journey: number) => events.filter((one) => one['journey'] === journey).map((one) => one['function']);
  expect(dropped.flatMap(({ journey }) => namesOf(journey))).toContain('sock_edemux');
  for (const { journey } of journeys) {
    expect(['ip_rcv', 'tcp_wfree', 'sock_wfree'], JSON.stringify(namesOf(journey))).toContain(namesOf(journey)[0]);
  }
});

// That segments are copies is in journeys.test.ts, on all kernels.
test.runIf(HAS_ALL_TESTS)('all segments of a packet are its copies, be they hundreds', async () => {
  const SEGMENTS = 600;
  const offload = (state: 'on' | 'off') => network.exec('ethtool', '-K', 'veth-a', 'tso', state);
  offload('off');
  const args = ['-m', '46', '--follow', '-o', 'json', '-r', '^(__dev_queue_xmit|ip_rcv)$'];
  const { stdout, stderr } = await traceWhile(args, async (tracing) => {
    network.exec(
      '/usr/bin/python3',
      '-IS',
      'tests/vm/large-packet.py',
      'veth-a',
      '10.11.0.2',
      '10.11.0.1',
      '46',
      `${SEGMENTS}`,
      '100',
    );
    await tracing.until(() => (tracing.stdout.match(/"parent":\d/g) ?? []).length >= SEGMENTS, 'all segments');
  });
  offload('on');
  expect(stderr).not.toMatch(/were lost|no room/);
  const children = new Map<number, number>();
  for (const { parent } of splitJson(stdout).journeys) {
    if (parent !== null) children.set(parent, (children.get(parent) ?? 0) + 1);
  }
  expect([...children.values()]).toEqual([SEGMENTS]);
});

test.runIf(CHOOSES_FIRST).each(['function', 'function_graph'] as const)(
  '%s: a packet of which the extension wants nothing leaves no record; of another all is there',
  async (tracer) => {
    const { backend } = await chooseBackend(tracer);
    const { targets, deciding } = await loadTargets(backend, {
      functionPattern: { regExp: /^(ip_output|ip_finish_output2|icmp_rcv|kfree_skbmem)$/, text: '' },
    });
    const loaded = await loadExtension([extension('drop-small.bpf.c')]);
    using session = await Session.open({
      ...{
        backend,
        tracer,
        targets,
        deciding,
        packets: markFilter(47, 0xffffffff),
        samplePeriod: 1,
        snaplen: 0,
        follow: true,
      },
      ...{ ringSizeBytes: 1 << 20, fields: combineFields([loaded]) },
    });
    await session.attach(new AbortController().signal);
    const seen = { began: 0, events: 0, ended: 0 };
    const read = () => {
      session.read({
        began: () => void seen.began++,
        event: () => void seen.events++,
        ended: () => void seen.ended++,
        moved: () => {},
        snapshot: () => {},
        process: () => {},
      });
      return seen;
    };
    for (let packets = 0; packets < 5; packets++) ping(47);
    await sleep(500);
    expect(read()).toEqual({ began: 0, events: 0, ended: 0 });
    expect(session.countFollowed().leftOut).toBeGreaterThan(0);
    run('ip', ['netns', 'exec', network.here, 'ping', '-q', '-c1', '-W1', '-s1200', '-m47', '10.11.0.2']);
    await until(() => {
      read();
      return seen.began > 0 && seen.ended === seen.began;
    }, 'the end of what began');
    expect(seen.events).toBeGreaterThan(1);
    await session.release();
  },
);

test.runIf(KERNEL.hasSharedNames && CHOOSES_FIRST)(
  '-l: functions that share a name stand there, each with its address',
  () => {
    const rows = ipft('-l', '-b', 'kprobe')
      .stdout.trim()
      .split('\n')
      .map((row) => row.trim().split(/\t\s*/));
    const shared = rows.filter(([name], index) => rows[index - 1]?.[0] === name);
    expect(shared.length).toBeGreaterThan(0);
    const names = new Set(shared.map(([name]) => name));
    const places = rows.filter(([name = '']) => names.has(name)).map((row) => row[2]);
    expect(new Set(places).size).toBe(places.length);
    const [name = ''] = names;
    const traced = ipft('-m', '1', '-b', 'kprobe', '-r', `^${name}$`, '--duration', '0.1');
    expect(traced.stderr).toMatch(/succeeded 2, failed 0/);
    expect(traced.status).toBe(0);
  },
);

test.runIf(CHOOSES_FIRST)('returns are seen though places for calls have leaked', async () => {
  const { backend } = await chooseBackend('function_graph');
  const all = await loadTargets(backend);
  const targets = all.targets.filter(({ name }) => name === 'ip_output');
  const ringSizeBytes = 1 << 20;
  const loaded = await loadPrograms(backend, targets, {
    ...{
      tracer: 'function_graph',
      packets: markFilter(45, 0xffffffff),
      samplePeriod: 1,
      snaplen: 0,
      who: false,
      follow: false,
      fields: NO_FIELDS,
    },
    ringSizeBytes,
  });
  using object = loaded.object;
  // As the kernel leaves them of calls whose return it has left out.
  const calls = object.mapFd('ipft_calls');
  const key = new BigUint64Array(1);
  for (let leaked = 1; leaked <= 1 << 14; leaked++) {
    key[0] = BigInt(leaked);
    writeMapEntry(calls, new Uint8Array(key.buffer), new Uint8Array(32));
  }
  using attachment = backend.attachment({
    tracer: 'function_graph',
    object,
    vmlinux: loadKernelBtf(),
    moduleBtfs: new Map(),
  });
  await attachment.attach(
    targets.map((probe, index) => ({ probe, index, roles: [], hidden: false })),
    new AbortController().signal,
  );
  using ring = new Ring(object.mapFd('ipft_events'), ringSizeBytes, PAGE_SIZE);
  let [entries, returns] = [0, 0];
  ping(45);
  const nothing = () => {};
  ring.read({
    ...{ began: nothing, moved: nothing, snapshot: nothing, process: nothing, ended: nothing },
    event(event = createEvent()) {
      if (event.isReturn) returns++;
      else entries++;
    },
  });
  expect(entries).toBeGreaterThan(0);
  expect(returns).toBe(entries);
});
