/** What all outputs have in common: events go in, bytes of text come out. Nothing here writes anywhere. */

import type { FieldWriter, TraceEvent } from '../base/event.js';
import type { Journey, Place } from '../base/journey.js';
import type { Places } from '../base/places.js';
import { printable } from '../base/printable.js';
import type { KernelNames, RecordSource } from '../base/record-source.js';
import type { Target } from '../base/target.js';
import { encode, type Fragment } from '../base/text-buffer.js';
import { Assembler, type AssemblerOptions, type JourneySink } from '../journey/assembler.js';
import type { Choice } from '../journey/choice.js';
import type { EventSink } from '../journey/tracker.js';
import { Clock } from './clock.js';

const NOTHING = encode('');

/** What an output needs to know of the session. */
export interface OutputContext {
  /** Events name their function by the index into it. It may grow while tracing. */
  readonly targets: readonly Target[];
  /** Whether returns are traced too. */
  readonly hasReturns: boolean;
  /** The extension's, if there is one. */
  readonly fields: FieldWriter | undefined;
  /** How many bytes of an event's data the fields are written from. */
  readonly dataSize: number;
  /** Where packets were, by the number that events carry. */
  readonly places: Pick<Places, 'get'>;
  readonly names: KernelNames;
  /** The name of a network namespace, if it has one. It may hold anything. */
  readonly netnsName?: (netns: number) => string | undefined;
  /** What timestamps count from; the machine's start if it is not said. */
  readonly clock?: Clock;
}

/** What outputs need, from where the records come from. */
export function createContext(
  { header, places }: Pick<RecordSource, 'header' | 'places'>,
  clock: Clock = Clock.mono(),
): OutputContext {
  const { targets, tracer, fields, symbols, names, netnsName } = header;
  return {
    ...{ targets, hasReturns: tracer === 'function_graph', names, netnsName, places, clock },
    ...{ fields: fields?.createWriter(symbols), dataSize: fields?.sizeBytes ?? 0 },
  };
}

/** A network namespace as text has it: its number, and behind it its name, if it has one. */
export function describeNetns(netns: number, { netnsName }: OutputContext): string {
  const name = netnsName?.(netns);
  return name === undefined ? String(netns) : `${netns} (${printable(name)})`;
}

/** What is made of a place once, and used for each event there. */
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

/** What is made of a target's names once, and used for each of its events; targets may come while tracing. */
export class TargetNames {
  readonly #targets: readonly Target[];
  readonly #encode: (module: string, name: string) => Fragment;
  readonly #known: Fragment[] = [];

  constructor(targets: readonly Target[], encode: (module: string, name: string) => Fragment) {
    this.#targets = targets;
    this.#encode = encode;
  }

  /** @param index a target's; one that is not known has the name `?` */
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
  /** How many bytes wait for `take`. */
  readonly pendingBytes: number;
  /** The bytes since the last call. */
  take(): Uint8Array;
  /** Takes back what `take` gave, to use its memory again: it has been written. */
  giveBack?(bytes: Uint8Array): void;
  /** What is left to say after the last journey, in pieces. Each is made when it is asked for. */
  finish(): Iterable<Uint8Array>;
}

/** What is made of journeys and their events. */
export interface Output extends EventSink, Encoder {
  /** By which it chooses the journeys that it shows; nothing if it shows all. */
  readonly choice?: Choice | undefined;
  /**
   * Makes bytes of what has its place, about a megabyte at most. To be called after each reading of the ring, and again
   * when the bytes were taken, as long as it says so.
   * @param idleMs how long there have been no events
   * @returns whether more can be made
   */
  tick(idleMs: number): boolean;
  /** Whether it is the engine's heap, not all the memory, that there is no room in for another journey. */
  readonly isHeapFull?: boolean;
  /** What there is to say so far, in a few lines, for people who wait. */
  status?(): readonly string[];
}

/** What makes bytes of whole journeys. */
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

/** Which journeys are shown, in which order, and how much memory may be used. */
export type JourneyOutputOptions = Omit<AssemblerOptions, 'dataSize' | 'hasReturns'>;
