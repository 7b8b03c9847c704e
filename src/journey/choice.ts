/** The choice of journeys that are shown. */
import type { Journey, Outcome } from '../base/journey.js';

export interface ChoiceOptions {
  /** Only journeys with these outcomes; by default all. */
  readonly only?: readonly Outcome[] | undefined;
  /** Only journeys that took longer, in nanoseconds. */
  readonly slowerNs?: number | undefined;
}

export class Choice {
  readonly #only: ReadonlySet<Outcome> | undefined;
  readonly #slowerNs: number;
  /** The number of journeys that were asked about, and of those that are shown. */
  asked = 0;
  taken = 0;

  constructor({ only, slowerNs }: ChoiceOptions) {
    this.#only = only && new Set(only);
    this.#slowerNs = slowerNs ?? -1;
  }

  /** Whether to show an ended journey. To be asked once for each, since it counts them. */
  takes({ outcome, beginNs, endNs }: Journey): boolean {
    this.asked++;
    if (this.#only && !this.#only.has(outcome)) return false;
    if (Number(endNs - beginNs) <= this.#slowerNs) return false;
    this.taken++;
    return true;
  }
}
