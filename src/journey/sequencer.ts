/**
 * Events and ends of journeys as a stream: events in the order of time, with what is known of their partners, and each
 * journey behind its last event. What is held back for that is bounded.
 */
import type { TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { HeldCalls } from './held-calls.js';
import { Timeline } from './timeline.js';

/** Without events for so long, none is held back: none that is earlier can still come. */
const IDLE_MS = 10;

/** Takes what comes in order. */
export interface SequenceTaker {
  /** The event is lent for the time of the call. @param place where the packet was @param partnerLost its entry or return is missing */
  event(event: TraceEvent, place: number, partnerLost: boolean): void;
  /** All of its events have come. */
  ended(journey: Journey): void;
}

/** A journey whose last event may still be held back. */
interface Waiting {
  readonly journey: Journey;
  /** When so many events have been put in order, or handed on, its last one is among them. */
  readonly after: number;
  /** Whether its last event has been put in order: then calls that are open have lost their returns. */
  isOver: boolean;
}

export class Sequencer {
  readonly #taker: SequenceTaker;
  readonly #timeline: Timeline;
  readonly #held: HeldCalls | undefined;
  #waiting: Waiting[] = [];
  #taken = 0;
  #ordered = 0;
  #handedOn = 0;

  /** @param dataSize bytes of the extension in each event */
  constructor(dataSize: number, hasReturns: boolean, taker: SequenceTaker) {
    this.#taker = taker;
    if (hasReturns) {
      this.#held = new HeldCalls(dataSize, (event, place, partnerLost) => this.#handOn(event, place, partnerLost));
    }
    this.#timeline = new Timeline(dataSize, hasReturns, (event, place) => {
      this.#ordered++;
      if (this.#held) this.#held.take(event, place);
      else this.#handOn(event, place, false);
    });
  }

  event(event: TraceEvent, place: number): void {
    this.#taken++;
    this.#timeline.add(event, place);
  }

  ended(journey: Journey): void {
    this.#waiting.push({ journey, after: this.#taken, isOver: false });
  }

  /** Hands on what has its place. @param idleMs how long there have been no events */
  release(idleMs: number): void {
    if (idleMs >= IDLE_MS) this.#timeline.releaseAll();
    else this.#timeline.release();
    this.#endCalls();
    this.#held?.release(idleMs);
    this.#endJourneys();
  }

  /** Hands on all: nothing more will come. */
  finish(): void {
    this.#timeline.releaseAll();
    this.#held?.finish();
    this.#endJourneys();
  }

  #handOn(event: TraceEvent, place: number, partnerLost: boolean): void {
    this.#handedOn++;
    this.#taker.event(event, place, partnerLost);
  }

  /** Calls of journeys whose last event has been put in order have lost their returns, if they are still open. */
  #endCalls(): void {
    for (const waiting of this.#waiting) {
      if (waiting.after > this.#ordered) break;
      if (!waiting.isOver) this.#held?.endJourney(waiting.journey.id);
      waiting.isOver = true;
    }
  }

  /** Events are handed on in the order in which they were taken, or nearly so: one more is not too many. */
  #endJourneys(): void {
    let count = 0;
    for (const { journey, after } of this.#waiting) {
      if (after > this.#handedOn) break;
      this.#taker.ended(journey);
      count++;
    }
    if (count > 0) this.#waiting.splice(0, count);
  }
}
