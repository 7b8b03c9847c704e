/** Makes parts of the records of a source, for the page of `ipft ui`. */
import type { IpftError } from '../base/errors.js';
import type { RecordSource } from '../base/record-source.js';
import { Clock } from '../output/clock.js';
import type { FrameWriter } from '../page-server/frames.js';
import type { TracerMessage } from '../page-server/messages.js';
import { PartMaker } from '../page-server/part-maker.js';
import type { TracePlan } from '../trace/plan.js';
import type { Taker } from './live.js';
import { reportJourneys, reportLosses } from './report.js';
import type { Terminal } from './terminal.js';
import { describeProgress } from './text-client.js';

/** So many can be drawn while they come: journeys beyond them are counted. */
const EVENTS_PER_SECOND = 20_000;

export class PageTaker implements Taker {
  readonly client: PartMaker;
  readonly isForPrograms = false;
  readonly #plan: TracePlan;
  readonly #terminal: Terminal;

  constructor(
    source: RecordSource,
    plan: TracePlan,
    maxHeapBytes: number,
    out: FrameWriter<TracerMessage>,
    terminal: Terminal,
  ) {
    this.#plan = plan;
    this.#terminal = terminal;
    this.client = new PartMaker(source, {
      ...{ maxMemoryBytes: plan.limits.maxMemoryBytes, maxHeapBytes, eventsPerSecond: EVENTS_PER_SECOND },
      async handOn({ kind, bytes, journeys, events }, signal) {
        out.send({ type: 'part', kind, journeys, events }, bytes);
        await out.drain(signal);
      },
      onCounts(counts) {
        out.send({ type: 'counts', counts });
        terminal.status(() => describeProgress(counts));
      },
      isClosed: () => out.isClosed,
    });
  }

  get intake() {
    return this.client.intake;
  }

  get events(): number {
    return this.intake.tracker.events;
  }

  async ending(ending: Promise<void>): Promise<void> {
    await ending;
  }

  report(): void {
    const { maxMemoryBytes } = this.#plan.limits;
    reportJourneys(this.intake.tracker, this.client, { maxMemoryBytes }, this.#terminal);
  }

  /** The page tells what it has; when its server has gone, nobody misses anything. */
  async close(): Promise<IpftError | undefined> {
    return undefined;
  }

  reportLosses(source: RecordSource, isCut: boolean): boolean {
    return reportLosses(source.losses(), source.coverage, this.intake.tracker, Clock.mono(), this.#terminal, isCut);
  }
}
