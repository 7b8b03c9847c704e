/** `ipft -m …`: shows the trace while it runs. */
import { checkJsonNames } from '../../fields/event-struct.js';
import { outputKind } from '../../output/outputs.js';
import { type LiveOptions, traceLive } from '../live.js';
import type { StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import { refuseTerminal, TextTaker, type ViewOptions } from '../text-taker.js';
import type { Writer } from '../writer.js';

/** @returns the exit status */
export async function trace(
  options: LiveOptions & ViewOptions,
  terminal: Terminal,
  out: Writer,
  stop: StopSignal,
): Promise<number> {
  refuseTerminal(options, out);
  const checkFields = outputKind(options.output).hasKeys ? checkJsonNames : undefined;
  return await traceLive({ ...options, ...(checkFields && { checkFields }) }, terminal, stop, (live, source) => {
    const { plan, maxMemoryBytes } = live;
    return new TextTaker(source, { maxMemoryBytes, follow: plan.follow }, options, terminal, out);
  });
}
