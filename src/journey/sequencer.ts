/**
 * Events and ends of journeys as a stream: events in the order of time, with what is known of their partners, and each
 * journey behind its last event. What is held back for that is bounded. Whoever takes them says how much is wanted. An
 * event is copied once, when it comes; where it has its place it is lent from there.
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { EventStore } from './event-store.js';
import { HeldCalls } from './held-calls.js';
import { Timeline } from './timeline.js';

/** Without events for so long, none is held back: none that is earlier can still come. */
const IDLE_MS = 10;

/** Takes what comes in order. */
export interface SequenceTaker {
  /** Whether what it has is enough for now; asked before each event and each journey. */
  isFull(): boolean;
  /** The event is lent for the time of the call. */
  event(event: TraceEvent): void;
  /** All of its events have come. */
  ended(journey: Journey): void;
}

/** A journey whose last event may still be held back. */
interface Waiting {
  readonly journey: Journey;
  /** When so many events have been put in order, or handed on, its last one is among them. */
  readonly after: number;
}

export class Sequencer {
  readonly #taker: SequenceTaker;
  readonly #store: EventStore;
  readonly #event = createEvent();
  readonly #timeline: Timeline;
  readonly #held: HeldCalls | undefined;
  readonly #waiting: Waiting[] = [];
  /** Of so many of them, from the first on, the last event has been put in order. */
  #over = 0;
  #taken = 0;
  #ordered = 0;
  #handedOn = 0;

  /** @param dataSize bytes of the extension in each event */
  constructor(dataSize: number, hasReturns: boolean, taker: SequenceTaker) {
    this.#taker = taker;
    this.#store = new EventStore(dataSize, hasReturns);
    if (hasReturns) this.#held = new HeldCalls(this.#store, (index, partnerLost) => this.#handOn(index, partnerLost));
    this.#timeline = new Timeline(this.#store, (index) => {
      // One that is pushed out is told what is known of it.
      if (this.#held?.isFull) this.#endCalls();
      this.#ordered++;
      if (this.#held) this.#held.take(index);
      else this.#handOn(index, false);
    });
  }

  event(event: TraceEvent): void {
    this.#taken++;
    this.#timeline.add(this.#store.add(event, event.journey));
  }

  ended(journey: Journey): void {
    this.#waiting.push({ journey, after: this.#taken });
  }

  /**
   * Hands on what has its place, as far as it is wanted.
   * @param idleMs how long there have been no events
   * @returns whether more has its place, and waits until it is wanted
   */
  release(idleMs: number): boolean {
    return this.#release(idleMs >= IDLE_MS, idleMs);
  }

  /** Hands on all, as far as it is wanted: nothing more will come. Returns whether something is left. */
  finish(): boolean {
    return this.#release(true, Number.POSITIVE_INFINITY);
  }

  #release(isAll: boolean, idleMs: number): boolean {
    for (;;) {
      const wantsMore = this.#wantsMore;
      const isHeldBack = isAll ? this.#timeline.releaseAll(wantsMore) : this.#timeline.release(wantsMore);
      this.#endCalls();
      if (idleMs === Number.POSITIVE_INFINITY && !isHeldBack) this.#held?.finish(wantsMore);
      else this.#held?.release(idleMs, wantsMore);
      this.#endJourneys();
      if (this.#taker.isFull()) return true;
      if (!isHeldBack) return false;
    }
  }

  readonly #wantsMore = () => !this.#taker.isFull();

  #handOn(index: number, partnerLost: boolean): void {
    this.#handedOn++;
    this.#store.load(index, this.#event);
    this.#event.partnerLost = partnerLost;
    this.#taker.event(this.#event);
    this.#store.free(index);
  }

  /** Calls of journeys whose last event has been put in order have lost their returns, if they are still open. */
  #endCalls(): void {
    for (; this.#over < this.#waiting.length; this.#over++) {
      const { journey, after } = this.#waiting[this.#over]!;
      if (after > this.#ordered) break;
      this.#held?.endJourney(journey.id);
    }
  }

  /**
   * A journey's end comes behind its last event. Events are handed on nearly in the order in which they were taken, so
   * that a few of other journeys may come in between.
   */
  #endJourneys(): void {
    let count = 0;
    for (const { journey, after } of this.#waiting) {
      if (after > this.#handedOn || this.#taker.isFull()) break;
      this.#taker.ended(journey);
      count++;
    }
    if (count === 0) return;
    this.#waiting.splice(0, count);
    this.#over = Math.max(0, this.#over - count);
  }
}
