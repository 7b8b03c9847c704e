/** A source of records: a live session, or anything that has kept records. */
import type { RawTaker, RecordTaker, SymbolWriter } from './event.js';
import type { FieldLayout } from './field.js';
import type { HostName } from './host-name.js';
import type { Living } from './journey.js';
import type { TraceLosses } from './losses.js';
import type { BackendName, TracerName } from './method.js';
import type { Places } from './places.js';
import type { FindControlGroup } from './process.js';
import type { Target } from './target.js';

/** Names that only the kernel knows. */
export interface KernelNames {
  /** Of a drop reason; undefined if this kernel has none. */
  readonly reason: (reason: number) => string | undefined;
  /** Of an address, as `name+0x10`; undefined if it has none. */
  readonly symbol: (address: bigint) => string | undefined;
}

/** The facts that make records readable. They are known before the first record is read. */
export interface TraceHeader {
  /** ipft's version. */
  readonly version: string;
  /** The kernel's release, as `uname -r` prints it. */
  readonly kernel: string;
  readonly tracer: TracerName;
  readonly backend: BackendName;
  /** The targets, by the index that events carry. The list may grow while tracing. */
  readonly targets: readonly Target[];
  /** The fields that events carry; undefined if they carry none. */
  readonly fields: FieldLayout | undefined;
  readonly names: KernelNames;
  /** Writes names of addresses that are values of fields. */
  readonly symbols: SymbolWriter;
  /** The name of a network namespace, if it has one. It may hold any characters. */
  readonly netnsName: (netns: number) => string | undefined;
  /** The control groups of processes. What it tells may hold any characters. */
  readonly findGroup: FindControlGroup;
  /** The time when the trace was prepared, on the clock of events: no event is earlier. */
  readonly beganNs: bigint;
  /** CLOCK_REALTIME less CLOCK_MONOTONIC at that time, in nanoseconds. */
  readonly realtimeOffsetNs: bigint;
  /** Names of addresses that the machine had then; missing where none were kept. */
  readonly hostNames?: readonly HostName[] | undefined;
}

/** The result of one call of `read`. */
export interface Reading {
  /** The number of events. */
  readonly events: number;
  /** Whether any record was read. */
  readonly moved: boolean;
  /** Whether all records have been read that were there when the call began; more may have come since. */
  readonly drained: boolean;
  /** All records up to this time have been read, and misses are known up to it: nanoseconds of CLOCK_MONOTONIC. */
  readonly upToNs: bigint;
}

/** The end of a source that could have gone on. */
export interface SourceEnd {
  /** The time of the end, in nanoseconds of CLOCK_MONOTONIC. */
  readonly atNs: bigint;
  /** Journeys that had not ended then. */
  readonly living: readonly Living[];
}

/** Takes records, and the times between which calls were missed. */
export interface SourceTaker extends RecordTaker {
  /** Comes before any record that is read later, in the order of time. Times are nanoseconds of CLOCK_MONOTONIC. */
  missed(fromNs: bigint, untilNs: bigint): void;
}

/** The functions that a source tells of, and those that it should and does not. They may become more while tracing. */
export interface SourceCoverage {
  /** The number of traced functions. */
  readonly traced: number;
  /** Functions that the kernel refused, with the reason. */
  readonly refused: readonly { readonly name: string; readonly module: string; readonly reason: string }[];
  /** Deciding functions and tracepoints that could not be attached, with the reason. */
  readonly unwatched: readonly string[];
}

/** As `SourceTaker`, of records as the kernel wrote them. */
export interface RawSourceTaker extends RawTaker {
  missed(fromNs: bigint, untilNs: bigint): void;
}

/**
 * A reading takes no more bytes of a ring than this, and the rest of the last record. So a step of a recording, whose
 * size has a bound, is all that a reading takes, and text of the recording is the text of the trace.
 */
export const READING_BYTES = 1 << 19;

export interface RecordSource {
  readonly header: TraceHeader;
  /** The places, by the number that events carry. */
  readonly places: Places;
  /**
   * Hands records to `taker`, in the order in which they were written; see `READING_BYTES`.
   * @param limit the most records of each ring
   */
  read(taker: SourceTaker, limit: number): Reading;
  /** As `read`, without decoding; not where records are kept in another form. */
  readRaw?(taker: RawSourceTaker, limit: number): Reading;
  /** Ends the source: later records are not read. To be called once; then `read` until it is drained. */
  end(): SourceEnd;
  readonly coverage: SourceCoverage;
  /** The losses so far; after `end`, the losses up to then. */
  losses(): TraceLosses;
  /** The number of ends that have not been read. */
  countUnreadEnds(): number;
  /** Whether all has been read and nothing more will come. A live session is never over. */
  readonly isOver: boolean;
  /** Looks for new functions, and traces them; to be called now and then. */
  refresh?(signal: AbortSignal): Promise<void>;
}
