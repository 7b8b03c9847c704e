/**
 * Many journeys in a few lines:
 *
 *     5000 journeys, 420000 events: 7 dropped, 4993 consumed
 *     Dropped:
 *         5  SKB_DROP_REASON_NETFILTER_DROP in nft_do_chain+0x40e (first: journey 12)
 *         2  SKB_DROP_REASON_NO_SOCKET in __udp4_lib_rcv+0x235 (first: journey 80)
 *     Slowest: journey 17 (5076.248us), journey 3 (4011.012us), journey 99 (3900.123us)
 *
 * What is kept is bounded, however many journeys there are.
 */

import { counted } from '../base/counted.js';
import { type Journey, OUTCOMES, type Outcome } from '../base/journey.js';
import type { KernelNames } from '../base/record-source.js';
import type { Painter } from '../base/style.js';
import type { Choice } from '../journey/choice.js';

import { describeOutcome, formatMicroseconds, styleOf } from '../journey/outcome.js';

/** The most kinds of drops that are counted apart, and those that are named. */
const MAX_DROPS = 1000;
const NAMED_DROPS = 10;
const SLOWEST = 3;
/** From this number of journeys on, nobody reads all of their lines. */
const MANY = 50;

interface Drop {
  count: number;
  readonly first: number;
}

export class Summary {
  readonly #names: KernelNames;
  readonly #outcomes = new Map<Outcome, number>();
  /** The drops, by the text of their end. */
  readonly #drops = new Map<string, Drop>();
  #otherDrops = 0;
  /** The slowest first. */
  readonly #slowest: { readonly number: number; readonly durationNs: number }[] = [];
  #journeys = 0;
  #events = 0;

  constructor(names: KernelNames) {
    this.#names = names;
  }

  get journeys(): number {
    return this.#journeys;
  }

  /** A journey that has ended. */
  add(journey: Journey): void {
    const { outcome, number, events, beginNs, endNs } = journey;
    this.#journeys++;
    this.#events += events;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    if (outcome === 'dropped') this.#addPlace(describeOutcome(journey, this.#names), number);
    // The duration of the others is not known.
    if (outcome !== 'alive' && outcome !== 'unknown') this.#addDuration(number, Number(endNs - beginNs));
  }

  #addPlace(described: string, number: number): void {
    const drop = this.#drops.get(described);
    if (drop) drop.count++;
    else if (this.#drops.size < MAX_DROPS) this.#drops.set(described, { count: 1, first: number });
    else this.#otherDrops++;
  }

  #addDuration(number: number, durationNs: number): void {
    const slowest = this.#slowest;
    if (slowest.length === SLOWEST && durationNs <= slowest[SLOWEST - 1]!.durationNs) return;
    let at = slowest.length;
    while (at > 0 && slowest[at - 1]!.durationNs < durationNs) at--;
    slowest.splice(at, 0, { number, durationNs });
    if (slowest.length > SLOWEST) slowest.pop();
  }

  /** @param choice of the journeys, if they were chosen */
  lines(paint: Painter, choice?: Choice): string[] {
    const of = choice ? ` of ${choice.asked}` : '';
    const outcomes = OUTCOMES.filter((outcome) => this.#outcomes.has(outcome)).map((outcome) =>
      paint(`${this.#outcomes.get(outcome)} ${outcome}`, styleOf(outcome)),
    );
    const title = `${counted(this.#journeys, 'journey')}${of}, ${counted(this.#events, 'event')}`;
    const lines = [`${paint(title, 'bold')}${outcomes.length > 0 ? `: ${outcomes.join(', ')}` : ''}`];
    lines.push(...this.#placeLines());
    if (this.#slowest.length > 1) {
      const slowest = this.#slowest.map(
        ({ number, durationNs }) => `journey ${number} (${formatMicroseconds(durationNs)})`,
      );
      lines.push(`Slowest: ${slowest.join(', ')}`);
    }
    if (this.#journeys >= MANY) {
      lines.push(
        '-o paths shows each path once; --only and --slower choose journeys, as in --only dropped --slower 1ms',
      );
    }
    return lines;
  }

  #placeLines(): string[] {
    const drops = [...this.#drops].sort(([, a], [, b]) => b.count - a.count || a.first - b.first);
    if (drops.length === 0) return [];
    const width = String(drops[0]![1].count).length + 4;
    const shown = drops.slice(0, NAMED_DROPS).map(([described, { count, first }]) => {
      const where = described.replace(/^dropped:? ?/, '') || 'where is not known';
      return `${String(count).padStart(width)}  ${where} (${count === 1 ? '' : 'first: '}journey ${first})`;
    });
    const rest = drops.slice(NAMED_DROPS).reduce((sum, [, { count }]) => sum + count, this.#otherDrops);
    const others = rest === 0 ? [] : [`${String(rest).padStart(width)}  elsewhere`];
    return ['Dropped:', ...shown, ...others];
  }
}
