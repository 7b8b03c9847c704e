/** `ipft -m …`: shows the trace while it runs. */
import { cpus, machine } from 'node:os';
import { checkJsonNames } from '../../fields/event-struct.js';
import type { StructLayout } from '../../fields/layout.js';
import { outputKind } from '../../output/outputs.js';
import { Counting, NoIntake } from '../../trace/counting.js';
import { CountTaker, type CountView } from '../count-taker.js';
import { type LiveOptions, traceLive } from '../live.js';
import { ScriptPrints } from '../script-prints.js';
import type { StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import { refuseTerminal, TextTaker, type ViewOptions } from '../text-taker.js';
import type { Writer } from '../writer.js';

/** @returns the exit status */
export async function trace(
  options: LiveOptions & ViewOptions & Partial<Pick<CountView, 'intervalMs'>>,
  terminal: Terminal,
  out: Writer,
  stop: StopSignal,
): Promise<number> {
  if (options.plan.counting) {
    const { color, intervalMs, output, command } = options;
    const view = { color, intervalMs, isJson: output === 'json', isWatched: command === undefined };
    return await traceLive(options, terminal, stop, (live) => {
      const counting = new Counting(live);
      const { beganNs } = live.header;
      const source = { intake: new NoIntake(), read: () => counting.read(), beganNs };
      return new CountTaker(source, view, terminal, out);
    });
  }
  refuseTerminal(options, out);
  const { hasKeys, additions, isForPrograms = false } = outputKind(options.output);
  const checkFields = hasKeys ? (layout: StructLayout) => checkJsonNames(layout, additions) : undefined;
  const prints = new ScriptPrints(terminal, !isForPrograms);
  const told = { ...options, ...(checkFields && { checkFields }), printer: prints };
  try {
    return await traceLive(told, terminal, stop, (live, source) => {
      const { plan, maxMemoryBytes } = live;
      const hardware = describeMachine();
      return new TextTaker(source, { maxMemoryBytes, follow: plan.follow, hardware, prints }, options, terminal, out);
    });
  } finally {
    // What a script has printed that failed before there was a taker.
    const rest = prints.take();
    if (rest.length > 0) await out.write(rest);
  }
}

/** As `x86_64, Intel(R) Xeon(R) Processor`. */
function describeMachine(): string {
  const model = cpus()[0]?.model.trim();
  return model ? `${machine()}, ${model}` : machine();
}
