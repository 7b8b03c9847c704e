/** Reads a recording for the page, at the pace of the page. */
import type { Recording } from '../recording/recording.js';
import { TraceRun } from '../trace/run.js';
import { problemOf } from './messages.js';
import { PartMaker } from './part-maker.js';
import type { ShownTrace } from './shown-trace.js';

/** The memory for journeys, in bytes, is not more than the file can need: see `ipft show`. */
const MEMORY_PER_BYTE = 8;
const LEAST_MEMORY = 32 << 20;
const MOST_MEMORY = 2 ** 30;

/**
 * Reads it to its end, or until the signal, and closes it. What is wrong with it, the page is told.
 * @param name as messages call it: one that a page has sent has no path
 */
export async function readRecording(
  recording: Recording,
  name: string,
  shown: ShownTrace,
  signal: AbortSignal,
  maxHeapBytes: number,
): Promise<void> {
  using source = recording;
  const maker = new PartMaker(source, {
    maxMemoryBytes: Math.min(MOST_MEMORY, LEAST_MEMORY + source.sizeBytes * MEMORY_PER_BYTE),
    maxHeapBytes,
    async handOn({ kind, bytes, ...counts }) {
      shown.add(kind, bytes, counts);
      await shown.waitForRoom(signal);
    },
    onCounts: (counts) => shown.count(counts),
  });
  const named = (text: string) => source.paths.reduce((all, path) => all.replaceAll(path, () => name), text);
  const run = new TraceRun(source, maker.intake, maker);
  try {
    await run.run(signal);
    if (signal.aborted) await maker.finish();
    else await run.finish();
    if (source.carried > 0) shown.warn(`${source.carried} journeys began before this file`);
    if (source.endedEarly) shown.warn(named(source.endedEarly.problem));
    if (signal.aborted) shown.warn('stopped: what comes later in the file is not shown');
    shown.enter('ended');
  } catch (error) {
    const problem = problemOf(error);
    if (!problem) throw error;
    shown.enter('ended', { ...problem, message: named(problem.message) });
  }
}
