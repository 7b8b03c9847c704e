/** Follows the trace of the server: asks for what is new, and makes a picture of it now and then. */
import { TraceReader } from '../trace/read.js';
import type { Trace } from '../trace/trace.js';
import { Pace } from './pace.js';
import { type SentPart, type Server, ServerError } from './server.js';
import { type Amount, readAmount, type Status } from './status.js';

/** So much is kept of a trace: about 50 MB of columns, and 100 MB of journeys. */
const LIMITS = { events: 2_000_000, journeys: 200_000, details: 128 << 20 };
/** When so much was read, the next picture comes before the next part. */
const MAX_PENDING = { events: 1_000_000, journeys: 50_000 };
/** After a request that failed, the next one comes so much later, in milliseconds. */
const RETRY_MS = 1000;

/** What the page shows. */
export interface LiveView {
  readonly status: Status | undefined;
  /** Undefined until the first part is there. */
  readonly trace: Trace | undefined;
  /** `gone`: the server does not answer, and is asked again. `refused`: this page is no longer one of its own. */
  readonly link: 'there' | 'gone' | 'refused';
  readonly isPaused: boolean;
  /** What the page has had and no longer keeps. */
  readonly forgotten: Amount;
  /** What the server no longer had when the page asked for it. */
  readonly missed: Amount;
}

const NOTHING: Amount = { journeys: 0, events: 0 };

export class LiveSession {
  readonly #server: Server;
  readonly #end = new AbortController();
  readonly #pace = new Pace();
  readonly #waiting = new Set<() => void>();
  #onChange: (view: LiveView) => void = () => {};
  #view: LiveView = {
    ...{ status: undefined, trace: undefined, link: 'there', isPaused: false },
    ...{ forgotten: NOTHING, missed: NOTHING },
  };
  #reader = new TraceReader(LIMITS);
  /** The trace that the reader reads, and the part that it needs next. */
  #number: number | undefined;
  #next = 0;
  /** Ends what is asked of a trace that is over. */
  #traceEnd = new AbortController();
  #hasNew = false;
  #problem: string | undefined;
  #timer = 0;

  constructor(server: Server) {
    this.#server = server;
  }

  get view(): LiveView {
    return this.#view;
  }

  /** @returns ends it */
  follow(onChange: (view: LiveView) => void): () => void {
    this.#onChange = onChange;
    void this.#followStatus();
    void this.#followParts();
    return () => {
      this.#end.abort();
      this.#traceEnd.abort();
      clearTimeout(this.#timer);
      this.#wake();
    };
  }

  /** Stops the picture, not the trace: the server keeps what comes meanwhile, as far as it can. */
  pause(isPaused: boolean): void {
    this.#change({ isPaused });
    if (this.#hasNew) this.#schedule();
    this.#wake();
  }

  async #followStatus(): Promise<void> {
    let known: string | undefined;
    while (!this.#end.signal.aborted) {
      try {
        const status = await this.#server.status(known, this.#end.signal);
        known = status.revision;
        this.#take(status);
      } catch (error) {
        if (this.#end.signal.aborted) return;
        const isRefused = error instanceof ServerError && error.isRefused;
        this.#change({ link: isRefused ? 'refused' : 'gone' });
        if (isRefused) return;
        known = undefined;
        await this.#rest();
      }
    }
  }

  #take(status: Status): void {
    const before = this.#view.status;
    if (status.trace !== this.#number) this.#begin(status.trace);
    this.#view = { ...this.#view, status };
    const isNews =
      before?.state !== status.state ||
      before.trace !== status.trace ||
      before.problem?.message !== status.problem?.message ||
      this.#view.link !== 'there';
    // Counts can wait for the next picture.
    if (isNews) this.#change({ link: 'there' });
    else this.#schedule();
    this.#wake();
  }

  /** Another trace takes the place of the one before. */
  #begin(number: number): void {
    this.#traceEnd.abort();
    this.#traceEnd = new AbortController();
    this.#reader = new TraceReader(LIMITS);
    this.#number = number;
    this.#next = 0;
    this.#hasNew = false;
    this.#problem = undefined;
    this.#view = { ...this.#view, trace: undefined, isPaused: false, forgotten: NOTHING, missed: NOTHING };
  }

  async #followParts(): Promise<void> {
    while (!this.#end.signal.aborted) {
      await this.#until(() => this.#isWanted());
      const { signal } = this.#traceEnd;
      const number = this.#number;
      if (number === undefined || this.#end.signal.aborted) continue;
      try {
        const parts = await this.#server.parts(number, this.#next, signal);
        if (parts.length === 0) await this.#rest();
        else await this.#read(parts, signal);
      } catch (error) {
        if (signal.aborted) continue;
        if (!(error instanceof ServerError)) this.#fail(error);
        // What is wrong with the server shows where its status is asked for.
        else await this.#rest();
      }
    }
  }

  /** Whether there are parts to ask for, and room for them. */
  #isWanted(): boolean {
    const { status, isPaused, link } = this.#view;
    if (!status || isPaused || link === 'refused' || this.#problem !== undefined) return false;
    if (isFull(this.#reader)) return false;
    const isGrowing = status.state !== 'idle' && status.state !== 'ended';
    return status.trace === this.#number && (isGrowing || this.#next < status.parts);
  }

  async #read(parts: readonly SentPart[], signal: AbortSignal): Promise<void> {
    const reader = this.#reader;
    for (const { part, kind, text, amount } of parts) {
      if (kind === 'forgotten') this.#miss(readAmount(amount));
      else await reader.read({ kind, text });
      if (signal.aborted) return;
      this.#next = part + 1;
      this.#hasNew = true;
      if (kind !== 'journeys') this.#schedule();
      await this.#until(() => !isFull(reader) || signal.aborted);
    }
  }

  /** @param forgotten all that the server no longer has: the page had some of it */
  #miss(forgotten: Amount): void {
    const { journeys, events } = this.#reader.total;
    const missed = {
      journeys: Math.max(0, forgotten.journeys - journeys),
      events: Math.max(0, forgotten.events - events),
    };
    this.#view = { ...this.#view, missed };
  }

  #fail(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#problem = `What came later can not be shown: ${reason}.`;
    this.#hasNew = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== 0 || this.#end.signal.aborted) return;
    this.#timer = window.setTimeout(() => this.#draw(), this.#pace.waitMs(performance.now()));
  }

  #draw(): void {
    const began = performance.now();
    const reader = this.#reader;
    if (this.#hasNew && reader.hasHead && !this.#view.isPaused) {
      this.#hasNew = false;
      this.#change({ trace: reader.takeTrace(this.#problem), forgotten: reader.forgotten });
    } else this.#change({});
    // The time is over when the browser has drawn. In a window that nobody sees it does not draw.
    const end = () => {
      this.#pace.drawn(began, performance.now());
      this.#timer = 0;
      this.#wake();
      if (this.#hasNew && !this.#view.isPaused) this.#schedule();
    };
    if (document.hidden) end();
    else requestAnimationFrame(() => setTimeout(end));
  }

  #change(change: Partial<LiveView>): void {
    this.#view = { ...this.#view, ...change };
    this.#onChange(this.#view);
  }

  async #until(test: () => boolean): Promise<void> {
    while (!test() && !this.#end.signal.aborted) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function isFull({ pending: { events, journeys } }: TraceReader): boolean {
  return events > MAX_PENDING.events || journeys > MAX_PENDING.journeys;
}
