/** Takes in what the kernel has to tell, and hands text out, until it is time to stop and all has been handed out. */
import type { IpftError } from '../base/errors.js';
import type { Session, SessionLosses } from '../capture/session.js';
import type { JourneyTracker } from '../journey/tracker.js';
import type { Output } from '../output/output.js';
import { SessionReader } from '../trace/reader.js';
import { Delivery, GivenUp } from './delivery.js';
import type { ModuleFollower } from './modules.js';
import type { TraceOptions } from './options.js';
import type { StopSignal } from './stop.js';
import type { Terminal } from './terminal.js';
import type { Writer } from './writer.js';

/** How often it is looked whether enough journeys have ended, while nobody takes the text; in milliseconds. */
const LOOK_MS = 100;

/** What is needed of a session. */
export type Followed = ConstructorParameters<typeof SessionReader>[0] & Pick<Session, 'countUnreadEnds'>;

/** Where it is shown how the trace stands. */
type Status = Pick<Terminal, 'status' | 'clearStatus'>;

export class Follower {
  readonly #session: Followed;
  readonly #reader: SessionReader;
  readonly #output: Output;
  readonly #out: Writer;
  readonly #delivery: Delivery;
  readonly #terminal: Status;
  readonly tracker: JourneyTracker;
  #isFinished = false;

  constructor(session: Followed, output: Output, tracker: JourneyTracker, out: Writer, terminal: Status) {
    this.#session = session;
    this.#reader = new SessionReader(session, tracker);
    this.#output = output;
    this.#out = out;
    this.#delivery = new Delivery(out);
    this.#terminal = terminal;
    this.tracker = tracker;
  }

  get progress(): string {
    return `Got ${this.tracker.events} traces`;
  }

  /** Journeys that have ended, of those that are shown. */
  get #shown(): number {
    return this.#output.choice?.taken ?? this.tracker.journeys;
  }

  /** Journeys that have ended, whether or not they have been read. Which of those are to be shown is not known. */
  get #unread(): number {
    return this.#output.choice ? 0 : this.tracker.over + this.#session.countUnreadEnds();
  }

  /** A reader that is slow makes the ring fill, not memory: nothing is read while text waits. */
  async run(
    { output, count = Number.POSITIVE_INFINITY }: Pick<TraceOptions, 'output' | 'count'>,
    stop: Pick<StopSignal, 'signal'>,
    modules: ModuleFollower | undefined,
  ): Promise<void> {
    // It is over when stop is asked for, or when enough journeys have ended, also while nobody takes the text.
    const over = new AbortController();
    const end = () => over.abort();
    stop.signal.addEventListener('abort', end, { once: true });
    if (stop.signal.aborted) end();
    const look = setInterval(() => this.#delivery.isStuck && this.#unread >= count && end(), LOOK_MS);
    try {
      while (!over.signal.aborted && !this.#out.closed && this.#shown < count) {
        const hasMore = this.#reader.read();
        if (output !== 'json') this.#terminal.status(this.#status);
        await this.#handOn(over.signal);
        await modules?.look(stop.signal);
        await this.#reader.pause(hasMore, over.signal);
      }
    } finally {
      clearInterval(look);
      stop.signal.removeEventListener('abort', end);
    }
  }

  /**
   * Takes in what has come up to now, and no more, in steps, and hands out all there is to say: the programs are still
   * attached. Returns what was lost by now.
   */
  async finish(): Promise<SessionLosses> {
    const losses = this.#reader.end();
    try {
      await this.#reader.drain(() => this.#handOn());
      for (const text of this.#output.finish()) await this.#write(text);
      await this.#delivery.flush();
      this.#isFinished = true;
    } catch (error) {
      if (!(error instanceof GivenUp)) throw error;
    }
    return losses;
  }

  /** What is to be said if nobody has taken all of the text. */
  get problem(): IpftError | undefined {
    return this.#delivery.problem(!this.#isFinished);
  }

  readonly #status = () => [this.progress, ...(this.#output.status?.() ?? [])].join('\n');

  /** Hands out the text that can be made by now. @param signal ends the waiting for who reads it */
  async #handOn(signal?: AbortSignal): Promise<void> {
    for (let hasMore = true; hasMore && !signal?.aborted; ) {
      hasMore = this.#output.tick(this.#reader.idleMs);
      if (this.#output.pendingBytes > 0) await this.#write(this.#output.take(), signal);
    }
  }

  async #write(text: Uint8Array, signal?: AbortSignal): Promise<void> {
    // Text to the same terminal must not stand behind the line that is redrawn.
    if (this.#out.isTerminal) this.#terminal.clearStatus();
    if (await this.#delivery.write(text, signal)) this.#output.giveBack?.(text);
  }
}
