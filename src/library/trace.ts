/** `trace`: from options to a session that runs. */
import { causedBy, ExtensionError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import type { RecordSource } from '../base/record-source.js';
import { checkCommand } from '../trace/command.js';
import { type LiveTrace, prepareTrace } from '../trace/live-trace.js';
import type { TracePlan } from '../trace/plan.js';
import { releaseAfter } from '../trace/release.js';
import type { CommandOptions, FieldSchema, Trace, TraceOptions } from './api.js';
import { type Collector, createCollector } from './collector.js';
import { CommandTrace } from './command-trace.js';
import { type CheckedOptions, checkCommandOptions, checkOptions } from './options.js';
import { RunningTrace, type TraceFacts } from './running-trace.js';
import { checkSchema, describeFields } from './schema.js';

/** Traces what packets do inside the running kernel: see `Trace`. */
export const trace: Trace = Object.assign(
  async (options: TraceOptions) => await start(checkOptions(options), (...parts) => new RunningTrace(...parts)),
  {
    async command(argv: readonly string[], options: CommandOptions = {}) {
      const { environment, command: plan, ...checked } = checkCommandOptions(argv, options);
      checkCommand(plan);
      return await start(checked, (...parts) => CommandTrace.start(...parts, { plan, environment }));
    },
  },
  // The fields have the schema's types, which are compared with the event struct.
) as unknown as Trace;

async function start<T extends RunningTrace>(
  { plan, fields: schema, maxEvents, signal }: CheckedOptions,
  begin: (live: LiveTrace, source: RecordSource, collector: Collector, facts: TraceFacts) => T,
): Promise<T> {
  const warnings: string[] = [];
  const live = await prepare(plan, schema, signal, warnings);
  try {
    const collector = createCollector(live, schema && Object.keys(schema), maxEvents);
    const source = await live.attach(signal);
    signal.throwIfAborted();
    return begin(live, source, collector, {
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
