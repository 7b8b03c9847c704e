/**
 * Holds the events of a stream back until it is known of each entry whether its return is lost: usually the
 * microseconds of the call. The order stays. An event that is still undecided after a while goes on as it is: a call
 * may take for ever.
 *
 * An entry's return is lost if another event of the same journey on the same CPU shows that the call is over: one that
 * is no deeper than the call. Depths come from the kernel side, which counts calls even where it finds no room for
 * events.
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import type { EventStore } from './event-store.js';

/**
 * Takes an event that is no longer held.
 * @param index in the store
 * @param partnerLost whether its partner is known to be lost
 */
export type ReleaseTaker = (index: number, partnerLost: boolean) => void;

/** The most events that are held. */
const MAX_HELD = 1 << 14;
const HELD_MASK = MAX_HELD - 1;

/** The time without events after which nothing is held, in milliseconds. */
const PATIENCE_MS = 1000;
/**
 * The time between two events after which the later one decides nothing about earlier calls, in nanoseconds: less than
 * the patience, so that it makes no difference whether earlier calls have gone on for lack of it.
 */
const PATIENCE_NS = 900_000_000;

/** This depth or more. */
const DEPTH_UNKNOWN = 255;

const UNKNOWN = 0;
const COMPLETE = 1;
const LOST = 2;

/** No open call. */
const NONE = -1;
/** The number of unused stacks that are kept for reuse. */
const MAX_SPARE = 1000;

/** The open calls of a journey on a CPU. */
class Stack {
  cpu = 0;
  /** The innermost one, by the count of its event. */
  top = NONE;
  /** The stack of the same journey on another CPU. */
  next: Stack | undefined;
}

export class HeldCalls {
  readonly #store: EventStore;
  readonly #take: ReleaseTaker;
  /** A scratch event. */
  readonly #event = createEvent();
  /** The last events by their indexes in the store, in a circle: those from `#head` to `#tail` are held. */
  readonly #held = new Uint32Array(MAX_HELD);
  #head = 0;
  #tail = 0;
  /** Earlier events go on as they are. */
  #from = 0;
  /** The time of the last event. */
  #lastLow = 0;
  #lastHigh = 0;
  /** The state of each held event. */
  readonly #state = new Uint8Array(MAX_HELD);
  /** The call around each open call, by the count of its event. */
  readonly #outer = new Float64Array(MAX_HELD);
  /** The first stack of each journey with open calls, by its short id. */
  readonly #open = new Map<number, Stack>();
  readonly #spare: Stack[] = [];

  /** @param store of the events */
  constructor(store: EventStore, take: ReleaseTaker) {
    this.#store = store;
    this.#take = take;
  }

  /** The number of held events. */
  get count(): number {
    return this.#tail - this.#head;
  }

  /** Whether the next event pushes out the oldest one. */
  get isFull(): boolean {
    return this.count === MAX_HELD;
  }

  /** @param stored the event's index in the store */
  take(stored: number): void {
    if (this.isFull) this.#handOn();
    const event = this.#event;
    this.#store.load(stored, event);
    this.#keepPatience(event);
    const index = this.#tail++;
    this.#held[index & HELD_MASK] = stored;
    let stack = this.#find(event.journey, event.cpu);
    if (event.isReturn) {
      this.#state[index & HELD_MASK] = event.entryLost ? LOST : COMPLETE;
      if (!(stack && this.#close(stack, event)) && !event.entryLost) this.#closeElsewhere(stack, event);
    }
    if (stack) this.#endCalls(stack, event.depth);
    if (!event.isReturn) {
      this.#state[index & HELD_MASK] = UNKNOWN;
      stack ??= this.#addStack(event.journey, event.cpu);
      this.#outer[index & HELD_MASK] = stack.top;
      stack.top = index;
    } else if (stack?.top === NONE) this.#removeStack(event.journey, stack);
  }

  #keepPatience({ timestampLow: low, timestampHigh: high }: TraceEvent): void {
    if ((high - this.#lastHigh) * 0x100000000 + low - this.#lastLow >= PATIENCE_NS) this.#from = this.#tail;
    this.#lastLow = low;
    this.#lastHigh = high;
  }

  /** The innermost open call that is still undecided. Calls that were pushed out are older than all held events. */
  #top(stack: Stack): number {
    if (stack.top < this.#head || stack.top < this.#from) stack.top = NONE;
    return stack.top;
  }

  #outerOf(index: number): number {
    const outer = this.#outer[index & HELD_MASK]!;
    return outer < this.#head || outer < this.#from ? NONE : outer;
  }

  #find(journey: number, cpu: number): Stack | undefined {
    let stack = this.#open.get(journey);
    while (stack && stack.cpu !== cpu) stack = stack.next;
    return stack;
  }

  #addStack(journey: number, cpu: number): Stack {
    const stack = this.#spare.pop() ?? new Stack();
    stack.cpu = cpu;
    stack.top = NONE;
    stack.next = this.#open.get(journey);
    this.#open.set(journey, stack);
    return stack;
  }

  #removeStack(journey: number, stack: Stack): void {
    let before = this.#open.get(journey);
    if (before === stack) {
      if (stack.next) this.#open.set(journey, stack.next);
      else this.#open.delete(journey);
    } else {
      while (before && before.next !== stack) before = before.next;
      if (before) before.next = stack.next;
    }
    this.#keep(stack);
  }

  #keep(stack: Stack): void {
    stack.next = undefined;
    if (this.#spare.length < MAX_SPARE) this.#spare.push(stack);
  }

  /** Closes the call of a return, and the calls within it, which have ended too. */
  #close(stack: Stack, event: TraceEvent): boolean {
    for (let index = this.#top(stack); index !== NONE; index = this.#outerOf(index)) {
      if (!this.#store.isEntryOf(this.#held[index & HELD_MASK]!, event)) continue;
      for (let inner = stack.top; inner !== index; inner = this.#outerOf(inner)) this.#state[inner & HELD_MASK] = LOST;
      this.#state[index & HELD_MASK] = COMPLETE;
      stack.top = this.#outerOf(index);
      return true;
    }
    return false;
  }

  /** The call may have been entered on another CPU. */
  #closeElsewhere(own: Stack | undefined, event: TraceEvent): void {
    for (let stack = this.#open.get(event.journey); stack; stack = stack.next) {
      if (stack === own || !this.#close(stack, event)) continue;
      if (stack.top === NONE) this.#removeStack(event.journey, stack);
      return;
    }
  }

  /** Ends the calls that are as deep as an event or deeper: they are over when it happens. */
  #endCalls(stack: Stack, depth: number): void {
    if (depth === DEPTH_UNKNOWN) return;
    for (let index = this.#top(stack); index !== NONE; index = stack.top) {
      if (this.#store.depth(this.#held[index & HELD_MASK]!) < depth) return;
      this.#state[index & HELD_MASK] = LOST;
      stack.top = this.#outerOf(index);
    }
  }

  /** Ends a journey: returns that have not come are lost. */
  endJourney(shortId: number): void {
    let stack = this.#open.get(shortId);
    this.#open.delete(shortId);
    while (stack) {
      this.#loseAll(stack);
      const { next } = stack;
      this.#keep(stack);
      stack = next;
    }
  }

  #loseAll(stack: Stack): void {
    for (let index = this.#top(stack); index !== NONE; index = this.#outerOf(index)) {
      this.#state[index & HELD_MASK] = LOST;
    }
    stack.top = NONE;
  }

  /**
   * Hands on events that are decided.
   * @param idleMs how long no event has come: after a while undecided events go on, too
   * @param wantsMore asked before each event
   */
  release(idleMs: number, wantsMore: () => boolean = always): void {
    const isAll = idleMs >= PATIENCE_MS;
    while (this.count > 0 && (isAll || this.#isDecided) && wantsMore()) this.#handOn();
  }

  /** Whether nothing more will be known of the oldest event. */
  get #isDecided(): boolean {
    return this.#head < this.#from || this.#state[this.#head & HELD_MASK] !== UNKNOWN;
  }

  /** Ends the stream: returns that have not come are lost. Hands on all events while they are wanted. */
  finish(wantsMore: () => boolean = always): void {
    for (const id of [...this.#open.keys()]) this.endJourney(id);
    while (this.count > 0 && wantsMore()) this.#handOn();
  }

  #handOn(): void {
    const index = this.#head++ & HELD_MASK;
    this.#take(this.#held[index]!, this.#state[index] === LOST);
  }
}

const always = () => true;
