/** `ipft show FILE`: shows a recording, as if it were traced now. */
import { checkJsonNames } from '../../fields/event-struct.js';
import { outputKind } from '../../output/outputs.js';
import { Recording } from '../../recording/recording.js';
import { TraceRun } from '../../trace/run.js';
import { STATUS_DONE, STATUS_ERROR, STATUS_LOSS } from '../exit-status.js';
import type { ShowOptions } from '../options.js';
import type { StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import { TextTaker, type ViewOptions } from '../text-taker.js';
import type { Writer } from '../writer.js';

/** @returns the exit status */
export async function show(
  options: ShowOptions & ViewOptions & { readonly files: readonly string[] },
  terminal: Terminal,
  out: Writer,
  stop: StopSignal,
): Promise<number> {
  const [file = ''] = options.files;
  using recording = Recording.open(file);
  const { fields, plan } = recording.facts;
  if (fields && outputKind(options.output).hasKeys) checkJsonNames(fields);
  const { maxMemoryBytes } = options;
  const taker = new TextTaker(recording, { maxMemoryBytes, follow: plan.follow }, options, terminal, out);
  const run = new TraceRun(recording, taker.intake, taker.client, options.until);
  if (!(await stop.hasHappened())) await run.run(stop.signal);
  terminal.clearStatus();
  await taker.ending(run.finish());
  taker.report();
  const problem = await taker.close();
  const isWhole = taker.reportLosses(recording, problem !== undefined);
  if (problem) terminal.error(problem);
  const { endedEarly } = recording;
  if (endedEarly) terminal.warn(endedEarly.problem);
  if (problem || endedEarly?.why === 'damaged') return STATUS_ERROR;
  return options.strict && !(isWhole && !endedEarly) ? STATUS_LOSS : STATUS_DONE;
}
