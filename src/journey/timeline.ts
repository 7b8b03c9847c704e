/**
 * A stream of events put into the order of their time. The ring has them nearly so: an event's time is taken before its
 * place in the ring, and in between another CPU may get ahead. So each one is held for a while, until none that is
 * earlier can come any more. Equal times keep the order of the ring.
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import { EventStore } from './event-store.js';

/** How much earlier than one that was read an event may be: an interrupt, or another guest's turn, comes in between. */
const WINDOW_NS = 10_000_000;
/** No more events than this are held. */
const MAX_HELD = 1 << 15;

/** Takes the next event. It is lent for the time of the call. */
export type OrderedTaker = (event: TraceEvent, place: number) => void;

export class Timeline {
  readonly #take: OrderedTaker;
  readonly #event = createEvent();
  #store: EventStore;
  /** To move to when the store is full. */
  #spare: EventStore;
  /** Indices into the store in the order of time; those before `#head` have been handed on. */
  readonly #order = new Uint32Array(MAX_HELD);
  #head = 0;
  #tail = 0;
  /** Time of the newest event so far. */
  #newestLow = 0;
  #newestHigh = 0;

  /** @param dataSize bytes of the extension in each event */
  constructor(dataSize: number, hasReturns: boolean, take: OrderedTaker) {
    this.#take = take;
    this.#store = new EventStore(dataSize, hasReturns);
    this.#spare = new EventStore(dataSize, hasReturns);
  }

  /** Events that are held. */
  get count(): number {
    return this.#tail - this.#head;
  }

  add(event: TraceEvent, place: number): void {
    if (this.#store.count === MAX_HELD) this.#makeRoom();
    const index = this.#store.count;
    this.#store.add(event, place);
    const { timestampLow: low, timestampHigh: high } = event;
    let at = this.#tail++;
    if (high > this.#newestHigh || (high === this.#newestHigh && low >= this.#newestLow)) {
      this.#newestLow = low;
      this.#newestHigh = high;
      this.#order[at] = index;
      return;
    }
    for (; at > this.#head && this.#store.compare(this.#order[at - 1]!, index) > 0; at--) {
      this.#order[at] = this.#order[at - 1]!;
    }
    this.#order[at] = index;
  }

  /** Hands on what no earlier event can come before. */
  release(): void {
    if (this.#tail === this.#head) return;
    const newest = this.#order[this.#tail - 1]!;
    while (this.#head < this.#tail && this.#store.nanosecondsBetween(this.#order[this.#head]!, newest) > WINDOW_NS) {
      this.#handOn();
    }
  }

  /** Hands on all: nothing has come for longer than the window, or nothing will. */
  releaseAll(): void {
    while (this.#head < this.#tail) this.#handOn();
    this.#store.clear();
    this.#head = 0;
    this.#tail = 0;
  }

  #handOn(): void {
    const index = this.#order[this.#head++]!;
    this.#store.load(index, this.#event);
    this.#take(this.#event, this.#store.place(index));
  }

  /** Moves what must still be held to the other store; half of it at most. */
  #makeRoom(): void {
    this.release();
    while (this.count > MAX_HELD / 2) this.#handOn();
    const [from, to] = [this.#store, this.#spare];
    to.clear();
    for (let at = this.#head; at < this.#tail; at++) {
      from.load(this.#order[at]!, this.#event);
      to.add(this.#event, from.place(this.#order[at]!));
    }
    this.#tail -= this.#head;
    this.#head = 0;
    for (let at = 0; at < this.#tail; at++) this.#order[at] = at;
    this.#store = to;
    this.#spare = from;
  }
}
