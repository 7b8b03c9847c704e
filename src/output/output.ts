/** The parts that all outputs share. Events go in, bytes of text come out; nothing here writes anywhere. */

import type { FieldWriter, TraceEvent } from '../base/event.js';
import type { Journey, Place } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import type { Places } from '../base/places.js';
import { printable } from '../base/printable.js';
import type { KernelNames, RecordSource, TraceHeader } from '../base/record-source.js';
import type { Target } from '../base/target.js';
import { encode, type Fragment } from '../base/text-buffer.js';
import { Assembler, type AssemblerOptions, type JourneySink } from '../journey/assembler.js';
import type { Choice } from '../journey/choice.js';
import type { EventSink } from '../journey/tracker.js';
import { Clock } from './clock.js';

const NOTHING = encode('');

/** The facts that outputs need. */
export interface OutputContext {
  /** The targets, by the index that events carry. The list may grow while tracing. */
  readonly targets: readonly Target[];
  /** Whether returns are traced. */
  readonly hasReturns: boolean;
  /** Writes the extension's fields; undefined without an extension. */
  readonly fields: FieldWriter | undefined;
  /** The bytes of an event's data that the fields are written from. */
  readonly dataSize: number;
  /** The places, by the number that events carry. */
  readonly places: Pick<Places, 'get'>;
  readonly names: KernelNames;
  /** The name of a network namespace, if it has one. It may hold any characters. */
  readonly netnsName?: (netns: number) => string | undefined;
  /** Converts timestamps. Default: nanoseconds of CLOCK_MONOTONIC. */
  readonly clock?: Clock;
  /** Where the trace was made; undefined if that does not matter. */
  readonly origin?: Pick<TraceHeader, 'version' | 'kernel' | 'beganNs' | 'realtimeOffsetNs' | 'hostNames'>;
  /** The losses so far. */
  readonly losses?: () => TraceLosses;
}

/** The context of a source's outputs. @param refused names that no computed field may have */
export function createContext(
  source: Pick<RecordSource, 'header' | 'places'> & Partial<Pick<RecordSource, 'losses'>>,
  clock: Clock = Clock.mono(),
  refused?: ReadonlySet<string>,
): OutputContext {
  const { header, places } = source;
  const { targets, tracer, fields, symbols, names, netnsName } = header;
  return {
    ...{ targets, hasReturns: tracer === 'function_graph', names, netnsName, places, clock, origin: header },
    ...{ fields: fields?.createWriter(symbols, refused), dataSize: fields?.sizeBytes ?? 0 },
    ...(source.losses && { losses: () => source.losses!() }),
  };
}

/** A network namespace as text: its number, and its name, if it has one. */
export function describeNetns(netns: number, { netnsName }: OutputContext): string {
  const name = netnsName?.(netns);
  return name === undefined ? String(netns) : `${netns} (${printable(name)})`;
}

/** Texts of places, made once for all events there. */
export class PlaceTexts {
  readonly #context: OutputContext;
  readonly #encode: (place: Place) => Fragment;
  readonly #known: Fragment[] = [];

  constructor(context: OutputContext, encode: (place: Place) => Fragment) {
    this.#context = context;
    this.#encode = encode;
  }

  /** Empty for a place that is not known. */
  get(index: number): Fragment {
    return this.#known[index] ?? this.#add(index);
  }

  #add(index: number): Fragment {
    const place = this.#context.places.get(index);
    const encoded = place ? this.#encode(place) : NOTHING;
    this.#known[index] = encoded;
    return encoded;
  }
}

/** Texts of targets, made once for all their events. Targets may be added while tracing. */
export class TargetNames {
  readonly #targets: readonly Target[];
  readonly #encode: (module: string, name: string) => Fragment;
  readonly #known: Fragment[] = [];

  constructor(targets: readonly Target[], encode: (module: string, name: string) => Fragment) {
    this.#targets = targets;
    this.#encode = encode;
  }

  /** @param index of a target; an unknown one has the name `?` */
  get(index: number): Fragment {
    return this.#known[index] ?? this.#add(index);
  }

  #add(index: number): Fragment {
    const target = this.#targets[index];
    const encoded = this.#encode(target?.module ?? '?', target?.name ?? '?');
    if (target) this.#known[index] = encoded;
    return encoded;
  }
}

/** Makes bytes, in pieces. */
export interface Encoder {
  /** The number of bytes that wait for `take`. */
  readonly pendingBytes: number;
  /** The bytes since the last call. */
  take(): Uint8Array;
  /** Takes back the memory of bytes that `take` returned. The caller must not use them afterwards. */
  giveBack?(bytes: Uint8Array): void;
  /** The rest of the text after the last journey, in pieces, each made when it is asked for. */
  finish(): Iterable<Uint8Array>;
}

/** An output: takes events and journeys, and makes text of them. */
export interface Output extends EventSink, Encoder {
  /** The choice of journeys that it shows; undefined if it shows all. */
  readonly choice?: Choice | undefined;
  /**
   * Makes about a megabyte of text at most. To be called after each reading of the rings, and again when the bytes were
   * taken, as long as it returns true.
   * @param idleMs how long there have been no events
   * @returns whether more can be made
   */
  tick(idleMs: number): boolean;
  /** Whether the engine's heap, not the memory as a whole, has no room for another journey. */
  readonly isHeapFull?: boolean;
  /** The status so far, in a few lines, for a terminal. */
  status?(): readonly string[];
}

/** Makes text of whole journeys. */
export interface JourneyEncoder extends JourneySink, Encoder {
  /** See `Output.status`. */
  status?(): readonly string[];
}

/** An output that gets each journey whole. */
export class JourneyOutput implements Output {
  readonly #encoder: JourneyEncoder;
  readonly #assembler: Assembler;

  constructor(encoder: JourneyEncoder, { dataSize, hasReturns }: OutputContext, options: JourneyOutputOptions) {
    this.#encoder = encoder;
    this.#assembler = new Assembler(encoder, { dataSize, hasReturns, ...options });
  }

  get choice(): Choice | undefined {
    return this.#assembler.choice;
  }

  get hasRoom(): boolean {
    return this.#assembler.hasRoom;
  }

  get isHeapFull(): boolean {
    return this.#assembler.isHeapFull;
  }

  event(event: TraceEvent, journey: Journey): void {
    this.#assembler.event(event, journey);
  }

  ended(journey: Journey): void {
    this.#assembler.ended(journey);
  }

  tick(): boolean {
    return this.#assembler.release();
  }

  get pendingBytes(): number {
    return this.#encoder.pendingBytes;
  }

  take(): Uint8Array {
    return this.#encoder.take();
  }

  giveBack(bytes: Uint8Array): void {
    this.#encoder.giveBack?.(bytes);
  }

  status(): readonly string[] {
    return this.#encoder.status?.() ?? [];
  }

  *finish(): Iterable<Uint8Array> {
    for (let hasMore = true; hasMore; ) {
      hasMore = this.#assembler.finish();
      if (this.pendingBytes > 0) yield this.take();
    }
    yield* this.#encoder.finish();
  }
}

/** The choice and order of journeys, and the limits of memory. */
export type JourneyOutputOptions = Omit<AssemblerOptions, 'dataSize' | 'hasReturns'>;
