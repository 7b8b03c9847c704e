/**
 * A stream of events put into the order of their time. The ring has them nearly so: an event's time is taken before its
 * place in the ring, and in between another CPU may get ahead. So each one is held for a while, until none that is
 * earlier can come any more. Equal times keep the order of the ring.
 */
import type { EventStore } from './event-store.js';

/** How much earlier than one that was read an event may be: an interrupt, or another guest's turn, comes in between. */
const WINDOW_NS = 10_000_000;
/** No more events than this are held. */
const MAX_HELD = 1 << 15;
const HELD_MASK = MAX_HELD - 1;

/** Takes the next event: its index in the store. */
export type OrderedTaker = (index: number) => void;

export class Timeline {
  readonly #store: EventStore;
  readonly #take: OrderedTaker;
  /** The events that are held, in the order of time, in a circle: from `#head` to `#tail`. */
  readonly #order = new Uint32Array(MAX_HELD);
  #head = 0;
  #tail = 0;
  /** Time of the newest event so far. */
  #newestLow = 0;
  #newestHigh = 0;

  /** @param store where the events are */
  constructor(store: EventStore, take: OrderedTaker) {
    this.#store = store;
    this.#take = take;
  }

  /** Events that are held. */
  get count(): number {
    return this.#tail - this.#head;
  }

  add(index: number): void {
    if (this.#tail - this.#head === MAX_HELD) this.#handOn();
    let at = this.#tail++;
    const store = this.#store;
    const [low, high] = [store.timestampLow(index), store.timestampHigh(index)];
    if (high > this.#newestHigh || (high === this.#newestHigh && low >= this.#newestLow)) {
      this.#newestLow = low;
      this.#newestHigh = high;
    } else {
      for (; at > this.#head && store.compareTime(this.#order[(at - 1) & HELD_MASK]!, index) > 0; at--) {
        this.#order[at & HELD_MASK] = this.#order[(at - 1) & HELD_MASK]!;
      }
    }
    this.#order[at & HELD_MASK] = index;
  }

  /**
   * Hands on what no earlier event can come before.
   * @param wantsMore asked before each event
   * @returns whether something could be handed on that is not wanted yet
   */
  release(wantsMore: () => boolean = always): boolean {
    const borrow = this.#newestLow < WINDOW_NS ? 1 : 0;
    const low = (this.#newestLow - WINDOW_NS) >>> 0;
    const high = this.#newestHigh - borrow;
    while (this.#head < this.#tail && this.#store.isBefore(this.#order[this.#head & HELD_MASK]!, low, high)) {
      if (!wantsMore()) return true;
      this.#handOn();
    }
    return false;
  }

  /** Hands on all, otherwise as `release`: nothing has come for longer than the window, or nothing will. */
  releaseAll(wantsMore: () => boolean = always): boolean {
    while (this.#head < this.#tail) {
      if (!wantsMore()) return true;
      this.#handOn();
    }
    return false;
  }

  #handOn(): void {
    this.#take(this.#order[this.#head++ & HELD_MASK]!);
  }
}

const always = () => true;
