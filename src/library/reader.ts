/** Takes in what the kernel has to tell of a session, at the pace at which it comes. */
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { JourneyTracker } from '../journey/tracker.js';
import type { Session, SessionLosses, Written } from '../tracer/session.js';

/** Events taken in at a time: so many that what is made of them stays in the processor's cache. */
const BATCH_EVENTS = 1 << 12;
/** How long to wait before looking into the ring again, in milliseconds: soon after events, later without. */
const SHORTEST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 64;
/** How often the kernel is asked for probes that it missed, in milliseconds; where that takes long, less often. */
const MISSES_MS = 100;
const PART_FOR_MISSES = 0.02;

export class SessionReader {
  readonly #session: Session;
  readonly #tracker: JourneyTracker;
  readonly #tick: (idleMs: number) => void;
  #eventAt = performance.now();
  #wait = SHORTEST_WAIT_MS;
  #misses: bigint;
  /** Up to when misses are known, and when to ask again. */
  #missesKnownNs: bigint;
  #missesDue = 0;

  /** @param tick called after each reading, with how long there have been no events */
  constructor(session: Session, tracker: JourneyTracker, tick: (idleMs: number) => void) {
    this.#session = session;
    this.#tracker = tracker;
    this.#tick = tick;
    // What was missed while attaching was missed before anything was to be seen.
    this.#misses = this.#countMisses();
    this.#missesKnownNs = now();
  }

  /** Takes in what is there, or a batch of it; returns how many events that were. */
  read(until?: Written): number {
    this.#askForMisses();
    const events = this.#session.read(this.#tracker, BATCH_EVENTS, until);
    if (events > 0) this.#eventAt = performance.now();
    // All that the kernel wrote before misses were asked for has been read, but for a batch that was cut short.
    if (events < BATCH_EVENTS) this.#tracker.settle(this.#missesKnownNs);
    this.#tick(performance.now() - this.#eventAt);
    return events;
  }

  /** Waits until it is worthwhile to read again. @param events how many there were @param signal ends the waiting */
  async pause(events: number, signal: AbortSignal): Promise<void> {
    // There is more: only signals get their turn.
    if (events >= BATCH_EVENTS) return await immediate();
    this.#wait = events > 0 ? SHORTEST_WAIT_MS : Math.min(this.#wait * 2, LONGEST_WAIT_MS);
    await sleep(this.#wait, undefined, { signal }).catch(() => {});
  }

  /** Takes in what has come up to now, and no more: the programs are still attached. Returns what was lost. */
  finish(): SessionLosses {
    const since = now();
    const living = this.#session.living();
    const until = this.#session.written;
    while (this.read(until) > 0);
    this.read(until);
    this.#askForMisses(true);
    const losses = this.#session.losses();
    this.#tracker.finish(living, since);
    return losses;
  }

  #countMisses(): bigint {
    const { shown, deciding } = this.#session.countMisses();
    return shown + deciding;
  }

  #askForMisses(isLast = false): void {
    const began = performance.now();
    if (began < this.#missesDue && !isLast) return;
    const misses = this.#countMisses();
    const time = now();
    if (misses > this.#misses) this.#tracker.missed(this.#missesKnownNs, time);
    this.#misses = misses;
    this.#missesKnownNs = time;
    const took = performance.now() - began;
    this.#missesDue = performance.now() + Math.max(MISSES_MS, took / PART_FOR_MISSES);
  }
}

/** The time on the kernel's clock of events. */
function now(): bigint {
  return process.hrtime.bigint();
}
