/** A trace of the running kernel, from its plan to an exit status; what becomes of its records is a taker's. */
import { ExtensionError, type IpftError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import type { RecordSource } from '../base/record-source.js';
import { setDebugLog } from '../capture/process.js';
import type { Session } from '../capture/session.js';
import type { ScriptPrinter } from '../fields/printer.js';
import { MAX_CONNECTIONS } from '../filter/packet-filter.js';
import { MAX_PROCESSES } from '../filter/process-query.js';
import type { BackendChoice } from '../probes/backends.js';
import { loadEnvironment } from '../sys/byte-text.js';
import type { ProgramEnd } from '../sys/program.js';
import { type CommandPlan, checkCommand, RunningCommand } from '../trace/command.js';
import type { TraceHost } from '../trace/host.js';
import { type LiveTrace, prepareTrace } from '../trace/live-trace.js';
import type { TracePlan } from '../trace/plan.js';
import { releaseAfter } from '../trace/release.js';
import { type Intake, type TraceClient, TraceRun } from '../trace/run.js';
import {
  STATUS_DONE,
  STATUS_ERROR,
  STATUS_INTERRUPTED,
  STATUS_LOSS,
  STATUS_WITHOUT_COMMAND,
  statusOfCommand,
} from './exit-status.js';
import { Progress } from './progress.js';
import { prepareReadyFile, startProbeServer, writeReadyFile } from './readiness.js';
import { reportRefused, reportSelection } from './report.js';
import { ScriptPrints } from './script-prints.js';
import { Silence } from './silence.js';
import type { TraceStop } from './stop.js';
import type { Terminal } from './terminal.js';

/** The options of a trace besides its plan, whatever becomes of its records. */
export interface LiveOptions {
  readonly plan: TracePlan;
  readonly verbose: boolean;
  /** Port of the probe server; undefined for none. */
  readonly probePort: number | undefined;
  readonly readyFile: string | undefined;
  /** Whether a loss changes the exit status. */
  readonly strict: boolean;
  /** A program that is run while tracing: the trace ends with it. */
  readonly command: CommandPlan | undefined;
}

/** Takes the records of a trace, and tells of them when it has ended. */
export interface Taker {
  readonly intake: Intake;
  readonly client: TraceClient;
  /** The number of events so far. */
  readonly events: number;
  /** Whether programs read the result from where people would read messages. */
  readonly isForPrograms: boolean;
  /** Waits for the end of the run; what the client could not hand on is no error here: see `close`. */
  ending(ending: Promise<void>): Promise<void>;
  /** Reports what was taken. */
  report(): void;
  /** Closes what it writes to. @returns the error if not all could be written */
  close(): Promise<IpftError | undefined>;
  /** Reports losses. @param isCut whether the result could not be written whole @returns whether nothing is missing */
  reportLosses(source: RecordSource, isCut: boolean): boolean;
}

/**
 * Traces until SIGINT or SIGTERM, until a condition of the plan is met, until the command is over, or until the taker's
 * reader has gone. The command, if there is one, is waited for in any case, but for the second signal.
 * @param createTaker called when tracing begins
 * @returns the exit status
 */
export async function traceLive(
  options: LiveOptions & Pick<TraceHost, 'checkFields' | 'printer'>,
  terminal: Terminal,
  stop: TraceStop,
  createTaker: (live: LiveTrace, source: RecordSource) => Taker,
): Promise<number> {
  const { command, verbose } = options;
  if (command) {
    checkCommand(command);
    terminal.isQuiet = !verbose;
  }
  const live = await prepare(options, terminal, stop);
  if (!live) {
    terminal.line('nothing was traced');
    return command ? STATUS_INTERRUPTED : STATUS_DONE;
  }
  const leave = () => release(live.session, terminal);
  const { status, running } = await follow(live, options, terminal, stop, createTaker).catch((error) =>
    releaseAfter(error, leave),
  );
  await leave();
  if (!running) return status;
  const end = await running.whenEnded(stop.signal);
  if (end) return statusWith(status, end);
  terminal.warn(`the program goes on: its process is ${running.program.pid}`);
  return STATUS_INTERRUPTED;
}

/** How a trace has ended. */
interface Ending {
  readonly status: number;
  /** The command, if it was started. */
  readonly running?: RunningCommand | undefined;
}

/** @returns undefined if a signal came */
async function prepare(
  options: LiveOptions & Pick<TraceHost, 'checkFields' | 'printer'>,
  terminal: Terminal,
  stop: TraceStop,
): Promise<LiveTrace | undefined> {
  const { plan, verbose, readyFile, checkFields, printer = stderrPrinter(terminal) } = options;
  if (readyFile !== undefined) prepareReadyFile(readyFile);
  if (verbose) setDebugLog((text) => terminal.line(printable(text, { multiline: true }).trimEnd()));
  try {
    return await prepareTrace(plan, {
      signal: stop.signal,
      hasColor: terminal.hasColor,
      printer,
      warn: (text) => terminal.warn(text),
      onCompilerOutput: (text) => terminal.write(text),
      ...(checkFields && { checkFields }),
      onBackend(choice) {
        if (verbose) for (const line of describeChoice(choice)) terminal.line(line);
      },
      onModule: (module, traced, functions) =>
        terminal.line(`Module ${module} loaded: ${traced} of its ${functions} functions are traced now`),
    });
  } catch (error) {
    // An error after the signal comes from being cut short.
    if (!stop.signal.aborted) throw error;
    return undefined;
  }
}

async function follow(
  live: LiveTrace,
  options: LiveOptions,
  terminal: Terminal,
  stop: TraceStop,
  createTaker: (live: LiveTrace, source: RecordSource) => Taker,
): Promise<Ending> {
  const source = await attach(live, options, terminal, stop);
  if (!source) return { status: options.command ? STATUS_INTERRUPTED : STATUS_DONE };
  const taker = createTaker(live, source);
  const run = new TraceRun(source, taker.intake, taker.client, live.plan.until);
  using silence = new Silence(live.session, taker, live.plan, terminal);
  let running: RunningCommand | undefined;
  const body = async () => {
    if (!options.command) return await run.run(stop.signal);
    running = start(options.command, live.session, stop);
    const over = new AbortController();
    running.whenOver(stop.signal).then(() => over.abort());
    await run.run(over.signal);
  };
  if (!(await stop.hasHappened())) await announce(options, terminal, body);
  // The result may go to the same terminal: the status must not stand before it.
  terminal.clearStatus();
  if (taker.isForPrograms && stop.signal.aborted) terminal.eraseTyped();
  await taker.ending(run.finish());
  taker.report();
  const failure = endFields(live);
  await silence.report(run.losses);
  warnOfConnections(live.session.countConnections(), terminal);
  warnOfProcesses(live.session.countUnfollowedProcesses(), terminal);
  const problem = (await taker.close()) ?? failure;
  const isWhole = taker.reportLosses(source, problem !== undefined);
  // Reported now, since a signal may end the process during the release.
  if (problem) terminal.error(problem);
  const status = problem ? STATUS_ERROR : options.strict && !isWhole ? STATUS_LOSS : STATUS_DONE;
  if (!running) stop.endAtOnce(status);
  else if (running.end) stop.endAtOnce(statusWith(status, running.end));
  return { status, running };
}

/** @returns the error of a script that fails at the end, when the result has been made */
function endFields(live: LiveTrace): IpftError | undefined {
  try {
    live.endFields();
    return undefined;
  } catch (error) {
    if (error instanceof ExtensionError) return error;
    throw error;
  }
}

function stderrPrinter(terminal: Terminal): ScriptPrinter {
  return new ScriptPrints(terminal, false);
}

/** The exit status with a command that has ended. */
function statusWith(status: number, end: ProgramEnd): number {
  return status === STATUS_DONE ? statusOfCommand(end) : STATUS_WITHOUT_COMMAND;
}

/** Starts the command, in whose process group signals are for it. */
function start(plan: CommandPlan, session: Session, stop: TraceStop): RunningCommand {
  const running = new RunningCommand(plan, session, { environment: loadEnvironment(), ignoredSignals: stop.ignored });
  stop.handTo(running.program);
  running.program.ended.then(() => stop.handTo(undefined));
  return running;
}

function warnOfConnections(noted: bigint, terminal: Terminal): void {
  if (noted <= BigInt(MAX_CONNECTIONS)) return;
  const lost = `the oldest of ${noted} connections were forgotten, since ${MAX_CONNECTIONS} are kept`;
  terminal.warn(`${lost}: answers of those were not seen from their first function on`);
}

function warnOfProcesses(unfollowed: bigint, terminal: Terminal): void {
  if (unfollowed === 0n) return;
  terminal.warn(`${unfollowed} processes were not followed, since ${MAX_PROCESSES} are at a time`);
}

/** @returns the source; undefined if a signal came, which is answered while the kernel is still attaching */
async function attach(
  live: LiveTrace,
  { verbose }: LiveOptions,
  terminal: Terminal,
  stop: TraceStop,
): Promise<RecordSource | undefined> {
  const { selection, session, choice } = live;
  const { filtered, targets } = selection;
  const total = targets.length + filtered;
  const counts = (succeeded: number, failed: number) =>
    `Attaching program (total ${total}, succeeded ${succeeded}, failed ${failed}, filtered: ${filtered})`;
  const progress = new Progress(terminal);
  const attaching = live.attach(stop.signal, (succeeded, failed) => {
    if (!stop.signal.aborted) progress.show(counts(succeeded, failed), succeeded + failed, targets.length);
  });
  await Promise.race([attaching, stop.happened]);
  if (stop.signal.aborted) {
    terminal.line('nothing was traced');
    // Errors of attaching that was cut short mean nothing.
    await attaching.catch(() => {});
    return undefined;
  }
  const { coverage } = session;
  terminal.endStatus(counts(coverage.traced, coverage.refused.length));
  reportSelection(selection, choice.backend, verbose, terminal);
  reportRefused(coverage, verbose, terminal);
  if (verbose)
    for (const what of session.untold) terminal.line(`ipft: processes of packets may be missing, without ${what}`);
  return await attaching;
}

/** Detaches the programs, after the result has been written. */
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

/** Announces that tracing is ready, and runs `body` meanwhile. */
async function announce(options: LiveOptions, terminal: Terminal, body: () => Promise<void>): Promise<void> {
  const server = options.probePort === undefined ? undefined : await startProbeServer(options.probePort);
  try {
    if (options.readyFile !== undefined) writeReadyFile(options.readyFile);
    terminal.line('Trace ready!');
    await body();
  } finally {
    server?.close();
  }
}

function describeChoice({ backend, passedOver }: BackendChoice): string[] {
  return [
    ...passedOver.map(({ name, problem }) => `ipft: not ${name}: ${problem}`),
    `ipft: backend ${backend.name}${passedOver.length > 0 ? ', the best that this kernel has' : ''}`,
  ];
}
