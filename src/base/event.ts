import type { Began, Ended, Moved, Snapped } from './journey.js';
import type { Whose } from './process.js';
import type { TextBuffer } from './text-buffer.js';

/**
 * One event of a trace, lent to its taker for the time of one call: the same object is filled again for the next.
 * 64-bit values come as two unsigned 32-bit halves, since a bigint costs an allocation.
 */
export interface TraceEvent {
  /** The short id of its journey. */
  journey: number;
  /** Its number within the journey, counted from 0, lost events included; `SEQUENCE_UNKNOWN` if not known. */
  sequence: number;
  /** `bpf_ktime_get_ns()`: nanoseconds of CLOCK_MONOTONIC. */
  timestampLow: number;
  timestampHigh: number;
  /** Index into the session's targets. */
  target: number;
  cpu: number;
  /** The number of the packet's place in `Places`; 0 if it is not known. Set by the tracker. */
  place: number;
  /** How many snapshots its journey had then: the last of them shows the packet; 0 for none. Set by the tracker. */
  snapshot: number;
  /** Whether the function returned; otherwise it was entered. */
  isReturn: boolean;
  /** Whether there are bytes of the extension: not where it leaves out a return, nor after the skb was freed. */
  hasFields: boolean;
  /** Of a return: whether the skb was freed during the call. */
  skbFreed: boolean;
  /** Of a return: whether its entry was lost. */
  entryLost: boolean;
  /** Whether its partner is known to be lost. Set by the sequencer or the assembler. */
  partnerLost: boolean;
  /**
   * The number of traced calls with this skb that were open on the CPU at the entry; 255 for more. 0 if returns are not
   * traced.
   */
  depth: number;
  /** Of a return: the timestamp of its entry. */
  entryLow: number;
  entryHigh: number;
  /** The extension's bytes begin at `dataOffset` of `data`. Without an extension there are none. */
  data: DataView;
  dataOffset: number;
}

export const SEQUENCE_UNKNOWN = 0xffffffff;

/**
 * An event to be filled. One literal, without spread parts: the engine then keeps all fields within the object, and
 * gives every event the same shape.
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
    snapshot: 0,
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

/**
 * Reads four bytes of an event's data as a signed word, little endian; at the end of the data as many as there are.
 * @param at an offset within the data
 * @param size the size of the data
 */
export function dataWord({ data, dataOffset }: TraceEvent, at: number, size: number): number {
  if (at + 4 <= size) return data.getInt32(dataOffset + at, true);
  let word = 0;
  for (let byte = size - 1; byte >= at; byte--) word = (word << 8) | data.getUint8(dataOffset + byte);
  return word;
}

/** Takes records in the order of the ring. */
export interface RecordTaker {
  /** The event is lent for the time of the call. */
  event(event: TraceEvent): void;
  began(notice: Began): void;
  moved(notice: Moved): void;
  snapshot(notice: Snapped): void;
  process(notice: Whose): void;
  ended(notice: Ended): void;
}

/** The rings, by what they hold: ends that find no room among the ends go among the events. */
export const RINGS = ['events', 'ends'] as const;
export type RingName = (typeof RINGS)[number];

/** Takes records as the kernel wrote them. */
export interface RawTaker {
  /** @param data of the notice, which is among the records to come; lent, as the others are @param at its offset */
  notice(data: DataView, at: number, length: number): void;
  /** @param bytes whole records of one ring, each with its header of 8 bytes and filled up to 8 */
  records(ring: RingName, bytes: Uint8Array): void;
  /** Takes the same records decoded, when `records` has taken them. */
  readonly decoded?: RecordTaker | undefined;
}

/**
 * Writes the extension's fields of one event. Made once from the event struct's BTF, used for each event, which is written
 * once: fields that are computed are computed then. `data` and `offset` are those of a `TraceEvent`.
 * @throws ExtensionError where computing fails
 */
export interface FieldWriter {
  /** The names of the fields, as they stand in JSON; those that are computed are not known beforehand. */
  readonly names: ReadonlySet<string>;
  /** Whether events with the same data may have other values: then no event stands for another one. */
  readonly varies: boolean;
  /** Appends ` len: 84 mark: 0x4d2`: a space before each; nothing for an event without fields. */
  text(out: TextBuffer, data: DataView, offset: number): void;
  /** Appends `,"len":84,"mark":"0x4d2"`: members of an object that is open and not empty; nothing without fields. */
  json(out: TextBuffer, data: DataView, offset: number): void;
  /** Gives the values with their types, one after the other. */
  values(taker: ValueTaker, data: DataView, offset: number): void;
}

/**
 * Takes values of fields for formats that have types of their own. Integers come as two unsigned halves, negative ones
 * with all of their 64 bits, since no object is made of a value.
 */
export interface ValueTaker {
  /** Takes the name of the value that follows; elements of an array have none. */
  name(name: string): void;
  unsigned(low: number, high: number): void;
  signed(low: number, high: number): void;
  boolean(value: boolean): void;
  double(value: number): void;
  /** Takes what is shown as text. @param write appends it */
  text(write: (out: TextBuffer, data: DataView, at: number) => void, data: DataView, at: number): void;
  /** Begins a struct or an array, whose members come next. */
  open(kind: 'struct' | 'array'): void;
  close(): void;
}

/** Appends the name of a kernel address, `ip_rcv+0x10`, or the address where it has none. */
export type SymbolWriter = (out: TextBuffer, low: number, high: number) => void;
