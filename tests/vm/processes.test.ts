/** Packets of processes, compared with those on the wire: none of theirs is missed, and none of others is shown. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { open } from './chosen-packets.js';
import { Network, Tracing, until } from './harness.js';
import { HAS_ALL_TESTS } from './kernels.js';
import { COMPARABLE, type Compared, check, PYTHON, SCRIPT, Servers, start, Wire } from './own-packets.js';

const NAME = 'ipft-followed';
const CGROUPS = '/sys/fs/cgroup';
const UNIT = '/system.slice/ipft-followed.service';

const move = ({ child }: { readonly child: { readonly pid?: number | undefined } }, path: string) =>
  writeFileSync(join(CGROUPS, path, 'cgroup.procs'), String(child.pid));
/** Makes control groups, the first above the others. Those of an earlier run may be there. */
const makeGroups = (...paths: string[]) => {
  for (const path of paths) mkdirSync(join(CGROUPS, path), { recursive: true });
};
const removeGroups = (...paths: string[]) => {
  for (const path of paths) if (existsSync(join(CGROUPS, path))) rmdirSync(join(CGROUPS, path));
};

let network: Network;
let directory: string;
const servers = new Servers();

beforeAll(async () => {
  for (const module of ['veth', 'nf_tables']) execFileSync('modprobe', [module]);
  network = new Network();
  directory = mkdtempSync(join(tmpdir(), 'ipft-processes-'));
  symlinkSync(PYTHON, join(directory, NAME));
  network.exec('sysctl', '-qw', 'net.ipv4.ping_group_range=0 0');
  await servers.start([network.here, network.there]);
});
afterAll(() => {
  servers[Symbol.dispose]();
  if (directory) rmSync(directory, { recursive: true, force: true });
  network?.[Symbol.dispose]();
});

/**
 * Traces and captures while a process and another one talk with the same servers.
 * @param firstPort of the other's TCP ports
 * @param prepare called when all is traced, before both talk; the other has no sockets then
 */
async function compare(
  args: (followed: ReturnType<typeof start>) => readonly string[],
  program: string,
  pauses: boolean,
  firstPort: number,
  prepare?: (followed: ReturnType<typeof start>, other: ReturnType<typeof start>) => void,
): Promise<Compared> {
  const wire = await Wire.capture(network.here);
  const talk = (...words: string[]) => start(network.here, program, '-IS', SCRIPT, 'talk', '0', ...words);
  let followed = pauses ? talk('pause') : undefined;
  if (followed) await until(() => followed!.output() !== '', 'the process has made sockets');
  await wire.begin(followed ? 2 : 0);
  using tracing = new Tracing([...COMPARABLE, ...args(followed!)]);
  await tracing.ready();
  const words = [PYTHON, '-IS', SCRIPT, 'talk', String(firstPort)];
  const other = start(network.here, 'sh', '-c', 'echo; read x; exec "$@"', 'sh', ...words);
  await until(() => other.output() !== '', 'the other process waits');
  prepare?.(followed!, other);
  other.child.stdin.write('\n');
  if (followed) followed.child.stdin.write('\n');
  else followed = talk();
  await Promise.all([followed.ended, other.ended]);
  expect([followed.child.exitCode, other.child.exitCode]).toEqual([0, 0]);
  await wire.quiet();
  const { status, stdout } = await tracing.stop();
  return wire.compare(followed.output(), { status, json: stdout });
}

test('--pid with --pid-tree: sockets that are there, and those that come', async () => {
  const args = ({ child }: ReturnType<typeof start>) => ['--pid', String(child.pid), '--pid-tree'];
  check(await compare(args, PYTHON, true, 2000));
});

// Which processes are followed is told the kernel side alike; what it then sees of them is in the test above.
test.runIf(HAS_ALL_TESTS)('--comm: a process that begins while tracing', async () => {
  check(await compare(() => ['--comm', NAME], join(directory, NAME), false, 2200));
});

const TITLE = '--unit: a process with sockets comes into a control group that was made again; another one leaves it';
test.runIf(HAS_ALL_TESTS)(TITLE, async () => {
  const below = join(UNIT, 'below');
  const remake = (followed: ReturnType<typeof start>, other: ReturnType<typeof start>) => {
    removeGroups(below, UNIT);
    makeGroups(UNIT, below);
    move(followed, below);
    move(other, UNIT);
    move(other, '/');
  };
  const prepared = () => {
    makeGroups(UNIT);
    return ['--unit', 'ipft-followed'];
  };
  try {
    check(await compare(prepared, PYTHON, true, 2400, remake));
  } finally {
    removeGroups(below, UNIT);
  }
});

test('processes in a control group are followed from the first one on, and while they are there', async () => {
  const [group, below, beside] = ['/ipft-group', '/ipft-group/below', '/ipft-group-beside'] as const;
  makeGroups(group, below, beside);
  const cgroups = [{ id: statSync(join(CGROUPS, group), { bigint: true }).ino, path: group }];
  const query = {
    pids: [],
    names: [],
    withChildren: false,
    groups: [],
    cgroups,
    command: false,
    withNeighbours: false,
  };
  // Each line that it reads begins another process, which waits until its own input ends.
  const spawnShell = () => ({
    child: spawn('sh', ['-c', 'while read x; do sleep 1000 & all="$all $!"; done; kill $all; wait']),
  });
  const shells = [spawnShell(), spawnShell(), spawnShell()] as const;
  const [first, second, third] = shells;
  try {
    move(first, below);
    move(second, beside);
    const { session } = await open({ mark: { value: 0, mask: 0 }, processes: query }, /^(ip_rcv|__ip_local_out)$/);
    using opened = session;
    await opened.attach(new AbortController().signal);
    const counts = async (wanted: number, what: string) => {
      await until(() => opened.countProcesses() === wanted, what);
    };
    expect(opened.countProcesses()).toBe(1);
    for (const { child } of shells) child.stdin.write('\n');
    await counts(2, 'the child in the group is followed');
    move(second, group);
    expect(opened.countProcesses()).toBe(3);
    second.child.stdin.write('\n');
    await counts(4, 'the child of the one that came is followed, and not its first');
    move(first, beside);
    expect(opened.countProcesses()).toBe(3);
    first.child.stdin.write('\n');
    move(third, below);
    // From one group that is asked for to another one.
    move(third, group);
    await counts(4, 'the one that left makes children of its own');
    for (const { child } of shells) child.stdin.end();
    await counts(0, 'nobody is left');
    await opened.release();
  } finally {
    for (const { child } of shells) child.stdin.end();
    await Promise.all(shells.map(({ child }) => child.exitCode ?? once(child, 'close')));
    await until(() => {
      try {
        removeGroups(below, group, beside);
        return true;
      } catch {
        return false;
      }
    }, 'the groups are empty');
  }
});

test('a command that is expected is followed from its birth', async () => {
  const command = {
    pids: [],
    names: [],
    withChildren: true,
    groups: [],
    cgroups: [],
    command: true,
    withNeighbours: false,
  };
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
