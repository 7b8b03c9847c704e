/** Which processes' packets are followed. Pure. */
import {
  IPFT_CGROUP_PATH,
  IPFT_MAX_PROCESSES,
  IPFT_MAX_WANTED_CGROUPS,
  IPFT_MAX_WANTED_IDS,
  IPFT_MAX_WANTED_NAMES,
  IPFT_PROCESS_NAME,
} from '../abi/layout.js';
import { GROUP_KINDS, type GroupKind, type GroupWords } from '../base/group-words.js';
import { printable } from '../base/printable.js';

/** Processes that are any of what is asked for. */
export interface ProcessQuery {
  /** Their ids, in the namespace of this process. */
  readonly pids: readonly number[];
  /** Whether the children of these count, too: those that are there, and those that come. */
  readonly withChildren: boolean;
  /** Processes of these names, while they have them. */
  readonly names: readonly string[];
  /** Processes in control groups, while they are there, and in those below. */
  readonly groups: readonly GroupWords[];
  /** A process that this one makes later (see `Session.expectCommand`), with its children. */
  readonly command: boolean;
  /** Whether what the kernel asks neighbours, since packets of these processes wait for it, is asked for, too. */
  readonly withNeighbours: boolean;
}

/** A query whose control groups have been found. */
export interface FoundProcesses extends ProcessQuery {
  readonly cgroups: readonly WantedCgroup[];
}

/** A control group of version 2. One that is made again with the same path counts, too. */
export interface WantedCgroup {
  /** The inode of its directory. */
  readonly id: bigint;
  /** As `/system.slice/nginx.service`. */
  readonly path: string;
}

/** How many processes are followed at a time. */
export const MAX_PROCESSES = IPFT_MAX_PROCESSES;
/** The most ids, and the most names. */
export const MAX_PIDS = IPFT_MAX_WANTED_IDS;
export const MAX_NAMES = IPFT_MAX_WANTED_NAMES;
/** The most control groups. */
export const MAX_GROUPS = IPFT_MAX_WANTED_CGROUPS;
/** The longest path of a control group that is known again when it is made again. */
export const MAX_PATH_BYTES = IPFT_CGROUP_PATH - 1;
/** The longest name of a process: the kernel cuts what is longer. */
export const MAX_NAME_BYTES = IPFT_PROCESS_NAME - 1;

/** As in `of process 12 or 13 or processes named curl`. */
export function describeProcesses({
  pids,
  withChildren,
  names,
  groups,
  command,
  withNeighbours,
}: ProcessQuery): string {
  const parts: string[] = [];
  if (pids.length > 0) parts.push(`process ${pids.join(' or ')}${withChildren ? ' and its children' : ''}`);
  if (names.length > 0) parts.push(`processes named ${names.map((name) => printable(name)).join(' or ')}`);
  for (const kind of GROUP_KINDS) {
    const named = groups.filter((group) => group.kind === kind).map(({ name }) => printable(name));
    if (named.length > 0) parts.push(`${GROUP_NOUNS[kind]} ${named.join(' or ')}`);
  }
  if (command) parts.push('the program');
  return `of ${parts.join(' or ')}${withNeighbours ? ' or about their neighbours' : ''}`;
}

const GROUP_NOUNS: Record<GroupKind, string> = {
  cgroup: 'the control group',
  unit: 'the unit',
  container: 'the container',
  pod: 'the pod',
};
