/** Makes text of the records of a source, for whoever reads it. */
import { getHeapStatistics } from 'node:v8';
import { type IpftError, UsageError } from '../base/errors.js';
import type { TraceEvent } from '../base/event.js';
import type { Outcome } from '../base/journey.js';
import type { RecordSource, TraceHeader } from '../base/record-source.js';
import type { JourneyOrder } from '../journey/assembler.js';
import { Choice, type NumberRange } from '../journey/choice.js';
import { TargetFilter, type TargetPatterns } from '../journey/target-filter.js';
import { Clock } from '../output/clock.js';
import type { Fold } from '../output/folding.js';
import { createContext, type Output } from '../output/output.js';
import { type OutputName, outputKind, refusedNames } from '../output/outputs.js';
import type { Diff } from '../output/paths.js';
import { readPageFrame } from '../page-server/page-frame.js';
import { JourneyIntake } from '../trace/journey-intake.js';
import { type ColorChoice, hasColor } from './color.js';
import type { Taker } from './live.js';
import type { TimeName } from './option-table.js';
import { reportJourneys, reportLosses } from './report.js';
import type { ScriptPrints } from './script-prints.js';
import type { Terminal } from './terminal.js';
import { describeProgress, TextClient } from './text-client.js';
import { explainFailure, type Writer } from './writer.js';

/** Which journeys are shown, and how. */
export interface ViewOptions {
  readonly output: OutputName;
  readonly time: TimeName;
  readonly color: ColorChoice;
  readonly jsonEventsOnly: boolean;
  /** Whether packets are written once at each place, not at each function. */
  readonly once: boolean;
  /** The width of lines; undefined for that of the terminal. */
  readonly width: number | undefined;
  /** Whether text has ipftrace2's form: see compat.ts. */
  readonly plainText: boolean;
  readonly diff: Diff | undefined;
  /** The outcomes of journeys that are shown; undefined for all. */
  readonly only: readonly Outcome[] | undefined;
  /** The least duration of journeys that are shown; undefined for any. */
  readonly slowerNs: number | undefined;
  readonly fold: Fold;
  /** The order of journeys in text. */
  readonly order: JourneyOrder;
  /** The numbers of journeys that are shown; undefined for all. */
  readonly numbers?: readonly NumberRange[] | undefined;
  /** The most journeys that are shown. */
  readonly most?: number | undefined;
  /** The functions whose events are shown, of those that there are; undefined for all. */
  readonly shownTargets?: TargetPatterns | undefined;
}

/** What of a trace the view depends on, besides its records. */
export interface ViewFacts {
  /** The memory for journeys, in bytes. */
  readonly maxMemoryBytes: number;
  /** Whether packets were followed until they were freed. */
  readonly follow: boolean;
  /** The machine that traces; undefined of a recording. */
  readonly hardware?: string | undefined;
  /** The condition that an event of a journey must meet; undefined for none. */
  readonly where?: ((event: TraceEvent) => boolean) | undefined;
  /** What a script prints; undefined of a recording. */
  readonly prints?: ScriptPrints | undefined;
}

/** The part of the engine's heap that an output may keep; the rest is for short-lived objects. */
const PART_OF_HEAP = 0.5;

/**
 * Refuses to show bytes that are no text.
 * @throws UsageError
 */
export function refuseTerminal(
  { output }: Pick<ViewOptions, 'output'>,
  out: Pick<Writer, 'name' | 'isTerminal'>,
): void {
  if (!out.isTerminal || !outputKind(output).isBinary) return;
  const hint = `redirect the output to a file or a program, or name one, as in --output-file trace.${output}`;
  throw new UsageError(`-o ${output} is no text, and ${out.name} is a terminal`, hint);
}

export class TextTaker implements Taker {
  readonly intake: JourneyIntake;
  readonly client: TextClient;
  readonly isForPrograms: boolean;
  readonly #output: Output;
  readonly #out: Writer;
  readonly #terminal: Terminal;
  readonly #clock: Clock;
  readonly #facts: ViewFacts;

  constructor(
    source: Pick<RecordSource, 'header' | 'places' | 'losses'>,
    facts: ViewFacts,
    options: ViewOptions,
    terminal: Terminal,
    out: Writer,
  ) {
    this.isForPrograms = outputKind(options.output).isForPrograms ?? false;
    this.#clock = createClock(options.time, source.header);
    const output = createOutput(source, facts, options, this.#clock, out);
    this.#output = output;
    this.#facts = facts;
    this.#out = out;
    this.#terminal = terminal;
    const { shownTargets } = options;
    const filter = shownTargets && new TargetFilter(source.header.targets, shownTargets);
    this.intake = new JourneyIntake(output, source.places, output.choice, filter);
    const tracker = this.isForPrograms ? undefined : this.intake.tracker;
    const { isLines } = outputKind(options.output);
    this.client = new TextClient(output, out, terminal, { tracker, isLines, prints: facts.prints });
  }

  get events(): number {
    return this.intake.tracker.events;
  }

  /** The number of journeys that are shown. */
  get shown(): number {
    return this.intake.ended;
  }

  ending(ending: Promise<void>): Promise<void> {
    return this.client.ending(ending);
  }

  report(): void {
    const { tracker } = this.intake;
    if (!this.isForPrograms) this.#terminal.line(describeProgress(tracker));
    reportJourneys(tracker, this.#output, this.#facts, this.#terminal);
  }

  async close(): Promise<IpftError | undefined> {
    // A reader that was given up would be waited for without end.
    if (this.client.isGivenUp) return this.problem;
    await this.client.handOnPrints();
    await this.client.flush();
    await this.#out.end();
    return this.problem;
  }

  /** The error if not all could be written so far. */
  get problem(): IpftError | undefined {
    return this.client.problem ?? explainFailure(this.#out);
  }

  reportLosses(source: RecordSource, isCut: boolean): boolean {
    return reportLosses(source.losses(), source.coverage, this.intake.tracker, this.#clock, this.#terminal, isCut);
  }
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
  source: Pick<RecordSource, 'header' | 'places' | 'losses'>,
  { maxMemoryBytes: maxBytes, follow, hardware, where }: ViewFacts,
  options: ViewOptions,
  clock: Clock,
  out: Writer,
): Output {
  const { jsonEventsOnly: eventsOnly, once, diff, plainText, only, slowerNs, numbers, most, fold, order } = options;
  const kind = outputKind(options.output);
  const isChosen = only || numbers || where || (slowerNs ?? most) !== undefined;
  const choice = isChosen ? new Choice({ only, slowerNs, numbers, most, where }) : undefined;
  const maxHeapBytes = getHeapStatistics().heap_size_limit * PART_OF_HEAP;
  const wanted = {
    ...{ maxBytes, maxHeapBytes, choice, order, showPlaces: follow },
    hasColor: hasColor(options.color, { isTTY: out.isTerminal }),
    width: () => options.width ?? out.columns,
    ...{ eventsOnly, diff, plainText, fold, once, hardware },
    page: kind.isPage ? { frame: readPageFrame(), header: source.header } : undefined,
  };
  // Names are looked up when the first packet is in a namespace, which may be gone when the trace ends.
  if (kind.namesNetns?.(wanted)) source.places.onPlace = ({ netns }) => void source.header.netnsName(netns);
  return kind.create(createContext(source, clock, refusedNames(kind)), wanted);
}
