/**
 * Control groups of version 2: where they are mounted, which there are, and whose processes they hold. The kernel's id of
 * a group is the inode of its directory.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseCgroupPath } from './cgroup-path.js';
import { Containers } from './containers.js';

/** Where groups of version 2 are. */
export interface Hierarchy {
  /** The directory where they are mounted. */
  readonly directory: string;
  /** The group that is there: `/`, or in a container maybe another one. */
  readonly root: string;
}

/** A group that is there. */
export interface Cgroup {
  /** The id that the kernel knows it by. */
  readonly id: bigint;
  /** Its path in the hierarchy, as `/system.slice/nginx.service`: the one that `/proc/PID/cgroup` has. */
  readonly path: string;
}

/** How many groups are looked at, at most. */
export const MAX_CGROUPS = 1 << 16;

/**
 * The hierarchy of version 2; undefined if it is not mounted.
 * @param mounts content of proc_pid_mountinfo(5)
 */
export function findHierarchy(mounts = readFileSync('/proc/self/mountinfo', 'utf8')): Hierarchy | undefined {
  const all = findHierarchies(mounts, 'cgroup2');
  return all.find(({ root }) => root === '/') ?? all[0];
}

/** The hierarchies of version 1, which is `cgroup`, or where that of version 2 is mounted. */
export function findHierarchies(mounts: string, type: 'cgroup' | 'cgroup2'): readonly Hierarchy[] {
  return [...mounts.matchAll(/^\S+ \S+ \S+ (\S+) (\S+) .* - (cgroup2?) /gm)]
    .filter(([, , , found]) => found === type)
    .map(([, root = '', point = '']) => ({ directory: fromOctal(point), root: fromOctal(root) }));
}

/** The group in a directory; undefined if there is none, or another file. */
export function cgroupAt(hierarchy: Hierarchy, at: string): Cgroup | undefined {
  const device = deviceOf(hierarchy);
  return device === undefined ? undefined : groupOn(device, hierarchy, at);
}

function groupOn(device: bigint, { directory, root }: Hierarchy, at: string): Cgroup | undefined {
  try {
    const stat = statSync(at, { bigint: true });
    if (!stat.isDirectory() || stat.dev !== device) return undefined;
    return { id: stat.ino, path: join('/', root, at.slice(directory.length)) };
  } catch {
    return undefined;
  }
}

function deviceOf({ directory }: Hierarchy): bigint | undefined {
  try {
    return statSync(directory, { bigint: true }).dev;
  } catch {
    return undefined;
  }
}

/** All groups that are there, those above before those below them; `MAX_CGROUPS` at most. */
export function* walkCgroups(hierarchy: Hierarchy): Generator<Cgroup & { readonly directory: string }> {
  const device = deviceOf(hierarchy);
  const waiting = [hierarchy.directory];
  for (let count = 0; count < MAX_CGROUPS; count++) {
    const directory = waiting.pop();
    if (directory === undefined || device === undefined) return;
    const group = groupOn(device, hierarchy, directory);
    if (!group) continue;
    yield { ...group, directory };
    for (const name of listDirectories(directory).reverse()) waiting.push(join(directory, name));
  }
}

/** The directories in one. */
export function listDirectories(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch {
    return [];
  }
}

/** Mounts have blanks and others as `\040`. */
function fromOctal(path: string): string {
  return path.replace(/\\(\d{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Whose processes a group holds, as far as it is known. Names come from the file system: they may hold any characters. */
export interface CgroupFacts {
  /** The path in the hierarchy: `/system.slice/nginx.service`. */
  readonly path: string;
  /** 64 hexadecimal digits. */
  readonly containerId?: string | undefined;
  /** The name that its runtime gives to the container, or to the machine. */
  readonly containerName?: string | undefined;
  /** The pod of Kubernetes. */
  readonly podNamespace?: string | undefined;
  readonly podName?: string | undefined;
  /** Systemd's unit: `nginx.service`. */
  readonly unit?: string | undefined;
}

/** The number of paths, and of ids, that are kept. */
const MAX_KEPT = 10_000;
/** The least time between two searches of the groups, and of the names of a container that had none. */
const SEARCH_AGAIN_MS = 1000;

/** Tells whose processes groups hold. What was found is kept; what was not is looked for again, now and then. */
export class CgroupNames {
  readonly #hierarchy: Hierarchy | undefined;
  readonly #containers: Containers;
  /** With the time until which they are believed. */
  readonly #facts = new Map<string, { readonly facts: CgroupFacts; readonly until: number }>();
  readonly #paths = new Map<bigint, string>();
  #searchAgain = Number.NEGATIVE_INFINITY;

  /** @param hierarchy without one, only what paths tell is known */
  constructor(hierarchy: Hierarchy | undefined, containers = new Containers()) {
    this.#hierarchy = hierarchy;
    this.#containers = containers;
  }

  /** The facts of a group by its path, as `/proc/PID/cgroup` has it. The group may have gone. */
  describe(path: string): CgroupFacts {
    const [known, now] = [this.#facts.get(path), performance.now()];
    if (known && now < known.until) return known.facts;
    const { containerId, machine, unit, uid } = parseCgroupPath(path);
    const names = containerId === undefined ? undefined : this.#containers.find(containerId, uid);
    const { namespace: podNamespace, name: podName } = names?.pod ?? {};
    const facts = { path, containerId, containerName: names?.name ?? machine, podNamespace, podName, unit };
    // A container may be there before its files.
    const until = containerId === undefined || names ? Number.POSITIVE_INFINITY : now + SEARCH_AGAIN_MS;
    keep(this.#facts, path, { facts, until });
    return facts;
  }

  /** The facts of a group by the kernel's id of it; undefined if it is not there. */
  find(id: bigint): CgroupFacts | undefined {
    const path = this.#pathOf(id);
    return path === undefined ? undefined : this.describe(path);
  }

  #pathOf(id: bigint): string | undefined {
    const known = this.#paths.get(id);
    const now = performance.now();
    if (known !== undefined || !this.#hierarchy || now < this.#searchAgain) return known;
    for (const group of walkCgroups(this.#hierarchy)) keep(this.#paths, group.id, group.path);
    // Searching must not take all of the time.
    this.#searchAgain = now + Math.max(SEARCH_AGAIN_MS, (performance.now() - now) * 10);
    return this.#paths.get(id);
  }
}

/** Forgets what was kept first, where there is no room. */
function keep<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): void {
  if (map.size >= MAX_KEPT && !map.has(key)) for (const first of map.keys()) if (map.delete(first)) break;
  map.set(key, value);
}
