/** Which journeys are shown, of all that have ended. */
import type { Journey, Outcome } from '../base/journey.js';

export interface ChoiceOptions {
  /** Only journeys that ended in one of these ways; all if it is not said. */
  readonly only?: readonly Outcome[] | undefined;
  /** Only journeys that took longer, in nanoseconds. */
  readonly slowerNs?: number | undefined;
}

export class Choice {
  readonly #only: ReadonlySet<Outcome> | undefined;
  readonly #slowerNs: number;
  /** Journeys that were asked about, and those of them that are shown. */
  asked = 0;
  taken = 0;

  constructor({ only, slowerNs }: ChoiceOptions) {
    this.#only = only && new Set(only);
    this.#slowerNs = slowerNs ?? -1;
  }

  /** Whether to show a journey, which has ended. To be asked once for each: it counts them. */
  takes({ outcome, beginNs, endNs }: Journey): boolean {
    this.asked++;
    if (this.#only && !this.#only.has(outcome)) return false;
    if (Number(endNs - beginNs) <= this.#slowerNs) return false;
    this.taken++;
    return true;
  }
}
