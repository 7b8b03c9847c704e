/** Hands out the text that an output makes of a trace, and shows how the trace stands. */
import type { IpftError } from '../base/errors.js';
import type { JourneyTracker } from '../journey/tracker.js';
import type { Output } from '../output/output.js';
import type { TraceClient } from '../trace/run.js';
import { Delivery, GivenUp } from './delivery.js';
import type { Terminal } from './terminal.js';
import type { Writer } from './writer.js';

/** Where it is shown how the trace stands. */
type Status = Pick<Terminal, 'status' | 'clearStatus'>;

/** What is said while tracing, and of a trace that has ended. */
export function describeProgress({ events }: Pick<JourneyTracker, 'events'>): string {
  return `Got ${events} traces`;
}

export class TextClient implements TraceClient {
  readonly sink: Output;
  readonly #out: Writer;
  readonly #delivery: Delivery;
  readonly #terminal: Status;
  /** Undefined where nothing is shown. */
  readonly #status: ((tracker: JourneyTracker) => string) | undefined;
  #isFinished = false;

  /** @param showsStatus whether the terminal shows how the trace stands */
  constructor(output: Output, out: Writer, terminal: Status, { showsStatus = true } = {}) {
    this.sink = output;
    this.#out = out;
    this.#delivery = new Delivery(out);
    this.#terminal = terminal;
    this.#status = showsStatus
      ? (tracker) => [describeProgress(tracker), ...(output.status?.() ?? [])].join('\n')
      : undefined;
  }

  get choice(): Output['choice'] {
    return this.sink.choice;
  }

  /** Whether nobody reads the text any more. */
  get isClosed(): boolean {
    return this.#out.closed;
  }

  get isStuck(): boolean {
    return this.#delivery.isStuck;
  }

  onRead(tracker: JourneyTracker): void {
    const status = this.#status;
    if (status) this.#terminal.status(() => status(tracker));
  }

  /** @throws GivenUp at the end, where nobody takes the text: see `Delivery.write` */
  async handOn(idleMs: number, signal?: AbortSignal): Promise<void> {
    for (let hasMore = true; hasMore && !signal?.aborted; ) {
      hasMore = this.sink.tick(idleMs);
      if (this.sink.pendingBytes > 0) await this.#write(this.sink.take(), signal);
    }
  }

  /** @throws GivenUp */
  async finish(): Promise<void> {
    for (const text of this.sink.finish()) await this.#write(text);
    await this.#delivery.flush();
    this.#isFinished = true;
  }

  /** Waits for the end of the run. Text that nobody takes is no error here: see `problem`. */
  async ending(ending: Promise<void>): Promise<void> {
    await ending.catch((error) => {
      if (!(error instanceof GivenUp)) throw error;
    });
  }

  /** What is to be said if nobody has taken all of the text. */
  get problem(): IpftError | undefined {
    return this.#delivery.problem(!this.#isFinished);
  }

  async #write(text: Uint8Array, signal?: AbortSignal): Promise<void> {
    // Text to the same terminal must not stand behind the line that is redrawn.
    if (this.#out.isTerminal) this.#terminal.clearStatus();
    if (await this.#delivery.write(text, signal)) this.sink.giveBack?.(text);
  }
}
