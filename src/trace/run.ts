/** The loop of a trace: reads a source at the pace of whoever takes what is made of it, until it is time to stop. */
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { TraceLosses } from '../base/losses.js';
import type { RecordSource } from '../base/record-source.js';
import type { Choice } from '../journey/choice.js';
import { type EventSink, JourneyTracker } from '../journey/tracker.js';
import type { Until } from './plan.js';

/** Records taken in at a time: so many that what is made of them stays in the processor's cache. */
const BATCH_RECORDS = 1 << 12;
/** How long to wait before looking into the ring again, in milliseconds: soon after events, later without. */
const SHORTEST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 64;
/** How long the end waits for a record that a CPU has begun and not finished, in milliseconds: it has been interrupted. */
const UNFINISHED_MS = 1000;
/** How often is looked whether enough journeys have ended, while nobody takes what was made of them; in milliseconds. */
const LOOK_MS = 100;

/** Takes events and ends of journeys, and hands on what it makes of them. */
export interface TraceClient {
  readonly sink: EventSink;
  /** By which the sink chooses the journeys that it shows; undefined if it shows all. */
  readonly choice?: Choice | undefined;
  /**
   * Hands on what can be handed on by now, and resolves when there is room for more. Called after each reading.
   * @param idleMs how long there have been no events
   * @param signal ends the waiting for room; without one it is the end of the trace
   */
  handOn(idleMs: number, signal?: AbortSignal): Promise<void>;
  /** All has been read: hands on all that is left. */
  finish(): Promise<void>;
  /** Whether nobody wants more: the trace ends then. */
  readonly isClosed?: boolean;
  /** Whether nothing has been taken since this was asked last, though something waits. */
  readonly isStuck?: boolean;
  /** Called after each reading, before anything is handed on. */
  onRead?(tracker: JourneyTracker): void;
}

/** Runs once: `run`, then `finish`. */
export class TraceRun {
  readonly tracker: JourneyTracker;
  readonly #source: RecordSource;
  readonly #client: TraceClient;
  readonly #until: Until;
  #eventAt = performance.now();
  #wait = SHORTEST_WAIT_MS;

  constructor(source: RecordSource, client: TraceClient, until: Until = {}) {
    this.#source = source;
    this.#client = client;
    this.#until = until;
    this.tracker = new JourneyTracker(client.sink, source.places);
  }

  /** What was lost so far; when the trace has ended, what was lost up to its end. */
  get losses(): TraceLosses {
    return this.#source.losses();
  }

  /**
   * Reads until a condition of `Until` is met, the source is over, the client wants no more, or the signal comes. A client that is slow makes
   * the ring fill, not memory: nothing is read while much waits.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { count = Number.POSITIVE_INFINITY, durationMs } = this.#until;
    const over = new AbortController();
    const end = () => over.abort();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const timer = durationMs === undefined ? undefined : setTimeout(end, durationMs);
    // Also while nobody takes what is handed on.
    const look = setInterval(() => this.#client.isStuck && this.#unread >= count && end(), LOOK_MS);
    try {
      while (!over.signal.aborted && !this.#client.isClosed && !this.#source.isOver && this.#shown < count) {
        const hasMore = this.#read();
        this.#client.onRead?.(this.tracker);
        await this.#client.handOn(this.#idleMs, over.signal);
        await this.#source.refresh?.(signal);
        await this.#pause(hasMore, over.signal);
      }
    } finally {
      clearInterval(look);
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  }

  /** Ends the source, takes in what had come by now, and no more, in steps, and has the client hand on all there is. */
  async finish(): Promise<void> {
    const { living, atNs } = this.#source.end();
    for (let movedAt = performance.now(); ; ) {
      const { moved, drained } = this.#readBatch();
      await this.#client.handOn(this.#idleMs);
      if (drained) break;
      if (moved) {
        movedAt = performance.now();
        await immediate();
      } else {
        if (performance.now() - movedAt > UNFINISHED_MS) break;
        await sleep(SHORTEST_WAIT_MS);
      }
    }
    this.tracker.finish(living, atNs);
    await this.#client.finish();
  }

  /** How long there have been no events, in milliseconds. */
  get #idleMs(): number {
    return performance.now() - this.#eventAt;
  }

  /** Journeys that have ended, of those that are shown. */
  get #shown(): number {
    return this.#client.choice?.taken ?? this.tracker.journeys;
  }

  /** Journeys that have ended, whether or not they have been read. Which of those are to be shown is not known. */
  get #unread(): number {
    return this.#client.choice ? 0 : this.tracker.over + this.#source.countUnreadEnds();
  }

  /** Takes in what is there, or a batch of it; returns whether more of it is left. */
  #read(): boolean {
    const { events, moved, drained } = this.#readBatch();
    if (events > 0) this.#wait = SHORTEST_WAIT_MS;
    return moved && !drained;
  }

  #readBatch(): ReturnType<RecordSource['read']> {
    const reading = this.#source.read(this.tracker, BATCH_RECORDS);
    if (reading.events > 0) this.#eventAt = performance.now();
    this.tracker.settle(reading.upToNs);
    return reading;
  }

  /** Waits until it is worthwhile to read again. @param hasMore whether more was left @param signal ends the waiting */
  async #pause(hasMore: boolean, signal: AbortSignal): Promise<void> {
    // Only signals and timers get their turn.
    if (hasMore) return await immediate();
    const wait = this.#wait;
    this.#wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    await sleep(wait, undefined, { signal }).catch(() => {});
  }
}
