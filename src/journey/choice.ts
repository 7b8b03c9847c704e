/** The choice of journeys that are shown. */
import type { TraceEvent } from '../base/event.js';
import type { Journey, Outcome } from '../base/journey.js';

/** Numbers from the first to the last. */
export type NumberRange = readonly [first: number, last: number];

export interface ChoiceOptions {
  /** Only journeys with these outcomes; by default all. */
  readonly only?: readonly Outcome[] | undefined;
  /** Only journeys that took longer, in nanoseconds. */
  readonly slowerNs?: number | undefined;
  /** Only journeys with these numbers. */
  readonly numbers?: readonly NumberRange[] | undefined;
  /** The most journeys. */
  readonly most?: number | undefined;
  /** Only journeys of which this is true of an event. */
  readonly where?: ((event: TraceEvent) => boolean) | undefined;
}

export class Choice {
  readonly #only: ReadonlySet<Outcome> | undefined;
  readonly #slowerNs: number;
  readonly #numbers: readonly NumberRange[] | undefined;
  readonly #most: number;
  readonly #where: ((event: TraceEvent) => boolean) | undefined;
  /** Journeys of which the condition was true. */
  readonly #wanted = new WeakSet<Journey>();
  /** The number of journeys that were asked about, and of those that are shown. */
  asked = 0;
  taken = 0;

  constructor({ only, slowerNs, numbers, most, where }: ChoiceOptions) {
    this.#where = where;
    this.#only = only && new Set(only);
    this.#slowerNs = slowerNs ?? -1;
    this.#numbers = numbers;
    this.#most = most ?? Number.POSITIVE_INFINITY;
  }

  /** Whether events are to be looked at. */
  get looksAtEvents(): boolean {
    return this.#where !== undefined;
  }

  /** Looks at an event of a journey that has not ended. */
  look(event: TraceEvent, journey: Journey): void {
    if (this.#where && !this.#wanted.has(journey) && this.#where(event)) this.#wanted.add(journey);
  }

  /** Whether a journey can be among those that are shown, before it has ended. */
  mayTake({ number }: Pick<Journey, 'number'>): boolean {
    return this.#numbers?.some(([first, last]) => number >= first && number <= last) ?? true;
  }

  /** Whether to show an ended journey. To be asked once for each, since it counts them. */
  takes(journey: Journey): boolean {
    const { outcome, beginNs, endNs } = journey;
    if (this.taken >= this.#most) return false;
    this.asked++;
    if (this.#only && !this.#only.has(outcome)) return false;
    if (Number(endNs - beginNs) <= this.#slowerNs) return false;
    if (!this.mayTake(journey)) return false;
    if (this.#where && !this.#wanted.has(journey)) return false;
    this.taken++;
    return true;
  }
}
