/** Built-in fields, as a source: `bpf/fields/builtin.bpf.c` has all of them, and is told which are wanted. */

import { BUILTIN_NAMES, type BuiltinName } from '../../base/builtin-field.js';
import { parseBtf } from '../../btf/btf.js';
import { parseElf } from '../../bytecode/elf.js';
import { loadOwnObject } from '../../sys/own-objects.js';
import { parseEventStruct, parseStructs } from '../event-struct.js';
import type { FieldSet, FieldSource } from '../field-set.js';
import type { StructLayout } from '../layout.js';

const OBJECT = 'builtin.bpf.o';
/** struct ipft_builtin: a u16 for each name. */
const SECTION = '.rodata.ipft_builtin';
const ABSENT = 0xffff;

const variableOf = (name: BuiltinName) => `__ipft_fields_${name}`;

/** @param names in the order in which the fields are shown; each once */
export function builtinSource(names: readonly BuiltinName[]): FieldSource {
  return { load: async () => loadBuiltin(names) };
}

function loadBuiltin(names: readonly BuiltinName[]): FieldSet {
  const { bytes, section } = readObject();
  const btf = section('.BTF');
  const types = parseBtf(btf);
  let dataBytes = 0;
  const structs = names.map((name) => {
    const variable = variableOf(name);
    const offset = dataBytes;
    dataBytes += (parseEventStruct(types, variable).sizeBytes + 7) & ~7;
    return { variable, offset };
  });
  const places = section(SECTION);
  for (const [index, name] of BUILTIN_NAMES.entries()) {
    const offset = structs.find(({ variable }) => variable === variableOf(name))?.offset ?? ABSENT;
    new DataView(places.buffer, places.byteOffset).setUint16(index * 2, offset, true);
  }
  return {
    ...{ label: 'the built-in fields', part: 'fields', layout: parseStructs(types, structs), btf, structs, dataBytes },
    ...{ objects: [{ name: OBJECT, bytes, compiled: true }], hasLicense: false, declaresRdonlyCast: false },
  };
}

/** What a name stands for. */
export interface BuiltinDescription {
  readonly name: BuiltinName;
  readonly fields: StructLayout['fields'];
  /** The bytes that it adds to each event. */
  readonly dataBytes: number;
}

export function describeBuiltin(): BuiltinDescription[] {
  const types = parseBtf(readObject().section('.BTF'));
  return BUILTIN_NAMES.map((name) => {
    const { fields, sizeBytes } = parseEventStruct(types, variableOf(name));
    return { name, fields, dataBytes: (sizeBytes + 7) & ~7 };
  });
}

/** The object, whose sections may be edited. */
function readObject(): { bytes: Uint8Array; section: (name: string) => Uint8Array } {
  const bytes = new Uint8Array(loadOwnObject(OBJECT).bytes);
  const { sections } = parseElf(bytes);
  return {
    bytes,
    section(name) {
      const found = sections.find((one) => one.name === name);
      if (!found) throw new Error(`${OBJECT} has no section ${name}`);
      return bytes.subarray(found.offset, found.offset + found.length);
    },
  };
}
