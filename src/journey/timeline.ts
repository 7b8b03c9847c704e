/**
 * Sorts a stream of events by time. In the ring they are nearly sorted: an event takes its time before its room in the
 * ring, and another CPU may get ahead in between. So each event is held for a while, until no earlier one can come.
 * Equal times keep the order of the ring.
 */
import type { EventStore } from './event-store.js';

/**
 * How much earlier than an event that was read another one may still be: an interrupt, or another guest's turn, comes
 * in between.
 */
const WINDOW_NS = 10_000_000;
/** The most events that are held. */
const MAX_HELD = 1 << 15;

export interface TimelineOptions {
  /** How long events are held, in nanoseconds of their own times: `WINDOW_NS` at least. */
  readonly windowNs?: number | undefined;
  /** The most events that are held: a power of two. */
  readonly maxHeld?: number | undefined;
}

/** Takes the next event: its index in the store. */
export type OrderedTaker = (index: number) => void;

export class Timeline {
  readonly #store: EventStore;
  readonly #take: OrderedTaker;
  /** The events that are held, in the order of time, in a circle: from `#head` to `#tail`. */
  readonly #order: Uint32Array;
  readonly #mask: number;
  readonly #windowNs: number;
  #head = 0;
  #tail = 0;
  /** The time of the newest event so far. */
  #newestLow = 0;
  #newestHigh = 0;

  /** @param store of the events */
  constructor(
    store: EventStore,
    take: OrderedTaker,
    { windowNs = WINDOW_NS, maxHeld = MAX_HELD }: TimelineOptions = {},
  ) {
    this.#store = store;
    this.#take = take;
    this.#windowNs = windowNs;
    this.#order = new Uint32Array(maxHeld);
    this.#mask = maxHeld - 1;
  }

  /** The number of held events. */
  get count(): number {
    return this.#tail - this.#head;
  }

  add(index: number): void {
    if (this.#tail - this.#head === this.#order.length) this.#handOn();
    let at = this.#tail++;
    const store = this.#store;
    const [low, high] = [store.timestampLow(index), store.timestampHigh(index)];
    if (high > this.#newestHigh || (high === this.#newestHigh && low >= this.#newestLow)) {
      this.#newestLow = low;
      this.#newestHigh = high;
    } else {
      for (; at > this.#head && store.compareTime(this.#order[(at - 1) & this.#mask]!, index) > 0; at--) {
        this.#order[at & this.#mask] = this.#order[(at - 1) & this.#mask]!;
      }
    }
    this.#order[at & this.#mask] = index;
  }

  /**
   * Hands on events that no earlier one can precede.
   * @param wantsMore asked before each event
   * @returns whether more could be handed on
   */
  release(wantsMore: () => boolean = always): boolean {
    const windowNs = this.#windowNs;
    const borrow = this.#newestLow < windowNs ? 1 : 0;
    const low = (this.#newestLow - windowNs) >>> 0;
    const high = this.#newestHigh - borrow;
    while (this.#head < this.#tail && this.#store.isBefore(this.#order[this.#head & this.#mask]!, low, high)) {
      if (!wantsMore()) return true;
      this.#handOn();
    }
    return false;
  }

  /** Hands on all events, otherwise as `release`: no event has come for longer than the window, or none will. */
  releaseAll(wantsMore: () => boolean = always): boolean {
    while (this.#head < this.#tail) {
      if (!wantsMore()) return true;
      this.#handOn();
    }
    return false;
  }

  #handOn(): void {
    this.#take(this.#order[this.#head++ & this.#mask]!);
  }
}

const always = () => true;
