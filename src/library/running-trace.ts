/** A running trace: reads records until it is stopped, and hands out events and journeys. */

import { OUTCOMES, type Outcome } from '../base/journey.js';
import type { TraceLosses } from '../base/losses.js';
import type { BackendName } from '../base/method.js';
import type { RecordSource } from '../base/record-source.js';
import { settles } from '../base/settles.js';
import { JourneyIntake } from '../trace/journey-intake.js';
import type { LiveTrace } from '../trace/live-trace.js';
import { TraceRun } from '../trace/run.js';
import type { Coverage, FieldDescription, Journey, Losses, Statistics, TraceSession } from './api.js';
import type { AnyEvent, Collector } from './collector.js';
import type { Log } from './log.js';

/** How long the end waits for iterators that take nothing, in milliseconds. */
const STALLED_MS = 1000;

export interface TraceFacts {
  readonly fields: readonly FieldDescription[];
  readonly warnings: readonly string[];
  /** Ends the trace. */
  readonly signal: AbortSignal;
}

export class RunningTrace implements TraceSession<AnyEvent> {
  readonly backend: BackendName;
  readonly fields: readonly FieldDescription[];
  readonly warnings: readonly string[];
  readonly coverage: Coverage;
  readonly #live: LiveTrace;
  readonly #collector: Collector;
  readonly #intake: JourneyIntake;
  readonly #run: TraceRun;
  readonly #signal: AbortSignal;
  readonly #ending = new AbortController();
  readonly #reading: Promise<void>;
  #stopping: Promise<void> | undefined;
  /** The losses at the end, since the kernel can't be asked afterwards. */
  #losses: TraceLosses | undefined;
  /** Whether all has been read, and whether all is detached. When both hold, the session is closed. */
  #isRead = false;
  #isStopped = false;

  /** Owns the trace, which is attached. @param source its records @param collector takes them */
  constructor(live: LiveTrace, source: RecordSource, collector: Collector, facts: TraceFacts) {
    this.backend = live.header.backend;
    this.fields = facts.fields;
    this.warnings = facts.warnings;
    this.coverage = describeCoverage(live);
    this.#live = live;
    this.#collector = collector;
    this.#intake = new JourneyIntake(collector, source.places);
    this.#run = new TraceRun(source, this.#intake, collector, live.plan.until);
    this.#signal = facts.signal;
    this.#signal.addEventListener('abort', this.#end, { once: true });
    this.#reading = this.#read();
    // Iterators and `stop` get the error.
    this.#reading.catch(this.#end);
  }

  readonly #end = () => {
    this.stop().catch(() => {});
  };

  async #read(): Promise<void> {
    try {
      await this.#run.run(this.#ending.signal);
      await this.#run.finish();
    } catch (error) {
      this.#collector.end(error);
      throw error;
    } finally {
      this.#isRead = true;
      if (this.#isStopped) this.#live.session[Symbol.dispose]();
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#end);
    this.#ending.abort();
    try {
      await this.#whenReadOrStalled();
    } finally {
      await this.#detach();
    }
  }

  async #detach(): Promise<void> {
    const { session } = this.#live;
    try {
      // Also if reading failed, since the kernel can't be asked later.
      this.#losses ??= this.#run.losses;
    } finally {
      await session.detach().finally(() => {
        // The rest of the ring is read when iterators take it.
        if (this.#isRead) session[Symbol.dispose]();
        this.#isStopped = true;
      });
    }
  }

  /** Waits until all is read, or until no iterator takes anything: the trace ends without waiting for those. */
  async #whenReadOrStalled(): Promise<void> {
    for (;;) {
      const { taken } = this.#collector;
      if (await settles(this.#reading, { withinMs: STALLED_MS })) return;
      if (!this.#collector.wantsMore && taken === this.#collector.taken) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  events(): AsyncIterableIterator<AnyEvent> {
    return this.#collector.events.iterate();
  }

  journeys(): AsyncIterableIterator<Journey<AnyEvent>> {
    return this.#collector.journeys.iterate();
  }

  allEvents(): Promise<AnyEvent[]> {
    return this.#collect(this.#collector.events);
  }

  allJourneys(): Promise<Journey<AnyEvent>[]> {
    return this.#collect(this.#collector.journeys);
  }

  /** Iterates only when the trace has ended: until then the log forgets its oldest items, so that memory is bounded. */
  async #collect<T>(log: Log<T>): Promise<T[]> {
    await this.#reading.catch(() => {});
    const items: T[] = [];
    for await (const item of log.iterate()) items.push(item);
    return items;
  }

  get statistics(): Statistics {
    const { counts, events, gaps } = this.#intake.tracker;
    const journeys = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, counts.get(outcome) ?? 0]));
    const lost = this.#describeLosses();
    const { events: keptEvents, journeys: keptJourneys } = this.#collector;
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
    const { cpus, unfollowed, unseen, ends, missed, countsMisses, switchedOff } = this.#losses ?? this.#run.losses;
    return {
      ring: cpus.map(({ cpu, lost, firstNs, lastNs }) => ({ cpu, events: Number(lost), firstNs, lastNs })),
      ...{ unfollowed: Number(unfollowed), unseen: Number(unseen), ends: Number(ends) },
      ...{ late: this.#intake.tracker.late, unkept: this.#collector.unkept },
      ...{ missedCalls: Number(missed.shown), missedDeciding: Number(missed.deciding) },
      ...{ countsMisses, switchedOff },
    };
  }
}

function describeCoverage({ session, selection }: LiveTrace): Coverage {
  const { traced: attached, refused, unwatched } = session.coverage;
  const { filtered, excluded, unknownModules } = selection;
  return { attached, filtered, refused, excluded, unknownModules, unwatched };
}
