/** Takes in what the kernel has to tell, and hands text out, until it is time to stop. */
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { JourneyTracker, Output, Session, SessionLosses, Written } from '../index.js';
import type { ModuleFollower } from './modules.js';
import type { TraceOptions } from './options.js';
import type { StopSignal } from './stop.js';
import type { Terminal } from './terminal.js';
import type { Writer } from './writer.js';

/** Events taken in at a time: so many that their text stays in the processor's cache. */
const BATCH_EVENTS = 1 << 12;
/** How long to wait before looking into the ring again, in milliseconds: soon after events, later without. */
const SHORTEST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 64;
/** How often the kernel is asked for probes that it missed, in milliseconds; where that takes long, less often. */
const MISSES_MS = 100;
const PART_FOR_MISSES = 0.02;

export class Follower {
  readonly #session: Session;
  readonly #output: Output;
  readonly tracker: JourneyTracker;
  #eventAt = performance.now();
  #misses = 0n;
  /** Up to when misses are known, and when to ask again. */
  #missesKnownNs: bigint;
  #missesDue = 0;

  constructor(session: Session, output: Output, tracker: JourneyTracker) {
    this.#session = session;
    this.#output = output;
    this.tracker = tracker;
    // What was missed while attaching was missed before anything was to be seen.
    this.#misses = this.#countMisses();
    this.#missesKnownNs = now();
  }

  get progress(): string {
    return `Got ${this.tracker.events} traces`;
  }

  /** Takes in what is there; returns how many events that were. */
  #read(until?: Written): number {
    this.#askForMisses();
    const events = this.#session.read(this.tracker, BATCH_EVENTS, until);
    if (events > 0) this.#eventAt = performance.now();
    // All that the kernel wrote before misses were asked for has been read, but for a batch that was cut short.
    if (events < BATCH_EVENTS) this.tracker.settle(this.#missesKnownNs);
    this.#output.tick(performance.now() - this.#eventAt);
    return events;
  }

  async #write(out: Writer): Promise<void> {
    const text = this.#output.text();
    if (await out.write(text)) this.#output.giveBack?.(text);
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
    if (misses > this.#misses) this.tracker.missed(this.#missesKnownNs, time);
    this.#misses = misses;
    this.#missesKnownNs = time;
    const took = performance.now() - began;
    this.#missesDue = performance.now() + Math.max(MISSES_MS, took / PART_FOR_MISSES);
  }

  /** Takes in what has come up to now, and no more: the programs are still attached. Returns what was lost. */
  finish(): SessionLosses {
    const since = now();
    const living = this.#session.living();
    const until = this.#session.written;
    while (this.#read(until) > 0);
    this.#read(until);
    this.#askForMisses(true);
    const losses = this.#session.losses();
    this.tracker.finish(living, since);
    return losses;
  }

  /** A reader that is slow makes the ring fill, not memory: nothing is read while text waits. */
  async run(
    { output, count = Number.POSITIVE_INFINITY }: TraceOptions,
    terminal: Terminal,
    out: Writer,
    stop: StopSignal,
    modules: ModuleFollower | undefined,
  ): Promise<void> {
    let wait = SHORTEST_WAIT_MS;
    while (!stop.signal.aborted && !out.closed && this.tracker.journeys < count) {
      const events = this.#read();
      if (output !== 'json') terminal.status(this.progress);
      if (this.#output.pendingBytes > 0) await Promise.race([this.#write(out), stop.happened]);
      await modules?.look(stop.signal);
      if (events >= BATCH_EVENTS) {
        // There is more: only signals get their turn.
        await immediate();
        continue;
      }
      wait = events > 0 ? SHORTEST_WAIT_MS : Math.min(wait * 2, LONGEST_WAIT_MS);
      await sleep(wait, undefined, { signal: stop.signal }).catch(() => {});
    }
  }
}

/** The time on the kernel's clock of events. */
function now(): bigint {
  return process.hrtime.bigint();
}
