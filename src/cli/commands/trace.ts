/** `ipft -m …`: from a plan to text, and an exit status. */
import { getHeapStatistics } from 'node:v8';
import { printable } from '../../base/printable.js';
import type { RecordSource, TraceHeader } from '../../base/record-source.js';
import { setDebugLog } from '../../capture/process.js';
import type { Session } from '../../capture/session.js';
import { checkJsonNames } from '../../fields/event-struct.js';
import { Choice } from '../../journey/choice.js';
import { Clock } from '../../output/clock.js';
import { createContext, type Output } from '../../output/output.js';
import { outputKind } from '../../output/outputs.js';
import type { BackendChoice } from '../../probes/backends.js';
import { type LiveTrace, prepareTrace } from '../../trace/live-trace.js';
import type { TracePlan } from '../../trace/plan.js';
import { releaseAfter } from '../../trace/release.js';
import { TraceRun } from '../../trace/run.js';
import { hasColor } from '../color.js';
import { STATUS_DONE, STATUS_ERROR, STATUS_LOSS } from '../exit-status.js';
import type { TimeName, TraceOptions, WritingOptions } from '../options.js';
import { Progress } from '../progress.js';
import { prepareReadyFile, startProbeServer, writeReadyFile } from '../readiness.js';
import { reportJourneys, reportLosses, reportRefused, reportSelection } from '../report.js';
import { Silence } from '../silence.js';
import type { StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import { describeProgress, TextClient } from '../text-client.js';
import { explainFailure, type Writer } from '../writer.js';

type Options = { readonly plan: TracePlan } & TraceOptions & WritingOptions;

/** The part of the engine's heap that an output may keep; the rest is for short-lived objects. */
const PART_OF_HEAP = 0.5;

/**
 * Traces until SIGINT or SIGTERM, until a condition of the plan is met, or until the output has no reader.
 * @returns the exit status
 */
export async function trace(options: Options, terminal: Terminal, out: Writer, stop: StopSignal): Promise<number> {
  const live = await prepare(options, terminal, stop);
  if (!live) {
    terminal.line('nothing was traced');
    return STATUS_DONE;
  }
  const leave = () => release(live.session, terminal);
  const status = await follow(live, options, terminal, out, stop).catch((error) => releaseAfter(error, leave));
  await leave();
  return status;
}

/** @returns undefined if a signal came */
async function prepare(options: Options, terminal: Terminal, stop: StopSignal): Promise<LiveTrace | undefined> {
  const { plan, output, verbose, readyFile } = options;
  if (readyFile !== undefined) prepareReadyFile(readyFile);
  if (verbose) setDebugLog((text) => terminal.line(printable(text, { multiline: true }).trimEnd()));
  try {
    return await prepareTrace(plan, {
      signal: stop.signal,
      hasColor: terminal.hasColor,
      warn: (text) => terminal.warn(text),
      onCompilerOutput: (text) => terminal.write(text),
      checkFields: (struct) => outputKind(output).hasKeys && checkJsonNames(struct),
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
  options: Options,
  terminal: Terminal,
  out: Writer,
  stop: StopSignal,
): Promise<number> {
  const { session, header } = live;
  const isForPrograms = outputKind(options.output).isForPrograms ?? false;
  const clock = createClock(options.time, header);
  const output = createOutput(options, live, clock, hasColor(options.color, { isTTY: out.isTerminal }));
  const source = await attach(live, options, terminal, stop);
  if (!source) return STATUS_DONE;
  const client = new TextClient(output, out, terminal, { showsStatus: !isForPrograms });
  const run = new TraceRun(source, client, live.plan.until);
  const { tracker } = run;
  using silence = new Silence(session, tracker, live.plan, terminal);
  if (!(await stop.hasHappened())) await announce(options, terminal, () => run.run(stop.signal));
  // The result may go to the same terminal: the status must not stand before it.
  terminal.clearStatus();
  if (isForPrograms && stop.signal.aborted) terminal.eraseTyped();
  await client.ending(run.finish());
  const { losses } = run;
  if (!isForPrograms) terminal.line(describeProgress(tracker));
  reportJourneys(tracker, output, live, terminal);
  await silence.report(losses);
  // A reader that was given up would be waited for without end.
  if (!client.problem) await out.end();
  const problem = client.problem ?? explainFailure(out);
  const isWhole = reportLosses(losses, source.coverage, tracker, clock, terminal, problem !== undefined);
  // Reported now, since a signal may end the process during the release.
  if (problem) terminal.error(problem);
  const status = problem ? STATUS_ERROR : options.strict && !isWhole ? STATUS_LOSS : STATUS_DONE;
  stop.endAtOnce(status);
  return status;
}

/** @returns the source; undefined if a signal came, which is answered while the kernel is still attaching */
async function attach(
  live: LiveTrace,
  { verbose }: Options,
  terminal: Terminal,
  stop: StopSignal,
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

function describeChoice({ backend, passedOver }: BackendChoice): string[] {
  return [
    ...passedOver.map(({ name, problem }) => `ipft: not ${name}: ${problem}`),
    `ipft: backend ${backend.name}${passedOver.length > 0 ? ', the best that this kernel has' : ''}`,
  ];
}

function createClock(time: TimeName, { beganNs, realtimeOffsetNs }: TraceHeader): Clock {
  switch (time) {
    case 'mono':
      return Clock.mono();
    case 'wall':
      return Clock.wall(realtimeOffsetNs);
    case 'relative':
      return Clock.since(beganNs);
  }
}

/** Creates the output that the options ask for. */
function createOutput(
  options: Options,
  { header, places, maxMemoryBytes: maxBytes, plan }: LiveTrace,
  clock: Clock,
  hasColor: boolean,
): Output {
  const { jsonEventsOnly: eventsOnly, diff, plainText, only, slowerNs, fold, order } = options;
  const kind = outputKind(options.output);
  const choice = only || slowerNs !== undefined ? new Choice({ only, slowerNs }) : undefined;
  const maxHeapBytes = getHeapStatistics().heap_size_limit * PART_OF_HEAP;
  const wanted = {
    ...{ maxBytes, maxHeapBytes, choice, order, showPlaces: plan.follow, hasColor },
    ...{ eventsOnly, diff, plainText, fold },
  };
  // Names are looked up when the first packet is in a namespace, which may be gone when the trace ends.
  if (kind.namesNetns?.(wanted)) places.onPlace = ({ netns }) => void header.netnsName(netns);
  return kind.create(createContext({ header, places }, clock), wanted);
}

/** Announces that tracing is ready, and runs `body` meanwhile. */
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
