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
import type { TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { printable } from '../base/printable.js';
import { createPainter, type Painter } from '../base/style.js';
import { VMLINUX } from '../base/target.js';
import { align, type Path, PathBook, type Step } from '../journey/paths.js';
import type { Choice } from './choice.js';
import { describeOutcome, formatMicroseconds, styleOf } from './outcome.js';
import { describeNetns, type Output, type OutputContext } from './output.js';

/** Which two paths to compare: their ranks, counted from 1, or the two most frequent that end differently. */
export type Diff = readonly [number, number] | 'most-frequent';

export interface PathsOptions {
  /** About how much memory may be used: then no further journeys are taken in. */
  readonly maxBytes?: number;
  /** About how much of that on the engine's heap, which has a bound of its own. */
  readonly maxHeapBytes?: number;
  readonly diff?: Diff | undefined;
  /** Whether what people look for is in colours. */
  readonly hasColor?: boolean;
  /** Which journeys count; all if it is not said. */
  readonly choice?: Choice | undefined;
}

/** A journey that has not ended: what it has passed, and when. */
interface Open {
  readonly targets: number[];
  readonly netns: number[];
  /** Since its first event, in nanoseconds. */
  readonly times: number[];
  readonly low: number;
  readonly high: number;
}

const JOURNEY_BYTES = 800;
const STEP_BYTES = 24;
const PART_FOR_NEW = 0.9;
/** Lines of a comparison that are equal are left out where there are more than this in a row. */
const CONTEXT = 3;

export class PathsOutput implements Output {
  readonly #context: OutputContext;
  readonly #maxBytes: number;
  readonly #maxHeapBytes: number;
  readonly #diff: Diff | undefined;
  readonly #paint: Painter;
  readonly choice: Choice | undefined;
  readonly #open = new Map<Journey, Open>();
  readonly #book = new PathBook();
  /** Journeys with lost events, by their outcome. */
  readonly #incomplete = new Map<string, { count: number; example: number }>();
  #openSteps = 0;

  constructor(context: OutputContext, options: PathsOptions = {}) {
    const {
      maxBytes = Number.POSITIVE_INFINITY,
      maxHeapBytes = Number.POSITIVE_INFINITY,
      diff,
      hasColor = false,
      choice,
    } = options;
    this.choice = choice;
    this.#context = context;
    this.#paint = createPainter(hasColor);
    this.#maxBytes = maxBytes;
    this.#maxHeapBytes = maxHeapBytes;
    this.#diff = diff;
  }

  get hasRoom(): boolean {
    return this.#sizeBytes < this.#maxBytes * PART_FOR_NEW && !this.isHeapFull;
  }

  /** All of it is on the heap. */
  get isHeapFull(): boolean {
    return this.#sizeBytes >= this.#maxHeapBytes * PART_FOR_NEW;
  }

  get #sizeBytes(): number {
    return this.#book.sizeBytes + this.#open.size * JOURNEY_BYTES + this.#openSteps * STEP_BYTES;
  }

  event(event: TraceEvent, journey: Journey): void {
    if (event.isReturn) return;
    let open = this.#open.get(journey);
    if (!open) {
      open = { targets: [], netns: [], times: [], low: event.timestampLow, high: event.timestampHigh };
      this.#open.set(journey, open);
    }
    const time = (event.timestampHigh - open.high) * 0x100000000 + (event.timestampLow - open.low);
    const netns = this.#context.place(journey.place)?.netns ?? 0;
    // By time; nearly always behind the last one.
    let at = open.times.length;
    while (at > 0 && open.times[at - 1]! > time) at--;
    if (at === open.times.length) {
      open.targets.push(event.target);
      open.netns.push(netns);
      open.times.push(time);
    } else {
      open.targets.splice(at, 0, event.target);
      open.netns.splice(at, 0, netns);
      open.times.splice(at, 0, time);
    }
    this.#openSteps++;
  }

  ended(journey: Journey): void {
    const open = this.#open.get(journey);
    if (open) {
      this.#open.delete(journey);
      this.#openSteps -= open.times.length;
    }
    if (this.choice && !this.choice.takes(journey)) return;
    const outcome = describeOutcome(journey, this.#context.names);
    if (journey.lost > 0 || journey.outcome === 'unknown') {
      const known = this.#incomplete.get(outcome);
      if (known) known.count++;
      else this.#incomplete.set(outcome, { count: 1, example: journey.number });
      return;
    }
    if (!open) return;
    const begin = open.times[0] ?? 0;
    const end = Math.max(Number(journey.endNs - journey.beginNs), open.times.at(-1) ?? 0);
    this.#book.add({
      ...{ number: journey.number, outcome, gap: journey.gap },
      steps: open.targets.map((target, index) => ({ target, netns: open.netns[index] ?? 0 })),
      times: [...open.times, end].map((time) => time - begin),
    });
  }

  tick(): boolean {
    return false;
  }

  get pendingBytes(): number {
    return 0;
  }

  text(): Uint8Array {
    return new Uint8Array(0);
  }

  *finish(): Iterable<Uint8Array> {
    const paths = this.#book.paths();
    const total = paths.reduce((sum, { count }) => sum + count, 0);
    const of = this.choice ? ` of ${this.choice.asked}` : '';
    const summary = `${counted(total, 'journey')}${of}, ${counted(paths.length, 'path')}`;
    yield Buffer.from(`${this.#paint(summary, 'bold')}\n`);
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
    const share = ((path.count / total) * 100).toFixed(2);
    const times = [
      `shortest ${formatMicroseconds(path.shortest)}, median ${formatMicroseconds(path.median)}`,
      `95th percentile ${formatMicroseconds(path.percentile95)}, longest ${formatMicroseconds(path.longest)}`,
    ];
    const from = steps[slowest.index];
    const to = steps[slowest.index + 1];
    const step = `${from ? this.#name(from) : '?'} -> ${to ? this.#name(to) : 'end'}`;
    const lines = [
      '',
      `${paint(`#${rank}`, 'bold')}  ${counted(path.count, 'journey')} (${share} %), ${paint(outcome, styleOf(outcome))}`,
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
    const other = paths.findIndex(({ outcome }) => outcome !== paths[0]?.outcome);
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

  /** The namespace, where a step is the first in it. */
  #netnsChange({ steps }: Path, index: number): string {
    const netns = steps[index]?.netns ?? 0;
    return netns === steps[index - 1]?.netns || netns === 0 ? '' : ` (netns ${this.#netns(netns)})`;
  }
}
