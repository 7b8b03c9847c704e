/** What all outputs have in common: events go in, bytes of text come out. Nothing here writes anywhere. */
import type { FieldWriter } from '../base/event.js';
import type { Place } from '../base/journey.js';
import { printable } from '../base/printable.js';
import type { Target } from '../base/target.js';
import { encode, type Fragment } from '../base/text-buffer.js';
import type { JourneyTaker } from '../journey/tracker.js';
import type { Choice } from './choice.js';
import type { Clock } from './clock.js';
import type { KernelNames } from './outcome.js';

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
  /** Where packets were, by the number that a journey has for it; nothing if it is not known. */
  readonly place: (index: number) => Place | undefined;
  readonly names: KernelNames;
  /** The name of a network namespace, if it has one. It may hold anything. */
  readonly netnsName?: (netns: number) => string | undefined;
  /** What timestamps count from; the machine's start if it is not said. */
  readonly clock?: Clock;
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
    const place = this.#context.place(index);
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

/** What is made of journeys and their events. */
export interface Output extends JourneyTaker {
  /** By which it chooses the journeys that it shows; nothing if it shows all. */
  readonly choice?: Choice | undefined;
  /**
   * Makes text of what has its place, about a megabyte at most. To be called after each reading of the ring, and again
   * when the text was taken, as long as it says so.
   * @param idleMs how long there have been no events
   * @returns whether more text can be made
   */
  tick(idleMs: number): boolean;
  /** Whether it is the engine's heap, not all the memory, that there is no room in for another journey. */
  readonly isHeapFull?: boolean;
  /** How many bytes of text wait for `text`. */
  readonly pendingBytes: number;
  /** The text since the last call. */
  text(): Uint8Array;
  /** Takes back what `text` gave, to use its memory again: it has been written. */
  giveBack?(text: Uint8Array): void;
  /** What is left to say after the last journey, in pieces. Each is made when it is asked for. */
  finish(): Iterable<Uint8Array>;
}
