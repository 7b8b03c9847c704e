/** Which processes' packets are followed. Pure. */
import { IPFT_MAX_PROCESSES, IPFT_MAX_WANTED_IDS, IPFT_MAX_WANTED_NAMES, IPFT_PROCESS_NAME } from '../abi/layout.js';
import { printable } from '../base/printable.js';

/** Processes that are any of what is asked for. */
export interface ProcessQuery {
  /** Their ids, in the namespace of this process. */
  readonly pids: readonly number[];
  /** Whether the children of these count, too: those that are there, and those that come. */
  readonly withChildren: boolean;
  /** Processes of these names, while they have them. */
  readonly names: readonly string[];
  /** A process that this one makes later (see `Session.expectCommand`), with its children. */
  readonly command: boolean;
}

/** How many processes are followed at a time. */
export const MAX_PROCESSES = IPFT_MAX_PROCESSES;
/** The most ids, and the most names. */
export const MAX_PIDS = IPFT_MAX_WANTED_IDS;
export const MAX_NAMES = IPFT_MAX_WANTED_NAMES;
/** The longest name of a process: the kernel cuts what is longer. */
export const MAX_NAME_BYTES = IPFT_PROCESS_NAME - 1;

/** As in `of process 12 or 13 or processes named curl`. */
export function describeProcesses({ pids, withChildren, names, command }: ProcessQuery): string {
  const parts: string[] = [];
  if (pids.length > 0) parts.push(`process ${pids.join(' or ')}${withChildren ? ' and its children' : ''}`);
  if (names.length > 0) parts.push(`processes named ${names.map((name) => printable(name)).join(' or ')}`);
  if (command) parts.push('the command');
  return `of ${parts.join(' or ')}`;
}
