/** The CPUs of the machine. */
import { readFileSync } from 'node:fs';
import { countMapCpus } from '../sys/bpf.js';

const POSSIBLE = '/sys/devices/system/cpu/possible';

let known: number | undefined;

/**
 * The number of possible CPUs, the size of each value of a per-CPU map. Read from /sys; where that is hidden, as in
 * some containers, found with a map.
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

/** Reads `0-3` or `0,2-5`. @returns the last number plus one; undefined for any other text */
export function parsePossibleCpus(text: string): number | undefined {
  const last = /^(?:\d+[-,])*(\d+)\n?$/.exec(text)?.[1];
  return last === undefined ? undefined : Number(last) + 1;
}
