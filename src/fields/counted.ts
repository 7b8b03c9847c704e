/** Reads the data by which was counted: the keys of the kernel side's map. */
import { IPFT_STEP_ZERO } from '../abi/layout.js';
import type { CountedValue, CountStep } from '../base/counts.js';
import type { SymbolWriter } from '../base/event.js';
import { TextBuffer } from '../base/text-buffer.js';
import type { CountedData, EventFields } from './field-set.js';
import { type Field, isPresent } from './values.js';

/** Says what counted data hold. Not for events: it makes objects. */
export class CountedReader {
  readonly #fields: readonly Field[];
  readonly #histogram: CountedData['histogram'];
  readonly #text = new TextBuffer(1 << 10);

  /** @param symbols names kernel addresses */
  constructor({ sets, createFields }: EventFields, symbols: SymbolWriter) {
    this.#histogram = sets.find(({ counted }) => counted)?.counted?.histogram;
    this.#fields = createFields(symbols).filter(({ name }) => name !== this.#histogram?.name);
  }

  get columns(): readonly string[] {
    return this.#fields.map(({ name }) => name);
  }

  values(data: DataView): (CountedValue | undefined)[] {
    return this.#fields.map((field) => {
      if (!isPresent(field, data, 0)) return undefined;
      const { value, offset } = field;
      value.text(this.#text, data, offset);
      const text = this.#text.takeText();
      value.json(this.#text, data, offset);
      return { text, json: this.#text.takeText(), value: value.read(data, offset) };
    });
  }

  /** The step of the histogram's number; undefined without a histogram. */
  step(data: DataView): number | undefined {
    const histogram = this.#histogram;
    return histogram && Number(data.getBigUint64(histogram.offset, true));
  }
}

/** The step that a number is in, as `ipft_step` of `bpf/core/count.bpf.h` numbers them. */
export function stepOf(number: bigint): number {
  if (number === 0n) return IPFT_STEP_ZERO;
  const log = (number < 0n ? -number : number).toString(2).length - 1;
  return number > 0n ? IPFT_STEP_ZERO + 1 + log : IPFT_STEP_ZERO - 1 - log;
}

/** The numbers of a step. */
export function boundsOf(step: number): Pick<CountStep, 'least' | 'greatest'> {
  if (step === IPFT_STEP_ZERO) return { least: 0n, greatest: 0n };
  const log = BigInt(step > IPFT_STEP_ZERO ? step - IPFT_STEP_ZERO - 1 : IPFT_STEP_ZERO - 1 - step);
  const [near, far] = [1n << log, (2n << log) - 1n];
  return step > IPFT_STEP_ZERO ? { least: near, greatest: far } : { least: -far, greatest: -near };
}
