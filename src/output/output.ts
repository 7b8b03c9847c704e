/** What all outputs have in common: events go in, bytes of text come out. Nothing here writes anywhere. */
import type { FieldWriter, TraceEvent } from '../base/event.js';
import type { Target } from '../base/target.js';

/** What an output needs to know of the session. */
export interface OutputContext {
  /** Events name their function by the index into it. */
  readonly targets: readonly Target[];
  /** The extension's, if there is one. */
  readonly fields: FieldWriter | undefined;
  /** How many bytes of an event's data the fields are written from. */
  readonly dataSize: number;
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
