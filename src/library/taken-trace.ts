/** What all sessions have: events and journeys for iterators, and counts of what was read. */
import { OUTCOMES, type Outcome } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import type { BackendName } from '../base/method.js';
import type { RecordSource } from '../base/record-source.js';
import { settles } from '../base/settles.js';
import { JourneyIntake } from '../trace/journey-intake.js';
import type { Coverage, FieldDescription, Journey, Losses, RecordOptions, Statistics, TraceSession } from './api.js';
import type { AnyEvent, Collector } from './collector.js';
import type { Log } from './log.js';

/** How long the end waits for iterators that take nothing, in milliseconds. */
const STALLED_MS = 1000;

export abstract class TakenTrace implements TraceSession<AnyEvent> {
  readonly backend: BackendName;
  readonly fields: readonly FieldDescription[];
  abstract readonly warnings: readonly string[];
  abstract readonly coverage: Coverage;
  protected readonly collector: Collector;
  protected readonly intake: JourneyIntake;

  /** @param collector takes the records of the source */
  constructor(
    { header, places }: Pick<RecordSource, 'header' | 'places'>,
    collector: Collector,
    fields: readonly FieldDescription[],
  ) {
    this.backend = header.backend;
    this.fields = fields;
    this.collector = collector;
    this.intake = new JourneyIntake(collector, places);
  }

  abstract record(path: string, options?: RecordOptions): Promise<void>;
  abstract stop(): Promise<void>;
  abstract [Symbol.asyncDispose](): Promise<void>;

  /** Resolves when all has been read, or rejects where that failed. Logs forget their oldest items meanwhile. */
  protected abstract whenRead(): Promise<void>;
  protected abstract get losses(): TraceLosses;

  events(): AsyncIterableIterator<AnyEvent> {
    return this.collector.events.iterate();
  }

  journeys(): AsyncIterableIterator<Journey<AnyEvent>> {
    return this.collector.journeys.iterate();
  }

  allEvents(): Promise<AnyEvent[]> {
    return this.#collect(this.collector.events);
  }

  allJourneys(): Promise<Journey<AnyEvent>[]> {
    return this.#collect(this.collector.journeys);
  }

  /** Iterates only when all has been read: until then the log forgets its oldest items, so that memory is bounded. */
  async #collect<T>(log: Log<T>): Promise<T[]> {
    await this.whenRead().catch(() => {});
    const items: T[] = [];
    for await (const item of log.iterate()) items.push(item);
    return items;
  }

  /** Waits until all is read, or until no iterator takes anything: the end does not wait for those. */
  protected async whenReadOrStalled(): Promise<void> {
    const reading = this.whenRead();
    for (;;) {
      const { taken } = this.collector;
      if (await settles(reading, { withinMs: STALLED_MS })) return;
      if (!this.collector.wantsMore && taken === this.collector.taken) return;
    }
  }

  get statistics(): Statistics {
    const { counts, events, gaps } = this.intake.tracker;
    const journeys = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, counts.get(outcome) ?? 0]));
    const lost = this.#describeLosses();
    const { events: keptEvents, journeys: keptJourneys } = this.collector;
    const { refused, unwatched } = this.coverage;
    const { ring, switchedOff, countsMisses: _, ...counted } = lost;
    const nothingLost =
      ring.length === 0 && switchedOff.length === 0 && Object.values(counted).every((count) => count === 0);
    return {
      ...{ events, gaps, lost },
      journeys: journeys as Record<Outcome, number>,
      forgotten: { events: keptEvents.forgotten, journeys: keptJourneys.forgotten },
      isWhole: nothingLost && gaps === 0 && refused.length === 0 && unwatched.length === 0,
    };
  }

  #describeLosses(): Losses {
    const { cpus, unfollowed, unseen, ends, missed, countsMisses, switchedOff } = this.losses;
    return {
      ring: cpus.map(({ cpu, lost, firstNs, lastNs }) => ({ cpu, events: Number(lost), firstNs, lastNs })),
      ...{ unfollowed: Number(unfollowed), unseen: Number(unseen), ends: Number(ends) },
      ...{ late: this.intake.tracker.late, unkept: this.collector.unkept },
      ...{ missedCalls: Number(missed.shown), missedDeciding: Number(missed.deciding) },
      ...{ countsMisses, switchedOff },
    };
  }
}
