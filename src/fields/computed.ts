/**
 * Fields that the user side computes of an event's data when the event is shown: what writes and reads them. They stand behind
 * the fields that the data hold as they are.
 */
import { ExtensionError } from '../base/errors.js';
import type { FieldWriter, ValueTaker } from '../base/event.js';
import type { ComputedField, FieldReader } from '../base/field.js';
import { highHalf, lowHalf } from '../base/halves.js';
import { jsonString, printable } from '../base/printable.js';
import { encode, type Fragment, type TextBuffer } from '../base/text-buffer.js';
import type { StructLayout } from './layout.js';

/** What computes fields of one set's data. */
export interface ComputedFields {
  /** For people, in messages: `the extension gso.lua`. */
  readonly label: string;
  /** Whether equal data may give unequal fields: then no event stands for another one in the output. */
  readonly varies: boolean;
  /** What computing takes, a sentence for people. */
  readonly cost?: string | undefined;
  /** Called when the programs are loaded, and before any of them is attached. @throws ExtensionError */
  begin?(): void;
  /**
   * Computes the fields of an event that is shown; called once for each, in the order of the output.
   * @param data holds the set's own data from `at` on, as many bytes as the set has
   * @returns the fields, in the order in which they are shown; names are not to come twice. The list is read before the next call
   * @throws ExtensionError, which ends the trace
   */
  compute(data: DataView, at: number): readonly ComputedField[];
  /** Called at a regular end of the trace, when its result has been made. @throws ExtensionError */
  end?(): void;
}

/** What computes fields, and where the data of its set begin within an event's. */
export interface PlacedComputed {
  readonly computed: ComputedFields;
  readonly offset: number;
}

/** A layout with computed fields besides its own. @param own for people, whose each of its own fields is */
export function addComputed(
  layout: StructLayout,
  parts: readonly PlacedComputed[],
  own: ReadonlyMap<string, string>,
): StructLayout {
  return {
    ...layout,
    hasComputed: true,
    createWriter(symbols, refused = NOTHING) {
      const takers = parts.map((part) => new Computation(part, own, refused));
      return createWriter(layout.createWriter(symbols, refused), takers);
    },
    createReader(symbols, names) {
      const takers = parts.map((part) => new Computation(part, own, NOTHING));
      const read = layout.createReader(symbols, names);
      return createReader(read, takers, names && new Set(names));
    },
  };
}

const NOTHING: ReadonlySet<string> = new Set();

/** Computes the fields of events, and checks their names. */
class Computation {
  readonly #computed: ComputedFields;
  readonly #offset: number;
  readonly #own: ReadonlyMap<string, string>;
  readonly #refused: ReadonlySet<string>;

  constructor({ computed, offset }: PlacedComputed, own: ReadonlyMap<string, string>, refused: ReadonlySet<string>) {
    this.#computed = computed;
    this.#offset = offset;
    this.#own = own;
    this.#refused = refused;
  }

  get varies(): boolean {
    return this.#computed.varies;
  }

  /** @param at where the event's data begin */
  fields(data: DataView, at: number): readonly ComputedField[] {
    const fields = this.#computed.compute(data, at + this.#offset);
    for (const { name } of fields) if (this.#own.has(name) || this.#refused.has(name)) throw this.#refuse(name);
    return fields;
  }

  #refuse(name: string): ExtensionError {
    const { label } = this.#computed;
    const other = this.#own.get(name);
    return other === undefined
      ? new ExtensionError(
          `${label} gives a field ${printable(name)}: '${printable(name)}' is a key of the JSON output`,
          'give the field another name, or take another output (-o)',
        )
      : new ExtensionError(
          `${other} and ${label} both have a field ${printable(name)}`,
          'give one of the two another name',
        );
  }
}

function createWriter(own: FieldWriter, parts: readonly Computation[]): FieldWriter {
  const textLabels = new Labels((name) => ` ${printable(name)}: `);
  const jsonLabels = new Labels((name) => `,${jsonString(name)}:`);
  return {
    names: own.names,
    varies: own.varies || parts.some(({ varies }) => varies),
    text(out, data, at) {
      own.text(out, data, at);
      for (const part of parts) for (const field of part.fields(data, at)) writeText(out, textLabels, field);
    },
    json(out, data, at) {
      own.json(out, data, at);
      for (const part of parts) for (const field of part.fields(data, at)) writeJson(out, jsonLabels, field);
    },
    values(taker, data, at) {
      own.values(taker, data, at);
      for (const part of parts) for (const field of part.fields(data, at)) giveValue(taker, field);
    },
  };
}

function createReader(
  own: FieldReader,
  parts: readonly Computation[],
  names: ReadonlySet<string> | undefined,
): FieldReader {
  return (data, at) => {
    const computed = parts.flatMap((part) => part.fields(data, at)).filter(({ name }) => names?.has(name) ?? true);
    // Not by assignment, since a field may be called __proto__.
    return Object.fromEntries([
      ...Object.entries(own(data, at)),
      ...computed.map(({ name, value }): [string, ComputedField['value']] => [name, value]),
    ]);
  };
}

/** What stands before values, made once for each name: most events have the same. */
class Labels {
  readonly #make: (name: string) => string;
  readonly #known = new Map<string, Fragment>();

  constructor(make: (name: string) => string) {
    this.#make = make;
  }

  get(name: string): Fragment {
    return this.#known.get(name) ?? this.#add(name);
  }

  #add(name: string): Fragment {
    if (this.#known.size >= MAX_LABELS) this.#known.clear();
    const label = encode(this.#make(name));
    this.#known.set(name, label);
    return label;
  }
}

const MAX_LABELS = 1024;

function writeText(out: TextBuffer, labels: Labels, field: ComputedField): void {
  out.bytes(labels.get(field.name));
  if (isCount(field)) out.unsigned(field.value);
  else out.text(printable(textOf(field)));
}

function writeJson(out: TextBuffer, labels: Labels, field: ComputedField): void {
  out.bytes(labels.get(field.name));
  if (isCount(field)) out.unsigned(field.value);
  else out.text(jsonOf(field));
}

/** Whether it is what most values are, which a buffer writes without making a string. */
function isCount(field: ComputedField): field is ComputedField & { readonly value: number } {
  const { value, text } = field;
  return text === undefined && typeof value === 'number' && value > 0 && Number.isSafeInteger(value);
}

function giveValue(taker: ValueTaker, field: ComputedField): void {
  const { name, value, text } = field;
  taker.name(name);
  if (typeof value === 'string') taker.text((out) => out.text(printable(value)), NO_DATA, 0);
  else if (typeof value === 'boolean') taker.boolean(value);
  else if (typeof value === 'number' && (text !== undefined || !Number.isSafeInteger(value))) taker.double(value);
  else giveInteger(taker, BigInt(value));
}

const NO_DATA = new DataView(new ArrayBuffer(0));

function giveInteger(taker: ValueTaker, value: bigint): void {
  const bits = BigInt.asUintN(64, value);
  if (value < 0n) taker.signed(lowHalf(bits), highHalf(bits));
  else taker.unsigned(lowHalf(bits), highHalf(bits));
}

function textOf({ value, text }: ComputedField): string {
  return text ?? String(value);
}

function jsonOf(field: ComputedField): string {
  const { value } = field;
  if (typeof value === 'string') return jsonString(value);
  if (Object.is(value, -0)) return '-0';
  return typeof value === 'number' && !Number.isFinite(value) ? jsonString(textOf(field)) : String(value);
}
