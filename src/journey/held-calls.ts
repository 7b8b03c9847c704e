/**
 * Events of a stream, held back until it is known of each entry whether its return was lost: mostly the microseconds
 * that the call takes. The order stays. What is not known after a while goes on as it is: a call may take for ever.
 *
 * An entry's return is lost if another event of the same journey on the same CPU shows that the call is over: one that is
 * no deeper than the call. Depths come from the kernel side, which counts calls even where it finds no room for events.
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import type { EventStore } from './event-store.js';

/**
 * Takes an event that is held no longer.
 * @param index in the store
 * @param partnerLost whether its entry or its return is known to be missing
 */
export type ReleaseTaker = (index: number, partnerLost: boolean) => void;

/** No more events than this are held. */
const MAX_HELD = 1 << 14;
const HELD_MASK = MAX_HELD - 1;

/** Without an event for so long, nothing is held any longer. */
const PATIENCE_MS = 1000;

/** So deep or deeper. */
const DEPTH_UNKNOWN = 255;

const UNKNOWN = 0;
const COMPLETE = 1;
const LOST = 2;

/** No open call. */
const NONE = -1;
/** Stacks that are not in use, kept for others. */
const MAX_SPARE = 1000;

/** The open calls of a journey on a CPU. */
class Stack {
  cpu = 0;
  /** The innermost one, counted as all events are. */
  top = NONE;
  /** The same journey's on another CPU. */
  next: Stack | undefined;
}

export class HeldCalls {
  readonly #store: EventStore;
  readonly #take: ReleaseTaker;
  /** The event that is being taken. */
  readonly #event = createEvent();
  /** The last events, in a circle: those from `#head` to `#tail` are held. */
  readonly #held = new Uint32Array(MAX_HELD);
  #head = 0;
  #tail = 0;
  /** What is known of each event that is held. */
  readonly #state = new Uint8Array(MAX_HELD);
  /** Of each open call the one around it, counted as all events are. */
  readonly #outer = new Float64Array(MAX_HELD);
  /** By journeys' ids: the first of their stacks. Those without open calls have none. */
  readonly #open = new Map<number, Stack>();
  readonly #spare: Stack[] = [];

  /** @param store where the events are */
  constructor(store: EventStore, take: ReleaseTaker) {
    this.#store = store;
    this.#take = take;
  }

  /** Events that are held. */
  get count(): number {
    return this.#tail - this.#head;
  }

  /** Whether the next event that is taken pushes out the oldest one. */
  get isFull(): boolean {
    return this.count === MAX_HELD;
  }

  /** @param stored its index in the store */
  take(stored: number): void {
    if (this.isFull) this.#handOn();
    const index = this.#tail++;
    this.#held[index & HELD_MASK] = stored;
    const event = this.#event;
    this.#store.load(stored, event);
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

  /** The innermost open call that is still held. Those that were pushed out are older than all that are held. */
  #top(stack: Stack): number {
    if (stack.top < this.#head) stack.top = NONE;
    return stack.top;
  }

  #outerOf(index: number): number {
    const outer = this.#outer[index & HELD_MASK]!;
    return outer < this.#head ? NONE : outer;
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

  /** Finds the return's entry among open calls, and takes it out; those within it have ended too. */
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

  /** Calls that are as deep or deeper than an event have ended before it. */
  #endCalls(stack: Stack, depth: number): void {
    if (depth === DEPTH_UNKNOWN) return;
    for (let index = this.#top(stack); index !== NONE; index = stack.top) {
      if (this.#store.depth(this.#held[index & HELD_MASK]!) < depth) return;
      this.#state[index & HELD_MASK] = LOST;
      stack.top = this.#outerOf(index);
    }
  }

  /** No more events of a journey will come: a return that has not come is missing. */
  endJourney(id: number): void {
    let stack = this.#open.get(id);
    this.#open.delete(id);
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
   * Hands on what is known.
   * @param idleMs how long no event has come: after a while, also what is not known goes on
   * @param wantsMore asked before each event
   */
  release(idleMs: number, wantsMore: () => boolean = always): void {
    const isAll = idleMs >= PATIENCE_MS;
    while (this.count > 0 && (isAll || this.#state[this.#head & HELD_MASK] !== UNKNOWN) && wantsMore()) this.#handOn();
  }

  /** The trace has ended: a return that has not come is missing. Hands on all, as far as it is wanted. */
  finish(wantsMore: () => boolean = always): void {
    for (const id of [...this.#open.keys()]) this.endJourney(id);
    while (this.count > 0 && wantsMore()) this.#handOn();
  }

  #handOn(): void {
    const place = this.#head++ & HELD_MASK;
    this.#take(this.#held[place]!, this.#state[place] === LOST);
  }
}

const always = () => true;
