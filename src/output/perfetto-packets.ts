/**
 * Writes the packets of a Perfetto trace: `TracePacket`, as protos/perfetto/trace of Perfetto's sources has it, whose numbers
 * of fields the constants are. All packets are of one sequence, whose interned data stand in the packet that uses them first:
 * later ones have their number.
 */
import type { ValueTaker } from '../base/event.js';
import { highHalf, lowHalf } from '../base/halves.js';
import { TextBuffer } from '../base/text-buffer.js';
import { ProtoBuffer } from './proto-buffer.js';

const TRACE_PACKET = 1;
const PACKET_CLOCK_SNAPSHOT = 6;
const PACKET_TIMESTAMP = 8;
const PACKET_SEQUENCE_ID = 10;
const PACKET_TRACK_EVENT = 11;
const PACKET_INTERNED_DATA = 12;
const PACKET_SEQUENCE_FLAGS = 13;
const PACKET_DEFAULTS = 59;
const PACKET_TRACK_DESCRIPTOR = 60;
const DEFAULTS_CLOCK_ID = 58;

const SEQUENCE = 1;
/** Flags of a sequence: interned data begin anew; they are needed. */
const STATE_CLEARED = 1;
const NEEDS_STATE = 2;

const SNAPSHOT_CLOCKS = 1;
const SNAPSHOT_PRIMARY_CLOCK = 2;
const CLOCK_ID = 1;
const CLOCK_TIMESTAMP = 2;
const REALTIME = 1;
const MONOTONIC = 3;

const TRACK_UUID = 1;
const TRACK_NAME = 2;
const TRACK_PARENT = 5;
const TRACK_COUNTER = 8;
const TRACK_CHILD_ORDERING = 11;
const CHRONOLOGICAL = 2;
const COUNTER_UNIT = 3;
const UNIT_COUNT = 2;

const EVENT_CATEGORY_IIDS = 3;
const EVENT_ANNOTATIONS = 4;
const EVENT_TYPE = 9;
const EVENT_NAME_IID = 10;
const EVENT_TRACK = 11;
const EVENT_NAME = 23;
const EVENT_COUNTER_VALUE = 30;
const EVENT_FLOWS = 47;
const EVENT_TERMINATING_FLOWS = 48;

/** The types of events. */
export const SLICE_BEGIN = 1;
export const SLICE_END = 2;
export const INSTANT = 3;
const COUNTER = 4;

const INTERNED_CATEGORIES = 1;
const INTERNED_EVENT_NAMES = 2;
const INTERNED_VALUE_NAMES = 3;
const INTERNED_STRINGS = 29;
const INTERNED_IID = 1;
const INTERNED_TEXT = 2;

const VALUE_NAME_IID = 1;
const VALUE_BOOL = 2;
const VALUE_UINT = 3;
const VALUE_INT = 4;
const VALUE_DOUBLE = 5;
const VALUE_STRING = 6;
const VALUE_POINTER = 7;
const VALUE_DICT_ENTRIES = 11;
const VALUE_ARRAY_VALUES = 12;
const VALUE_STRING_IID = 17;

/** The most names of events that are interned; further ones are written out. Those of functions are fewer. */
const MAX_NAMES = 1 << 17;

export interface TrackFacts {
  /** Its number, not 0, which no other one has. */
  readonly uuid: number;
  readonly name: string;
  /** The number of the track that it is shown below; undefined for none. */
  readonly parent?: number;
  /** Whether the tracks below it are shown in the order of their first events. */
  readonly isByTime?: boolean;
  readonly isCounter?: boolean;
}

export class PerfettoPackets implements ValueTaker {
  readonly #out = new ProtoBuffer(1 << 19);
  /** What the open packet interns. */
  readonly #interned = new ProtoBuffer(1 << 12);
  readonly #text = new TextBuffer(1 << 10);
  readonly #categories = new Map<string, number>();
  readonly #names = new Map<string, number>();
  readonly #valueNames = new Map<string, number>();
  readonly #words = new Map<string, number>();
  /** The marks of the open packet and of the event in it. */
  #packet = 0;
  #event = 0;
  /** The structs and arrays that are open: their marks, and in which field they are. */
  readonly #marks: number[] = [];
  readonly #fields: number[] = [];
  /** The field that values are written to. */
  #field = EVENT_ANNOTATIONS;
  /** The number of the next value's name; 0 for none. */
  #valueName = 0;

  get length(): number {
    return this.#out.length;
  }

  take(): Uint8Array {
    return this.#out.take();
  }

  giveBack(bytes: Uint8Array): void {
    this.#out.giveBack(bytes);
  }

  /** Comes first. @param realtimeNs CLOCK_REALTIME at that time; undefined if it is not known */
  header(monotonicNs: bigint, realtimeNs: bigint | undefined): void {
    const out = this.#out;
    const packet = out.open(TRACE_PACKET);
    const snapshot = out.open(PACKET_CLOCK_SNAPSHOT);
    this.#clock(MONOTONIC, monotonicNs);
    if (realtimeNs !== undefined) this.#clock(REALTIME, realtimeNs);
    out.uint(SNAPSHOT_PRIMARY_CLOCK, MONOTONIC);
    out.close(snapshot);
    out.uint(PACKET_SEQUENCE_ID, SEQUENCE);
    out.uint(PACKET_SEQUENCE_FLAGS, STATE_CLEARED);
    const defaults = out.open(PACKET_DEFAULTS);
    out.uint(DEFAULTS_CLOCK_ID, MONOTONIC);
    out.close(defaults);
    out.close(packet);
  }

  #clock(id: number, ns: bigint): void {
    const out = this.#out;
    const clock = out.open(SNAPSHOT_CLOCKS);
    out.uint(CLOCK_ID, id);
    out.uint64(CLOCK_TIMESTAMP, lowHalf(ns), highHalf(ns));
    out.close(clock);
  }

  /** Describes a track. Comes before its first event, and not while an event is open. */
  track({ uuid, name, parent, isByTime = false, isCounter = false }: TrackFacts): void {
    const out = this.#out;
    const packet = out.open(TRACE_PACKET);
    out.uint(PACKET_SEQUENCE_ID, SEQUENCE);
    const descriptor = out.open(PACKET_TRACK_DESCRIPTOR);
    out.uint(TRACK_UUID, uuid);
    out.string(TRACK_NAME, name);
    if (parent !== undefined) out.uint(TRACK_PARENT, parent);
    if (isByTime) out.uint(TRACK_CHILD_ORDERING, CHRONOLOGICAL);
    if (isCounter) {
      const counter = out.open(TRACK_COUNTER);
      out.uint(COUNTER_UNIT, UNIT_COUNT);
      out.close(counter);
    }
    out.close(descriptor);
    out.close(packet);
  }

  /** Begins an event; what belongs to it comes next. @param low the halves of its time */
  begin(type: number, track: number, low: number, high: number): void {
    const out = this.#out;
    this.#packet = out.open(TRACE_PACKET);
    out.uint64(PACKET_TIMESTAMP, low, high);
    out.raw(SEQUENCE_BYTES);
    this.#event = out.open(PACKET_TRACK_EVENT);
    out.uint(EVENT_TYPE, type);
    out.uint(EVENT_TRACK, track);
  }

  /** Ends the event. */
  end(): void {
    const out = this.#out;
    out.close(this.#event);
    if (this.#interned.length > 0) {
      const mark = out.open(PACKET_INTERNED_DATA);
      out.takeFrom(this.#interned);
      out.close(mark);
    }
    out.close(this.#packet);
  }

  /** The end of a track's innermost slice, with nothing besides. */
  endSlice(track: number, low: number, high: number): void {
    this.begin(SLICE_END, track, low, high);
    this.end();
  }

  counter(track: number, ns: bigint, value: bigint): void {
    this.begin(COUNTER, track, lowHalf(ns), highHalf(ns));
    this.#out.uint64(EVENT_COUNTER_VALUE, lowHalf(value), highHalf(value));
    this.end();
  }

  category(name: string): void {
    this.#out.uint(EVENT_CATEGORY_IIDS, this.#intern(this.#categories, INTERNED_CATEGORIES, name));
  }

  /** Names the event, by a name that comes again. */
  title(name: string): void {
    if (this.#names.size < MAX_NAMES || this.#names.has(name)) {
      this.#out.uint(EVENT_NAME_IID, this.#intern(this.#names, INTERNED_EVENT_NAMES, name));
    } else {
      this.ownTitle(name);
    }
  }

  /** Names the event, by a name that hardly any other one has. */
  ownTitle(name: string): void {
    this.#out.string(EVENT_NAME, name);
  }

  /** The event is one of those that are connected by this number. @param isLast whether no later one is */
  flow(low: number, high: number, isLast = false): void {
    this.#out.fixed64(isLast ? EVENT_TERMINATING_FLOWS : EVENT_FLOWS, low, high);
  }

  number(name: string, value: number): void {
    this.name(name);
    this.unsigned(value % 0x100000000, Math.floor(value / 0x100000000));
  }

  /** Nothing if it is undefined. */
  string(name: string, value: string | undefined): void {
    if (value === undefined) return;
    this.name(name);
    const mark = this.#open();
    this.#out.string(VALUE_STRING, value);
    this.#out.close(mark);
  }

  /** A string that comes again. */
  word(name: string, value: string): void {
    this.name(name);
    const iid = this.#intern(this.#words, INTERNED_STRINGS, value);
    const mark = this.#open();
    this.#out.uint(VALUE_STRING_IID, iid);
    this.#out.close(mark);
  }

  /** An address, which is shown in hexadecimal. */
  pointer(name: string, value: bigint): void {
    this.name(name);
    const mark = this.#open();
    this.#out.uint64(VALUE_POINTER, lowHalf(value), highHalf(value));
    this.#out.close(mark);
  }

  name(name: string): void {
    this.#valueName = this.#intern(this.#valueNames, INTERNED_VALUE_NAMES, name);
  }

  unsigned(low: number, high: number): void {
    const mark = this.#open();
    this.#out.uint64(VALUE_UINT, low, high);
    this.#out.close(mark);
  }

  signed(low: number, high: number): void {
    const mark = this.#open();
    this.#out.uint64(VALUE_INT, low, high);
    this.#out.close(mark);
  }

  boolean(value: boolean): void {
    const mark = this.#open();
    this.#out.uint(VALUE_BOOL, value ? 1 : 0);
    this.#out.close(mark);
  }

  double(value: number): void {
    const mark = this.#open();
    this.#out.double(VALUE_DOUBLE, value);
    this.#out.close(mark);
  }

  text(write: (out: TextBuffer, data: DataView, at: number) => void, data: DataView, at: number): void {
    const mark = this.#open();
    write(this.#text, data, at);
    this.#out.text(VALUE_STRING, this.#text);
    this.#text.clear();
    this.#out.close(mark);
  }

  open(kind: 'struct' | 'array'): void {
    this.#marks.push(this.#open());
    this.#fields.push(this.#field);
    this.#field = kind === 'struct' ? VALUE_DICT_ENTRIES : VALUE_ARRAY_VALUES;
  }

  close(): void {
    this.#out.close(this.#marks.pop()!);
    this.#field = this.#fields.pop()!;
  }

  /** Opens the next value, with its name. */
  #open(): number {
    const mark = this.#out.open(this.#field);
    if (this.#valueName !== 0) this.#out.uint(VALUE_NAME_IID, this.#valueName);
    this.#valueName = 0;
    return mark;
  }

  #intern(known: Map<string, number>, field: number, text: string): number {
    return known.get(text) ?? this.#add(known, field, text);
  }

  #add(known: Map<string, number>, field: number, text: string): number {
    const iid = known.size + 1;
    known.set(text, iid);
    const mark = this.#interned.open(field);
    this.#interned.uint(INTERNED_IID, iid);
    this.#interned.string(INTERNED_TEXT, text);
    this.#interned.close(mark);
    return iid;
  }
}

/** The number of the sequence, and that its interned data are needed. */
const SEQUENCE_BYTES = Uint8Array.of(
  ...[PACKET_SEQUENCE_ID * 8, SEQUENCE],
  ...[PACKET_SEQUENCE_FLAGS * 8, NEEDS_STATE],
);
