import type { TextBuffer } from './text-buffer.js';

/**
 * One event of a trace, lent to its taker for the time of one call: the same object is filled again for the next.
 * 64-bit values come as two unsigned 32-bit halves, since a bigint costs an allocation.
 */
export interface TraceEvent {
  /** Address of the skb. */
  skbLow: number;
  skbHigh: number;
  /** `bpf_ktime_get_ns()`: nanoseconds of CLOCK_MONOTONIC. */
  timestampLow: number;
  timestampHigh: number;
  /** Index into the session's targets. */
  target: number;
  cpu: number;
  isReturn: boolean;
  /** The extension's bytes begin at `dataOffset` of `data`; without an extension there are none. */
  data: DataView;
  dataOffset: number;
}

/** Whatever takes events. */
export type EventTaker = (event: TraceEvent) => void;

/**
 * Writes the extension's fields of one event. Made once from the event struct's BTF, used for each event.
 * `data` and `offset` are those of a `TraceEvent`.
 */
export interface FieldWriter {
  /** Appends `len: 84 mark: 0x4d2`. */
  text(out: TextBuffer, data: DataView, offset: number): void;
  /** Appends `,"len":84,"mark":"0x4d2"`: members of an object that is open and not empty. */
  json(out: TextBuffer, data: DataView, offset: number): void;
}

/** Appends the name of a kernel address, `ip_rcv+0x10`, or the address where it has none. */
export type SymbolWriter = (out: TextBuffer, low: number, high: number) => void;
