/** What the fields of an event are in JavaScript. */
import type { FieldWriter, SymbolWriter } from './event.js';

/**
 * What a field's values are: integers of up to 53 bits are numbers, wider ones bigints; what a format shows as text (hex,
 * enums, flags, addresses, characters, symbols), pointers and strings are strings; `[T]` is an array of T; an object
 * names the members of a struct.
 */
export type FieldType =
  | 'number'
  | 'bigint'
  | 'boolean'
  | 'string'
  | readonly [FieldType]
  | { readonly [name: string]: FieldType };

/** A field's value. */
export type FieldValue =
  | number
  | bigint
  | boolean
  | string
  | readonly FieldValue[]
  | { readonly [name: string]: FieldValue };

/** A value that the user side computes of an event's data. Integers that a number does not hold exactly are bigints. */
export type ComputedValue = number | bigint | boolean | string;

/** A field that the user side computes. Name and text may hold any characters. */
export interface ComputedField {
  readonly name: string;
  readonly value: ComputedValue;
  /** What is shown where it is not the value as JavaScript writes it. */
  readonly text?: string | undefined;
}

/** Reads the fields of one event: an object of its own each time. `data` and `offset` are those of a `TraceEvent`. */
export type FieldReader = (data: DataView, offset: number) => Readonly<Record<string, FieldValue>>;

/** The fields that the events of a trace carry, and what writes and reads them. */
export interface FieldLayout {
  /** How many bytes of an event's data they take. */
  readonly sizeBytes: number;
  /** Each field, in the order of the record: its name, its C type, its format; empty without a format. */
  readonly fields: readonly { readonly name: string; readonly type: string; readonly format: string }[];
  /** What they are in JavaScript, by their names. */
  readonly types: { readonly [name: string]: FieldType };
  /** Whether there are fields besides, which the user side computes: their names may differ from event to event. */
  readonly hasComputed: boolean;
  /**
   * @param symbols names kernel addresses
   * @param refused names that no computed field may have, since the output has keys of its own that are called so
   */
  createWriter(symbols: SymbolWriter, refused?: ReadonlySet<string>): FieldWriter;
  /** @param symbols names kernel addresses @param names of the fields that are wanted; default: all */
  createReader(symbols: SymbolWriter, names?: readonly string[]): FieldReader;
}
