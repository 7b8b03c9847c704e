/** Who sent a packet, and who it was for: processes that say their ids, in a recording of what they did. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JourneyProcess } from '../../src/base/process.js';
import { ipft, Network, ROOT, splitJson, Tracing, until } from './harness.js';
import { CHOOSES_FIRST, HAS_ALL_TESTS } from './kernels.js';

const SCRIPT = join(ROOT, 'tests/vm/who.py');
const FUNCTIONS = '^(__ip_local_out|__ip6_local_out|ip_rcv|ipv6_rcv|ip_forward|tcp_v[46]_rcv|__udp[46]_lib_rcv)$';
const EXPRESSION = 'host 10.11.0.2 or host fd11::2';
const GROUPS = '/sys/fs/cgroup';
const GROUP = 'ipft-test-who';

let network: Network;
let directory: string;
let server: ReturnType<typeof start>;
let serverIds: number[];

/** Runs the script; its process has the name. */
function start(namespace: string, name: string, ...args: string[]) {
  const program = join(directory, name);
  symlinkSync('/usr/bin/python3', program);
  const child = spawn('ip', ['netns', 'exec', namespace, program, '-IS', SCRIPT, ...args], { detached: true });
  let stdout = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.pipe(process.stderr);
  const ids = () => stdout.trim().split(' ').map(Number);
  return { child, output: () => stdout, ids, ended: once(child, 'close') };
}

/** Puts a process into a control group of its own. */
function enter(pid: number): void {
  try {
    statSync(`${GROUPS}/cgroup.procs`);
  } catch {
    execFileSync('mount', ['-t', 'cgroup2', 'none', GROUPS]);
  }
  mkdirSync(`${GROUPS}/${GROUP}`, { recursive: true });
  writeFileSync(`${GROUPS}/${GROUP}/cgroup.procs`, String(pid));
}

beforeAll(async () => {
  for (const module of ['veth', 'dummy', 'nf_tables']) execFileSync('modprobe', [module]);
  network = new Network();
  directory = mkdtempSync(join(tmpdir(), 'ipft-who-'));
  const rules = 'chain in { type filter hook input priority 0; tcp dport 82 drop; };';
  execFileSync('ip', ['netns', 'exec', network.there, 'nft', `table inet ipft_test { ${rules} }`]);
  enter(process.pid);
  server = start(network.there, 'ipft-server', 'serve');
  writeFileSync(`${GROUPS}/cgroup.procs`, String(process.pid));
  await until(() => server.output() !== '', 'the server listens');
  serverIds = server.ids();
});
afterAll(async () => {
  if (server) {
    // With its children.
    process.kill(-server.child.pid!, 'SIGKILL');
    await server.ended;
  }
  if (directory) rmSync(directory, { recursive: true, force: true });
  network?.[Symbol.dispose]();
});

interface Shown {
  readonly text: string;
  readonly sender: JourneyProcess | undefined;
  readonly receiver: JourneyProcess | undefined;
}

const shownIn = (json: string): Shown[] =>
  splitJson(json).journeys.map(({ ipft }) => ({
    text: ipft?.packet.text ?? '',
    sender: ipft?.sender,
    receiver: ipft?.receiver,
  }));

const nameOf = (process: JourneyProcess | undefined) => process && `${process.command}[${process.pid}]`;

const TITLE = 'each journey has its processes: UDP and TCP, IPv4 and IPv6, from their first packet to the last';
test.runIf(CHOOSES_FIRST)(TITLE, async () => {
  const file = join(directory, 'who.ipft');
  using tracing = new Tracing(['-w', file, '-r', FUNCTIONS, EXPRESSION]);
  await tracing.ready();
  const client = start(network.here, 'ipft-client', 'talk');
  await client.ended;
  const [id, ...children] = client.ids();
  // What the kernel closes is answered.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { stderr } = await tracing.stop();
  expect(stderr).toMatch(/very event found room/);
  const shown = shownIn(ipft('show', file, '-o', 'json').stdout);

  const own = `ipft-client[${id}]`;
  const find = (pattern: RegExp) => shown.filter(({ text }) => pattern.test(text));
  const names = (found: Shown[]) => [
    ...new Set(found.map(({ sender, receiver }) => `${nameOf(sender)} > ${nameOf(receiver)}`)),
  ];
  for (const [index, [here, there]] of [
    ['10\\.11\\.0\\.1', '10\\.11\\.0\\.2'],
    ['\\[fd11::1\\]', '\\[fd11::2\\]'],
  ].entries()) {
    const to = (port: number, what: string) => find(new RegExp(`^${here}:\\d+ > ${there}:${port}: .*${what}`));
    const from = (port: number, what: string) => find(new RegExp(`^${there}:${port} > ${here}:\\d+: .*${what}`));
    const udp = [...to(53, 'UDP'), ...from(53, 'UDP')];
    expect(udp.length).toBe(4);
    const answering = nameOf(from(53, 'UDP')[0]?.sender);
    expect(names(to(53, 'UDP')).sort()).toEqual(
      [`${own} > ${answering}`, `ipft-client[${children[index]}] > ${answering}`].sort(),
    );
    expect(names(from(53, 'UDP')).length).toBe(2);
    expect(answering).toBe(`ipft-server[${serverIds[1]}]`);
    // SYN and what the kernel sends by itself, included: its ACKs, and the end after the process is over.
    const accepting = nameOf(from(80, 'Flags \\[P')[0]?.sender);
    expect(accepting).toMatch(/^ipft-server\[\d+\]$/);
    expect(to(80, 'Flags \\[S\\]').length).toBe(2);
    expect(to(80, 'Flags \\[F').length).toBe(2);
    expect(from(80, 'Flags \\[F').length).toBeGreaterThan(0);
    expect(names(to(80, 'Flags \\[[SPF]'))).toEqual([`${own} > ${accepting}`]);
    // What acknowledges in TIME_WAIT, if the other's end comes so late, is a socket of the kernel's.
    const acknowledging = names(to(80, 'Flags \\[[.]\\]'));
    expect(acknowledging).toContain(`${own} > ${accepting}`);
    expect([`${own} > ${accepting}`, `undefined > ${accepting}`]).toEqual(expect.arrayContaining(acknowledging));
    expect(names(from(80, 'Flags \\[[SPF.]'))).toEqual([`${accepting} > ${own}`]);
    // Nobody is there.
    expect(names(to(81, 'Flags \\[S'))).toEqual([`${own} > undefined`]);
    expect(names(from(81, 'Flags \\[R'))).toEqual([`undefined > ${own}`]);
    expect(to(82, 'Flags \\[S').length).toBeGreaterThan(1);
    expect(names(to(82, 'Flags \\[S'))).toEqual([`${own} > undefined`]);
  }
  const group = (name: string) =>
    new Set(shown.flatMap(({ sender }) => (sender?.command === name ? [sender.cgroup] : [])));
  expect(group('ipft-server')).toEqual(new Set([`/${GROUP}`]));
  expect(group('ipft-client').size).toBe(1);
  expect(ipft('show', file).stdout).toMatch(
    /, by ipft-client\[\d+\] for ipft-server\[\d+\]: 10\.11\.0\.1:\d+ > 10\.11/,
  );
});

test.runIf(HAS_ALL_TESTS)('over loopback a packet has both; one that is forwarded has none', async () => {
  const { here, there } = network;
  for (const args of [
    ['netns', 'exec', there, 'sysctl', '-qw', 'net.ipv4.ip_forward=1'],
    ['-n', there, 'link', 'add', 'ipft-dummy', 'type', 'dummy'],
    ['-n', there, 'addr', 'add', '10.12.0.1/24', 'dev', 'ipft-dummy'],
    ['-n', there, 'link', 'set', 'ipft-dummy', 'up'],
    ['-n', there, 'neigh', 'add', '10.12.0.9', 'lladdr', '02:00:00:00:00:09', 'dev', 'ipft-dummy'],
    ['-n', here, 'route', 'add', '10.12.0.0/24', 'via', '10.11.0.2'],
  ])
    execFileSync('ip', args);
  using tracing = new Tracing(['-o', 'json', '-r', FUNCTIONS, '--netns', there, 'udp']);
  await tracing.ready();
  const local = start(there, 'ipft-local', 'once', '10.11.0.2');
  await local.ended;
  network.exec('/usr/bin/python3', '-ISc', "import socket; socket.socket(2, 2).sendto(b'q', ('10.12.0.9', 9))");
  const { stdout } = await tracing.stop();
  const shown = shownIn(stdout);
  const said = shown.map(
    ({ text, sender, receiver }) => `${text.split(':')[0]}: ${nameOf(sender)} > ${nameOf(receiver)}`,
  );
  const [own, served] = [`ipft-local[${local.ids()[0]}]`, `ipft-server[${serverIds[1]}]`];
  expect(said.sort()).toEqual(
    ['10.11.0.1: undefined > undefined', `10.11.0.2: ${own} > ${served}`, `10.11.0.2: ${served} > ${own}`].sort(),
  );
});

test.runIf(HAS_ALL_TESTS)('--no-who: journeys have no processes', async () => {
  using tracing = new Tracing(['-o', 'json', '--no-who', '-r', FUNCTIONS, EXPRESSION]);
  await tracing.ready();
  await start(network.here, 'ipft-unnamed', 'once', '10.11.0.2').ended;
  const { stdout } = await tracing.stop();
  const shown = shownIn(stdout);
  expect(shown.length).toBe(2);
  expect(shown.map(({ sender, receiver }) => [sender, receiver])).toEqual([
    [undefined, undefined],
    [undefined, undefined],
  ]);
});

afterAll(() => {
  try {
    rmdirSync(`${GROUPS}/${GROUP}`);
  } catch {
    // A process of the server is still ending: the guest ends, too.
  }
});
