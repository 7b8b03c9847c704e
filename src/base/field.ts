/** What an extension's fields are in JavaScript. */

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

/** Reads the fields of one event: an object of its own each time. `data` and `offset` are those of a `TraceEvent`. */
export type FieldReader = (data: DataView, offset: number) => Readonly<Record<string, FieldValue>>;
