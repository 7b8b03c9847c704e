/** Packets or calls that were counted by values. Pure. */
import type { FieldValue } from './field.js';

/** How often there were which values. */
export interface Counts {
  /** What was counted. */
  readonly per: 'packet' | 'call';
  /** The names of the values that a row has. */
  readonly columns: readonly string[];
  /** The text of the number that each row has a histogram of. */
  readonly histogram: string | undefined;
  /** The most frequent first. */
  readonly rows: readonly CountRow[];
  /** All that was counted, by whatever values. */
  readonly total: number;
  /** Packets that ended before they had all values at once. */
  readonly valueless: number;
  /** Packets or calls that had values beyond those that there was room for. */
  readonly uncounted: number;
}

/** Values, and how often they came together. */
export interface CountRow {
  /** As `Counts.columns`; undefined where there was none. */
  readonly values: readonly (CountedValue | undefined)[];
  readonly count: number;
  /** The histogram, by ascending numbers, without steps that nothing is in. */
  readonly steps: readonly CountStep[];
}

/** A value in all its forms. */
export interface CountedValue {
  /** As text shows it, escaped. */
  readonly text: string;
  readonly json: string;
  readonly value: FieldValue;
}

/** A step of a histogram: a power of two, and all numbers up to the next one. */
export interface CountStep {
  /** The least number of the step, and the greatest one. */
  readonly least: bigint;
  readonly greatest: bigint;
  readonly count: number;
}
