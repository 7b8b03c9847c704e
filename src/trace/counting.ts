/** What the kernel side counts, where it counts instead of making events. */
import type { CountedValue, CountStep, Counts } from '../base/counts.js';
import type { Reading, RecordSource, SourceTaker } from '../base/record-source.js';
import { CountedReader } from '../fields/counted.js';
import type { LiveTrace } from './live-trace.js';
import type { Intake } from './run.js';

/** Reads the counts of a trace whose plan counts. */
export class Counting {
  readonly #live: LiveTrace;
  readonly #reader: CountedReader;

  constructor(live: LiveTrace) {
    this.#live = live;
    this.#reader = new CountedReader(live.fields, live.header.symbols);
  }

  /** The counts so far; they can be read until the session is disposed of. @throws SystemCallError */
  read(): Counts {
    const { session, plan } = this.#live;
    const reader = this.#reader;
    const rows = new Map<string, { values: (CountedValue | undefined)[]; count: number; steps: CountStep[] }>();
    let total = 0;
    const { uncounted, valueless } = session.readCounted((data, sum) => {
      const values = reader.values(data);
      const count = Number(sum);
      // Steps of a histogram are rows of the map.
      const key = JSON.stringify(values.map((value) => value?.json ?? null));
      const row = rows.get(key) ?? { values, count: 0, steps: [] };
      rows.set(key, row);
      row.count += count;
      total += count;
      const step = reader.step(data, count);
      if (step) row.steps.push(step);
    });
    for (const { steps } of rows.values()) steps.sort((a, b) => (a.least < b.least ? -1 : 1));
    return {
      ...{ per: plan.counting!.per, columns: reader.columns, histogram: plan.counting!.histogram?.item.text },
      rows: [...rows.values()].sort((a, b) => b.count - a.count || (textOf(a) < textOf(b) ? -1 : 1)),
      ...{ total, valueless: Number(valueless), uncounted: Number(uncounted) },
    };
  }
}

const textOf = ({ values }: { readonly values: readonly (CountedValue | undefined)[] }) =>
  values.map((value) => value?.text ?? '').join('\0');

const NOTHING: SourceTaker = {
  event() {},
  began() {},
  moved() {},
  snapshot() {},
  process() {},
  ended() {},
  missed() {},
};

/** Reads a trace that counts, of which there are no records. The source is asked for what it tells besides. */
export class NoIntake implements Intake {
  readonly ended = 0;
  readonly over = 0;

  read(source: RecordSource, limit: number): Reading {
    return source.read(NOTHING, limit);
  }

  finish(): void {}
}
