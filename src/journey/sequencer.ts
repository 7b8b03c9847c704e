/**
 * Orders a stream of events and ends: events by time, with the state of their partners, and each journey behind its
 * last event. The number of events that are held for that is bounded. The taker says how many it wants.
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { EventStore } from './event-store.js';
import { HeldCalls } from './held-calls.js';
import { Timeline, type TimelineOptions } from './timeline.js';

/** The time without events after which none is held, in milliseconds: no earlier event can still come. */
const IDLE_MS = 10;

export interface SequencerOptions extends TimelineOptions {
  /** How long there must have been no events until none is held, in milliseconds: as long as they are held. */
  readonly idleMs?: number | undefined;
}

/** Takes the ordered stream. */
export interface SequenceTaker {
  /** Whether it has enough for now; asked before each event and each journey. */
  isFull(): boolean;
  /** The event is lent for the time of the call. */
  event(event: TraceEvent): void;
  /** The journey has ended, and all of its events have come. */
  ended(journey: Journey): void;
}

/** A journey whose last event may still be held back. */
interface Waiting {
  readonly journey: Journey;
  /**
   * A count of ordered events: when it is reached, the journey's last event is among them. It counts taken events, so
   * it may be too high by one.
   */
  readonly after: number;
}

export class Sequencer {
  readonly #taker: SequenceTaker;
  readonly #store: EventStore;
  readonly #event = createEvent();
  readonly #timeline: Timeline;
  readonly #held: HeldCalls | undefined;
  readonly #idleMs: number;
  readonly #waiting: Waiting[] = [];
  /** The number of waiting journeys, from the first, whose last event has been ordered. */
  #over = 0;
  #taken = 0;
  #ordered = 0;
  #handedOn = 0;
  /** `after` of the first waiting journey. */
  #nextAfter = Number.POSITIVE_INFINITY;

  /** @param dataSize bytes of the extension in each event */
  constructor(dataSize: number, hasReturns: boolean, taker: SequenceTaker, options: SequencerOptions = {}) {
    this.#taker = taker;
    this.#idleMs = options.idleMs ?? IDLE_MS;
    this.#store = new EventStore(dataSize, hasReturns);
    if (hasReturns) this.#held = new HeldCalls(this.#store, (index, partnerLost) => this.#handOn(index, partnerLost));
    const take = (index: number) => {
      // An event that is pushed out is decided before.
      if (this.#held?.isFull) this.#endCalls();
      this.#ordered++;
      if (this.#held) this.#held.take(index);
      else this.#handOn(index, false);
    };
    this.#timeline = new Timeline(this.#store, take, options);
  }

  event(event: TraceEvent): void {
    this.#taken++;
    this.#timeline.add(this.#store.add(event, event.journey));
  }

  ended(journey: Journey): void {
    if (this.#waiting.length === 0) this.#nextAfter = this.#taken;
    this.#waiting.push({ journey, after: this.#taken });
  }

  /**
   * Hands on ordered events and journeys until the taker is full.
   * @param idleMs how long there have been no events
   * @returns whether more waits
   */
  release(idleMs: number): boolean {
    return this.#release(idleMs >= this.#idleMs, idleMs);
  }

  /** Hands on the rest until the taker is full, when no more comes. @returns whether more waits */
  finish(): boolean {
    return this.#release(true, Number.POSITIVE_INFINITY);
  }

  #release(isAll: boolean, idleMs: number): boolean {
    const wantsMore = this.#wantsMore;
    for (;;) {
      this.#endCalls();
      this.#endJourneys();
      const isHeldBack = isAll ? this.#timeline.releaseAll(wantsMore) : this.#timeline.release(wantsMore);
      this.#endCalls();
      if (idleMs === Number.POSITIVE_INFINITY && !isHeldBack) this.#held?.finish(wantsMore);
      else this.#held?.release(idleMs, wantsMore);
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
    // Not later, so that its place does not depend on how many events are handed on at a time.
    if (this.#handedOn >= this.#nextAfter) this.#endJourneys();
  }

  /** Open calls of journeys whose last event has been ordered have lost their returns. */
  #endCalls(): void {
    for (; this.#over < this.#waiting.length; this.#over++) {
      const { journey, after } = this.#waiting[this.#over]!;
      if (after > this.#ordered) break;
      this.#held?.endJourney(journey.shortId);
    }
  }

  /**
   * Hands on journeys behind as many events as had been taken when they ended. Events are handed on nearly in the order
   * in which they were taken, so that a few events of other journeys may come in between.
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
    this.#nextAfter = this.#waiting[0]?.after ?? Number.POSITIVE_INFINITY;
    this.#over = Math.max(0, this.#over - count);
  }
}
