/** Counts what a recording has by the values of expressions, as the kernel side counts packets and calls. */
import type { CountedValue, Counts } from '../base/counts.js';
import type { TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { jsonText, printable } from '../base/printable.js';
import type { TraceHeader } from '../base/record-source.js';
import { compileRecorded, type Evaluated, type RecordedEvent } from '../expression/evaluate.js';
import type { ShowItem } from '../expression/parse.js';
import { withPlace } from '../expression/place.js';
import { stepOf } from '../fields/counted.js';
import type { CountNames, CountQuery } from '../fields/expression/count.js';
import type { EventSink } from '../journey/tracker.js';
import { CountRows } from './count-rows.js';
import { isHex, namesOf, recordedReader } from './recorded-expressions.js';

interface Column {
  readonly name: string;
  readonly isHex: boolean;
  readonly evaluate: (event: RecordedEvent) => Evaluated;
}

/** Takes the events of a recording, and counts them or their packets. */
export class RecordedCounts implements EventSink {
  readonly hasRoom = true;
  readonly #query: CountQuery;
  readonly #columns: readonly Column[];
  readonly #number: ((event: RecordedEvent) => Evaluated) | undefined;
  readonly #where: ((event: TraceEvent) => boolean) | undefined;
  readonly #read: (event: TraceEvent) => RecordedEvent;
  readonly #rows = new CountRows();
  /** The journeys of packets that are what is asked for, and those that are counted. */
  readonly #chosen = new Numbers();
  readonly #counted = new Numbers();
  #valueless = 0;
  #uncounted = 0;

  /**
   * @param where what an event must meet, for its packet to count from then on; undefined: nothing
   * @throws ExpressionError for what the recording does not tell
   */
  constructor(
    query: CountQuery,
    names: CountNames,
    header: TraceHeader,
    where?: ((event: TraceEvent) => boolean) | undefined,
  ) {
    const fields = namesOf(header.fields);
    const compile = ({ expression }: ShowItem) => compileRecorded(expression, { fields, hasFacts: true });
    this.#query = query;
    this.#where = where;
    this.#columns = query.by.flatMap(({ text, items }) =>
      withPlace(text, names.countBy, () =>
        items.map((item) => ({ name: item.name, isHex: isHex(item), evaluate: compile(item) })),
      ),
    );
    const { histogram } = query;
    this.#number = histogram && withPlace(histogram.text, names.histogram, () => compile(histogram.item));
    this.#read = recordedReader(header);
  }

  event(event: TraceEvent, { number, parent }: Journey): void {
    // Entries of functions are counted, as the kernel side does.
    if (event.isReturn) return;
    if (!this.#chosen.has(number)) {
      if (this.#where && !this.#chosen.has(parent) && !this.#where(event)) return;
      this.#chosen.add(number);
    }
    const isPacket = this.#query.per === 'packet';
    if (isPacket && this.#isCounted(number, parent)) return;
    const recorded = this.#read(event);
    const values = this.#columns.map((column) => evaluateColumn(column, recorded));
    const numeral = this.#number?.(recorded);
    const step = typeof numeral === 'bigint' ? stepOf(numeral) : undefined;
    const isWhole = values.every((value) => value !== undefined) && (!this.#number || step !== undefined);
    if (isPacket && !isWhole) return;
    this.#counted.add(number);
    if (!this.#rows.add(values, step, 1)) this.#uncounted++;
  }

  /** Whether a packet is counted, or the one that it is a copy of: then so are its own copies. */
  #isCounted(number: number, parent: number): boolean {
    if (this.#counted.has(number)) return true;
    if (!this.#counted.has(parent)) return false;
    this.#counted.add(number);
    return true;
  }

  ended({ number, parent }: Journey): void {
    if (this.#query.per === 'call' || !this.#chosen.has(number)) return;
    if (!this.#isCounted(number, parent)) this.#valueless++;
  }

  /** What was counted so far. */
  read(): Counts {
    const { per, histogram } = this.#query;
    return {
      ...{ per, columns: this.#columns.map(({ name }) => name), histogram: histogram?.item.text },
      ...{ rows: this.#rows.sorted(), total: this.#rows.total },
      ...{ valueless: this.#valueless, uncounted: this.#uncounted },
    };
  }
}

function evaluateColumn({ isHex, evaluate }: Column, event: RecordedEvent): CountedValue | undefined {
  const value = evaluate(event);
  if (value === undefined) return undefined;
  if (typeof value === 'string') return { text: printable(value), json: jsonText(value), value };
  if (!isHex) return { text: String(value), json: String(value), value };
  const text = `0x${BigInt.asUintN(64, value).toString(16)}`;
  return { text, json: `"${text}"`, value: text };
}

/** A set of the numbers of journeys, a bit each: as many as a recording has. */
class Numbers {
  #bits = new Uint8Array(1 << 10);

  /** 0 stands for no journey. */
  has(number: number): boolean {
    return number > 0 && ((this.#bits[number >>> 3] ?? 0) & (1 << (number & 7))) !== 0;
  }

  add(number: number): void {
    const at = number >>> 3;
    if (at >= this.#bits.length) {
      const bits = new Uint8Array(Math.max(at + 1, 2 * this.#bits.length));
      bits.set(this.#bits);
      this.#bits = bits;
    }
    this.#bits[at] = this.#bits[at]! | (1 << (number & 7));
  }
}
