import type { Began, Ended, Moved } from './journey.js';
import type { TextBuffer } from './text-buffer.js';

/**
 * One event of a trace, lent to its taker for the time of one call: the same object is filled again for the next.
 * 64-bit values come as two unsigned 32-bit halves, since a bigint costs an allocation.
 */
export interface TraceEvent {
  /** What the kernel side calls its journey. */
  journey: number;
  /** Which event of its journey it is, counted from 0, with those that were lost; `SEQUENCE_UNKNOWN` if not known. */
  sequence: number;
  /** `bpf_ktime_get_ns()`: nanoseconds of CLOCK_MONOTONIC. */
  timestampLow: number;
  timestampHigh: number;
  /** Index into the session's targets. */
  target: number;
  cpu: number;
  /** Where the packet is, as `Places` numbers it; 0 if that is not known. The tracker says it. */
  place: number;
  /** The function returned; otherwise it was entered. */
  isReturn: boolean;
  /** Whether there are bytes of the extension: not where it drops a return, nor after the skb was freed. */
  hasFields: boolean;
  /** Of a return: the skb was freed during the call. */
  skbFreed: boolean;
  /** Of a return: the event of its entry was lost. */
  entryLost: boolean;
  /** Whether its entry or its return is known to be missing. Who puts events in order, or journeys together, says it. */
  partnerLost: boolean;
  /** How many traced calls of this skb were open on its CPU at the entry; 255 for more. 0 if returns are not traced. */
  depth: number;
  /** Of a return: the timestamp of its entry. */
  entryLow: number;
  entryHigh: number;
  /** The extension's bytes begin at `dataOffset` of `data`; without an extension there are none. */
  data: DataView;
  dataOffset: number;
}

export const SEQUENCE_UNKNOWN = 0xffffffff;

/**
 * An event to be filled. One literal, not parts that are spread: the engine then keeps all fields within the object, and
 * takes every event for the same kind of object.
 */
export function createEvent(data = new DataView(new ArrayBuffer(0))): TraceEvent {
  return {
    journey: 0,
    sequence: 0,
    timestampLow: 0,
    timestampHigh: 0,
    target: 0,
    cpu: 0,
    place: 0,
    isReturn: false,
    hasFields: true,
    skbFreed: false,
    entryLost: false,
    partnerLost: false,
    depth: 0,
    entryLow: 0,
    entryHigh: 0,
    data,
    dataOffset: 0,
  };
}

/** Whatever takes what the ring holds, in the order in which the kernel wrote it. */
export interface RecordTaker {
  /** The event is lent for the time of the call. */
  event(event: TraceEvent): void;
  began(notice: Began): void;
  moved(notice: Moved): void;
  ended(notice: Ended): void;
}

/**
 * Writes the extension's fields of one event. Made once from the event struct's BTF, used for each event.
 * `data` and `offset` are those of a `TraceEvent`.
 */
export interface FieldWriter {
  /** The names of the fields, as they stand in JSON. */
  readonly names: ReadonlySet<string>;
  /** Appends `len: 84 mark: 0x4d2`. */
  text(out: TextBuffer, data: DataView, offset: number): void;
  /** Appends `,"len":84,"mark":"0x4d2"`: members of an object that is open and not empty. */
  json(out: TextBuffer, data: DataView, offset: number): void;
}

/** Appends the name of a kernel address, `ip_rcv+0x10`, or the address where it has none. */
export type SymbolWriter = (out: TextBuffer, low: number, high: number) => void;
