/** `count`: packets are counted in the kernel, by the values of expressions. */
import type { Counts } from '../base/counts.js';
import type { TraceLosses } from '../base/losses.js';
import type { BackendName } from '../base/method.js';
import type { RecordSource } from '../base/record-source.js';
import { Counting, NoIntake } from '../trace/counting.js';
import { type LiveTrace, prepareTrace } from '../trace/live-trace.js';
import { releaseAfter } from '../trace/release.js';
import { TraceRun } from '../trace/run.js';
import type { CountLosses, CountOptions, CountResult, CountSession, Coverage } from './api.js';
import { checkCountOptions } from './options.js';
import { describeCoverage } from './running-trace.js';

/**
 * Counts packets, or calls of functions with them, by the values of expressions, as `ipft --count-by` does: in the kernel,
 * without an event for each. Resolves when counting has begun.
 *
 * ```ts
 * await using counting = await count({ countBy: 'skb->dev->name', histogram: 'skb->len' });
 * // send packets
 * await counting.stop();
 * for (const { values, count } of counting.read().rows) console.log(values, count);
 * ```
 *
 * @param options - what to count, and by what
 * @returns the session; the process stays alive until it is stopped
 * @throws UsageError for options that make no sense, and for expressions that can't be used
 * @throws EnvironmentError, UnsupportedFeatureError or SystemCallError where this machine can't be traced
 * @throws the reason of `signal`, when it is aborted before counting begins
 */
export async function count(options: CountOptions): Promise<CountSession> {
  const { plan, signal } = checkCountOptions(options);
  const warnings: string[] = [];
  let live: LiveTrace;
  try {
    live = await prepareTrace(plan, { signal, warn: (text) => warnings.push(text), onCompilerOutput() {} });
  } catch (error) {
    // An error after the signal comes from being cut short.
    signal.throwIfAborted();
    throw error;
  }
  try {
    const source = await live.attach(signal);
    signal.throwIfAborted();
    return new RunningCount(live, source, warnings, signal);
  } catch (error) {
    return await releaseAfter(error, () => live.session.release());
  }
}

class RunningCount implements CountSession {
  readonly backend: BackendName;
  readonly coverage: Coverage;
  readonly warnings: readonly string[];
  readonly #live: LiveTrace;
  readonly #counting: Counting;
  readonly #run: TraceRun;
  readonly #signal: AbortSignal;
  readonly #ending = new AbortController();
  readonly #reading: Promise<void>;
  #stopping: Promise<void> | undefined;
  /** What is known at the end, since the kernel can't be asked afterwards. */
  #last: { readonly counts: Counts; readonly losses: TraceLosses } | undefined;

  /** Owns the trace, which is attached. */
  constructor(live: LiveTrace, source: RecordSource, warnings: readonly string[], signal: AbortSignal) {
    this.backend = live.header.backend;
    this.coverage = describeCoverage(live);
    this.warnings = warnings;
    this.#live = live;
    this.#counting = new Counting(live);
    this.#run = new TraceRun(source, new NoIntake(), { handOn: async () => {}, finish: async () => {} });
    this.#signal = signal;
    signal.addEventListener('abort', this.#end, { once: true });
    this.#reading = this.#run.run(this.#ending.signal).then(() => this.#run.finish());
    // `stop` gets the error.
    this.#reading.catch(this.#end);
  }

  readonly #end = () => {
    this.stop().catch(() => {});
  };

  read(): CountResult {
    return describe(this.#last?.counts ?? this.#counting.read());
  }

  get lost(): CountLosses {
    const { unfollowed, missed, countsMisses, switchedOff } = this.#last?.losses ?? this.#run.losses;
    return {
      ...{ unfollowed: Number(unfollowed), missedCalls: Number(missed.shown) },
      ...{ missedDeciding: Number(missed.deciding), countsMisses, switchedOff },
    };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#end);
    this.#ending.abort();
    try {
      await this.#reading;
      this.#last = { counts: this.#counting.read(), losses: this.#run.losses };
    } finally {
      await this.#live.session.release();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

function describe({ columns, histogram, rows, total, valueless, uncounted }: Counts): CountResult {
  return {
    ...{ total, withoutValue: valueless, uncounted },
    rows: rows.map(({ values, count, steps }) => ({
      values: Object.fromEntries(
        columns.flatMap((name, index) => {
          const value = values[index];
          return value ? [[name, value.value]] : [];
        }),
      ),
      count,
      histogram: histogram === undefined ? undefined : steps,
    })),
  };
}
