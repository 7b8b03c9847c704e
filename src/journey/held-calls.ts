/**
 * Events of a stream, held back until it is known of each entry whether its return was lost: mostly the microseconds
 * that the call takes. The order stays. What is not known after a while goes on as it is: a call may take for ever.
 *
 * An entry's return is lost if another event of the same skb on the same CPU shows that the call is over: one that is
 * no deeper than the call. Depths come from the kernel side, which counts calls even where it finds no room for events.
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import { EventStore } from './event-store.js';

/** Takes an event that is held no longer. */
export type ReleaseTaker = (event: TraceEvent, partnerLost: boolean) => void;

/** No more events than this are held. */
const MAX_HELD = 1 << 14;

/** After so many calls of `release` without an event nothing is held any longer: a second or so. */
const PATIENCE = 20;

/** So deep or deeper. */
const DEPTH_UNKNOWN = 255;

const UNKNOWN = 0;
const COMPLETE = 1;
const LOST = 2;

export class HeldCalls {
  readonly #take: ReleaseTaker;
  readonly #event = createEvent();
  readonly #other = createEvent();
  readonly #store: EventStore;
  /** What is known of each event in the store. */
  readonly #state = new Uint8Array(MAX_HELD);
  /** How many of them have been handed on. */
  #released = 0;
  /** The open calls of each skb and CPU, innermost last, as indices into the store. */
  readonly #open = new Map<string, number[]>();
  /** How many times `release` was called since the last event. */
  #idleReleases = 0;

  /** @param dataSize bytes of the extension in each event */
  constructor(dataSize: number, take: ReleaseTaker) {
    this.#take = take;
    this.#store = new EventStore(dataSize, true);
  }

  take(event: TraceEvent): void {
    if (this.#store.count === MAX_HELD) this.#handOn(true);
    const index = this.#store.count;
    this.#store.add(event);
    this.#idleReleases = 0;
    const key = `${event.cpu}:${event.skbHigh}:${event.skbLow}`;
    const calls = this.#open.get(key) ?? [];
    if (event.isReturn) {
      this.#state[index] = event.entryLost ? LOST : COMPLETE;
      if (!this.#close(calls, event)) this.#closeElsewhere(key, event);
    }
    this.#endCalls(calls, event.depth);
    if (!event.isReturn) {
      this.#state[index] = UNKNOWN;
      calls.push(index);
    }
    if (calls.length > 0) this.#open.set(key, calls);
    else this.#open.delete(key);
  }

  /** Finds the return's entry among open calls, and takes it out; those within it have ended too. */
  #close(calls: number[], event: TraceEvent): boolean {
    for (let i = calls.length - 1; i >= 0; i--) {
      const index = calls[i]!;
      this.#store.load(index, this.#other);
      const { target, timestampLow, timestampHigh } = this.#other;
      if (target !== event.target || timestampLow !== event.entryLow || timestampHigh !== event.entryHigh) continue;
      this.#state[index] = COMPLETE;
      for (const inner of calls.splice(i).slice(1)) this.#state[inner] = LOST;
      return true;
    }
    return false;
  }

  /** The call may have been entered on another CPU. */
  #closeElsewhere(key: string, event: TraceEvent): void {
    if (event.entryLost) return;
    const suffix = `:${event.skbHigh}:${event.skbLow}`;
    for (const [other, calls] of this.#open) {
      if (other === key || !other.endsWith(suffix)) continue;
      if (!this.#close(calls, event)) continue;
      if (calls.length === 0) this.#open.delete(other);
      return;
    }
  }

  /** Calls that are as deep or deeper than an event have ended before it. */
  #endCalls(calls: number[], depth: number): void {
    if (depth === DEPTH_UNKNOWN) return;
    for (let index = calls.at(-1); index !== undefined; index = calls.at(-1)) {
      this.#store.load(index, this.#other);
      if (this.#other.depth < depth) return;
      calls.pop();
      this.#state[index] = LOST;
    }
  }

  /** Hands on what is known. When no event has come for a while, also what is not. */
  release(): void {
    this.#handOn(++this.#idleReleases > PATIENCE);
  }

  /** The trace has ended: a return that has not come is missing. */
  finish(): void {
    for (const calls of this.#open.values()) for (const index of calls) this.#state[index] = LOST;
    this.#handOn(true);
  }

  #handOn(all: boolean): void {
    const { count } = this.#store;
    while (this.#released < count && (all || this.#state[this.#released] !== UNKNOWN)) {
      this.#store.load(this.#released, this.#event);
      this.#take(this.#event, this.#state[this.#released] === LOST);
      this.#released++;
    }
    if (this.#released < count || count === 0) return;
    this.#store.clear();
    this.#released = 0;
    this.#open.clear();
  }
}
