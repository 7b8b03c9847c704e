/** The library as a program uses it: from dist/, in one process. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ExtensionError, openRecording, trace, UsageError } from '../../dist/index.js';
import { example, extension, ipft, Network, ROOT, until } from './harness.js';
import { KERNEL } from './kernels.js';

let network: Network;
const dir = mkdtempSync(join(tmpdir(), 'ipft-test-'));
/** The skeleton: its events have the packet's length. */
const len = join(dir, 'len.bpf.c');
const broken = join(dir, 'broken.bpf.c');
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  writeFileSync(len, ipft('--gen', 'bpf-module-skeleton').stdout);
  writeFileSync(broken, 'int module(');
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** Few functions, since older kernels attach to them one by one. */
const functions = /^(__ip_local_out|ip_output|dev_hard_start_xmit|icmp_rcv)$/;

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Descriptors of this process for BPF and tracing. */
function openDescriptors(): string[] {
  const names = spawnSync('ls', ['-l', `/proc/${process.pid}/fd`], { encoding: 'utf8' }).stdout.split('\n');
  return names.flatMap((line) => /-> (.*(bpf|perf_event|btf).*)/.exec(line)?.[1] ?? []);
}

test('events and journeys of three pings, typed by a schema; nothing is left open', async () => {
  const before = openDescriptors();
  const session = await trace({
    mark: 0x61,
    functions,
    follow: true,
    extension: len,
    fields: { len: 'number' },
  });
  expect(session.coverage.attached).toBe(4);
  expect(session.backend).toBe(KERNEL.chosen.function);
  expect(session.fields).toEqual([{ name: 'len', type: 'number', cType: 'unsigned int', format: '' }]);
  const live = all(session.events());
  const early = session.allJourneys();
  network.ping(0x61, { count: 3 });
  await session.stop();
  const events = await live;
  const journeys = await all(session.journeys());
  expect(await session.allEvents()).toEqual(events);
  for (const kept of [await session.allJourneys(), await early]) expect(kept).toEqual(journeys);
  expect(journeys).toHaveLength(3);
  for (const { number, outcome, events: its, gap, lost, beginNs, endNs, location, packetId } of journeys) {
    expect(its.map((event) => event.function)).toEqual([
      ...['__ip_local_out', 'ip_output', 'dev_hard_start_xmit', 'icmp_rcv'],
    ]);
    const lengths: number[] = its.map(({ fields }) => fields.len);
    expect(lengths).toEqual([84, 84, 98, 64]);
    expect({ outcome, gap, lost }).toEqual({ outcome: 'consumed', gap: false, lost: 0 });
    // Older kernels tell only the location of drops.
    if (KERNEL.chosen.function !== 'kprobe') expect(location).toMatch(/^icmp_rcv\+0x/);
    expect(packetId).toBeGreaterThan(0n);
    expect(beginNs).toBe(its[0]?.timestampNs);
    expect(endNs).toBeGreaterThanOrEqual(its.at(-1)!.timestampNs);
    expect(its).toEqual(events.filter(({ journey }) => journey === number));
  }
  expect(events).toHaveLength(12);
  expect(events.map(({ timestampNs }) => timestampNs)).toEqual(
    events.map(({ timestampNs }) => timestampNs).sort((a, b) => (a < b ? -1 : 1)),
  );
  const { statistics } = session;
  expect(statistics.journeys).toMatchObject({ consumed: 3, dropped: 0 });
  expect(statistics).toMatchObject({ events: 12, forgotten: { events: 0, journeys: 0 } });
  if (statistics.lost.missedCalls + statistics.lost.missedDeciding === 0) expect(statistics.isWhole).toBe(true);
  expect(openDescriptors()).toEqual(before);
});

test('function_graph: entries, returns, and how long calls took', async () => {
  await using session = await trace({
    mark: 0x62,
    tracer: 'function_graph',
    functions: /^(ip_output|ip_finish_output2)$/,
  });
  network.ping(0x62, { count: 1 });
  await session.stop();
  const events = await all(session.events());
  expect(events.map((event) => [event.function, event.isReturn, event.depth])).toEqual([
    ['ip_output', false, 0],
    ['ip_finish_output2', false, 1],
    ['ip_finish_output2', true, 1],
    ['ip_output', true, 0],
  ]);
  const [outer, inner] = [events[3], events[2]];
  if (!outer?.isReturn || !inner?.isReturn) throw new Error('no returns');
  expect(outer.durationNs).toBeGreaterThan(inner.durationNs);
  // The answer comes before the call returns: the packet has been used up by then.
  expect(outer).toMatchObject({ partnerLost: false, skbFreed: true, fields: {} });
});

test('a loop that is left, and one whose body throws, do not touch the others; next() waits and can be called off', async () => {
  await using session = await trace({ mark: 0x63, functions });
  const whole = all(session.events());
  const failing = (async () => {
    for await (const _ of session.events()) throw new Error('the consumer failed');
  })();
  const pending = session.journeys();
  const waiting = pending.next();
  const started = (async () => {
    for await (const { function: name } of session.events()) if (name === 'ip_output') return name;
    return undefined;
  })();
  network.ping(0x63, { count: 2 });
  expect(await started).toBe('ip_output');
  await expect(failing).rejects.toThrow('the consumer failed');
  expect((await waiting).value?.events.length).toBeGreaterThan(0);
  await pending.next();
  const never = pending.next();
  await pending.return?.();
  expect(await never).toEqual({ done: true, value: undefined });
  await session.stop();
  expect(await whole).toHaveLength(6);
});

test('two sessions at once see their own packets; stop() twice is one stop', async () => {
  const [one, other] = await Promise.all([trace({ mark: 0x64, functions }), trace({ mark: 0x65, functions })]);
  network.ping(0x64, { count: 1 });
  network.ping(0x65, { count: 2 });
  expect(one.stop()).toBe(one.stop());
  await Promise.all([one.stop(), other.stop()]);
  expect([(await all(one.journeys())).length, (await all(other.journeys())).length]).toEqual([1, 2]);
});

test('a loop that is slow: memory is bounded, and what is lost is told', async () => {
  const session = await trace({ mark: 0x66, functions, ringSizeBytes: 1 << 14, maxEvents: 50 });
  const slow = session.events();
  const first = slow.next();
  network.ping(0x66, { count: 2000, more: ['-f'] });
  await session.stop();
  await first;
  const rest = await all({ [Symbol.asyncIterator]: () => slow });
  const { statistics } = session;
  const lost = statistics.lost.ring.reduce((sum, { events }) => sum + events, 0);
  expect(lost).toBeGreaterThan(0);
  expect(statistics.isWhole).toBe(false);
  // Nobody reads journeys: the oldest are forgotten, and counted.
  const journeys = await all(session.journeys());
  expect(journeys.length + statistics.forgotten.journeys).toBe(
    Object.values(statistics.journeys).reduce((sum, count) => sum + count, 0),
  );
  expect(rest.length + 1 + lost + statistics.lost.unfollowed).toBe(6000);
  expect(rest.length).toBeLessThan(4096 + 2000);
});

test('a signal: before, while loading and attaching, and while tracing', async () => {
  const before = openDescriptors();
  const reason = new Error('enough');
  await expect(trace({ mark: 1, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const loading = new AbortController();
  const cut = expect(
    trace({ mark: 1, functions, extension: extension('long.bpf.c'), signal: loading.signal }),
  ).rejects.toBe(reason);
  const isLoading = () =>
    readdirSync('/proc/self/task').some((task) =>
      readFileSync(`/proc/self/task/${task}/comm`, 'latin1').startsWith('ipft-'),
    );
  await until(isLoading, () => 'programs are loaded');
  loading.abort(reason);
  await cut;
  expect(isLoading()).toBe(false);
  expect(openDescriptors()).toEqual(before);
  const starting = new AbortController();
  const refused = expect(trace({ mark: 1, backend: 'kprobe', signal: starting.signal })).rejects.toBe(reason);
  const isAttaching = () => openDescriptors().some((name) => name.includes('perf_event'));
  await until(isAttaching, () => 'the first function is attached');
  starting.abort(reason);
  await refused;
  expect(openDescriptors()).toEqual(before);

  const running = new AbortController();
  const session = await trace({ mark: 0x67, functions, signal: running.signal });
  network.ping(0x67, { count: 1 });
  running.abort();
  expect(await all(session.journeys())).toHaveLength(1);
  await session.stop();
  expect(openDescriptors()).toEqual(before);
});

test('a schema that does not fit is refused, and says how; so are a source that does not compile and bad options', async () => {
  const wrong = trace({ mark: 1, extension: len, fields: { len: 'string', mark: 'number' } });
  await expect(wrong).rejects.toThrow(ExtensionError);
  await expect(wrong).rejects.toThrow(
    "struct event has other fields than the option fields says: len (unsigned int) is 'number', not 'string'; it has no mark",
  );
  const error = await trace({ mark: 1, functions, extension: broken }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ExtensionError);
  expect(error.log).toMatch(/error:/);
  await expect(trace({ mark: 0 })).rejects.toThrow(UsageError);
});

test('fields of all kinds, described at run time', async () => {
  await using session = await trace({ mark: 0x68, functions, extension: example('five-tuple.bpf.c') });
  network.ping(0x68, { count: 1 });
  await session.stop();
  // At the first functions the packet has no headers yet.
  const event = (await all(session.events())).find((one) => one.function === 'dev_hard_start_xmit');
  expect(event?.fields).toMatchObject({ protocol: 'icmp', saddr: '10.11.0.1', daddr: '10.11.0.2', sport: 0 });
  expect(session.fields.find(({ name }) => name === 'daddr')).toEqual({
    ...{ name: 'daddr', type: 'string', cType: '__u8[16]', format: 'ip' },
  });
  const types = Object.fromEntries(session.fields.map(({ name, type }) => [name, type]));
  for (const [name, value] of Object.entries(event?.fields ?? {})) expect(typeof value).toBe(types[name]);
});

test('record: what loops get from then on is in the file; stop has it whole', async () => {
  const path = join(dir, 'session.ipft');
  const session = await trace({ mark: 0x6a, functions, follow: true, extension: len, fields: { len: 'number' } });
  network.ping(0x6a, { count: 2 });
  const journeys = session.journeys();
  // Both have been handed on: they are not in the file.
  for (const _ of [1, 2]) expect((await journeys.next()).value?.events).toHaveLength(4);
  await session.record(path, { compress: true });
  await expect(session.record(path)).rejects.toThrow('it is being recorded already');
  network.ping(0x6a, { count: 3 });
  await session.stop();
  await expect(session.record(join(dir, 'other.ipft'))).rejects.toThrow(UsageError);
  const live = (await session.allJourneys()).slice(2);
  await using recorded = await openRecording(path, { fields: { len: 'number' } });
  await recorded.stop();
  const shown = await recorded.allJourneys();
  expect(shown).toHaveLength(3);
  // The locations too, whose names the kernel side has told before.
  const plain = (all: typeof shown) =>
    all.map(({ number: _, events, ...rest }) => ({ ...rest, events: events.length }));
  expect(plain(shown)).toEqual(plain(live as typeof shown));
  expect(shown.map(({ events }) => events.map((event) => event.fields?.len))).toEqual(Array(3).fill([84, 84, 98, 64]));
  expect(recorded).toMatchObject({
    ...{ backend: session.backend, fields: session.fields, warnings: [] },
    recording: { tracer: 'function', packets: expect.stringContaining('0x6a'), functions: functions.source },
  });
  await expect(recorded.record(path)).rejects.toThrow(UsageError);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('record: a full disk ends the file, not the trace, and stop says so; a file that is no file is refused', async () => {
  const disk = join(dir, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', disk]);
  try {
    const session = await trace({ mark: 0x6b, functions });
    await expect(session.record(disk)).rejects.toMatchObject({ code: 'RECORDING' });
    await session.record(join(disk, 'full.ipft'));
    const events = all(session.events());
    network.ping(0x6b, { count: 1000, more: ['-f'] });
    const lost = () => session.statistics.lost;
    await expect(session.stop()).rejects.toMatchObject({
      code: 'RECORDING',
      message: expect.stringContaining('full.ipft'),
    });
    expect((await events).length + lost().ring.reduce((sum, one) => sum + one.events, 0)).toBe(3000);
    await using cut = await openRecording(join(disk, 'full.ipft'));
    await cut.allJourneys();
    expect(cut.warnings.join()).toMatch(/is cut short/);
  } finally {
    execFileSync('umount', [disk]);
  }
});

test('it prints nothing, leaves signals alone, and ends with the process', async () => {
  const script = `
    import { trace } from ${JSON.stringify(join(ROOT, 'dist/index.js'))};
    const session = await trace({ mark: 0x69, functions: /^ip_output$/ });
    const signals = ['SIGINT', 'SIGTERM'].map((name) => process.listenerCount(name));
    await session.stop();
    process.exitCode = signals.some((count) => count > 0) ? 1 : 7;`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: '', stderr: '' });
});
