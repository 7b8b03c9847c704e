/** Takes in what the kernel has to tell of a session, at the pace at which it comes. */
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { Living } from '../base/journey.js';
import type { Written } from '../capture/rings.js';
import type { Session, SessionLosses } from '../capture/session.js';
import type { JourneyTracker } from '../journey/tracker.js';
import type { Misses } from '../probes/backend.js';

/** Records taken in at a time: so many that what is made of them stays in the processor's cache. */
const BATCH_RECORDS = 1 << 12;
/** How long to wait before looking into the ring again, in milliseconds: soon after events, later without. */
const SHORTEST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 64;
/** How often the kernel is asked for probes that it missed, in milliseconds; where that takes long, less often. */
const MISSES_MS = 100;
const PART_FOR_MISSES = 0.02;
/** How long the end waits for a record that a CPU has begun and not finished, in milliseconds: it has been interrupted. */
const UNFINISHED_MS = 1000;

/** What a reader needs of a session. */
export type Readable = Pick<Session, 'read' | 'written' | 'living' | 'losses' | 'countMisses'>;

export class SessionReader {
  readonly #session: Readable;
  readonly #tracker: JourneyTracker;
  #eventAt = performance.now();
  #wait = SHORTEST_WAIT_MS;
  #misses: Misses;
  /** Up to when misses are known, and when to ask again. */
  #missesKnownNs: bigint;
  #missesDue = 0;
  /** When and where the trace has ended, and who was on the way then. */
  #end: { readonly sinceNs: bigint; readonly living: readonly Living[]; readonly until: Written } | undefined;

  constructor(session: Readable, tracker: JourneyTracker) {
    this.#session = session;
    this.#tracker = tracker;
    // What was missed while attaching was missed before anything was to be seen.
    this.#misses = session.countMisses();
    this.#missesKnownNs = now();
  }

  /** How long there have been no events, in milliseconds. */
  get idleMs(): number {
    return performance.now() - this.#eventAt;
  }

  /** Takes in what is there, or a batch of it; returns whether more of it is left. */
  read(): boolean {
    this.#askForMisses();
    const { events, moved, drained } = this.#read();
    if (events > 0) this.#wait = SHORTEST_WAIT_MS;
    return moved && !drained;
  }

  /** Waits until it is worthwhile to read again. @param hasMore whether more was left @param signal ends the waiting */
  async pause(hasMore: boolean, signal: AbortSignal): Promise<void> {
    // Only signals and timers get their turn.
    if (hasMore) return await immediate();
    const wait = this.#wait;
    this.#wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    await sleep(wait, undefined, { signal }).catch(() => {});
  }

  /** The trace ends now, while the programs are still attached: what comes from now on is not read. Returns what was lost. */
  end(): SessionLosses {
    const sinceNs = now();
    const living = this.#session.living();
    this.#end = { sinceNs, living, until: this.#session.written };
    this.#askForMisses(true);
    return this.#session.losses(this.#misses);
  }

  /**
   * Takes in what had come when the trace ended, in steps. The programs need not be attached any more.
   * @param handOn called after each step: the next one follows when there is room for what it brings
   */
  async drain(handOn: () => Promise<void>): Promise<void> {
    if (!this.#end) throw new Error('the trace has not ended');
    const { sinceNs, living, until } = this.#end;
    for (let movedAt = performance.now(); ; ) {
      const { moved, drained } = this.#read(until);
      await handOn();
      if (drained) break;
      if (moved) {
        movedAt = performance.now();
        await immediate();
      } else {
        if (performance.now() - movedAt > UNFINISHED_MS) break;
        await sleep(SHORTEST_WAIT_MS);
      }
    }
    this.#tracker.finish(living, sinceNs);
  }

  /** What was lost so far; misses as they were when the kernel was asked for them last. */
  losses(): SessionLosses {
    this.#askForMisses();
    return this.#session.losses(this.#misses);
  }

  #read(until?: Written): ReturnType<Readable['read']> {
    const reading = this.#session.read(this.#tracker, BATCH_RECORDS, until);
    if (reading.events > 0) this.#eventAt = performance.now();
    const { upToNs } = reading;
    this.#tracker.settle(upToNs < this.#missesKnownNs ? upToNs : this.#missesKnownNs);
    return reading;
  }

  #askForMisses(isLast = false): void {
    const began = performance.now();
    if (began < this.#missesDue && !isLast) return;
    const before = this.#misses;
    this.#misses = this.#session.countMisses();
    const time = now();
    if (this.#misses.shown + this.#misses.deciding > before.shown + before.deciding) {
      this.#tracker.missed(this.#missesKnownNs, time);
    }
    this.#missesKnownNs = time;
    const took = performance.now() - began;
    this.#missesDue = performance.now() + Math.max(MISSES_MS, took / PART_FOR_MISSES);
  }
}

/** The time on the kernel's clock of events. */
function now(): bigint {
  return process.hrtime.bigint();
}
