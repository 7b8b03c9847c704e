/** The kinds of loss, as far as the kernel side tells of them. */

/** Events of one CPU that found no room in the ring. */
export interface RingLoss {
  readonly cpu: number;
  /** How many events; more than 0. */
  readonly lost: bigint;
  /** When the first and the last of them were lost: nanoseconds of CLOCK_MONOTONIC. */
  readonly firstNs: bigint;
  readonly lastNs: bigint;
}

/** What the programs count themselves, from the beginning of the trace. */
export interface CountedLosses {
  /** Of the CPUs that lost events. */
  readonly cpus: readonly RingLoss[];
  /** Events of packets that could not be followed, since too many were followed already. */
  readonly unfollowed: bigint;
  /** Ends of journeys that found no room in the ring. */
  readonly ends: bigint;
  /** Journeys of which no event found room. */
  readonly unseen: bigint;
}

/** Calls of functions that the kernel did not hand to a program, of whatever packet. */
export interface Misses {
  /** Of functions whose events are shown. */
  readonly shown: bigint;
  /** Of functions that decide what becomes of packets, and of those that share their program. */
  readonly deciding: bigint;
}

/** Switches of the kernel that turn probes off: see `src/kernel/switches.ts`. */
export type Switch = 'ftrace' | 'kprobes';

/** All that a source of records did not see. */
export interface TraceLosses extends CountedLosses {
  readonly missed: Misses;
  /** Whether the kernel counts all calls that it misses. */
  readonly countsMisses: boolean;
  /** Switches that were found off while tracing. */
  readonly switchedOff: readonly Switch[];
}
