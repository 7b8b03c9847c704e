/**
 * The memory that this process may still take: its memory cgroup and all above it have limits, and the process may have
 * some of its own.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadLimit, RLIM_INFINITY, RLIMIT_AS, RLIMIT_DATA } from '../sys/libc.js';

export interface MemoryRoom {
  /**
   * The bytes that can be taken before the kernel ends a process of the group. Memory that the kernel can reclaim
   * counts as free.
   */
  readonly freeBytes: number;
  /** The limit that will be reached first. */
  readonly limitBytes: number;
  /** The owner of that limit: `the cgroup /sys/fs/cgroup/x`. */
  readonly name: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** The files of a cgroup hierarchy: version 1 has other names than version 2. */
interface Hierarchy {
  readonly isOurs: (line: readonly string[]) => boolean;
  readonly isMounted: (type: string, options: string) => boolean;
  /** Limits: the kernel ends processes at the first one and slows them down at others. */
  readonly limits: readonly string[];
  readonly usage: string;
  /** Names in `memory.stat`: the pages of files, and those of them that can't be reclaimed. */
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

/** A resource limit of the process. A process that reaches it fails, in ways that depend on the call. */
interface OwnLimit {
  readonly resource: number;
  /** The option of the shell's `ulimit`. */
  readonly option: string;
  readonly what: string;
  /** The line of `/proc/self/status` with the usage. */
  readonly usage: string;
  /** The bytes that threads take when they start. */
  readonly threadsBytes: number;
  /** The bytes that are mapped for each byte that is used. */
  readonly mapped: number;
}

const OWN_LIMITS: readonly OwnLimit[] = [
  // The ring's data are mapped twice, and memory that grows is there twice for a moment.
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
 * A hint for memory that a limit of this process has refused: libraries blame whatever they were about to do.
 * @returns undefined where there is no limit
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
 * The room that the process's own limits leave.
 * @param limitOf RLIM_INFINITY where there is none
 * @param status content of /proc/PID/status
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
 * The same for cgroups.
 * @param groups lines of `ID:CONTROLLERS:PATH`
 * @param mounts content of proc_pid_mountinfo(5)
 */
export function findMemoryRoom(groups: string, mounts: string): MemoryRoom | undefined {
  return leastRoom(
    HIERARCHIES.flatMap((hierarchy) =>
      directoriesOf(hierarchy, groups, mounts).map((directory) => roomIn(directory, hierarchy)),
    ),
  );
}

/** The group's directory and those above it, as far as they are visible. */
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
    // A container sees a part of the tree, and its group may be the top of that.
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
  // Version 1 shows "no limit" as a number that is larger than any memory.
  if (used === undefined || limitBytes > Number.MAX_SAFE_INTEGER) return undefined;
  const stat = read(join(directory, 'memory.stat')) ?? '';
  const count = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
  const reclaimable = Math.max(0, count(files) - count(kept));
  const freeBytes = Math.max(0, limitBytes - Math.max(0, used - reclaimable));
  return { freeBytes, limitBytes, name: `the cgroup ${directory}`, remedy: GROUP_REMEDY };
}

/** @returns undefined for `max`, and for a file that is not there */
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
