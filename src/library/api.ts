/** The public declarations of the library: options, a session, its events and journeys. None names an inner layer. */

import type { BuiltinName } from '../base/builtin-field.js';
import type { FieldType, FieldValue } from '../base/field.js';
import type { Outcome } from '../base/journey.js';
import type { BackendName, TracerName } from '../base/method.js';
import type { JourneyPacket } from '../base/packet.js';
import type { JourneyProcess } from '../base/process.js';

/**
 * The fields of an extension that a caller wants, and what they are. It is compared with the event struct before
 * anything is attached.
 *
 * ```ts
 * { len: 'number', saddr: 'string', cookie: 'bigint', ports: ['number'], tcp: { seq: 'number' } }
 * ```
 */
export type FieldSchema = { readonly [name: string]: FieldType };

/** The TypeScript type of values that a `FieldType` stands for. */
export type ValueOf<T extends FieldType> = T extends 'number'
  ? number
  : T extends 'bigint'
    ? bigint
    : T extends 'boolean'
      ? boolean
      : T extends 'string'
        ? string
        : T extends readonly [infer Element extends FieldType]
          ? readonly ValueOf<Element>[]
          : T extends { readonly [name: string]: FieldType }
            ? { readonly [Name in keyof T]: ValueOf<T[Name]> }
            : never;

/** The TypeScript type of the fields that a schema names; without a schema, any. */
export type FieldsOf<Schema extends FieldSchema> = FieldSchema extends Schema
  ? Readonly<Record<string, FieldValue>>
  : { readonly [Name in keyof Schema]: ValueOf<Schema[Name]> };

/** The events that a tracer makes: without returns, all are entries. */
export type EventOf<Tracer extends TracerName, Fields> = Tracer extends 'function'
  ? EntryEvent<Fields>
  : EntryEvent<Fields> | ReturnEvent<Fields>;

/**
 * What to trace, and how. Required is one of `mark`, `expression`, `inner`, `where`, `netns`, `dev`, `pid`, `comm`, `cgroup`,
 * `unit`, `container` and `pod`. With several of them a packet must be what all of them ask for; processes may be any of
 * those that `pid` and the options behind it name.
 */
export interface TraceOptions<Schema extends FieldSchema = FieldSchema, Tracer extends TracerName = 'function'> {
  /**
   * Packets are traced that this expression of pcap-filter matches, as `host 10.0.0.5 and tcp port 5432`. Names of hosts
   * are not resolved. Needs libpcap.
   */
  readonly expression?: string | undefined;
  /**
   * Packets are traced whose packet within a tunnel this expression matches: VXLAN, Geneve, GRE, IP in IP, GTP-U; and
   * packets on a tunnel's device, as that of WireGuard, before they are in the tunnel and afterwards. Needs libpcap.
   */
  readonly inner?: string | undefined;
  /**
   * Packets are traced of which this is true: an expression in C over the kernel's structs, as
   * `skb->len > 1400 && !skb->sk`. What can't be had, as behind a NULL, makes it false.
   */
  readonly where?: string | undefined;
  /** Packets are traced whose mark, under the mask, equals it: an integer of 32 bits. 0 needs a mask. */
  readonly mark?: number | undefined;
  /** The bits of the mark that are compared. Default: all 32. */
  readonly mask?: number | undefined;
  /**
   * Packets are traced that are in this network namespace, or in one of these, when they are first seen: a name of
   * `ip netns`, the path of a namespace's file, `net:[4026531840]` or `pid:1`. 16 at most.
   */
  readonly netns?: string | readonly string[] | undefined;
  /**
   * Packets are traced that are on this device, or on one of these, when they are first seen: `eth0` in any namespace,
   * `eth0@blue` in one, which is named as `netns` takes it. 16 at most.
   */
  readonly dev?: string | readonly string[] | undefined;
  /**
   * Whether packets of a traced packet's connection are traced, too, in both directions: what answers it. A connection has
   * the same addresses and ports, as the packet had them wherever it was: NAT included. Default: false.
   */
  readonly connection?: boolean | undefined;
  /**
   * Packets are traced that this process sends, or one of these, with all of its threads; and packets for it. Its id is that
   * which this process sees. 4,096 at most.
   */
  readonly pid?: number | readonly number[] | undefined;
  /** Whether the children of the processes in `pid` count, too, and theirs. Default: false. */
  readonly pidTree?: boolean | undefined;
  /**
   * Packets are traced as with `pid`, of all processes that have this name, or one of these, while they have it: up to 15
   * bytes, as `/proc/PID/comm` has it. 64 at most.
   */
  readonly comm?: string | readonly string[] | undefined;
  /**
   * Packets are traced as with `pid`, of all processes in this control group of version 2, or one of these, and in those
   * below, while they are there: a directory, or a path in the hierarchy, as `/proc/PID/cgroup` has it. Of `cgroup`,
   * `unit`, `container` and `pod` 64 at most.
   */
  readonly cgroup?: string | readonly string[] | undefined;
  /**
   * The same, of this unit of systemd, or one of these: `nginx`, `nginx.service`, `getty@.service` with all of its
   * instances. Units of users count where the system has none of that name.
   */
  readonly unit?: string | readonly string[] | undefined;
  /**
   * The same, of this container, or one of these: the name, the id or its first digits, 4 at least, as docker, podman,
   * containerd, CRI-O, LXC and systemd-nspawn have them.
   */
  readonly container?: string | readonly string[] | undefined;
  /** The same, of all containers of this pod, or one of these: `NAMESPACE/NAME`. */
  readonly pod?: string | readonly string[] | undefined;
  /**
   * Whether what the kernel asks neighbours is traced, too, where it does so since a packet of these processes waits for the
   * hardware address: requests of ARP and solicitations of IPv6, with their answers. Needs a program, or `pid`, `comm`,
   * `cgroup`, `unit`, `container` or `pod`. Default: false.
   */
  readonly withNeighbours?: boolean | undefined;
  /**
   * Whether packets are followed until they are freed, whatever becomes of their mark, their headers and their place.
   * Default: true, but false where a mark alone says which packets are traced.
   */
  readonly follow?: boolean | undefined;
  /** Only functions whose name matches, unanchored. Default: all that take an skb. */
  readonly functions?: RegExp | undefined;
  /** Only functions of modules whose name matches; the kernel proper is `vmlinux`. Default: all. */
  readonly modules?: RegExp | undefined;
  /** `function` shows entries, `function_graph` returns too. Default: `function`. */
  readonly tracer?: Tracer | undefined;
  /** The backend. Default: the best one that works. */
  readonly backend?: BackendName | undefined;
  /**
   * The file of an extension: `.c` or `.o`, or several that are linked; a script, `.lua`, whose prints are dropped; or `.ts`, `.js`,
   * a module that is executed. C source needs clang.
   */
  readonly extension?: string | readonly string[] | undefined;
  /** Built-in fields, by their names: `ipft --fields help` lists them. Default: none. */
  readonly builtin?: BuiltinName | readonly BuiltinName[] | undefined;
  /**
   * Fields that are expressions in C over the kernel's structs: each text has one or several, separated by commas, as
   * `skb->dev->name, skb->mark as m:hex`. An event has no such field where the value can't be had, as behind a NULL.
   */
  readonly show?: string | readonly string[] | undefined;
  /** The fields that events are to have, of the extension and of those built in. Default: all. */
  readonly fields?: Schema | undefined;
  /** How long the compiler of an extension may take, in seconds. Default: 60. */
  readonly compileTimeoutSeconds?: number | undefined;
  /**
   * Size of the ring between kernel and process in bytes: a power of two, from a page to 1 GiB, as `1 << 24`. Default:
   * 16 MiB, less where the memory that this process may use is short.
   */
  readonly ringSizeBytes?: number | undefined;
  /** Keep one event in so many on each CPU. Default: 1, all. */
  readonly samplePeriod?: number | undefined;
  /**
   * How many of a packet's first bytes are kept, up to 1,024, to say which packet a journey is of; with 0 its
   * `packet` is undefined. Default: 96, with a mark alone 0.
   */
  readonly snaplen?: number | undefined;
  /**
   * Whether journeys have the process that sent the packet and the one that it was for, where they are known. Default: true,
   * but false where a mark alone says which packets are traced.
   */
  readonly who?: boolean | undefined;
  /**
   * How many events are kept for `events`, and how many for `journeys`. When so many wait for a slow loop, the ring is
   * not read; it fills, and losses are counted. Default: 100,000.
   */
  readonly maxEvents?: number | undefined;
  /** Whether the process' RLIMIT_MEMLOCK and RLIMIT_NOFILE are raised, as older kernels need it. Default: true. */
  readonly raiseLimits?: boolean | undefined;
  /** Ends the start, which then rejects with the signal's reason; later, does what `stop` does. */
  readonly signal?: AbortSignal | undefined;
}

/** How a program is run, and what of its packets is traced: a packet must be what the other options ask for, too. */
export interface CommandOptions<Schema extends FieldSchema = FieldSchema, Tracer extends TracerName = 'function'>
  extends TraceOptions<Schema, Tracer> {
  /** Its environment. Default: that of this process. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * How long packets that are on their way are waited for when the program and all that it has started have ended, in
   * milliseconds. Default: 200.
   */
  readonly settleMs?: number | undefined;
  /** Whether it runs as the user of this process, also where sudo tells another user who called. Default: false. */
  readonly asRoot?: boolean | undefined;
}

/**
 * What is counted, in the kernel and without an event for each packet. Required is `countBy`, `histogram` or both; where no
 * packets are named, all count.
 */
export interface CountOptions
  extends Omit<
    TraceOptions,
    | 'tracer'
    | 'extension'
    | 'compileTimeoutSeconds'
    | 'builtin'
    | 'show'
    | 'fields'
    | 'snaplen'
    | 'who'
    | 'maxEvents'
    | 'ringSizeBytes'
  > {
  /**
   * Packets are counted by the values of these expressions in C over the kernel's structs: each text has one or several,
   * separated by commas, as `skb->dev->name, ip4(skb)->saddr as from`. All values together have 128 bytes at most.
   */
  readonly countBy?: string | readonly string[] | undefined;
  /** A number that there is to be a histogram of, in powers of two, for each row: `skb->len`. */
  readonly histogram?: string | undefined;
  /**
   * What counts: a packet, once with its copies, at its first call at which all expressions have a value; or each call.
   * Default: `packet`.
   */
  readonly per?: 'packet' | 'call' | undefined;
}

/** Values that came together, and how often. */
export interface CountRow {
  /** The values by the names of their expressions, without those that there were not. */
  readonly values: { readonly [name: string]: FieldValue };
  /** How many packets, or calls. */
  readonly count: number;
  /** The histogram, by ascending numbers, without steps that nothing is in; undefined where none was asked for. */
  readonly histogram: readonly CountStep[] | undefined;
}

/** A step of a histogram: all numbers from `least` to `greatest`, which are a power of two and the last before the next one. */
export interface CountStep {
  /** The least of these numbers. */
  readonly least: bigint;
  /** The greatest one. */
  readonly greatest: bigint;
  /** How many packets, or calls, had one of them. */
  readonly count: number;
}

/** What was counted up to a time. */
export interface CountResult {
  /** The most frequent first. */
  readonly rows: readonly CountRow[];
  /** All that is in the rows. */
  readonly total: number;
  /** Packets that ended before they had all values at once: they are in no row. */
  readonly withoutValue: number;
  /** Packets, or calls, that had other values than the 16,384 that are counted apart: they are in no row. */
  readonly uncounted: number;
}

/** Packets or calls that are being counted. */
export interface CountSession extends AsyncDisposable {
  /** The backend. */
  readonly backend: BackendName;
  /** Which functions are traced. */
  readonly coverage: Coverage;
  /** Warnings: unusual options, limits that can't be raised. */
  readonly warnings: readonly string[];
  /** What was not seen, so that it is not counted. */
  readonly lost: CountLosses;
  /** What was counted so far; when it has ended, all. @throws SystemCallError */
  read(): CountResult;
  /** Ends counting. Resolves when all is detached. Further calls give the same promise. */
  stop(): Promise<void>;
  /** The same as `stop`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a count lacks: see `Losses`. */
export type CountLosses = Pick<
  Losses,
  'unfollowed' | 'missedCalls' | 'missedDeciding' | 'countsMisses' | 'switchedOff'
>;

/** How a recording is read. */
export interface RecordingOptions<Schema extends FieldSchema = FieldSchema> {
  /** The fields that events are to have. Default: all. */
  readonly fields?: Schema | undefined;
  /**
   * How many events are kept for `events`, and how many for `journeys`. When so many wait for a slow loop, the file is
   * not read on. Default: 100,000.
   */
  readonly maxEvents?: number | undefined;
  /** Closes the session. */
  readonly signal?: AbortSignal | undefined;
}

/** How a trace is recorded. */
export interface RecordOptions {
  /** Whether the records are compressed. Default: false. */
  readonly compress?: boolean | undefined;
}

/** The properties of entries and returns. */
export interface EventBase {
  /** Number of the journey that it belongs to. */
  readonly journey: number;
  /** Nanoseconds of CLOCK_MONOTONIC, as `process.hrtime.bigint()` gives them. */
  readonly timestampNs: bigint;
  /** The CPU that it happened on. */
  readonly cpu: number;
  /** The function's name. */
  readonly function: string;
  /** The module that the function is in; `vmlinux` for the kernel proper. */
  readonly module: string;
  /** Inode of the network namespace where the packet was, if that is known. */
  readonly netns: number | undefined;
  /** The device where the packet was, if it had one. */
  readonly device: string | undefined;
  /**
   * The number of traced calls with this packet that were open on the CPU; 255 for more. 0 if returns are not traced.
   */
  readonly depth: number;
  /** Whether the entry of this return, or the return of this entry, was lost. */
  readonly partnerLost: boolean;
}

/** A function was entered with the packet. */
export interface EntryEvent<Fields = Readonly<Record<string, FieldValue>>> extends EventBase {
  /** Tells entries from returns. */
  readonly isReturn: false;
  /** The extension's fields; empty without an extension. */
  readonly fields: Fields;
}

/** The function returned. */
export interface ReturnEvent<Fields = Readonly<Record<string, FieldValue>>> extends EventBase {
  /** Tells entries from returns. */
  readonly isReturn: true;
  /** The extension's fields; undefined if it left out the return, or the packet was freed during the call. */
  readonly fields: Fields | undefined;
  /** How long the call took, in nanoseconds. */
  readonly durationNs: bigint;
  /** Whether the packet was freed during the call. */
  readonly skbFreed: boolean;
}

/** The socket that a packet was delivered to. */
export interface Socket {
  /** `AF_INET` and the like. */
  readonly family: string;
  /** `TCP` and the like; undefined for families other than IP. */
  readonly protocol: string | undefined;
}

/** One packet from its first event until it was freed. */
export interface Journey<Event = EntryEvent> {
  /** Counted from 1, in the order in which journeys began. */
  readonly number: number;
  /** Address of the skb. */
  readonly packetId: bigint;
  /** Number of the journey that it is a copy of, if it is one. */
  readonly parent: number | undefined;
  /** How it ended. */
  readonly outcome: Outcome;
  /** The reason of a drop, as `SKB_DROP_REASON_NETFILTER_DROP`; undefined for other outcomes, and before Linux 5.17. */
  readonly reason: string | undefined;
  /** The location where it was dropped or used up, as `nf_hook_slow+0xb0`; undefined if it is not known. */
  readonly location: string | undefined;
  /** The device that a packet which was transmitted or forwarded was given to. */
  readonly device: string | undefined;
  /** The socket that a delivered packet was given to. */
  readonly socket: Socket | undefined;
  /** Which packet it was, and how its headers were changed on the way; undefined without `snaplen`. */
  readonly packet: JourneyPacket | undefined;
  /**
   * The process that sent the packet, or the one that it is a copy of. Undefined where none is known: the packet was
   * forwarded, the kernel sent it by itself, or `who` is off.
   */
  readonly sender: JourneyProcess | undefined;
  /** The process whose socket the packet was for; undefined where none is known. */
  readonly receiver: JourneyProcess | undefined;
  /** Time of the first event. */
  readonly beginNs: bigint;
  /** The time when it was freed, or of the last event. */
  readonly endNs: bigint;
  /** Its events, in the order of time. */
  readonly events: readonly Event[];
  /** The number of events that are known to be lost. */
  readonly lost: number;
  /** Whether it has a gap: events or its end are lost, or calls were missed while it lasted. */
  readonly gap: boolean;
}

/** A field of the extension. */
export interface FieldDescription {
  /** Its name, as in the event struct. */
  readonly name: string;
  /** The type of its values. */
  readonly type: FieldType;
  /** Its C type, as `unsigned int`. */
  readonly cType: string;
  /** Its format, as `hex` or `enum:states`; empty without one. */
  readonly format: string;
}

/** A function that is not traced. */
export interface FunctionProblem {
  /** The function's name. */
  readonly name: string;
  /** The module that it is in. */
  readonly module: string;
  /** The reason why it is not traced. */
  readonly reason: string;
}

/** A module whose functions are not traced. */
export interface ModuleProblem {
  /** The module's name. */
  readonly module: string;
  /** The reason why its functions are unknown. */
  readonly problem: string;
}

/** Which functions are traced, and which are not. */
export interface Coverage {
  /** The number of traced functions. */
  readonly attached: number;
  /** How many could be traced, and were filtered by `functions` and `modules`. */
  readonly filtered: number;
  /** Functions that the kernel refused to attach to. */
  readonly refused: readonly FunctionProblem[];
  /** Functions that take an skb and can't be traced. */
  readonly excluded: readonly FunctionProblem[];
  /** Modules whose functions are not traced. */
  readonly unknownModules: readonly ModuleProblem[];
  /**
   * Functions and tracepoints that tell of ends and copies of packets and could not be attached to, with the reason.
   */
  readonly unwatched: readonly string[];
}

/** The events that a CPU lost, since the ring was full. */
export interface RingLoss {
  /** The CPU. */
  readonly cpu: number;
  /** How many events. */
  readonly events: number;
  /** When the first one was lost: nanoseconds of CLOCK_MONOTONIC. */
  readonly firstNs: bigint;
  /** When the last one was lost. */
  readonly lastNs: bigint;
}

/** Losses of a session. docs/architecture.md says what each counts. */
export interface Losses {
  /** Events that found no room in the ring, by CPU; empty if all did. */
  readonly ring: readonly RingLoss[];
  /** Events that were lost, since too many packets were followed at the same time. */
  readonly unfollowed: number;
  /** The number of events that came when their journey had been handed on. */
  readonly late: number;
  /** Events of journeys that had not ended, lost when `maxEvents` of them were kept. */
  readonly unkept: number;
  /** Journeys of which no event found room in the ring. */
  readonly unseen: number;
  /** Journeys whose end found no room in the ring. */
  readonly ends: number;
  /**
   * Missed calls of traced functions, of any packet: the kernel did not run the program, since the CPU was within
   * another one.
   */
  readonly missedCalls: number;
  /** Missed calls of functions that free, copy or deliver packets. */
  readonly missedDeciding: number;
  /** Whether the kernel counts all missed calls. */
  readonly countsMisses: boolean;
  /** Switches of the kernel that were found off, so that nothing was seen meanwhile; usually empty. */
  readonly switchedOff: readonly ('ftrace' | 'kprobes')[];
}

/** Events and journeys that are no longer kept, since `maxEvents` was reached. */
export interface Forgotten {
  /** Events that `events` handed out, or would have. */
  readonly events: number;
  /** Journeys that `journeys` handed out, or would have. */
  readonly journeys: number;
}

/** Counts of events and journeys so far, and losses. */
export interface Statistics {
  /** Events that were read. */
  readonly events: number;
  /** Journeys that have ended, by their outcome. */
  readonly journeys: Readonly<Record<Outcome, number>>;
  /** The number of those with a gap. */
  readonly gaps: number;
  /** The losses. */
  readonly lost: Losses;
  /** Events and journeys that are no longer kept: a loop that begins now does not get them. */
  readonly forgotten: Forgotten;
  /** Whether nothing is missing: no losses, no gap, and all functions could be attached to. */
  readonly isWhole: boolean;
}

/** What a recording says of its trace. */
export interface RecordingFacts {
  /** The number of the recording, which all its files have: 16 hexadecimal digits. */
  readonly id: string;
  /** The number of this file among them, from 1. */
  readonly part: number;
  /** The name of the machine that was traced. */
  readonly host: string;
  /** Its kernel, as `uname -r` prints it. */
  readonly kernel: string;
  /** The version of ipft that has made the recording. */
  readonly version: string;
  /** Whether returns were traced: `function_graph`. */
  readonly tracer: TracerName;
  /** Which packets were traced, in words: `with mark 0x4d2`. */
  readonly packets: string;
  /** The regular expression of the functions, as it was given; empty for all. */
  readonly functions: string;
  /** The regular expression of the modules, as it was given; empty for all. */
  readonly modules: string;
  /** One event in so many was kept on each CPU. */
  readonly samplePeriod: number;
  /** When the trace was prepared, on the clock of events: nanoseconds of CLOCK_MONOTONIC. No event is earlier. */
  readonly beganNs: bigint;
  /** The same as a date. */
  readonly beganAt: Date;
  /** CLOCK_REALTIME less CLOCK_MONOTONIC at that time, in nanoseconds: added to an event's time it gives a time of day. */
  readonly realtimeOffsetNs: bigint;
}

/** A trace that runs, or has run. */
export interface TraceSession<Event = EntryEvent> extends AsyncDisposable {
  /** The backend. */
  readonly backend: BackendName;
  /** Which functions are traced. */
  readonly coverage: Coverage;
  /** The extension's fields that events have; empty without an extension. */
  readonly fields: readonly FieldDescription[];
  /** Warnings: unusual options, limits that can't be raised, warnings of a compiler. */
  readonly warnings: readonly string[];
  /**
   * Counts and losses so far. While tracing, the kernel is asked each time; missed calls are read up to ten times a
   * second.
   */
  readonly statistics: Statistics;
  /**
   * The events in the order of time, from the oldest that is kept to the end of the trace. Each call gives an iterator
   * of its own; breaking off one does not touch the others.
   */
  events(): AsyncIterableIterator<Event>;
  /** The journeys as they end, from the oldest that is kept to the end of the trace; otherwise as `events`. */
  journeys(): AsyncIterableIterator<Journey<Event>>;
  /**
   * All events that are kept when the trace has ended: to be called after `stop`, or it waits for the end. No more than
   * about `maxEvents` are kept; `statistics.forgotten` counts the others.
   */
  allEvents(): Promise<Event[]>;
  /** All journeys that are kept when the trace has ended; otherwise as `allEvents`. */
  allJourneys(): Promise<Journey<Event>[]>;
  /**
   * Records the trace, from now on until its end, while events and journeys go on to loops: `openRecording` and
   * `ipft show` read the file. Packets that are on their way have a gap there. What the disk does not take in time
   * makes the ring fill. A new file is for its owner alone; links are not followed. Once a session.
   *
   * Resolves when the recording has begun. `stop` resolves when the file is whole, unless a loop that takes nothing keeps
   * the ring; and rejects with an IpftError `RECORDING` if not all could be written.
   * Rejects with a UsageError for options that make no sense, and where the session has ended or is recorded already;
   * with an IpftError `RECORDING` where the file can't be opened.
   */
  record(path: string, options?: RecordOptions): Promise<void>;
  /**
   * Ends the trace: what the kernel has seen up to now is handed out, then the iterators end. Resolves when all is
   * detached and read; a loop that takes nothing for a second gets what is left later, and the ring is kept until then.
   * Further calls give the same promise.
   */
  stop(): Promise<void>;
  /** The same as `stop`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a program has done, when its trace has ended. */
export interface CommandResult<Event = EntryEvent> {
  /** Its exit status; undefined if a signal ended it, or it goes on. */
  readonly exitCode: number | undefined;
  /** The signal that ended it, as `SIGKILL`. */
  readonly signal: string | undefined;
  /** What it has written to stdout: the first 16 MiB. */
  readonly stdout: string;
  /** What it has written to stderr: the first 16 MiB. */
  readonly stderr: string;
  /** Whether it has written more. */
  readonly outputIsCut: boolean;
  /** The journeys of its packets that are kept: see `allJourneys`. */
  readonly journeys: readonly Journey<Event>[];
}

/** A trace of the packets of a program, which ends with the program and all that it has started. */
export interface CommandSession<Event = EntryEvent> extends TraceSession<Event> {
  /** The id of its process. */
  readonly pid: number;
  /** Resolves when the trace has ended, by itself or by `stop`. Rejects with the error that ended it. */
  result(): Promise<CommandResult<Event>>;
  /** Ends the trace; the program goes on. */
  stop(): Promise<void>;
  /** Ends the program (SIGTERM, after a second SIGKILL) and the trace. What the program has started goes on. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A trace that has ended, read from its recording. The file is read once, as far as loops take: events and journeys are
 * kept as those of a trace that runs. `statistics` counts what has been read so far; `coverage` has what a recording
 * keeps of it: what was traced, refused, and unwatched.
 */
export interface RecordedSession<Event = EntryEvent> extends TraceSession<Event> {
  /** What the recording says of its trace. */
  readonly recording: RecordingFacts;
  /** Says why the recording ends early, if it does, when that has been read. */
  readonly warnings: readonly string[];
  /** Rejects with a UsageError: the trace is recorded already. */
  record(path: string, options?: RecordOptions): Promise<void>;
  /** The trace has ended already: ends only what reads it. What loops have not taken by then is not read. */
  stop(): Promise<void>;
  /** Closes the file: loops end after what has been read. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** `trace`, and what else begins a trace. */
export interface Trace {
  /**
   * Traces what packets with a mark do inside the running kernel. Resolves when tracing is ready: what happens from then
   * on is seen. Needs root, or CAP_BPF and CAP_PERFMON with a readable tracefs.
   *
   * ```ts
   * await using session = await trace({ mark: 0xdeadbeef });
   * // send packets
   * await session.stop();
   * for (const journey of await session.allJourneys()) console.log(journey.outcome, journey.events.length);
   * ```
   *
   * @param options - what to trace, and how
   * @returns the session; the process stays alive until it is stopped
   * @throws UsageError for options that make no sense
   * @throws EnvironmentError, UnsupportedFeatureError or SystemCallError where this machine can't be traced
   * @throws ExtensionError or VerifierError for an extension that can't be used
   * @throws the reason of `signal`, when it is aborted before tracing is ready
   */
  <const Schema extends FieldSchema = FieldSchema, const Tracer extends TracerName = 'function'>(
    options: TraceOptions<Schema, Tracer>,
  ): Promise<TraceSession<EventOf<Tracer, FieldsOf<Schema>>>>;
  /**
   * Runs a program, and traces its packets and those that answer them, as `ipft -- PROGRAM` does: `trace.command`. Resolves
   * when it has begun. The session ends with the program and all that it has started. The program has nothing to read, and
   * what it writes is kept.
   *
   * ```ts
   * await using run = await trace.command(['curl', '-s', url], { functions: /^ip_/ });
   * const { exitCode, stdout, journeys } = await run.result();
   * ```
   *
   * @param argv - the program's name, looked for in PATH, and its arguments
   * @param options - as those of `trace`; no packets need to be named: a packet must be the program's and what they ask for
   * @throws CommandError where there is no such program, or it can't be executed
   * @throws what `trace` throws
   */
  command<const Schema extends FieldSchema = FieldSchema, const Tracer extends TracerName = 'function'>(
    argv: readonly string[],
    options?: CommandOptions<Schema, Tracer>,
  ): Promise<CommandSession<EventOf<Tracer, FieldsOf<Schema>>>>;
}
