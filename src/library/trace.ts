/** `trace`: from options to a session that runs. */
import { setImmediate as immediate } from 'node:timers/promises';
import { causedBy, ExtensionError } from '../base/errors.js';
import type { TracerName } from '../base/method.js';
import { printable } from '../base/printable.js';
import type { Target } from '../base/target.js';
import { raiseLimits } from '../capture/process.js';
import { Session } from '../capture/session.js';
import { type Extension, loadExtension } from '../fields/c/extension.js';
import { Places } from '../journey/places.js';
import { loadMemoryRoom } from '../kernel/memory.js';
import { checkKernel } from '../kernel/preflight.js';
import { kernelNamesAddresses, loadSymbolWriter } from '../kernel/symbols.js';
import { chooseBackend } from '../probes/backends.js';
import { loadTargets } from '../probes/targets.js';
import { createKernelNames } from '../trace/kernel-names.js';
import { attachedBytes, checkMemory, planMemory } from '../trace/memory-plan.js';
import type { EventOf, FieldDescription, FieldSchema, FieldsOf, TraceOptions, TraceSession } from './api.js';
import { Collector } from './collector.js';
import { type CheckedOptions, checkOptions } from './options.js';
import { RunningTrace } from './running-trace.js';
import { checkSchema } from './schema.js';

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
  // What is read is what the schema says: it was compared with the event struct.
  return running as unknown as TraceSession<EventOf<Tracer, FieldsOf<Schema>>>;
}

async function start(options: CheckedOptions): Promise<RunningTrace> {
  const { signal, tracer } = options;
  await turn(signal);
  checkMemory({ isFiltered: (options.functionPattern ?? options.modulePattern) !== undefined }, loadMemoryRoom());
  // Before Linux 5.11 programs count as locked memory, which the kernel is asked for here already.
  const warnings = [...options.warnings, ...(options.raiseLimits ? raiseLimits() : [])];
  checkKernel();
  await turn(signal);
  const { backend } = await chooseBackend(tracer, options.backend);
  await turn(signal);
  const selection = await loadTargets(backend.access, options, signal);
  await turn(signal);
  const extension = options.extension.length > 0 ? await load(options, warnings) : undefined;
  await turn(signal);
  const memory = planMemory(options, loadMemoryRoom(), attachedBytes(backend, tracer, selection.targets.length));
  if (memory.notice !== undefined) warnings.push(memory.notice);
  const { targets, deciding } = selection;
  const places = new Places();
  const collector = createCollector(options, targets, extension, places);
  const session = await Session.open({ ...options, ...memory, backend, targets, deciding, extension }, signal);
  try {
    await session.attach(signal);
    signal.throwIfAborted();
    const fields = describeFields(options, extension);
    return new RunningTrace(session, collector, {
      ...{ backend: backend.name, selection, places, fields, warnings, signal },
    });
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** The kernel and files are read at one go: in between, others get their turn. */
async function turn(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await immediate();
  signal.throwIfAborted();
}

async function load(options: CheckedOptions, warnings: string[]): Promise<Extension> {
  const { signal, fields, compileTimeoutSeconds: timeoutSeconds } = options;
  let said = '';
  const onOutput = (text: string) => {
    said += text;
  };
  try {
    const extension = await loadExtension(options.extension, { timeoutSeconds, signal, onOutput });
    if (said !== '') warnings.push(printable(said, { multiline: true }).trimEnd());
    warnings.push(...extension.eventStruct.warnings);
    if (fields) checkSchema(extension.eventStruct, fields);
    return extension;
  } catch (error) {
    // What was cut short fails for that.
    signal.throwIfAborted();
    if (!(error instanceof ExtensionError) || said === '') throw error;
    throw causedBy(new ExtensionError(error.message, error.hint, printable(said, { multiline: true })), error);
  }
}

function createCollector(
  options: CheckedOptions,
  targets: readonly Target[],
  extension: Extension | undefined,
  places: Places,
): Collector {
  const struct = extension?.eventStruct;
  const symbols = struct?.usesSymbols || !kernelNamesAddresses() ? loadSymbolWriter() : undefined;
  return new Collector({
    ...{ targets, hasReturns: options.tracer === 'function_graph', maxEvents: options.maxEvents },
    ...{ dataSize: struct?.sizeBytes ?? 0, names: createKernelNames(symbols), places },
    readFields: struct?.createReader(symbols ?? (() => {}), options.fields && Object.keys(options.fields)),
  });
}

function describeFields({ fields: schema }: CheckedOptions, extension: Extension | undefined): FieldDescription[] {
  if (!extension) return [];
  const { fields, types } = extension.eventStruct;
  return fields
    .filter(({ name }) => !schema || Object.hasOwn(schema, name))
    .map(({ name, type, format }) => ({ name, type: types[name]!, cType: type, format }));
}
