/** The CPUs of the machine. */
import { readFileSync } from 'node:fs';
import { countMapCpus } from '../sys/bpf.js';

const POSSIBLE = '/sys/devices/system/cpu/possible';

let known: number | undefined;

/**
 * How many CPUs there could ever be: per-CPU maps have a value for each. Where /sys is hidden, as in some containers, a map
 * tells.
 * @throws SystemCallError if no map can be made either
 */
export function countPossibleCpus(): number {
  known ??= readPossibleCpus() ?? countMapCpus();
  return known;
}

function readPossibleCpus(): number | undefined {
  try {
    return parsePossibleCpus(readFileSync(POSSIBLE, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Reads `0-3` or `0,2-5`: one more than the last; nothing for what is no such list. */
export function parsePossibleCpus(text: string): number | undefined {
  const last = /^(?:\d+[-,])*(\d+)\n?$/.exec(text)?.[1];
  return last === undefined ? undefined : Number(last) + 1;
}
