/** The event struct of an extension: the fields that its BTF declares, and how each is to be shown. Pure. */
import { ExtensionError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import {
  BTF_KIND_DECL_TAG,
  BTF_KIND_ENUM,
  BTF_KIND_ENUM64,
  BTF_KIND_STRUCT,
  BTF_KIND_VAR,
  type Btf,
} from '../btf/btf.js';

const EVENT_VARIABLE = '__ipft_event_struct';
const TAG_PREFIX = 'ipft:';

/** Keys that every event of `-o json` has, or that lines of other kinds have: a field can't be called like one. */
const RESERVED_NAMES = new Set([
  ...['packet_id', 'timestamp', 'processor_id', 'module', 'function', 'is_return'],
  ...['type', 'journey', 'duration_ns', 'partner'],
]);

/** How a member's tag wants it shown. */
export type FieldFormat =
  | { readonly kind: 'plain' }
  | { readonly kind: 'hex' }
  | { readonly kind: 'enum' | 'flags'; readonly enumType: number };

export interface EventMember {
  readonly name: string;
  /** BTF id of its type. */
  readonly type: number;
  /** Bytes from the struct's beginning. */
  readonly offset: number;
  readonly format: FieldFormat;
}

export interface EventStruct {
  /** The struct's tag; empty if it has none. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly members: readonly EventMember[];
}

/**
 * Finds and reads the event struct.
 * @param maxBytes how large it may be
 * @throws ExtensionError if there is none, or something in it can't be shown
 */
export function parseEventStruct(btf: Btf, maxBytes: number): EventStruct {
  const variables = findVariables(btf, EVENT_VARIABLE);
  const [variable] = variables;
  if (variable === undefined) {
    throw new ExtensionError(
      `the extension has no ${EVENT_VARIABLE}: nothing tells what its events look like`,
      'declare its struct with it: struct event { … } __ipft_event_struct; (ipft --gen bpf-module-skeleton shows how)',
    );
  }
  if (variables.length > 1) {
    throw new ExtensionError(`the extension has ${variables.length} variables ${EVENT_VARIABLE}: there must be one`);
  }
  const struct = btf.resolve(btf.sizeOrType(variable));
  if (btf.kind(struct) !== BTF_KIND_STRUCT) throw new ExtensionError(`the type of ${EVENT_VARIABLE} is not a struct`);
  const name = btf.name(struct);
  const label = name === '' ? 'the event struct' : `struct ${printable(name)}`;
  const sizeBytes = btf.sizeOrType(struct);
  if (sizeBytes > maxBytes) {
    throw new ExtensionError(`${label} has ${sizeBytes} bytes, an event has room for ${maxBytes}`);
  }
  const members = readMembers(btf, struct, label);
  if (members.length === 0) throw new ExtensionError(`${label} has no members: there is nothing to show`);
  return { name, sizeBytes, members };
}

function readMembers(btf: Btf, struct: number, label: string): EventMember[] {
  const formats = readTags(btf, struct, label);
  const names = new Set<string>();
  return Array.from({ length: btf.vlen(struct) }, (_, index) => {
    const name = btf.string(btf.tail(struct, index * 3));
    const type = btf.tail(struct, index * 3 + 1);
    const position = btf.tail(struct, index * 3 + 2);
    const where = `${label}, member ${printable(name) || `number ${index + 1}`}`;
    const bits = btf.kindFlag(struct) ? position >>> 24 : 0;
    const bitOffset = btf.kindFlag(struct) ? position & 0xffffff : position;
    if (bits > 0 || bitOffset % 8 !== 0) throw new ExtensionError(`${where}: bit-fields can't be shown yet`);
    if (name === '') throw new ExtensionError(`${where}: members without a name can't be shown yet`);
    if (RESERVED_NAMES.has(name)) {
      throw new ExtensionError(`${where}: '${name}' is a key of the JSON output`, 'give the member another name');
    }
    if (names.has(name)) throw new ExtensionError(`${where}: there are two of that name`);
    names.add(name);
    return { name, type, offset: bitOffset / 8, format: formats.get(index) ?? { kind: 'plain' } };
  });
}

/** The formats that declaration tags ask for, by the member's index. */
function readTags(btf: Btf, struct: number, label: string): Map<number, FieldFormat> {
  const formats = new Map<number, FieldFormat>();
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) !== BTF_KIND_DECL_TAG || btf.sizeOrType(id) !== struct) continue;
    const tag = btf.name(id);
    const index = btf.tail(id, 0);
    if (!tag.startsWith(TAG_PREFIX) || index >= btf.vlen(struct)) continue;
    const member = printable(btf.string(btf.tail(struct, index * 3)));
    const where = `${label}, member ${member}, tag ${printable(tag)}`;
    if (formats.has(index)) throw new ExtensionError(`${where}: the member has a tag already`);
    formats.set(index, readFormat(btf, tag, where));
  }
  return formats;
}

function readFormat(btf: Btf, tag: string, where: string): FieldFormat {
  if (tag === 'ipft:fmt:hex') return { kind: 'hex' };
  const [, kind, reference] = /^ipft:fmt:(enum|enum_flags):(.+)$/s.exec(tag) ?? [];
  if (kind === undefined || reference === undefined) {
    throw new ExtensionError(
      `${where}: unknown tag`,
      'there are ipft:fmt:hex, ipft:fmt:enum:REF and ipft:fmt:enum_flags:REF',
    );
  }
  const [variable] = findVariables(btf, reference);
  const type = variable === undefined ? 0 : btf.resolve(btf.sizeOrType(variable));
  if (btf.kind(type) !== BTF_KIND_ENUM && btf.kind(type) !== BTF_KIND_ENUM64) {
    throw new ExtensionError(
      `${where}: there is no variable '${printable(reference)}' of an enum type`,
      `declare one: enum … __ipft_ref(${printable(reference)});`,
    );
  }
  return { kind: kind === 'enum' ? 'enum' : 'flags', enumType: type };
}

function findVariables(btf: Btf, name: string): number[] {
  const names = new Set(btf.findString(name));
  const found: number[] = [];
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) === BTF_KIND_VAR && names.has(btf.nameOffset(id))) found.push(id);
  }
  return found;
}
