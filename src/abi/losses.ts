/** Decodes the losses that the kernel side counts: a struct ipft_cpu for each CPU. */
import type { CountedLosses, RingLoss } from '../base/losses.js';
import {
  CPU_CONNECTIONS,
  CPU_ENDS_LOST,
  CPU_LOST,
  CPU_LOST_FIRST_NS,
  CPU_LOST_LAST_NS,
  CPU_SIZE,
  CPU_UNCOUNTED,
  CPU_UNFOLLOWED,
  CPU_UNRUN,
  CPU_UNSEEN,
  CPU_VALUELESS,
} from './layout.js';

/** Adds up the structs ipft_cpu of all CPUs. */
export function decodeLosses(view: DataView): CountedLosses {
  const cpus: RingLoss[] = [];
  let [unfollowed, ends, unseen] = [0n, 0n, 0n];
  for (let cpu = 0; (cpu + 1) * CPU_SIZE <= view.byteLength; cpu++) {
    const count = (member: number) => view.getBigUint64(cpu * CPU_SIZE + member, true);
    unfollowed += count(CPU_UNFOLLOWED);
    ends += count(CPU_ENDS_LOST);
    unseen += count(CPU_UNSEEN);
    const lost = count(CPU_LOST);
    if (lost !== 0n) cpus.push({ cpu, lost, firstNs: count(CPU_LOST_FIRST_NS), lastNs: count(CPU_LOST_LAST_NS) });
  }
  return { cpus, unfollowed, ends, unseen };
}

/** The connections that were noted on all CPUs. */
export const decodeConnections = (view: DataView) => sumOf(view, CPU_CONNECTIONS);

/** What could not be counted. */
export interface Counted {
  /** Packets or calls whose values found no room: `IPFT_MAX_COUNTED` different ones are counted apart. */
  readonly uncounted: bigint;
  /** Packets that ended before any call at which all fields had a value. */
  readonly valueless: bigint;
}

export const decodeCounted = (view: DataView): Counted => ({
  uncounted: sumOf(view, CPU_UNCOUNTED),
  valueless: sumOf(view, CPU_VALUELESS),
});

/** How often a tracepoint has told, on any CPU, that the calls around it were missed. */
export const decodeUnrun = (view: DataView) => sumOf(view, CPU_UNRUN);

/** @param member the offset of a number in struct ipft_cpu */
function sumOf(view: DataView, member: number): bigint {
  let sum = 0n;
  for (let at = 0; at + CPU_SIZE <= view.byteLength; at += CPU_SIZE) sum += view.getBigUint64(at + member, true);
  return sum;
}
