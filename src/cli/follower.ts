/** Takes in what the kernel has to tell, and hands text out, until it is time to stop. */
import { type JourneyTracker, type Output, type Session, type SessionLosses, SessionReader } from '../internal.js';
import type { ModuleFollower } from './modules.js';
import type { TraceOptions } from './options.js';
import type { StopSignal } from './stop.js';
import type { Terminal } from './terminal.js';
import type { Writer } from './writer.js';

export class Follower {
  readonly #reader: SessionReader;
  readonly #output: Output;
  readonly tracker: JourneyTracker;

  constructor(session: Session, output: Output, tracker: JourneyTracker) {
    this.#reader = new SessionReader(session, tracker, (idleMs) => output.tick(idleMs));
    this.#output = output;
    this.tracker = tracker;
  }

  get progress(): string {
    return `Got ${this.tracker.events} traces`;
  }

  /** Journeys that have ended, of those that are shown. */
  get #shown(): number {
    return this.#output.choice?.taken ?? this.tracker.journeys;
  }

  async #write(out: Writer): Promise<void> {
    const text = this.#output.text();
    if (await out.write(text)) this.#output.giveBack?.(text);
  }

  /** Takes in what has come up to now, and no more: the programs are still attached. Returns what was lost. */
  finish(): SessionLosses {
    return this.#reader.finish();
  }

  /** A reader that is slow makes the ring fill, not memory: nothing is read while text waits. */
  async run(
    { output, count = Number.POSITIVE_INFINITY }: TraceOptions,
    terminal: Terminal,
    out: Writer,
    stop: StopSignal,
    modules: ModuleFollower | undefined,
  ): Promise<void> {
    while (!stop.signal.aborted && !out.closed && this.#shown < count) {
      const events = this.#reader.read();
      if (output !== 'json') terminal.status(this.progress);
      if (this.#output.pendingBytes > 0) await Promise.race([this.#write(out), stop.happened]);
      await modules?.look(stop.signal);
      await this.#reader.pause(events, stop.signal);
    }
  }
}
