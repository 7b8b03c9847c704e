/** A running trace: reads records until it is stopped, and hands out events and journeys. */

import { UsageError } from '../base/errors.js';
import type { TraceLosses } from '../base/losses.js';
import { printable } from '../base/printable.js';
import type { RecordSource } from '../base/record-source.js';
import type { LiveTrace } from '../trace/live-trace.js';
import { beginRecording, type LateRecording } from '../trace/record.js';
import { TraceRun } from '../trace/run.js';
import { TeeIntake } from '../trace/tee-intake.js';
import type { Coverage, FieldDescription, RecordOptions } from './api.js';
import type { Collector } from './collector.js';
import { checkRecordOptions } from './options.js';
import { TakenTrace } from './taken-trace.js';

export interface TraceFacts {
  readonly fields: readonly FieldDescription[];
  readonly warnings: readonly string[];
  /** Ends the trace. */
  readonly signal: AbortSignal;
}

export class RunningTrace extends TakenTrace {
  readonly warnings: readonly string[];
  readonly coverage: Coverage;
  readonly #live: LiveTrace;
  readonly #source: RecordSource;
  readonly #tee: TeeIntake;
  #recording: LateRecording | undefined;
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
    super(source, collector, facts.fields);
    this.warnings = facts.warnings;
    this.coverage = describeCoverage(live);
    this.#live = live;
    this.#source = source;
    this.#tee = new TeeIntake(this.intake);
    const client = {
      handOn: async (idleMs: number, signal?: AbortSignal) => {
        await collector.handOn(idleMs, signal);
        await this.#recording?.sink.drain(signal);
      },
      finish: async () => {
        // Whole, whatever loops take.
        await this.#recording?.sink.close();
        await collector.finish();
      },
    };
    this.#run = new TraceRun(source, this.#tee, client, live.plan.until);
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
      this.#live.endFields();
    } catch (error) {
      this.collector.end(error);
      throw error;
    } finally {
      this.#isRead = true;
      if (this.#isStopped) this.#live.session[Symbol.dispose]();
    }
  }

  async record(path: string, options: RecordOptions = {}): Promise<void> {
    const place = checkRecordOptions(path, options);
    const refusal = this.#recording ? 'is being recorded already' : this.#isEnding ? 'has ended' : undefined;
    if (refusal !== undefined)
      throw new UsageError(`the session can't be recorded to ${printable(path)}: it ${refusal}`);
    this.#recording = beginRecording(this.#live, this.#source, this.intake.tracker, place);
    this.#tee.record(this.#recording.recorder);
  }

  get #isEnding(): boolean {
    return this.#ending.signal.aborted || this.#isRead;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#end);
    this.#ending.abort();
    try {
      await this.whenReadOrStalled();
    } finally {
      await this.#detach();
    }
    if (this.#recording?.sink.problem) throw this.#recording.sink.problem;
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  protected whenRead(): Promise<void> {
    return this.#reading;
  }

  protected get losses(): TraceLosses {
    return this.#losses ?? this.#run.losses;
  }
}

/** Which functions a trace that is attached has, and which it lacks. */
export function describeCoverage({ session, selection }: LiveTrace): Coverage {
  const { traced: attached, refused, unwatched } = session.coverage;
  const { filtered, excluded, unknownModules } = selection;
  return { attached, filtered, refused, excluded, unknownModules, unwatched };
}
