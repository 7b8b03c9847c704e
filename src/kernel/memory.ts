/** How much memory this process may still take: its memory cgroup and all above it have limits. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadLimit, RLIM_INFINITY, RLIMIT_AS, RLIMIT_DATA } from '../sys/libc.js';

export interface MemoryRoom {
  /** What may be taken before the kernel ends a process of the group; what it can take back by itself counts as free. */
  readonly freeBytes: number;
  /** The limit that is nearest to be reached. */
  readonly limitBytes: number;
  /** The directory of the group whose limit that is. */
  readonly directory: string;
}

/** Where a kernel shows its groups: version 1 has names of its own for the same. */
interface Hierarchy {
  readonly isOurs: (line: readonly string[]) => boolean;
  readonly isMounted: (type: string, options: string) => boolean;
  /** Limits: the kernel ends processes at the first one and slows them down at others. */
  readonly limits: readonly string[];
  readonly usage: string;
  /** Names in `memory.stat`: pages of files, and of those the ones that can't be taken back. */
  readonly files: string;
  readonly kept: string;
}

const HIERARCHIES: readonly Hierarchy[] = [
  {
    isOurs: ([id, controllers]) => id === '0' && controllers === '',
    isMounted: (type) => type === 'cgroup2',
    ...{ limits: ['memory.max', 'memory.high'], usage: 'memory.current', files: 'file', kept: 'shmem' },
  },
  {
    isOurs: ([, controllers = '']) => controllers.split(',').includes('memory'),
    isMounted: (type, options) => type === 'cgroup' && options.split(',').includes('memory'),
    ...{ limits: ['memory.limit_in_bytes'], usage: 'memory.usage_in_bytes', files: 'total_cache', kept: 'total_shmem' },
  },
];

/** Limits of a process of its own, as shells call them. */
const OWN_LIMITS = [
  { resource: RLIMIT_AS, name: 'virtual memory (ulimit -v)' },
  { resource: RLIMIT_DATA, name: 'data (ulimit -d)' },
];

/**
 * What to do about memory that this process did not get because of a limit of its own. Libraries that run into one blame
 * whatever they were about to do.
 * @returns nothing where there is no limit
 */
export function findLimitHint(): string | undefined {
  const set = OWN_LIMITS.map(({ resource, name }) => ({ limit: loadLimit(resource), name })).filter(
    ({ limit }) => limit !== RLIM_INFINITY,
  );
  if (set.length === 0) return undefined;
  const limits = set.map(({ limit, name }) => `${name}, ${limit >> 10n} KiB`).join(', and of ');
  return `the limit of ${limits}, may be the reason: raise it`;
}

/** @returns nothing where there is no limit, or none can be read */
export function loadMemoryRoom(): MemoryRoom | undefined {
  const [groups, mounts] = [read('/proc/self/cgroup'), read('/proc/self/mountinfo')];
  return groups === undefined || mounts === undefined ? undefined : findMemoryRoom(groups, mounts);
}

/**
 * The same, from what the kernel tells of this process.
 * @param groups lines of `ID:CONTROLLERS:PATH`
 * @param mounts as proc_pid_mountinfo(5) has them
 */
export function findMemoryRoom(groups: string, mounts: string): MemoryRoom | undefined {
  let least: MemoryRoom | undefined;
  for (const hierarchy of HIERARCHIES) {
    for (const directory of directoriesOf(hierarchy, groups, mounts)) {
      const room = roomIn(directory, hierarchy);
      if (room && room.freeBytes < (least?.freeBytes ?? Number.POSITIVE_INFINITY)) least = room;
    }
  }
  return least;
}

/** The group's directory and those above it, as far as they can be seen. */
function directoriesOf(hierarchy: Hierarchy, groups: string, mounts: string): string[] {
  const path = groups
    .split('\n')
    .map((line) => /^(\d+):([^:]*):(.*)$/.exec(line)?.slice(1) ?? [])
    .find(hierarchy.isOurs)?.[2];
  if (path === undefined) return [];
  for (const line of mounts.split('\n')) {
    const [, root = '', point = '', type = '', options = ''] =
      /^\S+ \S+ \S+ (\S+) (\S+) .* - (\S+) \S+ (\S+)$/.exec(line) ?? [];
    if (!hierarchy.isMounted(type, options)) continue;
    // A container sees a part of the tree, at whose top it may be.
    const inside = root !== '/' && path.startsWith(root) ? path.slice(root.length) : path;
    const directories: string[] = [];
    let directory = join(point, inside);
    for (; directory.startsWith(point); directory = dirname(directory)) {
      directories.push(directory);
      if (directory === '/' || directory === point) break;
    }
    return directories;
  }
  return [];
}

function roomIn(directory: string, { limits, usage, files, kept }: Hierarchy): MemoryRoom | undefined {
  const values = limits.map((name) => readNumber(join(directory, name)));
  const limitBytes = Math.min(...values.map((value) => value ?? Number.POSITIVE_INFINITY));
  const used = readNumber(join(directory, usage));
  // Version 1 writes a number that no machine has for no limit.
  if (used === undefined || limitBytes > Number.MAX_SAFE_INTEGER) return undefined;
  const stat = read(join(directory, 'memory.stat')) ?? '';
  const count = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
  const reclaimable = Math.max(0, count(files) - count(kept));
  return { freeBytes: Math.max(0, limitBytes - Math.max(0, used - reclaimable)), limitBytes, directory };
}

/** Nothing for `max`, and for what is not there. */
function readNumber(path: string): number | undefined {
  const text = read(path)?.trim() ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
