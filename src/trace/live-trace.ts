/** A trace of the running kernel, from its plan to the source of its records. */
import { release } from 'node:os';
import { setImmediate as immediate } from 'node:timers/promises';
import { Places } from '../base/places.js';
import type { TraceHeader } from '../base/record-source.js';
import type { Target } from '../base/target.js';
import { LiveSource } from '../capture/live-source.js';
import { raiseLimits } from '../capture/process.js';
import { Session } from '../capture/session.js';
import { KernelTypes } from '../expression/kernel-types.js';
import { builtinSource } from '../fields/builtin/builtin.js';
import { countSource } from '../fields/expression/count.js';
import { showSource } from '../fields/expression/show.js';
import { extensionSource } from '../fields/extension.js';
import { type EventFields, type FieldSource, loadFields } from '../fields/field-set.js';
import { groupFinder } from '../kernel/control-groups.js';
import { loadMemoryRoom } from '../kernel/memory.js';
import { loadLiveModules } from '../kernel/modules.js';
import { createKernelNames } from '../kernel/names.js';
import { NetnsNames } from '../kernel/netns-names.js';
import { checkKernel } from '../kernel/preflight.js';
import { kernelNamesAddresses, loadSymbolWriter } from '../kernel/symbols.js';
import { kernelTypeSource } from '../kernel/type-source.js';
import type { AttachProgress } from '../probes/attachment.js';
import { type BackendChoice, chooseBackend } from '../probes/backends.js';
import { loadTargets, type TargetSelection } from '../probes/targets.js';
import { readHostNames } from '../sys/host-names.js';
import { realtimeOffsetNs } from '../sys/libc.js';
import { packageVersion } from '../sys/version.js';
import type { TraceHost } from './host.js';
import { attachedBytes, checkMemory, planMemory, processBytes } from './memory-plan.js';
import { ModuleFollower } from './module-follower.js';
import { resolvePackets } from './packets.js';
import type { TracePlan } from './plan.js';

/** A trace whose programs are loaded. */
export interface LiveTrace {
  readonly plan: TracePlan;
  readonly choice: BackendChoice;
  readonly selection: TargetSelection;
  readonly header: TraceHeader;
  /** Those of the header, with what they were read from. */
  readonly fields: EventFields;
  /** The places, by the number that events carry. */
  readonly places: Places;
  /** The memory for journeys, in bytes. */
  readonly maxMemoryBytes: number;
  readonly ringSizeBytes: number;
  /** What is attached, and how it goes again: the trace's owner releases it, or disposes of it. */
  readonly session: Session;
  /**
   * Attaches the programs; functions that the kernel refuses are in `session.coverage`.
   * @param signal ends it early, without an error; what is attached by then stays until the session is released
   * @returns the records from now on
   * @throws SystemCallError, or UnsupportedFeatureError if the kernel takes none of the functions
   */
  attach(signal: AbortSignal, onProgress?: AttachProgress): Promise<LiveSource>;
  /** Tells what computes fields that the trace has ended regularly, and its result is made. @throws ExtensionError */
  endFields(): void;
}

/**
 * Finds the functions, compiles the extension and loads the programs. Nothing is attached yet.
 * @throws EnvironmentError, UnsupportedFeatureError or SystemCallError where this machine can't be traced
 * @throws UsageError for an expression that can't be used
 * @throws ExtensionError or VerifierError for an extension that can't be used
 * @throws the reason of the host's signal; then nothing stays open
 */
export async function prepareTrace(plan: TracePlan, host: TraceHost): Promise<LiveTrace> {
  const { signal } = host;
  const { probes, limits } = plan;
  for (const warning of plan.warnings) host.warn(warning);
  await turn(signal);
  const types = once(() => new KernelTypes(kernelTypeSource()));
  const packets = resolvePackets(plan.packets, plan.names, types, (text) => host.warn(text));
  await turn(signal);
  const isFiltered = (probes.functionPattern ?? probes.modulePattern) !== undefined;
  checkMemory({ isFiltered }, loadMemoryRoom());
  // Before loading, since programs count as locked memory before Linux 5.11.
  const unraised = limits.raiseLimits ? raiseLimits() : [];
  checkKernel();
  for (const warning of unraised) host.warn(warning);
  await turn(signal);
  const choice = await chooseBackend(probes.tracer, probes.backend);
  host.onBackend?.(choice);
  const { backend } = choice;
  await turn(signal);
  const selection = await loadTargets(backend, probes, signal);
  await turn(signal);
  // Read before attaching, which may take minutes.
  const loaded = loadLiveModules();
  const fields = await load(plan, types, host);
  await turn(signal);
  const attached = attachedBytes(backend, probes.tracer, selection.targets.length) + processBytes(plan.who);
  const memory = planMemory(limits, loadMemoryRoom(), attached);
  if (memory.warning !== undefined) host.warn(memory.warning);
  const targets = [...selection.targets];
  const header = describe(plan, choice, targets, fields);
  const models = probes.followModules ? (await loadTargets(backend)).targets : targets;
  await turn(signal);
  const session = await Session.open(
    {
      ...{ backend, targets, models, deciding: selection.deciding, fields, tracer: probes.tracer },
      ...{ packets, follow: plan.follow, snaplen: plan.snaplen, samplePeriod: probes.samplePeriod },
      ...{ ringSizeBytes: memory.ringSizeBytes, findGroup: plan.who ? header.findGroup : undefined },
      countedPer: plan.counting?.per,
    },
    signal,
  );
  const { maxMemoryBytes, ringSizeBytes } = memory;
  const modules = probes.followModules
    ? new ModuleFollower({ session, choice, probes, host, modules: loaded, targets })
    : undefined;
  const places = new Places();
  return {
    ...{ plan, choice, selection, header, fields, places, maxMemoryBytes, ringSizeBytes, session },
    async attach(signal, onProgress) {
      for (const { computed } of fields.sets) computed?.begin?.();
      await session.attach(signal, onProgress);
      return new LiveSource(session, header, places, (signal) => modules?.look(signal));
    },
    endFields() {
      for (const { computed } of fields.sets) computed?.end?.();
    },
  };
}

/**
 * Chooses the backend and the functions of a plan.
 * @throws as `prepareTrace`
 */
export async function selectTargets(
  { probes, limits }: Pick<TracePlan, 'probes' | 'limits'>,
  { signal, warn, onBackend }: Pick<TraceHost, 'signal' | 'warn' | 'onBackend'>,
): Promise<{ choice: BackendChoice; selection: TargetSelection }> {
  // Before loading, since programs count as locked memory before Linux 5.11.
  const unraised = limits.raiseLimits ? raiseLimits() : [];
  checkKernel();
  for (const warning of unraised) warn(warning);
  await turn(signal);
  const choice = await chooseBackend(probes.tracer, probes.backend);
  onBackend?.(choice);
  await turn(signal);
  const selection = await loadTargets(choice.backend, probes, signal);
  await turn(signal);
  return { choice, selection };
}

/** Makes a value when it is asked for first. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** Lets the event loop turn once, for signals and other work: reading the kernel and files blocks it. */
async function turn(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await immediate();
  await immediate();
  signal.throwIfAborted();
}

async function load(plan: TracePlan, types: () => KernelTypes, host: TraceHost): Promise<EventFields> {
  const fields = await loadFields(sourcesOf(plan, types, host));
  if (fields.sets.length > 0) host.checkFields?.(fields);
  for (const warning of fields.warnings) host.warn(warning);
  return fields;
}

/** Where fields come from, in the order in which they are shown. */
function sourcesOf({ fields, counting, names }: TracePlan, types: () => KernelTypes, host: TraceHost): FieldSource[] {
  if (counting) return [countSource(counting, names, types)];
  const { signal, hasColor = false, printer } = host;
  const options = { timeoutSeconds: fields.compileTimeoutSeconds, color: hasColor, signal };
  const onOutput = (text: string) => host.onCompilerOutput(text);
  return [
    ...(fields.builtin.length > 0 ? [builtinSource(fields.builtin)] : []),
    ...(fields.show.length > 0 ? [showSource(fields.show, names.show, types)] : []),
    ...(fields.extension.paths.length > 0
      ? [extensionSource(fields.extension, { ...options, onOutput, printer, types })]
      : []),
  ];
}

function describe(
  { probes }: TracePlan,
  { backend }: BackendChoice,
  targets: readonly Target[],
  fields: EventFields,
): TraceHeader {
  const symbols = fields.usesSymbols || !kernelNamesAddresses() ? loadSymbolWriter() : undefined;
  const netnsNames = new NetnsNames();
  return {
    ...{ version: packageVersion(), kernel: release(), tracer: probes.tracer, backend: backend.name },
    ...{
      targets,
      fields: fields.sets.length > 0 ? fields : undefined,
      names: createKernelNames(symbols),
      symbols: symbols ?? (() => {}),
    },
    netnsName: (netns) => netnsNames.name(netns),
    findGroup: groupFinder(),
    beganNs: process.hrtime.bigint(),
    realtimeOffsetNs: realtimeOffsetNs(),
    hostNames: readHostNames(),
  };
}
