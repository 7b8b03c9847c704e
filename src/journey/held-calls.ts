/**
 * Events of a stream, held back until it is known of each entry whether its return was lost: mostly the microseconds
 * that the call takes. The order stays. What is not known after a while goes on as it is: a call may take for ever.
 *
 * An entry's return is lost if another event of the same journey on the same CPU shows that the call is over: one that is
 * no deeper than the call. Depths come from the kernel side, which counts calls even where it finds no room for events.
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import { EventStore } from './event-store.js';

/** Takes an event that is held no longer. */
export type ReleaseTaker = (event: TraceEvent, place: number, partnerLost: boolean) => void;

/** No more events than this are held. */
const MAX_HELD = 1 << 14;

/** Without an event for so long, nothing is held any longer. */
const PATIENCE_MS = 1000;

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
  /** The open calls of each journey and CPU, innermost last, as indices into the store. */
  readonly #open = new Map<string, number[]>();

  /** @param dataSize bytes of the extension in each event */
  constructor(dataSize: number, take: ReleaseTaker) {
    this.#take = take;
    this.#store = new EventStore(dataSize, true);
  }

  /** Events that are held. */
  get count(): number {
    return this.#store.count - this.#released;
  }

  take(event: TraceEvent, place: number): void {
    if (this.#store.count === MAX_HELD) this.#handOn(true);
    const index = this.#store.count;
    this.#store.add(event, place);
    const key = `${event.cpu}:${event.journey}`;
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
    const suffix = `:${event.journey}`;
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

  /** No more events of a journey will come: a return that has not come is missing. */
  endJourney(id: number): void {
    const suffix = `:${id}`;
    for (const [key, calls] of this.#open) {
      if (!key.endsWith(suffix)) continue;
      for (const index of calls) this.#state[index] = LOST;
      this.#open.delete(key);
    }
  }

  /** Hands on what is known. @param idleMs how long no event has come: after a while, also what is not known goes on */
  release(idleMs: number): void {
    this.#handOn(idleMs >= PATIENCE_MS);
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
      this.#take(this.#event, this.#store.place(this.#released), this.#state[this.#released] === LOST);
      this.#released++;
    }
    if (this.#released < count || count === 0) return;
    this.#store.clear();
    this.#released = 0;
    this.#open.clear();
  }
}
