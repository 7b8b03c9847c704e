/** What is counted once, what is told of the rest, and how it is shown. */
import { execFileSync, spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { count, UsageError } from '../../dist/index.js';
import { Network, splitJson, Tracing, traceWhile, until } from './harness.js';
import { counted, type Printed } from './printed-counts.js';

let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
});
afterAll(() => network?.[Symbol.dispose]());

const MARK = 0x51;
const OUT = '^(ip_output|dev_hard_start_xmit|ip_rcv)$';
const send = () => network.ping(MARK, { count: 7 });

test('a packet counts once with its copies', async () => {
  // Whoever listens to a device gets a copy of each packet there.
  const script =
    'import socket,time; s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,0x0300); print(1,flush=True); time.sleep(600)';
  const listener = spawn('ip', ['netns', 'exec', network.here, '/usr/bin/python3', '-IS', '-c', script]);
  try {
    let isReady = false;
    listener.stdout.once('data', () => {
      isReady = true;
    });
    await until(() => isReady, 'a program listens');
    const filter = [
      'icmp[icmptype] == icmp-echo',
      '-r',
      '^(ip_output|dev_hard_start_xmit|packet_rcv|ip_rcv|icmp_rcv)$',
    ];
    const { journeys } = splitJson((await traceWhile([...filter, '-o', 'json'], send)).stdout);
    expect(journeys.filter(({ parent }) => parent !== null).length).toBeGreaterThanOrEqual(7);
    expect(journeys.filter(({ parent }) => parent === null)).toHaveLength(7);
    expect(await counted([...filter, '--count-by', 'ip4(skb)->protocol'], send)).toMatchObject({
      rows: [{ by: { protocol: 1 }, count: 7 }],
      without_value: 0,
    });
  } finally {
    listener.kill();
  }
});

test('packets that never have a value are told, and are in no row', async () => {
  const options = ['-m', String(MARK), '-r', OUT, '--count-by', 'tcp(skb)->dest'];
  expect(await counted(options, send)).toMatchObject({ rows: [], total: 0, without_value: 7 });
  const { stderr } = await traceWhile(options, send);
  expect(stderr).toContain('7 packets more never had all values at the same call, and are in no row');
});

test('without words for packets all are counted, and those of a connection with one', async () => {
  const both = ['--count-by', 'icmp(skb)->type', '-r', '^icmp_rcv$'];
  const rows = [
    { by: { type: 0 }, count: 7 },
    { by: { type: 8 }, count: 7 },
  ];
  expect((await counted(both, send)).rows).toEqual(rows);
  const asked = ['icmp[icmptype] == icmp-echo', '-r', '^(ip_output|icmp_rcv)$', '--count-by', 'icmp(skb)->type'];
  expect((await counted([...asked, '--connection'], send)).rows).toEqual(rows);
  expect((await counted(asked, send)).rows).toEqual(rows.slice(1));
});

test('packets of a program, and what answers them', async () => {
  const ping = ['ip', 'netns', 'exec', network.here, 'ping', '-q', '-c', '3', '-i', '0.02', '10.11.0.2'];
  const args = ['-o', 'json', '--output-file', '-', '--count-by', 'icmp(skb)->type', '-r', '^(ip_output|icmp_rcv)$'];
  using tracing = new Tracing([...args, '--', ...ping]);
  const { stdout, status } = await tracing.ended();
  expect(status).toBe(0);
  const line = stdout.split('\n').find((one) => one.startsWith('{'))!;
  expect((JSON.parse(line) as Printed).rows).toEqual([
    { by: { type: 0 }, count: 3 },
    { by: { type: 8 }, count: 3 },
  ]);
});

test('values beyond those that there is room for are told, and none is counted twice', async () => {
  const options = ['-m', String(MARK), '-r', '^(ip_output|ip_finish_output|dev_hard_start_xmit|__dev_queue_xmit)$'];
  const flood = () => network.ping(MARK, { count: 5000, more: ['-f'] });
  const counting = ['--count-by', 'now, func', '--per', 'call', '-o', 'json', '--strict'];
  const { status, stdout, stderr } = await traceWhile([...options, ...counting], flood);
  const { rows, total, uncounted } = JSON.parse(stdout) as Printed;
  expect([rows.length, total, total + uncounted]).toEqual([1 << 14, 1 << 14, 20_000]);
  expect(stderr).toContain(`${uncounted} calls more had values beyond the 16384 that are counted apart`);
  expect(status).toBe(3);
});

test('intervals show what was counted so far', async () => {
  const options = ['-m', String(MARK), '-r', OUT, '--count-by', 'func', '--per', 'call', '--interval', '200ms'];
  const { stdout } = await traceWhile([...options, '-o', 'json'], async (tracing) => {
    send();
    await tracing.until(() => tracing.stdout.includes('"total":14'), 'all are counted');
  });
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Printed);
  expect(lines.map(({ end }) => end)).toEqual([...lines.slice(1).map(() => false), true]);
  expect(lines.at(-1)!.total).toBe(14);
});

test('count() of the library', async () => {
  await using counting = await count({
    mark: MARK,
    functions: /^ip_output$/,
    countBy: ['skb->len', 'func'],
    histogram: 'skb->mark',
  });
  send();
  const rows = [
    { values: { len: 84, func: 'ip_output' }, count: 7, histogram: [{ least: 64n, greatest: 127n, count: 7 }] },
  ];
  expect(counting.read()).toEqual({ rows, total: 7, withoutValue: 0, uncounted: 0 });
  await counting.stop();
  send();
  expect(counting.read().rows).toEqual(rows);
  expect(counting.lost).toMatchObject({ unfollowed: 0, missedCalls: 0 });
  await expect(count({ countBy: 'skb->nothing' })).rejects.toThrow(/has no member nothing/);
  await expect(count({})).rejects.toThrow(UsageError);
  // @ts-expect-error fields are those of events
  await expect(count({ countBy: 'func', show: 'cpu' })).rejects.toThrow(/^the option 'show' is unknown/);
});
