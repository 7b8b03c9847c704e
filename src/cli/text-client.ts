/** Hands an output's text to its reader, and shows the status of the trace. */
import type { IpftError } from '../base/errors.js';
import type { JourneyTracker } from '../journey/tracker.js';
import type { Output } from '../output/output.js';
import type { TraceClient } from '../trace/run.js';
import { Delivery, GivenUp } from './delivery.js';
import type { Terminal } from './terminal.js';
import type { Writer } from './writer.js';

/** The terminal that shows the status. */
type Status = Pick<Terminal, 'status' | 'clearStatus'>;

/** The status while tracing, and the message about a trace that has ended. */
export function describeProgress({ events }: Pick<JourneyTracker, 'events'>): string {
  return `Got ${events} traces`;
}

export class TextClient implements TraceClient {
  readonly #output: Output;
  readonly #out: Writer;
  readonly #delivery: Delivery;
  readonly #terminal: Status;
  /** Undefined if no status is shown. */
  readonly #status: (() => string) | undefined;
  #isFinished = false;

  /** @param tracker whose status the terminal shows; undefined if it shows none */
  constructor(output: Output, out: Writer, terminal: Status, tracker?: Pick<JourneyTracker, 'events'>) {
    this.#output = output;
    this.#out = out;
    this.#delivery = new Delivery(out);
    this.#terminal = terminal;
    this.#status = tracker && (() => [describeProgress(tracker), ...(output.status?.() ?? [])].join('\n'));
  }

  /** Whether the reader has gone. */
  get isClosed(): boolean {
    return this.#out.closed;
  }

  checkStuck(): boolean {
    return this.#delivery.checkStuck();
  }

  onRead(): void {
    if (this.#status) this.#terminal.status(this.#status);
  }

  /** @throws GivenUp at the end, if the reader takes nothing: see `Delivery.write` */
  async handOn(idleMs: number, signal?: AbortSignal): Promise<void> {
    for (let hasMore = true; hasMore && !signal?.aborted; ) {
      hasMore = this.#output.tick(idleMs);
      if (this.#output.pendingBytes > 0) await this.#write(this.#output.take(), signal);
    }
  }

  /** @throws GivenUp */
  async finish(): Promise<void> {
    for (const text of this.#output.finish()) await this.#write(text);
    await this.#delivery.flush();
    this.#isFinished = true;
  }

  /** Waits for the end of the run. A reader that takes nothing is no error here: see `problem`. */
  async ending(ending: Promise<void>): Promise<void> {
    await ending.catch((error) => {
      if (!(error instanceof GivenUp)) throw error;
    });
  }

  /** The error if the reader has not taken all text. */
  get problem(): IpftError | undefined {
    return this.#delivery.problem(!this.#isFinished);
  }

  async #write(text: Uint8Array, signal?: AbortSignal): Promise<void> {
    // Text to the same terminal must not stand behind the status.
    if (this.#out.isTerminal) this.#terminal.clearStatus();
    if (await this.#delivery.write(text, signal)) this.#output.giveBack?.(text);
  }
}
