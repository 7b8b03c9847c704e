/** A trace as the page has it: functions, places and journeys as objects, events as columns. Times: nanoseconds since `head.began`. */

export interface Head {
  readonly ipft: string;
  readonly kernel: string;
  readonly backend: string;
  /** Nanoseconds of CLOCK_MONOTONIC. */
  readonly began: bigint;
  /** CLOCK_REALTIME less CLOCK_MONOTONIC, in nanoseconds. */
  readonly realtime: bigint;
  readonly hasReturns: boolean;
  /** The names of the fields. */
  readonly fields: readonly string[];
}

export interface TracedFunction {
  readonly name: string;
  readonly module: string;
}

/** Where packets are: a network namespace and a device. */
export interface Place {
  readonly netns: number;
  /** The namespace's name. */
  readonly name: string | null;
  readonly ifindex: number;
  readonly device: string;
}

export const OUTCOMES = [
  ...(['delivered', 'forwarded', 'transmitted', 'dropped', 'processed', 'consumed', 'alive', 'unknown'] as const),
];
export type Outcome = (typeof OUTCOMES)[number];

export interface Process {
  readonly pid?: number;
  readonly command: string;
  readonly container?: { readonly id?: string; readonly name?: string };
  readonly unit?: string;
  readonly pod?: string;
}

/** A packet's journey. Members whose value is not known are missing. */
export interface Journey {
  /** Its number, as all outputs of ipft have it. */
  readonly number: number;
  readonly packetId: string;
  /** The number of the journey that it is a copy of. */
  readonly parent?: number;
  readonly outcome: Outcome;
  readonly reason?: string;
  /** The location in the kernel where it ended. */
  readonly endedIn?: string;
  readonly begin: number;
  readonly end: number;
  /** The number of its events that were read, and of those that are known to be lost. */
  readonly events: number;
  readonly lost: number;
  readonly hasGap: boolean;
  /** Its outcome, and its gap, in words. */
  readonly endText: string;
  readonly gapText?: string;
  /** The packet in a line. */
  readonly text?: string;
  readonly endpoints?: { readonly protocol: number; readonly source: string; readonly destination: string };
  readonly sender?: Process;
  readonly receiver?: Process;
  /** The index of its first event, and the number of its events, in `Events`. */
  readonly first: number;
  readonly count: number;
  /** The part with its details, and its position there. */
  readonly part: number;
  readonly position: number;
}

/** All events, those of a journey side by side, by time. Columns may be longer: journeys say where theirs are. */
export interface Events {
  /** The number of events that there are. */
  readonly count: number;
  readonly time: Float64Array;
  /** Indexes into `Trace.functions` and `Trace.places`. */
  readonly fn: Uint16Array;
  readonly place: Uint16Array;
  readonly cpu: Uint16Array;
  /** `IS_RETURN` and those beside it. */
  readonly flags: Uint8Array;
  /** The number of traced calls with the packet that were open on the CPU; 255 for more. */
  readonly depth: Uint8Array;
  /** Of returns: the time since the entry; empty where returns are not traced. */
  readonly sinceEntry: Float64Array;
}

export const IS_RETURN = 1;
export const HAS_FIELDS = 2;
export const PACKET_FREED = 4;
export const ENTRY_LOST = 8;
export const PARTNER_LOST = 16;

/** The packet's first bytes at some moment. */
export interface Snapshot {
  /** Hexadecimal. */
  readonly bytes: string;
  readonly length: number;
  /** Whether the bytes begin with an Ethernet header. */
  readonly ethernet: boolean;
  /** The EtherType of the network header. */
  readonly protocol: number;
}

/** The values of an event's fields, by their names. */
export type FieldValues = Readonly<Record<string, unknown>>;

export interface Details {
  /** For each event; 0 where it has none. Missing where the trace has no fields. */
  readonly fields?: readonly (FieldValues | 0)[];
  readonly snapshots: readonly Snapshot[];
  readonly changes: readonly Readonly<Record<string, unknown>>[];
}

export interface Trace {
  readonly head: Head;
  readonly functions: readonly TracedFunction[];
  /** The first one is a place that is not known. */
  readonly places: readonly Place[];
  /** By begin. */
  readonly journeys: readonly Journey[];
  readonly events: Events;
  /** Why the trace is not whole, in words; undefined if it is. */
  readonly problem: string | undefined;
  /** The details of a journey, which are decompressed when they are asked for. */
  details(journey: Journey): Promise<Details>;
  /** The journey with a number. */
  find(number: number): Journey | undefined;
}
