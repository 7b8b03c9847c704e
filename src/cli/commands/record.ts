/** `ipft record FILE`: writes the records of a trace to a file, as they are. */

import { counted } from '../../base/counted.js';
import type { IpftError } from '../../base/errors.js';
import type { RecordSource } from '../../base/record-source.js';
import { Clock } from '../../output/clock.js';
import type { Recorder } from '../../recording/recorder.js';
import { createRecorder } from '../../trace/record.js';
import type { TraceClient } from '../../trace/run.js';
import { type LiveOptions, type Taker, traceLive } from '../live.js';
import type { RecordOptions } from '../options.js';
import { reportLosses } from '../report.js';
import type { StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import { describeProgress } from '../text-client.js';
import { explainFailure, openWriter, type Writer } from '../writer.js';

/** @returns the exit status */
export async function record(
  options: LiveOptions & RecordOptions,
  terminal: Terminal,
  stop: StopSignal,
): Promise<number> {
  const out = openWriter(options.file);
  return await traceLive(options, terminal, stop, (live, source) => {
    const recorder = createRecorder(live, source.coverage, { deflates: options.deflates });
    return new RecordTaker(recorder, out, terminal);
  });
}

/** Hands a recording to its file. */
class RecordTaker implements Taker, TraceClient {
  readonly isForPrograms = false;
  readonly intake: Recorder;
  readonly client = this;
  readonly #out: Writer;
  readonly #terminal: Terminal;
  #bytes = 0;
  /** The last write: the system takes a piece while the next one is made. */
  #writing = Promise.resolve();

  constructor(recorder: Recorder, out: Writer, terminal: Terminal) {
    this.intake = recorder;
    this.#out = out;
    this.#terminal = terminal;
  }

  get events(): number {
    return this.intake.events;
  }

  get isClosed(): boolean {
    return this.#out.closed;
  }

  onRead(): void {
    this.#terminal.status(() => describeProgress(this));
  }

  async handOn(): Promise<void> {
    for (const piece of this.intake.take()) {
      this.#bytes += piece.length;
      await this.#writing;
      this.#writing = this.#write(piece);
    }
  }

  async finish(): Promise<void> {
    await this.handOn();
    await this.#writing;
  }

  async #write(piece: Uint8Array): Promise<void> {
    if (await this.#out.write(piece)) this.intake.giveBack(piece);
  }

  async ending(ending: Promise<void>): Promise<void> {
    await ending;
  }

  report(): void {
    const journeys = `${counted(this.intake.ended, 'journey')} ended; ${counted(this.events, 'event')}`;
    this.#terminal.line(`${journeys}; ${counted(this.#bytes, 'byte')} in ${this.#out.name}`);
  }

  async close(): Promise<IpftError | undefined> {
    await this.#out.end();
    return explainFailure(this.#out);
  }

  reportLosses(source: RecordSource, isCut: boolean): boolean {
    const nothing = { late: 0, gaps: 0, lostJourneys: 0 };
    return reportLosses(source.losses(), source.coverage, nothing, Clock.mono(), this.#terminal, isCut);
  }
}
