/** What the kernel side counts, where it counts instead of making events. */
import type { Counts } from '../base/counts.js';
import type { Reading, RecordSource, SourceTaker } from '../base/record-source.js';
import { CountedReader } from '../fields/counted.js';
import { CountRows } from './count-rows.js';
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
    const rows = new CountRows();
    const { uncounted, valueless } = session.readCounted((data, sum) => {
      rows.add(reader.values(data), reader.step(data), Number(sum));
    });
    return {
      ...{ per: plan.counting!.per, columns: reader.columns, histogram: plan.counting!.histogram?.item.text },
      ...{ rows: rows.sorted(), total: rows.total, valueless: Number(valueless), uncounted: Number(uncounted) },
    };
  }
}

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
