/** Where records come from: a live session, or anything else that has kept them. */
import type { RecordTaker, SymbolWriter } from './event.js';
import type { FieldLayout } from './field.js';
import type { Living } from './journey.js';
import type { TraceLosses } from './losses.js';
import type { BackendName, TracerName } from './method.js';
import type { Places } from './places.js';
import type { Target } from './target.js';

/** Names that only the kernel knows. */
export interface KernelNames {
  /** Of a drop reason; undefined if this kernel has none. */
  readonly reason: (reason: number) => string | undefined;
  /** Of an address, as `name+0x10`; undefined if it has none. */
  readonly symbol: (address: bigint) => string | undefined;
}

/** Everything that makes records readable. It is known before the first record is read. */
export interface TraceHeader {
  /** ipft's version. */
  readonly version: string;
  /** The kernel's release, as `uname -r` prints it. */
  readonly kernel: string;
  readonly tracer: TracerName;
  readonly backend: BackendName;
  /** Events name their function by the index into it. It may grow while tracing. */
  readonly targets: readonly Target[];
  /** The fields that events carry; undefined if they carry none. */
  readonly fields: FieldLayout | undefined;
  readonly names: KernelNames;
  /** Writes names of addresses that are values of fields. */
  readonly symbols: SymbolWriter;
  /** The name of a network namespace, if it has one. It may hold any characters. */
  readonly netnsName: (netns: number) => string | undefined;
  /** When the trace was prepared, on the clock of events: no event is earlier. */
  readonly beganNs: bigint;
  /** CLOCK_REALTIME less CLOCK_MONOTONIC at that time, in nanoseconds. */
  readonly realtimeOffsetNs: bigint;
}

/** What one call of `read` came to. */
export interface Reading {
  /** How many events there were. */
  readonly events: number;
  /** Whether anything was read. */
  readonly moved: boolean;
  /** Whether nothing is left of what was there when reading began; more may have come since. */
  readonly drained: boolean;
  /** All records up to this time have been read, and misses are known up to it: nanoseconds of CLOCK_MONOTONIC. */
  readonly upToNs: bigint;
}

/** The end of a source that could have gone on. */
export interface SourceEnd {
  /** When it was: nanoseconds of CLOCK_MONOTONIC. */
  readonly atNs: bigint;
  /** Journeys that had not ended then. */
  readonly living: readonly Living[];
}

/** Takes records, and between which times calls were missed. */
export interface SourceTaker extends RecordTaker {
  /** Comes before any record that is read later, in the order of time. Times are nanoseconds of CLOCK_MONOTONIC. */
  missed(fromNs: bigint, untilNs: bigint): void;
}

export interface RecordSource {
  readonly header: TraceHeader;
  /** Where packets were, by the number that events carry. */
  readonly places: Places;
  /**
   * Hands records to `taker`, in the order in which they were written.
   * @param limit so many of a kind at most
   */
  read(taker: SourceTaker, limit: number): Reading;
  /** Nothing that comes later is read. To be called once; then `read` until it is drained. */
  end(): SourceEnd;
  /** What was lost so far; after `end`, what was lost up to then. */
  losses(): TraceLosses;
  /** How many journeys have ended whose ends have not been read. */
  countUnreadEnds(): number;
  /** Looks for functions that have come since; to be called now and then. */
  refresh?(signal: AbortSignal): Promise<void>;
}
