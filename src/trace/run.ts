/** The loop of a trace: reads a source at the pace of the client, until a condition of `Until` is met. */
import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { TraceLosses } from '../base/losses.js';
import type { Reading, RecordSource, SourceEnd } from '../base/record-source.js';
import type { Until } from './plan.js';

/** The records that are read at a time: few enough that their output stays in the processor's cache. */
const BATCH_RECORDS = 1 << 12;
/** The wait before the rings are read again, in milliseconds: short after events, longer without. */
const SHORTEST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 64;
/**
 * How long the end waits for a record that a program has reserved and not submitted, since it was interrupted; in
 * milliseconds.
 */
const UNFINISHED_MS = 1000;
/** How often ended journeys are counted while the client takes nothing, in milliseconds. */
const LOOK_MS = 100;

/** Takes the records of a source: journeys are made of them, or they are kept as they are. */
export interface Intake {
  /** Takes the records that the source has, up to `limit` of each ring. */
  read(source: RecordSource, limit: number): Reading;
  /** All has been read. */
  finish(end: SourceEnd, source: RecordSource): void;
  /** The number of ended journeys that count for `Until.count`. */
  readonly ended: number;
  /**
   * As `ended`, those included that have ended and were not handed on; undefined where it is not known whether these
   * count.
   */
  readonly over: number | undefined;
}

/** Hands on what an intake makes. */
export interface TraceClient {
  /**
   * Hands on output, and resolves when there is room for more. Called after each reading.
   * @param idleMs how long there have been no events
   * @param signal ends the wait for room; without a signal it is the end of the trace
   */
  handOn(idleMs: number, signal?: AbortSignal): Promise<void>;
  /** Hands on the rest of the output, when all has been read. */
  finish(): Promise<void>;
  /** Whether the reader of the output has gone: then the trace ends. */
  readonly isClosed?: boolean;
  /** Whether no output has been taken since the last call, though output waits. */
  checkStuck?(): boolean;
  /** Called after each reading, before output is handed on. */
  onRead?(): void;
}

/** Runs once: `run`, then `finish`. */
export class TraceRun {
  readonly #source: RecordSource;
  readonly #intake: Intake;
  readonly #client: TraceClient;
  readonly #until: Until;
  #eventAt = performance.now();
  /** When the last reading began, or later if it found events. */
  #readAt = this.#eventAt;
  #wait = SHORTEST_WAIT_MS;

  constructor(source: RecordSource, intake: Intake, client: TraceClient, until: Until = {}) {
    this.#source = source;
    this.#intake = intake;
    this.#client = client;
    this.#until = until;
  }

  /** The losses so far; when the trace has ended, the losses up to its end. */
  get losses(): TraceLosses {
    return this.#source.losses();
  }

  /**
   * Reads until a condition of `Until` is met, the source is over, the client is closed, or the signal comes. A slow
   * client makes the ring fill, not memory: nothing is read while much output waits.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { count = Number.POSITIVE_INFINITY, durationMs } = this.#until;
    const over = new AbortController();
    const end = () => over.abort();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    const timer = durationMs === undefined ? undefined : setTimeout(end, durationMs);
    // Also while the client takes nothing.
    const look = setInterval(() => this.#client.checkStuck?.() && this.#unread >= count && end(), LOOK_MS);
    try {
      while (!over.signal.aborted && !this.#client.isClosed && !this.#source.isOver && this.#intake.ended < count) {
        const hasMore = this.#read();
        this.#client.onRead?.();
        await this.#client.handOn(this.#idleMs, over.signal);
        await this.#source.refresh?.(over.signal);
        await this.#pause(hasMore, over.signal);
      }
    } finally {
      clearInterval(look);
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
    }
  }

  /** Ends the source, reads the records that it has until then, in steps, and has the client hand on all output. */
  async finish(): Promise<void> {
    const end = this.#source.end();
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
    this.#intake.finish(end, this.#source);
    await this.#client.finish();
  }

  /** How long there had been no events when the last reading began, in milliseconds; 0 if it found some, or the source has more. */
  get #idleMs(): number {
    return this.#readAt - this.#eventAt;
  }

  /** The number of ended journeys that count, those whose end is unread included; 0 where that is not known. */
  get #unread(): number {
    const { over } = this.#intake;
    return over === undefined ? 0 : over + this.#source.countUnreadEnds();
  }

  /** Reads a batch of records. @returns whether more are left */
  #read(): boolean {
    const { events, moved, drained } = this.#readBatch();
    if (events > 0) this.#wait = SHORTEST_WAIT_MS;
    return moved && !drained;
  }

  #readBatch(): Reading {
    this.#readAt = performance.now();
    const reading = this.#intake.read(this.#source, BATCH_RECORDS);
    // Where more waits, it is not known how long nothing has come: a slow reader may be why.
    if (reading.events > 0 || !reading.drained) this.#eventAt = this.#readAt = performance.now();
    return reading;
  }

  /**
   * Waits before the next reading.
   * @param hasMore whether records are left
   * @param signal ends the wait
   */
  async #pause(hasMore: boolean, signal: AbortSignal): Promise<void> {
    // Lets signals and timers be handled, no more.
    if (hasMore) return await immediate();
    const wait = this.#wait;
    this.#wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    await sleep(wait, undefined, { signal }).catch(() => {});
  }
}
