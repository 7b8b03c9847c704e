/**
 * Control groups by the words of users: a path, a unit of systemd, a container, a pod. No daemon is asked: units and
 * containers are known by the names of their directories, the rest by the files that runtimes keep.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { UnsupportedFeatureError, UsageError } from '../base/errors.js';
import type { GroupKind, GroupWords } from '../base/group-words.js';
import { printable } from '../base/printable.js';
import { findNearest } from '../base/suggest.js';
import {
  containerIdOf,
  hasUnitSuffix,
  holdsUnits,
  isPod,
  isUserManager,
  machineOf,
  parseCgroupPath,
  unitName,
} from './cgroup-path.js';
import {
  type Cgroup,
  cgroupAt,
  findHierarchies,
  findHierarchy,
  type Hierarchy,
  listDirectories,
  MAX_CGROUPS,
  walkCgroups,
} from './cgroups.js';
import { Containers, type Pod } from './containers.js';

/** The shortest beginning of an id that stands for it. */
const LEAST_ID_DIGITS = 4;
/** How many digits of an id are shown: what runtimes show. */
const SHOWN_ID_DIGITS = 12;
/** How many containers an error lists. */
const MAX_LISTED = 8;

/** What a machine has: in place of it tests have another one. */
export interface Machine {
  /** Content of proc_pid_mountinfo(5). */
  readonly mounts: string;
  readonly containers: Containers;
}

/**
 * The groups that are meant, each once.
 * @param most of them
 * @throws UsageError if there is none, if it is not clear which one is meant, or if there are too many;
 * UnsupportedFeatureError where no groups of version 2 are mounted
 */
export function findCgroups(
  words: readonly GroupWords[],
  most: number,
  { mounts, containers }: Machine = {
    mounts: readFileSync('/proc/self/mountinfo', 'utf8'),
    containers: new Containers(),
  },
): readonly Cgroup[] {
  if (words.length === 0) return [];
  const hierarchy = findHierarchy(mounts);
  if (!hierarchy) {
    throw new UnsupportedFeatureError(
      'cgroup v2',
      'processes are known by their control groups of version 2, and cgroup2 is not mounted here',
      'systemd.unified_cgroup_hierarchy=1 on the kernel command line has systemd use it; --pid PID --pid-tree needs no control group',
    );
  }
  const search = new CgroupSearch(hierarchy, mounts, containers);
  const found = new Map<bigint, Cgroup>();
  for (const { kind, name } of words) for (const { id, path } of search.find(kind, name)) found.set(id, { id, path });
  if (found.size <= most) return [...found.values()];
  throw new UsageError(
    `these are ${found.size} control groups, and ${most} are followed at most`,
    'name one above them: --cgroup PATH',
  );
}

/** A container that runs. */
interface Container {
  /** The id, or of a machine its name. */
  readonly id: string;
  readonly names: readonly string[];
  readonly pod: Pod | undefined;
  /** Its groups; mostly one. */
  readonly groups: (Cgroup & { readonly directory: string })[];
}

class CgroupSearch {
  readonly #hierarchy: Hierarchy;
  readonly #mounts: string;
  readonly #files: Containers;
  #listed: readonly Container[] | undefined;

  constructor(hierarchy: Hierarchy, mounts: string, files: Containers) {
    this.#hierarchy = hierarchy;
    this.#mounts = mounts;
    this.#files = files;
  }

  find(kind: GroupKind, name: string): readonly Cgroup[] {
    if (kind === 'cgroup') return [this.#findPath(name)];
    if (kind === 'unit') return this.#findUnit(name);
    return kind === 'container' ? this.#findContainer(name) : this.#findPod(name);
  }

  #findPath(words: string): Cgroup {
    const { directory, root } = this.#hierarchy;
    const path = normalize(`/${words}`).replace(/(?<=.)\/$/, '');
    const isWhole = path === directory || path.startsWith(`${directory}/`);
    const inside = root !== '/' && (path === root || path.startsWith(`${root}/`)) ? path.slice(root.length) : path;
    const at = isWhole ? path : join(directory, inside).replace(/(?<=.)\/$/, '');
    const group = cgroupAt(this.#hierarchy, at);
    if (group) return group;
    const what = whatIsAt(at) ?? whatIsAt(path);
    if (what === undefined) {
      const nearest = findNearest(basename(at), listDirectories(dirname(at)));
      throw none(
        'control group',
        words,
        nearest && join(dirname(at), nearest),
        `the directories in ${directory} are those that there are`,
      );
    }
    throw new UsageError(
      `'${printable(words)}' is no control group of version 2, but ${what}`,
      `these are the directories in ${printable(directory)}`,
    );
  }

  /** Units of the system go before those of users: `--cgroup` can name each. */
  #findUnit(words: string): readonly Cgroup[] {
    const name = toUnitName(words);
    const units = [...walkUnits(this.#hierarchy.directory, false)];
    const [, template, suffix] = /^(.+@)(\.\w+)$/.exec(name) ?? [];
    const isMeant = (unit: string) =>
      template === undefined ? unit === name : unit.startsWith(template) && unit.endsWith(suffix!);
    const found = units.filter((unit) => isMeant(unit.name));
    const ofSystem = found.filter(({ isOfUser }) => !isOfUser);
    const chosen = ofSystem.length > 0 ? ofSystem : found;
    const groups = chosen.flatMap(({ directory }) => cgroupAt(this.#hierarchy, directory) ?? []);
    if (groups.length > 0) return groups;
    this.#refuseOld(
      `unit ${name}`,
      (old) => [...walkUnits(old.directory, false)].find((unit) => isMeant(unit.name))?.directory,
    );
    const nearest = findNearest(name, [...new Set(units.map((unit) => unit.name))]);
    throw none('unit', name, nearest, 'a unit has a control group while it runs: systemctl status shows it');
  }

  #findContainer(words: string): readonly Cgroup[] {
    const name = words.replace(/^\//, '');
    const containers = this.#list();
    const whole = containers.filter(({ id }) => id === name);
    const named = containers.filter(({ names }) => names.includes(name));
    const isLong = name.length >= LEAST_ID_DIGITS && /^[0-9a-f]+$/.test(name);
    const begun = isLong ? containers.filter(({ id }) => id.startsWith(name)) : [];
    const [found, ...more] = [whole, named, begun].find((some) => some.length > 0) ?? [];
    if (found && more.length === 0) return found.groups;
    if (found) {
      throw new UsageError(
        `${more.length + 1} containers are called '${printable(name)}': ${listed([found, ...more])}`,
        'name one by more digits of its id',
      );
    }
    const isMeant = ({ id, names }: Container) => names.includes(name) || (isLong && id.startsWith(name));
    this.#refuseOld(
      `container '${name}'`,
      (old) => listContainers(old, this.#files).find(isMeant)?.groups[0]?.directory,
    );
    const nearest = findNearest(name, [...new Set(containers.flatMap(({ names }) => names))]);
    throw none(
      'container',
      name,
      nearest,
      containers.length === 0 ? 'none runs here' : `there are ${listed(containers)}`,
    );
  }

  /** The group of the whole pod, where there is one: containers that come later are in it. */
  #findPod(words: string): readonly Cgroup[] {
    const full = ({ pod }: Container) => (pod ? `${pod.namespace}/${pod.name}` : undefined);
    const containers = this.#list().filter(({ pod }) => pod !== undefined);
    const found = containers.filter((container) => full(container) === words);
    const groups = found
      .flatMap((container) => container.groups)
      .map((group) => {
        const above = dirname(group.directory);
        return (isPod(basename(above)) ? cgroupAt(this.#hierarchy, above) : undefined) ?? group;
      });
    if (groups.length > 0) return groups;
    const nearest = findNearest(words, [...new Set(containers.flatMap((container) => full(container) ?? []))]);
    throw none(
      'pod',
      words,
      nearest,
      containers.length === 0
        ? 'no containers of Kubernetes run here'
        : 'pods are known while a container of theirs runs here',
    );
  }

  #list(): readonly Container[] {
    this.#listed ??= listContainers(this.#hierarchy, this.#files);
    return this.#listed;
  }

  /**
   * @param findIn the directory of what is meant in a hierarchy
   * @throws UsageError if it is in one of version 1
   */
  #refuseOld(what: string, findIn: (old: Hierarchy) => string | undefined): void {
    for (const old of findHierarchies(this.#mounts, 'cgroup')) {
      const directory = findIn(old);
      if (directory === undefined) continue;
      const pid = readFirstProcess(directory);
      throw new UsageError(
        `the ${printable(what)} is in control groups of version 1, as ${printable(directory)}, and in none of version 2`,
        pid === undefined
          ? '--pid PID --pid-tree follows its processes'
          : `--pid ${pid} --pid-tree follows its first process, with its children`,
      );
    }
  }
}

function none(what: string, name: string, nearest: string | undefined, otherwise: string): UsageError {
  const meant = nearest === undefined ? '' : ` (did you mean ${printable(nearest)}?)`;
  return new UsageError(
    `there is no ${what} '${printable(name)}'${meant}`,
    nearest === undefined ? printable(otherwise) : undefined,
  );
}

/** What is at a path that is no group; undefined if nothing is. */
function whatIsAt(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? 'a directory of another file system' : 'a file';
  } catch {
    return undefined;
  }
}

/** As systemctl reads it: what is no name is escaped, and what has no suffix is a service. */
function toUnitName(words: string): string {
  const escaped = words.replace(/[^\w:.\\@-]/gu, (character) => {
    if (character === '/') return '-';
    return [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  });
  return hasUnitSuffix(escaped) ? escaped : `${escaped}.service`;
}

interface Unit {
  readonly name: string;
  readonly directory: string;
  readonly isOfUser: boolean;
}

/** The units of the system and of its users. What units have below them is their own: a container may have its own systemd. */
function* walkUnits(directory: string, isOfUser: boolean): Generator<Unit> {
  for (const name of listDirectories(directory)) {
    const unit = { name: unitName(name), directory: join(directory, name), isOfUser };
    if (!hasUnitSuffix(unit.name)) continue;
    yield unit;
    if (holdsUnits(unit.name)) yield* walkUnits(unit.directory, isOfUser || isUserManager(unit.name));
  }
}

/** The containers that have a group, and machines. */
function listContainers(hierarchy: Hierarchy, files: Containers): readonly Container[] {
  const found = new Map<string, Container>();
  let count = 0;
  for (const group of walkCgroups(hierarchy)) {
    count++;
    const [name, parent] = [basename(group.path), basename(dirname(group.path))];
    const id = containerIdOf(name) ?? machineOf(name, parent);
    if (id === undefined) continue;
    const known = found.get(id);
    // A runtime may give the same name to a group in the container's.
    if (known?.groups.some(({ path }) => group.path.startsWith(`${path}/`))) continue;
    if (known) {
      known.groups.push(group);
      continue;
    }
    const isMachine = containerIdOf(name) === undefined;
    const { name: given, pod } = (isMachine ? undefined : files.find(id, parseCgroupPath(group.path).uid)) ?? {};
    found.set(id, { id, names: given === undefined ? [] : [given], pod, groups: [group] });
  }
  if (count < MAX_CGROUPS) return [...found.values()];
  throw new UsageError(
    `there are more than ${MAX_CGROUPS} control groups: they are not searched`,
    'name the one of the container: --cgroup PATH',
  );
}

function listed(containers: readonly Container[]): string {
  const words = containers.slice(0, MAX_LISTED).map(({ id, names, pod }) => {
    const where = pod ? ` of ${pod.namespace}/${pod.name}` : '';
    const name = names.length > 0 ? ` (${names.join(', ')}${where})` : where;
    return `${printable(/^[0-9a-f]{64}$/.test(id) ? id.slice(0, SHOWN_ID_DIGITS) : id)}${printable(name)}`;
  });
  return `${words.join(', ')}${containers.length > MAX_LISTED ? ', …' : ''}`;
}

function readFirstProcess(directory: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(directory, 'cgroup.procs'), 'latin1'), 10);
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
