/** Packets of processes, compared with those on the wire: none of theirs is missed, and none of others is shown. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parsePacket } from '../../src/packets/parse.js';
import { formatPacket } from '../../src/packets/text.js';
import { open } from './chosen-packets.js';
import { Network, ROOT, splitJson, Tracing, until } from './harness.js';

const PYTHON = '/usr/bin/python3';
const SCRIPT = join(ROOT, 'tests/vm/processes.py');
/** From the first function that sees a received packet on. */
const FUNCTIONS = '^(__ip_local_out|__ip6_local_out|netif_rx_internal|ip_rcv|ipv6_rcv|tcp_v[46]_rcv)$';
const NAME = 'ipft-followed';

let network: Network;
let directory: string;
const servers: ChildProcessWithoutNullStreams[] = [];

function start(namespace: string, ...args: string[]) {
  const child = spawn('ip', ['netns', 'exec', namespace, ...args]);
  let stdout = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.pipe(process.stderr);
  return { child, output: () => stdout, ended: once(child, 'close') };
}

const python = (namespace: string, ...args: string[]) => start(namespace, PYTHON, '-IS', SCRIPT, ...args);

beforeAll(async () => {
  for (const module of ['veth', 'nf_tables']) execFileSync('modprobe', [module]);
  network = new Network();
  directory = mkdtempSync(join(tmpdir(), 'ipft-processes-'));
  symlinkSync(PYTHON, join(directory, NAME));
  network.exec('sysctl', '-qw', 'net.ipv4.ping_group_range=0 0');
  // No answer to port 81, and no error either.
  const rules = 'chain in { type filter hook input priority 0; tcp dport 81 drop; };';
  for (const namespace of [network.here, network.there])
    execFileSync('ip', ['netns', 'exec', namespace, 'nft', `table inet ipft_test { ${rules} }`]);
  for (const namespace of [network.here, network.there]) {
    const { child, output } = python(namespace, 'serve');
    servers.push(child);
    await until(() => output() !== '', 'a server listens');
  }
});
afterAll(() => {
  for (const server of servers) server.kill('SIGKILL');
  if (directory) rmSync(directory, { recursive: true, force: true });
  network?.[Symbol.dispose]();
});

/** Whether a line in tcpdump's manner is of a packet with one of the ports or identifiers that a process has printed. */
function belongsTo(said: string): (line: string) => boolean {
  const [tcp, udp, icmp] = said
    .trim()
    .split('\n')
    .map((line) => new Set(line.trim().split(' ')));
  return (line) => {
    const [, identifier] = /echo re.*, id (\d+),/.exec(line) ?? [];
    if (identifier !== undefined) return icmp!.has(identifier);
    const ports = [...line.matchAll(/(?:\.\d+|\]):(\d+)/g)].map(([, port]) => port!);
    return ports.some((port) => (line.includes('Flags') ? tcp : udp)!.has(port));
  };
}

const format = (frame: string) => {
  const bytes = Buffer.from(frame, 'hex');
  const snapshot = { bytes, lengthBytes: bytes.length, hasEthernet: true, protocol: bytes.readUInt16BE(12) };
  return formatPacket(parsePacket({ ...snapshot, vlan: undefined, gso: undefined }));
};

interface Compared {
  readonly isWhole: boolean;
  /** Packets in tcpdump's manner. */
  readonly shown: string[];
  readonly captured: string[];
  readonly all: string[];
}

/**
 * Traces and captures while a process and another one talk with the same servers.
 * @param firstPort of the other's TCP ports
 */
async function compare(
  args: (followed: ReturnType<typeof start>) => readonly string[],
  program: string,
  pauses: boolean,
  firstPort: number,
): Promise<Compared> {
  const captures = ['veth-a', 'lo'].map((device) => python(network.here, 'capture', device));
  await until(() => captures.every(({ output }) => output() !== ''), 'packets are captured');
  const talk = (...words: string[]) => start(network.here, program, '-IS', SCRIPT, 'talk', '0', ...words);
  let followed = pauses ? talk('pause') : undefined;
  if (followed) await until(() => followed!.output() !== '', 'the process has made sockets');
  const from = captures.map(({ output }) => output().length);
  using tracing = new Tracing(['-o', 'json', '--strict', '--snaplen', '256', '-r', FUNCTIONS, ...args(followed!)]);
  await tracing.ready();
  const other = python(network.here, 'talk', String(firstPort));
  if (followed) followed.child.stdin.write('\n');
  else followed = talk();
  await Promise.all([followed.ended, other.ended]);
  expect([followed.child.exitCode, other.child.exitCode]).toEqual([0, 0]);
  const isOwn = belongsTo(followed.output());
  const lines = () =>
    captures.flatMap(({ output }, index) => output().slice(from[index]).trim().split('\n').map(format));
  // What the kernel closes is answered.
  for (let before = -1; before !== lines().length; ) {
    before = lines().length;
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
  const { status, stdout } = await tracing.stop();
  for (const { child } of captures) child.kill('SIGKILL');
  const shown = splitJson(stdout)
    .journeys.filter(({ parent }) => parent === null)
    .map(({ ipft }) => ipft?.packet.text ?? '');
  return { isWhole: status === 0, shown: shown.sort(), captured: lines().filter(isOwn).sort(), all: lines() };
}

/** As `compare`, until the kernel has missed no call: one that frees a packet may be among them. */
async function compareWhole(...[args, program, pauses, firstPort]: Parameters<typeof compare>): Promise<Compared> {
  for (let more = 0; ; more += 50) {
    const compared = await compare(args, program, pauses, firstPort + more);
    if (compared.isWhole || more > 100) return compared;
  }
}

function check({ shown, captured, all }: Compared): void {
  expect(shown).toEqual(captured);
  // Both talked, and of this one there is everything.
  expect(captured.length).toBeGreaterThan(150);
  expect(all.length).toBeGreaterThan(1.8 * captured.length);
  for (const kind of [/Flags \[S\]/, /Flags \[R/, /ICMP6?.*unreachable.* port/, /echo request/, /UDP/, /Flags \[F/])
    expect(captured.filter((line) => kind.test(line)).length).toBeGreaterThanOrEqual(2);
}

test('--pid with --pid-tree: sockets that are there, and those that come', async () => {
  check(await compareWhole(({ child }) => ['--pid', String(child.pid), '--pid-tree'], PYTHON, true, 2000));
});

test('--comm: a process that begins while tracing', async () => {
  check(await compareWhole(() => ['--comm', NAME], join(directory, NAME), false, 2200));
});

test('a command that is expected is followed from its birth', async () => {
  const command = { pids: [], names: [], withChildren: true, command: true };
  const { session } = await open({ mark: { value: 0, mask: 0 }, processes: command }, /^(ip_rcv|__ip_local_out)$/);
  using opened = session;
  await opened.attach(new AbortController().signal);
  expect(opened.countProcesses()).toBe(0);
  opened.expectCommand();
  const child = spawn('sh', ['-c', 'read x; sleep 1000 & read x; kill $!']);
  expect(opened.countProcesses()).toBe(1);
  // The shell makes a child.
  child.stdin.write('\n');
  await until(() => opened.countProcesses() === 2, 'the child is followed');
  const other = spawn('sleep', ['0']);
  await once(other, 'close');
  expect(opened.countProcesses()).toBe(2);
  child.stdin.write('\n');
  await once(child, 'close');
  await until(() => opened.countProcesses() === 0, 'nobody is left');
  await opened.release();
});
