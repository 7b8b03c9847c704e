/** How much memory this process may still take: its memory cgroup and all above it have limits, and itself may have some. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadLimit, RLIM_INFINITY, RLIMIT_AS, RLIMIT_DATA } from '../sys/libc.js';

export interface MemoryRoom {
  /** What may be taken before the kernel ends a process of the group; what it can take back by itself counts as free. */
  readonly freeBytes: number;
  /** The limit that is nearest to be reached. */
  readonly limitBytes: number;
  /** What has that limit: `the cgroup /sys/fs/cgroup/x`. */
  readonly name: string;
  /** What to do about it. */
  readonly remedy: string;
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

const GROUP_REMEDY = 'raise the limit (systemd: MemoryMax=, containers: --memory), or trace outside of the group';

/** A limit of a process of its own. Who runs into one fails, in ways that depend on what was being done. */
interface OwnLimit {
  readonly resource: number;
  /** As shells call it. */
  readonly option: string;
  readonly what: string;
  /** What counts, in `/proc/self/status`. */
  readonly usage: string;
  /** What threads take when they begin. */
  readonly threadsBytes: number;
  /** For each byte that is used, so many are mapped. */
  readonly mapped: number;
}

const OWN_LIMITS: readonly OwnLimit[] = [
  // The ring's data are mapped twice, and a memory that grows is for a moment there twice.
  {
    ...{ resource: RLIMIT_AS, option: '-v', what: 'virtual memory', usage: 'VmSize' },
    ...{ threadsBytes: 256 << 20, mapped: 2 },
  },
  {
    ...{ resource: RLIMIT_DATA, option: '-d', what: 'data', usage: 'VmData' },
    ...{ threadsBytes: 64 << 20, mapped: 1 },
  },
];

/**
 * What to do about memory that this process did not get because of a limit of its own: libraries that run into one blame
 * whatever they were about to do.
 * @returns nothing where there is no limit
 */
export function findLimitHint(): string | undefined {
  const set = OWN_LIMITS.flatMap(({ resource, option, what }) => {
    const limit = loadLimit(resource);
    return limit === RLIM_INFINITY ? [] : [`${what} (ulimit ${option}), ${limit >> 10n} KiB`];
  });
  return set.length === 0 ? undefined : `the limit of ${set.join(', and of ')}, may be the reason: raise it`;
}

/** @returns nothing where there is no limit, or none can be read */
export function loadMemoryRoom(): MemoryRoom | undefined {
  const [groups, mounts] = [read('/proc/self/cgroup'), read('/proc/self/mountinfo')];
  const inGroups = groups === undefined || mounts === undefined ? undefined : findMemoryRoom(groups, mounts);
  return leastRoom([inGroups, ...findOwnRooms(loadLimit, read('/proc/self/status') ?? '')]);
}

function leastRoom(rooms: readonly (MemoryRoom | undefined)[]): MemoryRoom | undefined {
  return rooms.reduce(
    (least, room) => (room && room.freeBytes < (least?.freeBytes ?? Infinity) ? room : least),
    undefined,
  );
}

/**
 * What the process's own limits leave.
 * @param limitOf RLIM_INFINITY where there is none
 * @param status as /proc/PID/status has it
 */
export function findOwnRooms(limitOf: (resource: number) => bigint, status: string): MemoryRoom[] {
  return OWN_LIMITS.flatMap(({ resource, option, what, usage, threadsBytes, mapped }) => {
    const limit = limitOf(resource);
    const used = new RegExp(`^${usage}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1];
    if (limit === RLIM_INFINITY || used === undefined) return [];
    const free = Math.max(0, Number(limit) - Number(used) * 1024 - threadsBytes);
    return {
      ...{ freeBytes: Math.floor(free / mapped), limitBytes: Number(limit) },
      ...{ name: `this process's ${what}`, remedy: `raise the limit: ulimit ${option}` },
    };
  });
}

/**
 * The same, from what the kernel tells of this process.
 * @param groups lines of `ID:CONTROLLERS:PATH`
 * @param mounts as proc_pid_mountinfo(5) has them
 */
export function findMemoryRoom(groups: string, mounts: string): MemoryRoom | undefined {
  return leastRoom(
    HIERARCHIES.flatMap((hierarchy) =>
      directoriesOf(hierarchy, groups, mounts).map((directory) => roomIn(directory, hierarchy)),
    ),
  );
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
  const freeBytes = Math.max(0, limitBytes - Math.max(0, used - reclaimable));
  return { freeBytes, limitBytes, name: `the cgroup ${directory}`, remedy: GROUP_REMEDY };
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
