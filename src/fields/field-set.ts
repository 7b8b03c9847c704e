/** Where the fields of events come from: sources, whose data lie side by side in each record. Pure. */
import { IPFT_MAX_DATA_SIZE } from '../abi/layout.js';
import { ExtensionError } from '../base/errors.js';
import type { NamedObject } from '../base/named-object.js';
import { printable } from '../base/printable.js';
import type { CodeCost } from '../bytecode/code-cost.js';
import { addComputed, type ComputedFields } from './computed.js';
import type { NamedStruct } from './event-struct.js';
import { createLayout, type StructLayout } from './layout.js';
import { moveField } from './values.js';

/** Something that adds fields to events. */
export interface FieldSource {
  /** @throws IpftError if its fields can't be had */
  load(): Promise<FieldSet>;
}

/**
 * A part of an event's data, by the function that writes it (`bpf/core/fields.h`): `module` is a C extension's `module()`,
 * which may also leave out events; `fields` is `ipft_fields()`, the built-in ones; of `script`, `ipft_script()`, which may
 * leave out events, too, and `show`, `ipft_show()`, the user side makes the code.
 */
export const PARTS = ['module', 'fields', 'script', 'show'] as const;
export type Part = (typeof PARTS)[number];

/** The fields of one source. */
export interface FieldSet {
  /** For people, in messages about its programs: `the extension len.c`. */
  readonly label: string;
  readonly part: Part;
  /** Offsets count from the beginning of the set's own data. */
  readonly layout: StructLayout;
  /** The BTF that the layout was read from, and the structs in it; by default the event struct. */
  readonly btf: Uint8Array;
  readonly structs?: readonly NamedStruct[];
  /** How much it may write: a multiple of 8, not less than the layout's size. */
  readonly dataBytes: number;
  /** BPF objects of which one defines the part's function. They are linked into the backend's programs. */
  readonly objects: readonly FieldObject[];
  /** Makes one more object, by how the programs read memory: with helpers alone, or with `bpf_rdonly_cast`. */
  readonly compile?: ((byHelper: boolean) => FieldObject) | undefined;
  /**
   * What each field costs, in their order: instructions of its code, and how many of them call helpers or functions. Absent:
   * fields have no code of their own.
   */
  readonly costs?: ((byHelper: boolean) => readonly CodeCost[]) | undefined;
  /** What `module()` costs with all of the objects' functions that it calls. Absent: it can't be told from the objects. */
  readonly cost?: CodeCost | undefined;
  /** Whether one of the objects brings a `license` section. */
  readonly hasLicense: boolean;
  /** Whether one of the objects declares the kfunc `bpf_rdonly_cast`, which the tracer would use too. */
  readonly declaresRdonlyCast: boolean;
  /** What the user side computes of the set's data besides, and shows behind the layout's fields. */
  readonly computed?: ComputedFields | undefined;
  /** Where its values are counted: what the kernel side must know of the data. */
  readonly counted?: CountedData | undefined;
  /** The set with all of its fields as they are in the data, where `computed` only shows them in another way. */
  readonly asRead?: FieldSet | undefined;
  /** What may help where libbpf can't link the objects. */
  readonly linkHint?: string | undefined;
}

/** Data by which packets or calls are counted. */
export interface CountedData {
  /** The bytes at the beginning, one for each field that may be absent: 1 where it has a value. */
  readonly presenceBytes: number;
  /** The number of a histogram, of 64 bits: its field's name, and the offset in bytes. */
  readonly histogram: { readonly name: string; readonly offset: number; readonly isSigned: boolean } | undefined;
}

export interface FieldObject extends NamedObject {
  /** Whether it was made just now: then nothing in it can be damaged. */
  readonly compiled: boolean;
}

/** A set, and where its part of an event's data begins. */
export interface PartSet extends FieldSet {
  /** A multiple of 8. */
  readonly offset: number;
}

/** All that the events of a trace carry. Offsets count from the beginning of an event's data. */
export interface EventFields extends StructLayout {
  readonly sets: readonly PartSet[];
  /** Bytes of data in each record: a multiple of 8, 0 without fields. */
  readonly dataBytes: number;
}

/** Loads one source after the other, and puts their fields side by side. @throws what they throw, and `combineFields` */
export async function loadFields(sources: readonly FieldSource[]): Promise<EventFields> {
  const sets: FieldSet[] = [];
  for (const source of sources) sets.push(await source.load());
  return combineFields(sets);
}

/**
 * Puts sets side by side, in the record and in the output, in the order given.
 * @throws ExtensionError if two have a field of the same name, or all together are too large
 */
export function combineFields(given: readonly FieldSet[]): EventFields {
  const sets: PartSet[] = [];
  let [dataBytes, sizeBytes] = [0, 0];
  for (const set of given) {
    if (sets.some(({ part }) => part === set.part)) throw new Error(`two sets of fields for the part ${set.part}`);
    sets.push({ ...set, offset: dataBytes });
    sizeBytes = dataBytes + set.layout.sizeBytes;
    dataBytes += set.dataBytes;
  }
  if (dataBytes > IPFT_MAX_DATA_SIZE) {
    throw new ExtensionError(
      `the fields of ${sets.map(({ label }) => label).join(' and ')} have ${dataBytes} bytes together, and an event has room for ${IPFT_MAX_DATA_SIZE}`,
      'take fewer fields, or smaller ones',
    );
  }
  const labels = checkNames(sets);
  const layout = createLayout({
    ...{ label: sets.map(({ layout }) => layout.label).join(' and '), sizeBytes },
    usesSymbols: sets.some(({ layout }) => layout.usesSymbols),
    warnings: sets.flatMap(({ layout }) => layout.warnings),
    createFields: (symbols) =>
      sets.flatMap(({ layout, offset }) => layout.createFields(symbols).map((field) => moveField(field, offset))),
  });
  const computed = sets.flatMap(({ computed, offset }) => (computed ? [{ computed, offset }] : []));
  return { ...(computed.length > 0 ? addComputed(layout, computed, labels) : layout), sets, dataBytes };
}

/**
 * The same data with all fields as they are in them, where the user side only shows them in another way.
 * @throws ExtensionError if two sets have a field of the same name
 */
export function fieldsAsRead(fields: EventFields): EventFields {
  const { sets } = fields;
  return sets.some(({ asRead }) => asRead) ? combineFields(sets.map((set) => set.asRead ?? set)) : fields;
}

/** @returns the label of the set that each field is of @throws ExtensionError if two sets have a field of the same name */
function checkNames(sets: readonly FieldSet[]): ReadonlyMap<string, string> {
  const known = new Map<string, string>();
  for (const { label, layout } of sets) {
    for (const { name } of layout.fields) {
      const other = known.get(name);
      if (other !== undefined) {
        throw new ExtensionError(
          `${other} and ${label} both have a field ${printable(name)}`,
          'give one of the two another name',
        );
      }
      known.set(name, label);
    }
  }
  return known;
}

/** Of a trace whose events carry none. */
export const NO_FIELDS: EventFields = combineFields([]);
