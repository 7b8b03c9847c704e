/** Network namespaces and devices by the names that users give them. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { causedBy, UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { withinNetns } from '../sys/libc.js';
import { NAMED_NETNS, namespaceDevice } from './netns-names.js';

const LIST_HINT = 'ip netns lists namespaces with a name, lsns -t net those of processes';

/**
 * The inode of a namespace.
 * @param words `blue`, `/run/docker/netns/abc`, `net:[4026531840]` or `pid:1`
 * @throws UsageError if there is none
 */
export function findNetns(words: string): number {
  const [, inode] = /^net:\[(\d+)\]$/.exec(words) ?? [];
  if (inode !== undefined) return checkInode(Number(inode), words);
  const [, pid] = /^pid:(\d+)$/.exec(words) ?? [];
  if (pid !== undefined) return netnsAt(`/proc/${pid}/ns/net`, words);
  if (words.startsWith('/')) return netnsAt(words, words);
  if (words.includes('/') || words === '.' || words === '..') throw noNetns(words, 'a name has no slash');
  return netnsAt(`${NAMED_NETNS}/${words}`, words);
}

function netnsAt(path: string, words: string): number {
  let file: { readonly dev: number; readonly ino: number };
  try {
    file = statSync(path);
  } catch (error) {
    throw causedBy(noNetns(words, (error as Error).message.replace(/, stat .*/, `: ${path}`)), error);
  }
  if (file.dev !== namespaceDevice() || kindOf(path, file.ino) !== 'net') {
    throw noNetns(words, `${path} is another file`);
  }
  return file.ino;
}

/** The kind of a namespace: `net`, `mnt`, … It stands in a link of /proc, or where the namespace is mounted. */
function kindOf(path: string, inode: number): string {
  try {
    const [, kind] = /^(\w+):\[\d+\]$/.exec(readlinkSync(path)) ?? [];
    if (kind !== undefined) return kind;
  } catch {
    // No link: it is mounted.
  }
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  return new RegExp(` (\\w+):\\[${inode}\\] `).exec(mounts)?.[1] ?? 'net';
}

/** A namespace that is named by its inode is looked for, since a wrong number would match nothing for ever. */
function checkInode(inode: number, words: string): number {
  const isThere =
    listProcesses().has(inode) || readFileSync('/proc/self/mountinfo', 'utf8').includes(` net:[${inode}] `);
  if (!isThere) throw noNetns(words, 'no process is in it, and it is mounted nowhere');
  return inode;
}

function noNetns(words: string, reason: string): UsageError {
  return new UsageError(`there is no network namespace '${printable(words)}': ${printable(reason)}`, LIST_HINT);
}

/** The key of all namespaces that belong to others: they can't be told from one another. No namespace has this inode. */
const OF_OTHERS = 0;

/** A process in each network namespace that has any, by the namespace's inode. */
function listProcesses(): Map<number, string> {
  const processes = new Map<number, string>();
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const netns = netnsOf(pid);
    if (netns !== undefined && !processes.has(netns)) processes.set(netns, pid);
  }
  return processes;
}

/** The inode of a process' namespace; undefined if it has ended. */
function netnsOf(pid: string): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/net`).ino;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? OF_OTHERS : undefined;
  }
}

/**
 * The names of the devices in each namespace that has a process, or is mounted, by the namespace's inode. They are
 * undefined where this process may not look.
 */
export function listDevices(): ReadonlyMap<number, ReadonlySet<string> | undefined> {
  const devices = new Map<number, ReadonlySet<string> | undefined>();
  for (const [netns, pid] of listProcesses()) devices.set(netns, netns === OF_OTHERS ? undefined : readDevices(pid));
  for (const [netns, path] of listMounts()) {
    devices.set(netns, devices.get(netns) ?? withinNetns(path, () => readDevices('thread-self')));
  }
  return devices;
}

/** Where the namespaces are mounted, as `ip netns` mounts them, by the namespace's inode. */
function listMounts(): Map<number, string> {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').matchAll(/^\S+ \S+ \S+ net:\[(\d+)\] (\S+) /gm);
  const fromOctal = (path: string) =>
    path.replace(/\\(\d{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
  return new Map([...mounts].map(([, netns, path = '']) => [Number(netns), fromOctal(path)]));
}

/** The devices in the namespace of a process; undefined if it has ended, or is another user's. */
function readDevices(pid: string): ReadonlySet<string> | undefined {
  try {
    const lines = readFileSync(`/proc/${pid}/net/dev`, 'utf8').split('\n').slice(2, -1);
    return new Set(lines.map((line) => line.slice(0, line.indexOf(':')).trim()));
  } catch {
    return undefined;
  }
}
