/** A trace that has ended: reads its recording as iterators take, and hands out events and journeys. */
import { counted } from '../base/counted.js';
import { UsageError } from '../base/errors.js';
import type { TraceLosses } from '../base/losses.js';
import { printable } from '../base/printable.js';
import { settles } from '../base/settles.js';
import type { Recording } from '../recording/recording.js';
import { TraceRun } from '../trace/run.js';
import type { Coverage, FieldDescription, RecordedSession, RecordingFacts, Statistics } from './api.js';
import type { AnyEvent, Collector } from './collector.js';
import { TakenTrace } from './taken-trace.js';

export class RecordedTrace extends TakenTrace implements RecordedSession<AnyEvent> {
  readonly warnings: string[] = [];
  readonly recording: RecordingFacts;
  readonly #file: Recording;
  readonly #run: TraceRun;
  readonly #signal: AbortSignal;
  readonly #closing = new AbortController();
  /** Whether all is to be read, also where no iterator waits for it. */
  #readsAll = false;
  #reading: Promise<void> | undefined;
  #isClosed = false;
  #wake = () => {};

  /** Owns the file. @param collector takes its records @param signal closes the session */
  constructor(file: Recording, collector: Collector, fields: readonly FieldDescription[], signal: AbortSignal) {
    super(file, collector, fields);
    this.recording = describe(file);
    this.#file = file;
    this.#run = new TraceRun(file, this.intake, {
      handOn: (idleMs) => this.#handOn(idleMs),
      finish: () => collector.finish(),
    });
    collector.onAwaited = () => {
      this.#begin().catch(() => {});
      this.#wake();
    };
    this.#signal = signal;
    signal.addEventListener('abort', this.#close, { once: true });
    if (signal.aborted) this.#close();
  }

  /** What a recording does not keep of it is empty. */
  get coverage(): Coverage {
    const { traced: attached, refused, unwatched } = this.#file.coverage;
    return { attached, filtered: 0, refused, excluded: [], unknownModules: [], unwatched };
  }

  override get statistics(): Statistics {
    const statistics = super.statistics;
    return { ...statistics, isWhole: statistics.isWhole && !this.#file.endedEarly };
  }

  protected get losses(): TraceLosses {
    return this.#file.losses();
  }

  protected whenRead(): Promise<void> {
    this.#readsAll = true;
    this.#wake();
    return this.#begin();
  }

  async record(): Promise<void> {
    throw new UsageError('this trace is recorded already: copy the file');
  }

  /** A trace that has ended needs no stop. Reading does: what loops have not taken by then is not read. */
  async stop(): Promise<void> {
    if (this.#readsAll) await this.whenRead();
    else if (this.#reading) this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
  }

  #begin(): Promise<void> {
    this.#reading ??= this.#read();
    return this.#reading;
  }

  async #read(): Promise<void> {
    try {
      await this.#run.run(this.#closing.signal);
      this.#warn();
      const isCut = this.#closing.signal.aborted;
      this.#close();
      if (!isCut) await this.#run.finish();
    } catch (error) {
      this.#close();
      this.collector.end(error);
      throw error;
    }
  }

  #warn(): void {
    const { carried, endedEarly, unread } = this.#file;
    if (carried > 0) {
      this.warnings.push(
        `${counted(carried, 'journey')} began before this recording: their first events are not in it`,
      );
    }
    if (endedEarly) this.warnings.push(endedEarly.problem);
    if (endedEarly && unread.length > 0) {
      this.warnings.push(`not read, since they come behind: ${unread.map((file) => printable(file)).join(', ')}`);
    }
  }

  /** Hands on what was read, and waits until more is wanted. */
  async #handOn(idleMs: number): Promise<void> {
    const { signal } = this.#closing;
    await this.collector.handOn(idleMs, signal);
    while (!this.#readsAll && !this.collector.isAwaited && !signal.aborted) {
      const awaited = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await settles(awaited, { signal });
    }
  }

  /** Closes the file. Iterators end after what has been read, unless all was. */
  readonly #close = () => {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#signal.removeEventListener('abort', this.#close);
    this.#closing.abort();
    this.#file[Symbol.dispose]();
    if (!this.#file.isOver) this.collector.end();
  };
}

function describe({ facts }: Recording): RecordingFacts {
  const { version, kernel, host, tracer, beganNs, realtimeOffsetNs, plan, id, part } = facts;
  const { packets, functions, modules, samplePeriod } = plan;
  return {
    ...{ id, part, host, kernel, version, tracer, packets, functions, modules, samplePeriod },
    ...{ beganNs, beganAt: new Date(Number((beganNs + realtimeOffsetNs) / 1_000_000n)), realtimeOffsetNs },
  };
}
