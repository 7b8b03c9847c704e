/**
 * `-o paths`: journeys with equal paths together, the most frequent first; of 10,000 packets the three that went another
 * way stand out.
 *
 *     #1  9997 journeys (99.97 %), delivered to AF_INET UDP
 *         duration: shortest 12.345us, median 20.001us, 95th percentile 40.123us, longest 1200.000us
 *         slowest step: ip_finish_output2 -> __dev_queue_xmit, median 5.200us
 *         journeys: 1, 2, 3, …
 *         netns 4026532201
 *           __ip_local_out
 *           …
 *
 * Journeys with lost events have no whole path: they are counted by their outcome, below. With `diff` two paths follow
 * side by side.
 */

import { counted } from '../base/counted.js';
import { createEvent } from '../base/event.js';
import { printable } from '../base/printable.js';
import { createPainter, type Painter } from '../base/style.js';
import { VMLINUX } from '../base/target.js';
import type { CompleteJourney } from '../journey/assembler.js';
import type { Choice } from '../journey/choice.js';
import { describeOutcome, formatMicroseconds, styleOf } from '../journey/outcome.js';
import { align, type Path, PathBook, type Step } from '../journey/paths.js';
import {
  describeNetns,
  type JourneyEncoder,
  JourneyOutput,
  type JourneyOutputOptions,
  type OutputContext,
} from './output.js';

/** The two paths to compare: their ranks, counted from 1, or the most frequent and what `findOther` finds. */
export type Diff = readonly [number, number] | 'most-frequent';

export interface PathsOptions extends JourneyOutputOptions {
  readonly diff?: Diff | undefined;
  /** Whether headings and outcomes are coloured. */
  readonly hasColor?: boolean;
}

/** More equal lines in a row than this are left out of a comparison. */
const CONTEXT = 3;
/** The number of paths in the status. */
const STATUS_PATHS = 10;

export class PathsOutput extends JourneyOutput {
  constructor(context: OutputContext, options: PathsOptions = {}) {
    super(new PathsText(context, options), context, options);
  }
}

/** The most frequent path that ends otherwise than the first one: if there is one, one of the two was dropped. */
function findOther(paths: readonly Pick<Path, 'outcome'>[]): number {
  const first = paths[0]?.outcome ?? '';
  const isDropped = (outcome: string) => outcome.startsWith('dropped');
  const kind = (outcome: string) => outcome.split(/[: ]/, 1)[0];
  const found = [
    paths.findIndex(({ outcome }) => isDropped(outcome) !== isDropped(first)),
    paths.findIndex(({ outcome }) => kind(outcome) !== kind(first)),
    paths.findIndex(({ outcome }) => outcome !== first),
  ];
  return found.find((index) => index >= 0) ?? -1;
}

class PathsText implements JourneyEncoder {
  readonly #context: OutputContext;
  readonly #diff: Diff | undefined;
  readonly #paint: Painter;
  readonly #choice: Choice | undefined;
  readonly #book = new PathBook();
  readonly #event = createEvent();
  /** Journeys with lost events, by their outcome. */
  readonly #incomplete = new Map<string, { count: number; example: number }>();
  readonly pendingBytes = 0;

  constructor(context: OutputContext, { diff, hasColor = false, choice }: PathsOptions) {
    this.#choice = choice;
    this.#context = context;
    this.#paint = createPainter(hasColor);
    this.#diff = diff;
  }

  get keptBytes(): number {
    return this.#book.sizeBytes;
  }

  isFull(): boolean {
    return false;
  }

  journey(whole: CompleteJourney): undefined {
    const { journey } = whole;
    const outcome = describeOutcome(journey, this.#context.names);
    if (journey.lost > 0 || journey.outcome === 'unknown') {
      const known = this.#incomplete.get(outcome);
      if (known) known.count++;
      else this.#incomplete.set(outcome, { count: 1, example: journey.number });
      return;
    }
    const book = this.#book;
    const event = this.#event;
    let [low, high] = [0, 0];
    let isFirst = true;
    /** In nanoseconds since the first step. */
    let time = 0;
    for (let position = 0; position < whole.count; position++) {
      whole.load(position, event);
      if (event.isReturn) continue;
      if (isFirst) [low, high] = [event.timestampLow, event.timestampHigh];
      isFirst = false;
      time = (event.timestampHigh - high) * 0x100000000 + (event.timestampLow - low);
      book.step(event.target, this.#context.places.get(event.place)?.netns ?? 0, time);
    }
    const duration = Math.max(Number(journey.endNs - journey.beginNs), time);
    book.end({ number: journey.number, outcome, gap: journey.gap, duration });
  }

  take(): Uint8Array {
    return NOTHING;
  }

  status(): readonly string[] {
    const counts = this.#book.mostFrequent(STATUS_PATHS);
    const total = this.#book.journeys;
    return [
      this.#summary(),
      ...counts.map(({ count, outcome }, index) => describeShare(index + 1, count, total, outcome)),
    ];
  }

  #summary(): string {
    const of = this.#choice ? ` of ${this.#choice.asked}` : '';
    return `${counted(this.#book.journeys, 'journey')}${of}, ${counted(this.#book.size, 'path')}`;
  }

  *finish(): Iterable<Uint8Array> {
    const paths = this.#book.paths();
    const total = this.#book.journeys;
    yield Buffer.from(`${this.#paint(this.#summary(), 'bold')}\n`);
    for (const [index, path] of paths.entries()) yield Buffer.from(this.#describe(path, index + 1, total));
    if (this.#incomplete.size > 0) yield Buffer.from(this.#describeIncomplete());
    if (this.#diff) yield Buffer.from(this.#compare(paths, this.#diff));
  }

  #name({ target }: Step): string {
    const { name = '?', module = VMLINUX } = this.#context.targets[target] ?? {};
    return printable(module === VMLINUX ? name : `${name} [${module}]`);
  }

  #netns(netns: number): string {
    return netns === 0 ? 'unknown' : describeNetns(netns, this.#context);
  }

  #describe(path: Path, rank: number, total: number): string {
    const { steps, outcome, slowest, examples } = path;
    const paint = this.#paint;
    const times = [
      `shortest ${formatMicroseconds(path.shortest)}, median ${formatMicroseconds(path.median)}`,
      `95th percentile ${formatMicroseconds(path.percentile95)}, longest ${formatMicroseconds(path.longest)}`,
    ];
    const from = steps[slowest.index];
    const to = steps[slowest.index + 1];
    const step = `${from ? this.#name(from) : '?'} -> ${to ? this.#name(to) : 'end'}`;
    const lines = [
      '',
      describeShare(rank, path.count, total, outcome, paint),
      ...(path.gaps === 0
        ? []
        : [paint(`    gap possible in ${path.gaps} of them: probes were missed meanwhile`, 'yellow')]),
      `    duration: ${times.join(', ')}`,
      `    slowest step: ${step}, median ${formatMicroseconds(slowest.median)}`,
      `    journeys: ${examples.join(', ')}${path.count > examples.length ? ', …' : ''}`,
    ];
    let netns = -1;
    for (const one of steps) {
      if (one.netns !== netns) lines.push(paint(`    netns ${this.#netns(one.netns)}`, 'dim'));
      netns = one.netns;
      lines.push(`      ${this.#name(one)}`);
    }
    return `${lines.join('\n')}\n`;
  }

  #describeIncomplete(): string {
    const lines = [...this.#incomplete]
      .sort(([, a], [, b]) => b.count - a.count)
      .map(([outcome, { count: number, example }]) => `  ${number}: ${outcome}; for example journey ${example}`);
    const title = this.#paint('Not among these: journeys of which something was lost', 'yellow');
    return ['', title, ...lines, ''].join('\n');
  }

  #compare(paths: readonly Path[], diff: Diff): string {
    const other = findOther(paths);
    if (diff === 'most-frequent' && other < 0) return '\nno comparison: there are no two paths that end differently\n';
    const [left, right] = diff === 'most-frequent' ? [1, other + 1] : diff;
    const [a, b] = [paths[left - 1], paths[right - 1]];
    const missing = [left, right].filter((rank) => !paths[rank - 1]);
    if (!a || !b) return `\nno comparison: there is no path ${missing.join(' and no path ')}\n`;
    const rows = align(a.steps, b.steps, (one, other) => one.target === other.target && one.netns === other.netns);
    const name = (path: Path, index: number | undefined) => {
      const step = index === undefined ? undefined : path.steps[index];
      return step ? `${this.#name(step)}${this.#netnsChange(path, index ?? 0)}` : '';
    };
    const width = Math.max(20, ...rows.map(({ left: index }) => name(a, index).length));
    const lines = [
      '',
      this.#paint(`path ${left} and path ${right}`, 'bold'),
      this.#paint(`    ${`#${left}  ${a.outcome}`.padEnd(width)}    #${right}  ${b.outcome}`, 'bold'),
    ];
    const isEqual = rows.map((row) => row.left !== undefined && row.right !== undefined);
    let hidden = 0;
    for (const [index, row] of rows.entries()) {
      const isNear = isEqual.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).includes(false);
      if (isEqual[index] && !isNear) {
        hidden++;
        continue;
      }
      if (hidden > 0) lines.push(`    … ${counted(hidden, 'equal step')}`);
      hidden = 0;
      if (!isEqual[index] && isEqual[index - 1] !== false) lines.push('  - here they part');
      const sign = isEqual[index] ? ' ' : row.right === undefined ? '<' : '>';
      const line = `  ${sign} ${name(a, row.left).padEnd(width)}  ${sign} ${name(b, row.right)}`.trimEnd();
      lines.push(isEqual[index] ? line : this.#paint(line, row.right === undefined ? 'red' : 'green'));
      const next = isEqual[index + 1];
      if (!isEqual[index] && next === true) lines.push('  - here they meet again');
    }
    if (hidden > 0) lines.push(`    … ${counted(hidden, 'equal step')}`);
    if (isEqual.at(-1) === false) lines.push('  - they do not meet again');
    return `${lines.join('\n')}\n`;
  }

  /** The namespace of a step, if the one before is in another. */
  #netnsChange({ steps }: Path, index: number): string {
    const netns = steps[index]?.netns ?? 0;
    return netns === steps[index - 1]?.netns || netns === 0 ? '' : ` (netns ${this.#netns(netns)})`;
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** `#1  9997 journeys (99.97 %), delivered to AF_INET UDP` */
function describeShare(rank: number, count: number, total: number, outcome: string, paint: Painter = PLAIN): string {
  const share = ((count / total) * 100).toFixed(2);
  return `${paint(`#${rank}`, 'bold')}  ${counted(count, 'journey')} (${share} %), ${paint(outcome, styleOf(outcome))}`;
}

const PLAIN = createPainter(false);
