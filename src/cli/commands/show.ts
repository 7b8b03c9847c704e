/** `ipft show FILE…`: shows recordings, each as if it were traced now. */
import { type Stats, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { counted } from '../../base/counted.js';
import { IpftError, UsageError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import { checkJsonNames } from '../../fields/event-struct.js';
import type { CountQuery } from '../../fields/expression/count.js';
import { TargetFilter } from '../../journey/target-filter.js';
import { outputKind } from '../../output/outputs.js';
import { hasBytes } from '../../recording/kept-bytes.js';
import { arrangeParts } from '../../recording/part-chains.js';
import { RecordingError } from '../../recording/problem.js';
import { Recording } from '../../recording/recording.js';
import { JourneyIntake } from '../../trace/journey-intake.js';
import { RecordedCounts } from '../../trace/recorded-counts.js';
import { addRecordedFields, compileRecordedWhere } from '../../trace/recorded-expressions.js';
import { TraceRun } from '../../trace/run.js';
import { CountTaker } from '../count-taker.js';
import { STATUS_DONE, STATUS_ERROR, STATUS_LOSS } from '../exit-status.js';
import type { ShowRequest } from '../options.js';
import type { StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import { refuseTerminal, TextTaker } from '../text-taker.js';
import { explainFailure, type Writer } from '../writer.js';
import { showInfo } from './show-info.js';

/**
 * The memory for journeys, in bytes, is not more than files can need: so many for each of their bytes, and some besides. A
 * small file that holds very much is compressed, and made to fill memory.
 */
const MEMORY_PER_BYTE = 8;
const LEAST_MEMORY = 32 << 20;

/** How often a file is looked at that has no header yet, in milliseconds. */
const LOOK_MS = 100;

/** @returns the exit status: of several recordings the worst */
export async function show(request: ShowRequest, terminal: Terminal, out: Writer, stop: StopSignal): Promise<number> {
  refuseOverwriting(request);
  if (!request.info) refuseTerminal(request, out);
  const chains = arrangeParts(request.files);
  const { isSingle = false } = outputKind(request.output);
  if (isSingle && chains.length > 1) {
    throw new UsageError(`-o ${request.output} makes one result of one recording`, 'show the files one by one');
  }
  if (request.followFile && chains.length > 1) throw new UsageError('--follow-file follows one recording');
  const showOne = request.info ? showInfo : showTrace;
  const statuses: number[] = [];
  for (let chain = chains.shift(); chain; chain = chains.shift()) {
    const { paths, warnings } = chain;
    const isAlone = statuses.length === 0 && chains.length === 0;
    for (const warning of warnings) terminal.warn(warning);
    if (!isAlone) terminal.line(`${paths.map((path) => printable(path)).join(', ')}:`);
    try {
      using recording = await open(paths, request, terminal, stop);
      if (!recording) break;
      statuses.push(await showOne(recording, request, terminal, out, stop));
      // Parts behind one that is cut or damaged, or does not go on in them, are shown by themselves.
      const unread = recording.isRead ? recording.unread : [];
      if (!isSingle && unread.length > 0) chains.unshift({ paths: unread, warnings: [] });
      if (isSingle) for (const path of unread) terminal.warn(`${printable(path)} is not shown: show it by itself`);
    } catch (error) {
      if (!(error instanceof IpftError) || isAlone) throw error;
      terminal.error(error);
      statuses.push(STATUS_ERROR);
    }
    if (out.closed || stop.signal.aborted) break;
  }
  const status = [STATUS_ERROR, STATUS_LOSS].find((status) => statuses.includes(status)) ?? STATUS_DONE;
  return (await end(out, terminal)) ? status : STATUS_ERROR;
}

/** Writing would empty the file before it has been read. @throws UsageError */
function refuseOverwriting({ files, outputFile }: ShowRequest): void {
  const written = outputFile === undefined ? undefined : statsOf(outputFile);
  if (!written?.isFile()) return;
  for (const file of files) {
    const read = statsOf(file);
    if (read?.ino !== written.ino || read.dev !== written.dev) continue;
    throw new UsageError(`--output-file is the recording ${printable(file)} itself`, 'name another file');
  }
}

/** @returns undefined for a file that can't be looked at, about which its reader or writer says more */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** Closes what is written to. @returns whether all could be written */
async function end(out: Writer, terminal: Terminal): Promise<boolean> {
  // What failed before has been told.
  if (out.closed) return true;
  await out.end();
  const failure = explainFailure(out);
  if (failure) terminal.error(failure);
  return failure === undefined;
}

function hasNoBytes({ paths }: Recording, { output }: ShowRequest): UsageError {
  const name = printable(paths[0] ?? '');
  return new UsageError(
    `-o ${output} writes the bytes of packets, and ${name} has none`,
    `record it again with --snaplen, as in: ipft record FILE -m 42 --snaplen 256`,
  );
}

/** @returns undefined if a signal came before there was a header */
async function open(
  paths: readonly string[],
  { followFile }: ShowRequest,
  terminal: Terminal,
  { signal }: StopSignal,
): Promise<Recording | undefined> {
  if (!followFile) return Recording.open(paths);
  terminal.line(`Following ${printable(paths.at(-1) ?? '')} until its recorder ends it, or Ctrl-C`);
  while (!signal.aborted) {
    try {
      return Recording.open(paths, { grows: true });
    } catch (error) {
      if (!(error instanceof RecordingError && error.isCut)) throw error;
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
  return undefined;
}

function memoryFor({ sizeBytes }: Recording, { maxMemoryBytes, isMemoryGiven, followFile }: ShowRequest): number {
  if (isMemoryGiven || followFile) return maxMemoryBytes;
  return Math.min(maxMemoryBytes, LEAST_MEMORY + sizeBytes * MEMORY_PER_BYTE);
}

/** @returns the exit status */
async function showTrace(
  recording: Recording,
  request: ShowRequest,
  terminal: Terminal,
  out: Writer,
  stop: StopSignal,
): Promise<number> {
  if (request.counting) return await showCounts(recording, request.counting, request, terminal, out, stop);
  const { fields, plan } = recording.facts;
  const { hasKeys, additions, isOfBytes } = outputKind(request.output);
  if (fields && hasKeys) checkJsonNames(fields, additions);
  if (isOfBytes && !request.followFile && !hasBytes(recording.paths)) throw hasNoBytes(recording, request);
  const maxMemoryBytes = memoryFor(recording, request);
  const { header, places } = recording;
  const where = request.where === undefined ? undefined : compileRecordedWhere(request.where, '--where', header);
  const shown = addRecordedFields(request.show, '--show', header, fields);
  const source = { header: { ...header, fields: shown }, places, losses: () => recording.losses() };
  const taker = new TextTaker(source, { maxMemoryBytes, follow: plan.follow, where }, request, terminal, out);
  const run = new TraceRun(recording, taker.intake, taker.client, { ...request.until, count: request.most });
  if (!(await stop.hasHappened())) await run.run(stop.signal);
  terminal.clearStatus();
  if (taker.isForPrograms && stop.signal.aborted) terminal.eraseTyped();
  await taker.ending(run.finish());
  taker.report();
  const { problem } = taker;
  const { carried, endedEarly } = recording;
  if (carried > 0) {
    terminal.line(
      `${counted(carried, 'journey')} began before this file: what happened to them until then is not in it`,
    );
  }
  if (request.numbers && taker.shown === 0) {
    terminal.warn(`no journey with such a number is shown: there are ${taker.intake.tracker.journeys}`);
  }
  if (request.shownTargets && taker.intake.tracker.events === 0) {
    terminal.warn('nothing is shown: no event is at a function that -r and --module-regex leave');
  }
  // What was lost behind the place where it ends early is not known.
  const isWhole = taker.reportLosses(recording, problem !== undefined || endedEarly !== undefined);
  return report(problem, recording, request, isWhole, terminal);
}

/** Counts what is recorded. @returns the exit status */
async function showCounts(
  recording: Recording,
  counting: CountQuery,
  request: ShowRequest,
  terminal: Terminal,
  out: Writer,
  stop: StopSignal,
): Promise<number> {
  const { header, places } = recording;
  const { where: text, names, shownTargets, color, intervalMs, output } = request;
  const where = text === undefined ? undefined : compileRecordedWhere(text, names.where, header);
  const counts = new RecordedCounts(counting, names, header, where);
  const filter = shownTargets && new TargetFilter(header.targets, shownTargets);
  const intake = new JourneyIntake(counts, places, undefined, filter);
  const source = { intake, read: () => counts.read(), beganNs: header.beganNs, tracked: intake.tracker };
  const isWatched = request.followFile || intervalMs !== undefined;
  const taker = new CountTaker(source, { isJson: output === 'json', color, intervalMs, isWatched }, terminal, out);
  const run = new TraceRun(recording, intake, taker.client, request.until);
  if (!(await stop.hasHappened())) await run.run(stop.signal);
  await taker.ending(run.finish());
  taker.report();
  const { problem } = taker;
  const { endedEarly } = recording;
  const isWhole = taker.reportLosses(recording, problem !== undefined || endedEarly !== undefined);
  return report(problem, recording, request, isWhole, terminal);
}

/** Reports how it ended. @returns the exit status */
function report(
  problem: IpftError | undefined,
  { endedEarly }: Recording,
  { strict }: ShowRequest,
  isWhole: boolean,
  terminal: Terminal,
): number {
  if (problem) terminal.error(problem);
  if (endedEarly) terminal.warn(endedEarly.problem);
  if (problem || endedEarly?.why === 'damaged') return STATUS_ERROR;
  return strict && !(isWhole && !endedEarly) ? STATUS_LOSS : STATUS_DONE;
}
