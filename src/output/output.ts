/** What all outputs have in common: events go in, bytes of text come out. Nothing here writes anywhere. */
import type { FieldWriter, TraceEvent } from '../base/event.js';
import type { Target } from '../base/target.js';

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
}

/** What is made of a target's names once, and used for each of its events; targets may come while tracing. */
export class TargetNames {
  readonly #targets: readonly Target[];
  readonly #encode: (module: string, name: string) => Uint8Array;
  readonly #known: Uint8Array[] = [];

  constructor(targets: readonly Target[], encode: (module: string, name: string) => Uint8Array) {
    this.#targets = targets;
    this.#encode = encode;
  }

  /** @param index a target's; one that is not known has the name `?` */
  get(index: number): Uint8Array {
    return this.#known[index] ?? this.#add(index);
  }

  #add(index: number): Uint8Array {
    const target = this.#targets[index];
    const encoded = this.#encode(target?.module ?? '?', target?.name ?? '?');
    if (target) this.#known[index] = encoded;
    return encoded;
  }
}

export interface Output {
  /** Takes in an event, which is lent for the time of the call. */
  take(event: TraceEvent): void;
  /** How many bytes of text wait for `text`. */
  readonly pendingBytes: number;
  /** The text since the last call. */
  text(): Uint8Array;
  /** What is left to say after the last event, in pieces. */
  finish(): Iterable<Uint8Array>;
}
