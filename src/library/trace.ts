/** `trace`: from options to a session that runs. */
import { causedBy, ExtensionError } from '../base/errors.js';
import type { TracerName } from '../base/method.js';
import { printable } from '../base/printable.js';
import { type LiveTrace, prepareTrace } from '../trace/live-trace.js';
import type { TracePlan } from '../trace/plan.js';
import { releaseAfter } from '../trace/release.js';
import type { EventOf, FieldSchema, FieldsOf, TraceOptions, TraceSession } from './api.js';
import { createCollector } from './collector.js';
import { type CheckedOptions, checkOptions } from './options.js';
import { RunningTrace } from './running-trace.js';
import { checkSchema, describeFields } from './schema.js';

/**
 * Traces what packets with a mark do inside the running kernel. Resolves when tracing is ready: what happens from then
 * on is seen. Needs root, or CAP_BPF and CAP_PERFMON with a readable tracefs.
 *
 * ```ts
 * await using session = await trace({ mark: 0xdeadbeef });
 * // send packets
 * await session.stop();
 * for (const journey of await session.allJourneys()) console.log(journey.outcome, journey.events.length);
 * ```
 *
 * @param options - what to trace, and how
 * @returns the session; the process stays alive until it is stopped
 * @throws UsageError for options that make no sense
 * @throws EnvironmentError, UnsupportedFeatureError or SystemCallError where this machine can't be traced
 * @throws ExtensionError or VerifierError for an extension that can't be used
 * @throws the reason of `signal`, when it is aborted before tracing is ready
 */
export async function trace<
  const Schema extends FieldSchema = FieldSchema,
  const Tracer extends TracerName = 'function',
>(options: TraceOptions<Schema, Tracer>): Promise<TraceSession<EventOf<Tracer, FieldsOf<Schema>>>> {
  const running = await start(checkOptions(options));
  // The fields have the schema's types, which were compared with the event struct.
  return running as unknown as TraceSession<EventOf<Tracer, FieldsOf<Schema>>>;
}

async function start({ plan, fields: schema, maxEvents, signal }: CheckedOptions): Promise<RunningTrace> {
  const warnings: string[] = [];
  const live = await prepare(plan, schema, signal, warnings);
  try {
    const collector = createCollector(live, schema && Object.keys(schema), maxEvents);
    const source = await live.attach(signal);
    signal.throwIfAborted();
    return new RunningTrace(live, source, collector, {
      fields: describeFields(live.header.fields, schema),
      warnings,
      signal,
    });
  } catch (error) {
    return await releaseAfter(error, () => live.session.release());
  }
}

async function prepare(
  plan: TracePlan,
  schema: FieldSchema | undefined,
  signal: AbortSignal,
  warnings: string[],
): Promise<LiveTrace> {
  let said = '';
  try {
    return await prepareTrace(plan, {
      signal,
      warn: (text) => warnings.push(text),
      onCompilerOutput: (text) => {
        said += text;
      },
      checkFields(struct) {
        if (said !== '') warnings.push(printable(said, { multiline: true }).trimEnd());
        if (schema) checkSchema(struct, schema);
      },
    });
  } catch (error) {
    // An error after the signal comes from being cut short.
    signal.throwIfAborted();
    if (!(error instanceof ExtensionError) || said === '') throw error;
    throw causedBy(new ExtensionError(error.message, error.hint, printable(said, { multiline: true })), error);
  }
}
