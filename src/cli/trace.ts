/** `ipft -m …`: from a command line to a trace. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AggregateOutput,
  type BackendChoice,
  checkKernel,
  chooseBackend,
  type Extension,
  JsonOutput,
  loadExtension,
  loadSymbolWriter,
  loadTargets,
  type Output,
  printable,
  raiseLimits,
  Session,
  setDebugLog,
  type Target,
  type TargetSelection,
} from '../index.js';
import { ModuleFollower } from './modules.js';
import type { CommonOptions, TraceOptions } from './options.js';
import { Progress } from './progress.js';
import { prepareReadyFile, startProbeServer, writeReadyFile } from './readiness.js';
import { reportFailures, reportLosses, reportSelection } from './report.js';
import type { StdoutWriter } from './stdout.js';
import type { StopSignal } from './stop.js';
import type { Terminal } from './terminal.js';

type Options = CommonOptions & TraceOptions;

/** Events handled before other things get their turn. */
const BATCH_EVENTS = 1 << 16;
/** How long to wait before looking into the ring again, in milliseconds: soon after events, later without. */
const SHORTEST_WAIT_MS = 2;
const LONGEST_WAIT_MS = 64;

/** Traces until SIGINT or SIGTERM, or until nobody reads the output. */
export async function trace(
  options: Options,
  terminal: Terminal,
  stdout: StdoutWriter,
  stop: StopSignal,
): Promise<void> {
  const prepared = await prepare(options, terminal, stop);
  if (!prepared) return terminal.line('nothing was traced');
  const { session, output, targets } = prepared;
  try {
    if (!(await attach(prepared, options, terminal, stop))) return;
    const follower = new Follower(session, output);
    const modules = options.followModules ? new ModuleFollower(prepared, targets, options, terminal) : undefined;
    if (!(await stop.hasHappened())) {
      await announce(options, terminal, () => follower.run(options, terminal, stdout, stop, modules));
    }
    follower.readRest();
    if (options.output === 'aggregate') terminal.line(follower.progress);
    const losses = session.losses();
    for (const piece of output.finish()) await stdout.write(piece);
    await stdout.flush();
    reportLosses(losses, terminal);
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
  readonly session: Session;
}

/** Returns nothing if it is to stop. The kernel and files are read at one go: in between, signals get their turn. */
async function prepare(options: Options, terminal: Terminal, stop: StopSignal): Promise<Prepared | undefined> {
  if ((options.mark & ~options.mask) !== 0) {
    terminal.warn('--mark has bits that --mask leaves out; they are ignored');
  }
  if (options.readyFile !== undefined) prepareReadyFile(options.readyFile);
  // Before Linux 5.11 programs count as locked memory, which the kernel is asked for here already.
  const limits = options.setLimits ? raiseLimits() : [];
  checkKernel();
  if (options.verbose) setDebugLog((text) => terminal.line(printable(text, { multiline: true }).trimEnd()));
  for (const warning of limits) terminal.warn(warning);
  if (await stop.hasHappened()) return undefined;
  const choice = await chooseBackend(options.tracer, options.backend);
  if (options.verbose) for (const line of describeChoice(choice)) terminal.line(line);
  if (await stop.hasHappened()) return undefined;
  const { backend } = choice;
  const selection = loadTargets(backend.access, options);
  if (await stop.hasHappened()) return undefined;
  const extension = await load(options, terminal, stop.signal).catch((error: unknown) => {
    // What was cut short fails for that.
    if (stop.signal.aborted) return undefined;
    throw error;
  });
  if (await stop.hasHappened()) return undefined;
  const targets = [...selection.targets];
  const output = createOutput(options, targets, extension);
  const models = options.followModules ? loadTargets(backend.access).targets : targets;
  const session = Session.open({ ...options, backend, targets, models, freeing: selection.freeing, extension });
  return { choice, selection, targets, output, session };
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

async function load(options: TraceOptions, terminal: Terminal, signal: AbortSignal): Promise<Extension | undefined> {
  if (options.extension.length === 0) return undefined;
  const extension = await loadExtension(options.extension, {
    timeoutSeconds: options.compileTimeoutSeconds,
    color: terminal.isTerminal,
    onOutput: (text) => process.stderr.write(text),
    signal,
  });
  for (const warning of extension.eventStruct.warnings) terminal.warn(warning);
  return extension;
}

function createOutput({ output, tracer }: Options, targets: readonly Target[], extension?: Extension): Output {
  const struct = extension?.eventStruct;
  const symbols = struct?.usesSymbols ? loadSymbolWriter() : () => {};
  const hasReturns = tracer === 'function_graph';
  const context = { targets, hasReturns, fields: struct?.createWriter(symbols), dataSize: struct?.sizeBytes ?? 0 };
  return output === 'json' ? new JsonOutput(context) : new AggregateOutput(context);
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

/** Takes events in and hands text out until it is time to stop. */
class Follower {
  readonly #session: Session;
  readonly #output: Output;
  readonly #take: Output['take'];
  #count = 0;

  constructor(session: Session, output: Output) {
    this.#session = session;
    this.#output = output;
    this.#take = output.take.bind(output);
  }

  get progress(): string {
    return `Got ${this.#count} traces`;
  }

  /** Takes in what is there; returns how many events that were. */
  #read(until?: number): number {
    const events = this.#session.read(this.#take, BATCH_EVENTS, until);
    this.#count += events;
    return events;
  }

  /** Takes in what has come up to now: the programs are still attached, and more may come for ever. */
  readRest(): void {
    const until = this.#session.produced;
    while (this.#read(until) > 0);
  }

  /** A reader of stdout that is slow makes the ring fill, not memory: nothing is read while text waits. */
  async run(
    { output }: TraceOptions,
    terminal: Terminal,
    stdout: StdoutWriter,
    stop: StopSignal,
    modules: ModuleFollower | undefined,
  ): Promise<void> {
    let wait = SHORTEST_WAIT_MS;
    while (!stop.signal.aborted && !stdout.closed) {
      const events = this.#read();
      if (output === 'aggregate') terminal.status(this.progress);
      if (this.#output.pendingBytes > 0) await Promise.race([stdout.write(this.#output.text()), stop.happened]);
      wait = events > 0 ? SHORTEST_WAIT_MS : Math.min(wait * 2, LONGEST_WAIT_MS);
      await sleep(events >= BATCH_EVENTS ? 0 : wait, undefined, { signal: stop.signal }).catch(() => {});
      await modules?.look(stop.signal);
    }
  }
}
