/** Compares a caller's schema with the fields of the extension. Pure. */
import { ExtensionError } from '../base/errors.js';
import type { FieldLayout, FieldType } from '../base/field.js';
import { printable } from '../base/printable.js';
import type { StructLayout } from '../fields/layout.js';
import type { FieldDescription, FieldSchema } from './api.js';

/**
 * @throws ExtensionError that names each field that is missing or of another type
 */
export function checkSchema({ label, fields, types, hasComputed }: StructLayout, schema: FieldSchema): void {
  if (hasComputed) {
    throw new ExtensionError(
      `${label}: its fields are computed for each event, and not known before`,
      'leave out the option fields: events then have all that there are',
    );
  }
  const problems: string[] = [];
  for (const [name, wanted] of Object.entries(schema)) {
    const field = fields.find((one) => one.name === name);
    if (!field) {
      problems.push(`it has no ${printable(name)}`);
      continue;
    }
    const [is, should] = [describeType(types[name]!), describeType(wanted)];
    if (is === should) continue;
    const cType = `${printable(field.type)}${field.format === '' ? '' : `, ${printable(field.format)}`}`;
    problems.push(`${printable(name)} (${cType}) is ${is}, not ${should}`);
  }
  if (problems.length === 0) return;
  const all = Object.entries(types).map(([name, type]) => `${printable(name)}: ${describeType(type)}`);
  throw new ExtensionError(
    `${label} has other fields than the option fields says: ${problems.join('; ')}`,
    `it has { ${all.join(', ')} }`,
  );
}

/** What a caller is told of the fields that events have. @param schema those that are wanted; undefined for all */
export function describeFields(layout: FieldLayout | undefined, schema: FieldSchema | undefined): FieldDescription[] {
  if (!layout) return [];
  return layout.fields
    .filter(({ name }) => !schema || Object.hasOwn(schema, name))
    .map(({ name, type, format }) => ({ name, type: layout.types[name]!, cType: type, format }));
}

/** A type in the notation of a schema: `{ port: 'number', bytes: ['number'] }`. */
export function describeType(type: FieldType): string {
  if (typeof type === 'string') return `'${type}'`;
  if (isArrayType(type)) return `[${describeType(type[0])}]`;
  const members = Object.entries(type).map(([name, member]) => `${printable(name)}: ${describeType(member)}`);
  return `{ ${members.join(', ')} }`;
}

/** Whether a value is a `FieldType`. */
export function isFieldType(type: unknown, depth = 0): type is FieldType {
  if (typeof type === 'string') return ['number', 'bigint', 'boolean', 'string'].includes(type);
  if (typeof type !== 'object' || type === null || depth > MAX_DEPTH) return false;
  if (Array.isArray(type)) return type.length === 1 && isFieldType(type[0], depth + 1);
  return Object.values(type).every((member) => isFieldType(member, depth + 1));
}

/** Deeper than structs can be nested. */
const MAX_DEPTH = 40;

function isArrayType(type: FieldType): type is readonly [FieldType] {
  return Array.isArray(type);
}
