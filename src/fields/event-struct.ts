/** The event struct of an extension: the fields that its BTF declares. Pure. */
import { IPFT_MAX_DATA_SIZE } from '../abi/layout.js';
import { ExtensionError } from '../base/errors.js';
import type { SymbolWriter } from '../base/event.js';
import { EVENT_VARIABLE } from '../base/event-struct-names.js';
import { type JsonAdditions, refusedFieldNames } from '../base/json-keys.js';
import { printable } from '../base/printable.js';
import { BTF_KIND_STRUCT, type Btf } from '../btf/btf.js';
import { typeName } from '../btf/type-name.js';
import { findTaggedVariables, findVariables, readTags } from './formats.js';
import { createLayout, type StructLayout } from './layout.js';
import { createFields, type Field, moveField } from './values.js';

/** No option fills the object `ipft` of events yet. */
const NO_ADDITIONS: JsonAdditions = { hasFacts: false };

/** Whether a BTF declares an event struct. */
export function hasEventStruct(btf: Btf): boolean {
  return findVariables(btf, EVENT_VARIABLE).length > 0;
}

/** A struct that describes fields, by the variable of its type that a BTF declares. */
export interface NamedStruct {
  readonly variable: string;
  /** Where its fields are in the data of their source. */
  readonly offset: number;
}

/** What the BTF of an extension declares. */
export const EVENT_STRUCT: readonly NamedStruct[] = [{ variable: EVENT_VARIABLE, offset: 0 }];

/**
 * Reads structs whose fields lie side by side.
 * @throws ExtensionError if one is missing, or something in it can't be shown
 */
export function parseStructs(btf: Btf, structs: readonly NamedStruct[]): StructLayout {
  const [first, ...more] = structs.map(({ variable, offset }) => ({ offset, layout: parseEventStruct(btf, variable) }));
  if (first && more.length === 0 && first.offset === 0) return first.layout;
  const parts = first ? [first, ...more] : [];
  return createLayout({
    label: parts.map(({ layout }) => layout.label).join(' and '),
    sizeBytes: Math.max(0, ...parts.map(({ layout, offset }) => offset + layout.sizeBytes)),
    usesSymbols: parts.some(({ layout }) => layout.usesSymbols),
    warnings: parts.flatMap(({ layout }) => layout.warnings),
    createFields: (symbols) =>
      parts.flatMap(({ layout, offset }) => layout.createFields(symbols).map((field) => moveField(field, offset))),
  });
}

/**
 * Finds and reads the event struct.
 * @throws ExtensionError if there is none, or something in it can't be shown
 */
export function parseEventStruct(btf: Btf, variable = EVENT_VARIABLE): StructLayout {
  const struct = findStruct(btf, variable);
  const name = btf.name(struct);
  const label = name === '' ? 'the event struct' : `struct ${printable(name)}`;
  const sizeBytes = btf.sizeOrType(struct);
  if (sizeBytes > IPFT_MAX_DATA_SIZE) {
    throw new ExtensionError(`${label} has ${sizeBytes} bytes, and an event has room for ${IPFT_MAX_DATA_SIZE}`);
  }
  const tags = readTags(btf);
  const warnings = findTaggedVariables(btf, tags).map(
    ({ name, tag }) =>
      `the tag ${printable(tag)} stands behind the variable ${printable(name)} and changes nothing: put it behind a member`,
  );
  let usesSymbols = false;
  const create = (symbols: SymbolWriter, warn: (text: string) => void) =>
    createFields(
      { btf, tags, symbols, onSymbols: () => (usesSymbols = true), warn, values: 0, namesBytes: 0 },
      struct,
      label,
    );
  const fields = create(
    () => {},
    (text) => warnings.push(text),
  );
  checkNames(fields, label);
  return createLayout({
    ...{ label, sizeBytes, usesSymbols, warnings },
    createFields: (symbols) => create(symbols, () => {}),
  });
}

/** Names of fields that `-o json` can't show, since a key of its own is called so. */
export function findJsonConflicts({ fields }: StructLayout, additions: JsonAdditions = NO_ADDITIONS): string[] {
  const refused = refusedFieldNames(additions);
  return fields.map(({ name }) => name).filter((name) => refused.has(name));
}

/**
 * Refuses fields that `-o json` can't show.
 * @throws ExtensionError
 */
export function checkJsonNames(layout: StructLayout, additions: JsonAdditions = NO_ADDITIONS): void {
  const [name] = findJsonConflicts(layout, additions);
  if (name === undefined) return;
  throw new ExtensionError(
    `${layout.label}, member ${name}: '${name}' is a key of the JSON output`,
    'give the member another name, or take another output (-o)',
  );
}

function findStruct(btf: Btf, name: string): number {
  const variables = findVariables(btf, name);
  const [variable] = variables;
  if (variable === undefined) {
    throw new ExtensionError(
      `there is no ${name}: nothing tells what the events look like`,
      'declare their struct with it: struct event { … } __ipft_event_struct; (ipft --gen bpf-module-skeleton shows how)',
    );
  }
  if (variables.length > 1) {
    throw new ExtensionError(`there are ${variables.length} variables ${name}: there must be one`);
  }
  const type = btf.sizeOrType(variable);
  const struct = btf.resolve(type);
  if (btf.kind(struct) === BTF_KIND_STRUCT) return struct;
  throw new ExtensionError(`the type of ${name} is ${printable(typeName(btf, type))}, and must be a struct`);
}

function checkNames(fields: readonly Field[], label: string): void {
  if (fields.length === 0) throw new ExtensionError(`${label} has no members: there is nothing to show`);
  const names = new Set<string>();
  for (const { name } of fields) {
    const where = `${label}, member ${printable(name)}`;
    if (names.has(name)) throw new ExtensionError(`${where}: there are two of that name`);
    names.add(name);
  }
}
