/** The CPUs of the machine. */
import { readFileSync } from 'node:fs';
import { SystemCallError } from '../base/errors.js';

/** How many CPUs there could ever be: per-CPU maps have a value for each. */
export function countPossibleCpus(): number {
  const text = readFileSync('/sys/devices/system/cpu/possible', 'latin1').trim();
  const last = /(\d+)$/.exec(text)?.[1];
  if (last === undefined) throw new SystemCallError('read', 0, 'no number', 'counting the CPUs');
  return Number(last) + 1;
}
