/** The losses that the kernel side counts: lost records and missed calls. */

/** Events of one CPU that found no room in the ring. */
export interface RingLoss {
  readonly cpu: number;
  /** The number of events; more than 0. */
  readonly lost: bigint;
  /** The times of the first and the last loss, in nanoseconds of CLOCK_MONOTONIC. */
  readonly firstNs: bigint;
  readonly lastNs: bigint;
}

/** The losses that the programs count themselves, since the trace began. */
export interface CountedLosses {
  /** Of the CPUs that lost events. */
  readonly cpus: readonly RingLoss[];
  /** Events of packets that found no slot, since too many were followed. */
  readonly unfollowed: bigint;
  /** Ends of journeys that found no room in the ring. */
  readonly ends: bigint;
  /** Journeys of which no event found room. */
  readonly unseen: bigint;
}

/** Missed calls, of any packet. */
export interface Misses {
  /** Of functions whose events are shown. */
  readonly shown: bigint;
  /** Of functions that decide what becomes of packets, and of those that share their program. */
  readonly deciding: bigint;
}

/** Switches of the kernel that turn probes off: see `src/kernel/switches.ts`. */
export type Switch = 'ftrace' | 'kprobes';

/** All losses of a source. */
export interface TraceLosses extends CountedLosses {
  readonly missed: Misses;
  /** Whether the kernel counts all missed calls. */
  readonly countsMisses: boolean;
  /** Switches that were found off while tracing. */
  readonly switchedOff: readonly Switch[];
}
