/** Rows of what is counted: values that came together, how often, and the histogram of each. Pure. */
import type { CountedValue, CountRow } from '../base/counts.js';
import { boundsOf } from '../fields/counted.js';
import { MAX_COUNTED } from '../fields/expression/count.js';

interface Row {
  readonly values: readonly (CountedValue | undefined)[];
  count: number;
  /** How often each step was, by its number. */
  readonly steps: Map<number, number>;
}

export class CountRows {
  readonly #rows = new Map<string, Row>();
  /** Rows, or with histograms their steps. */
  #kept = 0;
  #total = 0;

  /** All that is counted. */
  get total(): number {
    return this.#total;
  }

  /**
   * @param step of the row's histogram, as `stepOf` numbers it
   * @returns whether there was room: `MAX_COUNTED` are counted apart
   */
  add(values: readonly (CountedValue | undefined)[], step: number | undefined, count: number): boolean {
    const key = JSON.stringify(values.map((value) => value?.json ?? null));
    const known = this.#rows.get(key);
    const isNew = !known || (step !== undefined && !known.steps.has(step));
    if (isNew && this.#kept === MAX_COUNTED) return false;
    if (isNew) this.#kept++;
    const row = known ?? { values, count: 0, steps: new Map<number, number>() };
    this.#rows.set(key, row);
    row.count += count;
    this.#total += count;
    if (step !== undefined) row.steps.set(step, (row.steps.get(step) ?? 0) + count);
    return true;
  }

  /** The most frequent first; those that are equally frequent by their text. */
  sorted(): CountRow[] {
    return [...this.#rows.values()]
      .sort((a, b) => b.count - a.count || (textOf(a) < textOf(b) ? -1 : 1))
      .map(({ values, count, steps }) => ({
        ...{ values, count },
        steps: [...steps].sort(([a], [b]) => a - b).map(([step, count]) => ({ ...boundsOf(step), count })),
      }));
  }
}

const textOf = ({ values }: Row) => values.map((value) => value?.text ?? '').join('\0');
