/** Members of a struct as fields: what they are, where they lie, and what writes and reads them. Pure. */
import type { FieldWriter, SymbolWriter } from '../base/event.js';
import type { FieldLayout } from '../base/field.js';
import { printable } from '../base/printable.js';
import { encode } from '../base/text-buffer.js';
import { createFieldReader, type Field, type FieldShape, giveFields, isPresent, typesOf } from './values.js';

export interface StructLayout extends FieldLayout {
  /** For people: `struct event`. */
  readonly label: string;
  /** Offsets in bytes, in the order of the output. */
  readonly fields: readonly ({ readonly name: string; readonly offset: number } & FieldShape)[];
  /** Whether a field needs the kernel's symbols. */
  readonly usesSymbols: boolean;
  /** Warnings for the author. */
  readonly warnings: readonly string[];
  /** The fields with their writers and readers. @param symbols names kernel addresses */
  createFields(symbols: SymbolWriter): readonly Field[];
}

/** What `createFields` gives, with all that can be made of it. */
export function createLayout(
  facts: Pick<StructLayout, 'label' | 'sizeBytes' | 'usesSymbols' | 'warnings' | 'createFields'>,
): StructLayout {
  const { createFields } = facts;
  const fields = createFields(() => {});
  return {
    ...facts,
    fields: fields.map(({ name, offset, shape }) => ({ name, offset, ...shape })),
    types: typesOf(fields),
    hasComputed: false,
    createWriter: (symbols) => createFieldWriter(createFields(symbols)),
    createReader: (symbols, names) =>
      createFieldReader(createFields(symbols).filter(({ name }) => names?.includes(name) ?? true)),
  };
}

/** All decisions are made here: writing an event only reads bytes. */
function createFieldWriter(fields: readonly Field[]): FieldWriter {
  const labelled = fields.map((field) => ({
    ...field,
    textLabel: encode(` ${printable(field.name)}: `),
    jsonLabel: encode(`,${JSON.stringify(field.name)}:`),
  }));
  return {
    names: new Set(fields.map(({ name }) => name)),
    varies: false,
    text(out, data, at) {
      for (const field of labelled) {
        if (!isPresent(field, data, at)) continue;
        out.bytes(field.textLabel);
        field.value.text(out, data, at + field.offset);
      }
    },
    json(out, data, at) {
      for (const field of labelled) {
        if (!isPresent(field, data, at)) continue;
        out.bytes(field.jsonLabel);
        field.value.json(out, data, at + field.offset);
      }
    },
    values: (taker, data, at) => giveFields(fields, taker, data, at),
  };
}
