/** `ipft -m …`: from a command line to a trace. */
import { getHeapStatistics } from 'node:v8';
import { printable } from '../../base/printable.js';
import type { Target } from '../../base/target.js';
import { raiseLimits, setDebugLog } from '../../capture/process.js';
import { Session } from '../../capture/session.js';
import { type Extension, loadExtension } from '../../fields/c/extension.js';
import { checkJsonNames } from '../../fields/event-struct.js';
import { Choice } from '../../journey/choice.js';
import { Places } from '../../journey/places.js';
import { JourneyTracker } from '../../journey/tracker.js';
import { loadMemoryRoom } from '../../kernel/memory.js';
import { type LiveModules, loadLiveModules } from '../../kernel/modules.js';
import { NetnsNames } from '../../kernel/netns-names.js';
import { checkKernel } from '../../kernel/preflight.js';
import { kernelNamesAddresses, loadSymbolWriter } from '../../kernel/symbols.js';
import { AggregateOutput } from '../../output/aggregate.js';
import { Clock } from '../../output/clock.js';
import { createJsonOutput } from '../../output/json.js';
import type { Output, OutputContext } from '../../output/output.js';
import { PathsOutput } from '../../output/paths.js';
import { type BackendChoice, chooseBackend } from '../../probes/backends.js';
import { loadTargets, type TargetSelection } from '../../probes/targets.js';
import { realtimeOffsetNs } from '../../sys/libc.js';
import { createKernelNames } from '../../trace/kernel-names.js';
import { attachedBytes, checkMemory, planMemory } from '../../trace/memory-plan.js';
import { hasColor } from '../color.js';
import { STATUS_DONE, STATUS_ERROR, STATUS_LOSS } from '../exit-status.js';
import { Follower } from '../follower.js';
import { ModuleFollower } from '../modules.js';
import type { CommonOptions, TimeName, TraceOptions, WritingOptions } from '../options.js';
import { Progress } from '../progress.js';
import { prepareReadyFile, startProbeServer, writeReadyFile } from '../readiness.js';
import { reportFailures, reportJourneys, reportLosses, reportSelection } from '../report.js';
import { Silence } from '../silence.js';
import type { StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import { explainFailure, type Writer } from '../writer.js';

type Options = CommonOptions & TraceOptions & WritingOptions;

/** What an output may keep on the engine's heap; the rest is for what comes and goes. */
const PART_OF_HEAP = 0.5;

/** Traces until SIGINT or SIGTERM, until it is time to end, or until nobody reads the output. Returns the exit status. */
export async function trace(options: Options, terminal: Terminal, out: Writer, stop: StopSignal): Promise<number> {
  const prepared = await prepare(options, terminal, out, stop);
  if (!prepared) {
    terminal.line('nothing was traced');
    return STATUS_DONE;
  }
  const { session, output, tracker, targets, clock } = prepared;
  try {
    if (!(await attach(prepared, options, terminal, stop))) return STATUS_DONE;
    const follower = new Follower(session, output, tracker, out, terminal);
    using silence = new Silence(session, tracker, options, terminal);
    const modules = options.followModules ? new ModuleFollower(prepared, targets, options, terminal) : undefined;
    if (!(await stop.hasHappened())) {
      await announce(options, terminal, async () => {
        const { durationMs } = options;
        const timer = durationMs === undefined ? undefined : setTimeout(() => stop.expire(), durationMs);
        try {
          await follower.run(options, stop, modules);
        } finally {
          clearTimeout(timer);
        }
      });
    }
    // The result may go to the same terminal: the line that is redrawn must not stand before it.
    terminal.clearStatus();
    if (options.output === 'json' && stop.signal.aborted) terminal.eraseTyped();
    const losses = await follower.finish();
    if (options.output !== 'json') terminal.line(follower.progress);
    reportJourneys(tracker, output, prepared, terminal);
    await silence.report(losses);
    // A reader that was given up would be waited for, for ever.
    if (!follower.problem) await out.end();
    const problem = follower.problem ?? explainFailure(out);
    const isWhole = reportLosses(losses, session, tracker, clock, terminal, problem !== undefined);
    // Now: a signal may end the process while it releases what is attached.
    if (problem) terminal.error(problem);
    const status = problem ? STATUS_ERROR : options.strict && !isWhole ? STATUS_LOSS : STATUS_DONE;
    stop.endAtOnce(status);
    return status;
  } finally {
    await release(session, terminal);
  }
}

/** What tracing needs, loaded and not attached yet. */
interface Prepared {
  readonly choice: BackendChoice;
  readonly selection: TargetSelection;
  /** May grow while tracing. */
  readonly targets: Target[];
  readonly output: Output;
  readonly tracker: JourneyTracker;
  readonly clock: Clock;
  readonly session: Session;
  readonly maxMemoryBytes: number;
  /** The modules that the targets were looked for in: attaching may take minutes. */
  readonly modules: LiveModules;
}

/** Returns nothing if it is to stop. The kernel and files are read at one go: in between, signals get their turn. */
async function prepare(
  given: Options,
  terminal: Terminal,
  out: Writer,
  stop: StopSignal,
): Promise<Prepared | undefined> {
  for (const warning of given.markWarnings) terminal.warn(warning);
  if (given.readyFile !== undefined) prepareReadyFile(given.readyFile);
  const isFiltered = (given.functionPattern ?? given.modulePattern) !== undefined;
  checkMemory({ isFiltered }, loadMemoryRoom());
  // Before Linux 5.11 programs count as locked memory, which the kernel is asked for here already.
  const limits = given.setLimits ? raiseLimits() : [];
  checkKernel();
  if (given.verbose) setDebugLog((text) => terminal.line(printable(text, { multiline: true }).trimEnd()));
  for (const warning of limits) terminal.warn(warning);
  if (await stop.hasHappened()) return undefined;
  const choice = await chooseBackend(given.tracer, given.backend);
  if (given.verbose) for (const line of describeChoice(choice)) terminal.line(line);
  if (await stop.hasHappened()) return undefined;
  const { backend } = choice;
  const selection = await loadTargets(backend.access, given, stop.signal).catch((error) => unlessStopped(error, stop));
  if (selection === undefined || (await stop.hasHappened())) return undefined;
  const modules = loadLiveModules();
  const extension = await load(given, terminal, stop.signal).catch((error) => unlessStopped(error, stop));
  if (await stop.hasHappened()) return undefined;
  const memory = planMemory(given, loadMemoryRoom(), attachedBytes(backend, given.tracer, selection.targets.length));
  if (memory.notice !== undefined) terminal.warn(memory.notice);
  const options = { ...given, ...memory };
  const targets = [...selection.targets];
  // Before anything is attached: no event is earlier.
  const clock = createClock(options.time);
  const { output, tracker } = createOutput(options, targets, clock, out, extension);
  const models = options.followModules ? (await loadTargets(backend.access)).targets : targets;
  if (await stop.hasHappened()) return undefined;
  const wanted = { ...options, backend, targets, models, deciding: selection.deciding, extension };
  const session = await Session.open(wanted, stop.signal).catch((error) => unlessStopped(error, stop));
  if (session === undefined) return undefined;
  const { maxMemoryBytes } = options;
  return { choice, selection, targets, output, tracker, clock, session, modules, maxMemoryBytes };
}

/** What was cut short fails for that. @throws other errors */
function unlessStopped(error: unknown, stop: StopSignal): undefined {
  if (!stop.signal.aborted) throw error;
}

/** Returns whether tracing can begin; not if it is to stop, which is answered while the kernel is still attaching. */
async function attach(
  { choice, selection, session }: Prepared,
  options: Options,
  terminal: Terminal,
  stop: StopSignal,
): Promise<boolean> {
  const { filtered, targets } = selection;
  const total = targets.length + filtered;
  const counts = (succeeded: number, failed: number) =>
    `Attaching program (total ${total}, succeeded ${succeeded}, failed ${failed}, filtered: ${filtered})`;
  const progress = new Progress(terminal);
  const attaching = session.attach(stop.signal, (succeeded, failed) => {
    if (!stop.signal.aborted) progress.show(counts(succeeded, failed), succeeded + failed, targets.length);
  });
  await Promise.race([attaching, stop.happened]);
  if (stop.signal.aborted) {
    terminal.line('nothing was traced');
    // What it fails of now is nobody's concern.
    await attaching.catch(() => {});
    return false;
  }
  terminal.endStatus(counts(session.succeeded, session.failed.length));
  reportSelection(selection, choice.backend, options.verbose, terminal);
  reportFailures(session, options.verbose, terminal);
  return true;
}

/** The result is out: what is attached goes now. */
async function release(session: Session, terminal: Terminal): Promise<void> {
  const progress = new Progress(terminal);
  let total = 0;
  await session.release((released, links) => {
    total = links;
    progress.show(`Releasing ${released}/${links} (Ctrl-C leaves it to the kernel)`, released, links);
  });
  if (progress.wasShown) terminal.endStatus(`Released ${total}`);
  else terminal.clearStatus();
}

function describeChoice({ backend, passedOver }: BackendChoice): string[] {
  return [
    ...passedOver.map(({ name, problem }) => `ipft: not ${name}: ${problem}`),
    `ipft: backend ${backend.name}${passedOver.length > 0 ? ', the best that this kernel has' : ''}`,
  ];
}

async function load(options: Options, terminal: Terminal, signal: AbortSignal): Promise<Extension | undefined> {
  if (options.extension.length === 0) return undefined;
  const extension = await loadExtension(options.extension, {
    timeoutSeconds: options.compileTimeoutSeconds,
    color: terminal.hasColor,
    onOutput: (text) => terminal.write(text),
    signal,
  });
  if (options.output === 'json') checkJsonNames(extension.eventStruct);
  for (const warning of extension.eventStruct.warnings) terminal.warn(warning);
  return extension;
}

function createOutput(
  options: Options,
  targets: readonly Target[],
  clock: Clock,
  out: Writer,
  extension?: Extension,
): { output: Output; tracker: JourneyTracker } {
  const struct = extension?.eventStruct;
  const addresses = struct?.usesSymbols || !kernelNamesAddresses() ? loadSymbolWriter() : undefined;
  const netnsNames = new NetnsNames();
  // JSON has numbers alone.
  const namesPlaces = options.output === 'paths' || (options.output === 'aggregate' && options.follow);
  const places = new Places(namesPlaces ? ({ netns }) => netnsNames.look(netns) : undefined);
  const context: OutputContext = {
    ...{ targets, hasReturns: options.tracer === 'function_graph' },
    ...{ fields: struct?.createWriter(addresses ?? (() => {})), dataSize: struct?.sizeBytes ?? 0 },
    places,
    names: createKernelNames(addresses),
    netnsName: (netns) => netnsNames.name(netns),
    clock,
  };
  const output = chooseOutput(options, context, hasColor(options.color, { isTTY: out.isTerminal }));
  return { output, tracker: new JourneyTracker(output, places) };
}

function createClock(time: TimeName): Clock {
  switch (time) {
    case 'mono':
      return Clock.mono();
    case 'wall':
      return Clock.wall(realtimeOffsetNs());
    case 'relative':
      return Clock.since(process.hrtime.bigint());
  }
}

function chooseOutput(options: Options, context: OutputContext, hasColor: boolean): Output {
  const { output, maxMemoryBytes: maxBytes, follow: showPlaces, jsonEventsOnly: eventsOnly, diff, plainText } = options;
  const { only, slowerNs, fold, order } = options;
  const maxHeapBytes = getHeapStatistics().heap_size_limit * PART_OF_HEAP;
  const choice = only || slowerNs !== undefined ? new Choice({ only, slowerNs }) : undefined;
  switch (output) {
    case 'json':
      return createJsonOutput(context, { eventsOnly, choice, maxBytes, maxHeapBytes });
    case 'paths':
      return new PathsOutput(context, { maxBytes, maxHeapBytes, diff, hasColor, choice });
    case 'aggregate':
      return new AggregateOutput(context, {
        ...{ maxBytes, maxHeapBytes, showPlaces, hasColor, plainText, choice, fold, order },
      });
  }
}

/** Tells all who wait that tracing is ready, and runs `body` meanwhile. */
async function announce(options: TraceOptions, terminal: Terminal, body: () => Promise<void>): Promise<void> {
  const server = options.probePort === undefined ? undefined : await startProbeServer(options.probePort);
  try {
    if (options.readyFile !== undefined) writeReadyFile(options.readyFile);
    terminal.line('Trace ready!');
    await body();
  } finally {
    server?.close();
  }
}
