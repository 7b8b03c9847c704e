/** Hands an output's text to its reader, and shows the status of the trace. */
import { ExtensionError, type IpftError } from '../base/errors.js';
import type { JourneyTracker } from '../journey/tracker.js';
import type { Encoder, Output } from '../output/output.js';
import type { TraceClient } from '../trace/run.js';
import { Delivery, GivenUp } from './delivery.js';
import type { ScriptPrints } from './script-prints.js';
import type { Terminal } from './terminal.js';
import type { Writer } from './writer.js';

/** The part of an output that its text is taken from. */
type TextSource = Encoder & Pick<Output, 'tick' | 'status'>;

/** The terminal that shows the status. */
type Status = Pick<Terminal, 'status' | 'clearStatus'>;

/** The status while tracing, and the message about a trace that has ended. */
export function describeProgress({ events }: Pick<JourneyTracker, 'events'>): string {
  return `Got ${events} traces`;
}

export interface TextClientOptions {
  /** The tracker whose status the terminal shows; undefined if it shows none. */
  readonly tracker?: Pick<JourneyTracker, 'events'> | undefined;
  /** Whether the output is lines: what it has when a field can't be computed is written up to the last whole one. */
  readonly isLines?: boolean | undefined;
  /** What a script prints, which goes to the same reader. */
  readonly prints?: Pick<ScriptPrints, 'take'> | undefined;
}

export class TextClient implements TraceClient {
  readonly #output: TextSource;
  readonly #out: Writer;
  readonly #delivery: Delivery;
  readonly #terminal: Status;
  /** Undefined if no status is shown. */
  readonly #status: (() => string) | undefined;
  readonly #isLines: boolean;
  readonly #prints: Pick<ScriptPrints, 'take'> | undefined;
  #isFinished = false;
  /** Why a field could not be computed, which ends the trace. */
  #failure: ExtensionError | undefined;

  constructor(
    output: TextSource,
    out: Writer,
    terminal: Status,
    { tracker, isLines = false, prints }: TextClientOptions = {},
  ) {
    this.#output = output;
    this.#out = out;
    this.#delivery = new Delivery(out);
    this.#terminal = terminal;
    this.#isLines = isLines;
    this.#prints = prints;
    this.#status = tracker && (() => [describeProgress(tracker), ...(output.status?.() ?? [])].join('\n'));
  }

  /** Whether the reader has gone, or nothing more can be made. */
  get isClosed(): boolean {
    return this.#out.closed || this.#failure !== undefined;
  }

  checkStuck(): boolean {
    return this.#delivery.checkStuck();
  }

  onRead(): void {
    if (this.#status) this.#terminal.status(this.#status);
  }

  /** @throws GivenUp at the end, if the reader takes nothing: see `Delivery.write` */
  async handOn(idleMs: number, signal?: AbortSignal): Promise<void> {
    for (let hasMore = true; hasMore && !signal?.aborted && !this.#failure; ) {
      hasMore = this.#attempt(() => this.#output.tick(idleMs)) ?? false;
      await this.handOnPrints(signal);
      if (this.#output.pendingBytes > 0) await this.#write(this.#output.take(), signal);
    }
  }

  /** Hands on what a script has printed. */
  async handOnPrints(signal?: AbortSignal): Promise<void> {
    const printed = this.#prints?.take();
    if (!printed || printed.length === 0) return;
    if (this.#out.isTerminal) this.#terminal.clearStatus();
    await this.#delivery.write(printed, signal);
  }

  /** @throws GivenUp */
  async finish(): Promise<void> {
    const pieces = this.#output.finish()[Symbol.iterator]();
    while (!this.#failure) {
      const piece = this.#attempt(() => pieces.next());
      const rest = this.#failure && this.#output.pendingBytes > 0 ? this.#output.take() : undefined;
      const text = piece?.value ?? rest;
      await this.handOnPrints();
      if (text) await this.#write(text);
      if (piece?.done) break;
    }
    await this.#delivery.flush();
    this.#isFinished = true;
  }

  /** Makes text. @returns undefined if a field can't be computed: then nothing more is made */
  #attempt<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof ExtensionError)) throw error;
      this.#failure = error;
      return undefined;
    }
  }

  /** Waits for the end of the run. A reader that takes nothing is no error here: see `problem`. */
  async ending(ending: Promise<void>): Promise<void> {
    await ending.catch((error) => {
      if (!(error instanceof GivenUp)) throw error;
    });
  }

  /** Whether the reader took nothing, and the rest was dropped. */
  get isGivenUp(): boolean {
    return this.#delivery.problem(false) !== undefined;
  }

  /** Waits until all text has been handed to the system. */
  async flush(): Promise<void> {
    await this.#delivery.flush();
  }

  /** The error if a field could not be computed, or if the reader has not taken all text. */
  get problem(): IpftError | undefined {
    return this.#failure ?? this.#delivery.problem(!this.#isFinished);
  }

  async #write(made: Uint8Array, signal?: AbortSignal): Promise<void> {
    const text = this.#failure ? this.#wholeLines(made) : made;
    // Text to the same terminal must not stand behind the status.
    if (this.#out.isTerminal) this.#terminal.clearStatus();
    if ((await this.#delivery.write(text, signal)) && !this.#failure) this.#output.giveBack?.(text);
  }

  /** What is whole of text that ends where a field could not be computed. */
  #wholeLines(text: Uint8Array): Uint8Array {
    return text.subarray(0, this.#isLines ? text.lastIndexOf(LINE_FEED) + 1 : 0);
  }
}

const LINE_FEED = 0x0a;
