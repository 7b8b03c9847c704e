/** Format tags: their names and what they require. Pure. */
import { ExtensionError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import {
  BTF_KIND_CONST,
  BTF_KIND_DECL_TAG,
  BTF_KIND_ENUM,
  BTF_KIND_ENUM64,
  BTF_KIND_RESTRICT,
  BTF_KIND_TYPE_TAG,
  BTF_KIND_TYPEDEF,
  BTF_KIND_VAR,
  BTF_KIND_VOLATILE,
  type Btf,
} from '../btf/btf.js';

const TAG_PREFIX = 'ipft:';

/**
 * Formats without a reference, and the members that they fit. Each has a macro `__ipft_fmt_NAME` in `ipft/extension.h`.
 */
export const SIMPLE_FORMATS = {
  hex: 'an integer, an enum or a pointer',
  ipv4: 'an integer of 4 bytes, or 4 bytes',
  ipv6: '16 bytes',
  ip: '16 bytes',
  mac: '6 bytes',
  be16: 'an integer of 2 bytes',
  be32: 'an integer of 4 bytes',
  be64: 'an integer of 8 bytes',
  char: 'an integer of 1 byte',
  string: 'an array of characters or bytes',
  symbol: 'a pointer, or an integer of 8 bytes',
  ns: 'an integer',
} as const;

export type SimpleFormat = keyof typeof SIMPLE_FORMATS;

/** How a value is to be shown. */
export type Format =
  | { readonly kind: SimpleFormat; readonly tag: string }
  | { readonly kind: 'enum' | 'flags'; readonly tag: string; readonly enumType: number };

/** The members that a format fits, for messages. */
export function describeNeed(format: Format): string {
  return format.kind === 'enum' || format.kind === 'flags' ? 'an integer or an enum' : SIMPLE_FORMATS[format.kind];
}

/** The format tags of a BTF: for each type the tags of its members, by index, and the type's own tags (`OWN`). */
export type TagTable = ReadonlyMap<number, ReadonlyMap<number, readonly string[]>>;

/** The index of a tag that stands behind the type itself: -1 as BTF has it. */
const OWN = 0xffffffff;

export function readTags(btf: Btf): TagTable {
  const table = new Map<number, Map<number, string[]>>();
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) !== BTF_KIND_DECL_TAG) continue;
    const tag = btf.name(id);
    if (!tag.startsWith(TAG_PREFIX)) continue;
    const struct = btf.sizeOrType(id);
    const members = table.get(struct) ?? new Map<number, string[]>();
    table.set(struct, members);
    const index = btf.tail(id, 0);
    members.set(index, [...(members.get(index) ?? []), tag]);
  }
  return table;
}

/** The tags that stand behind a type itself. */
export function ownTags(tags: TagTable, type: number): readonly string[] {
  return tags.get(type)?.get(OWN) ?? [];
}

/** The tags of the first of a type's typedefs that has any, and its name. */
export function findTypedefTags(btf: Btf, tags: TagTable, type: number): { found: readonly string[]; typedef: string } {
  for (let id = type; ; id = btf.sizeOrType(id)) {
    const kind = btf.kind(id);
    const found = kind === BTF_KIND_TYPEDEF ? ownTags(tags, id) : [];
    if (found.length > 0) return { found, typedef: btf.name(id) };
    if (!LEADS_ON.has(kind)) return { found, typedef: '' };
  }
}

/** Kinds that refer to a type of which they are another name. `Btf.resolve` has shown that the chain of them ends. */
const LEADS_ON = new Set([
  ...[BTF_KIND_TYPEDEF, BTF_KIND_CONST, BTF_KIND_VOLATILE, BTF_KIND_RESTRICT, BTF_KIND_TYPE_TAG],
]);

/** Variables with format tags, which have no effect there. */
export function findTaggedVariables(btf: Btf, tags: TagTable): { name: string; tag: string }[] {
  return [...tags.keys()].flatMap((type) => {
    if (type >= btf.endId || btf.kind(type) !== BTF_KIND_VAR) return [];
    return ownTags(tags, type).map((tag) => ({ name: btf.name(type), tag }));
  });
}

/** Of the member whose bits say which others have a value: bit N that of the member with the tag `ipft:present:N`. */
export const PRESENCE_TAG = 'ipft:present';

/** The format tags of a member, and its bit among those that say what has a value; `bits` for the member that has them. */
export function splitTags(
  tags: readonly string[],
  where: string,
): { readonly formats: readonly string[]; readonly presence: number | 'bits' | undefined } {
  const formats = tags.filter((tag) => !tag.startsWith(PRESENCE_TAG));
  if (formats.length === tags.length) return { formats, presence: undefined };
  const [tag = '', ...more] = tags.filter((one) => one.startsWith(PRESENCE_TAG));
  if (tag === PRESENCE_TAG && more.length === 0) return { formats, presence: 'bits' };
  const bit = /^ipft:present:(\d{1,3})$/.exec(tag)?.[1];
  if (bit === undefined || more.length > 0) throw new ExtensionError(`${where}: unknown tag ${printable(tag)}`);
  return { formats, presence: Number(bit) };
}

/** Parses the tags of a member. @param where the member, for messages */
export function parseFormat(btf: Btf, tags: readonly string[], where: string): Format | undefined {
  const [tag, second] = tags;
  if (tag === undefined) return undefined;
  if (second !== undefined) {
    throw new ExtensionError(`${where}: there are two tags, ${printable(tag)} and ${printable(second)}: one is enough`);
  }
  const [, name = '', reference] = /^ipft:fmt:(\w+)(?::(.+))?$/s.exec(tag) ?? [];
  if (Object.hasOwn(SIMPLE_FORMATS, name) && reference === undefined) return { kind: name as SimpleFormat, tag };
  if ((name === 'enum' || name === 'enum_flags') && reference !== undefined) {
    return {
      kind: name === 'enum' ? 'enum' : 'flags',
      tag,
      enumType: findEnum(btf, reference, `${where}, tag ${printable(tag)}`),
    };
  }
  const known = [...Object.keys(SIMPLE_FORMATS), 'enum:REF', 'enum_flags:REF'].join(', ');
  throw new ExtensionError(`${where}: unknown tag ${printable(tag)}`, `behind ipft:fmt: there may be ${known}`);
}

function findEnum(btf: Btf, reference: string, where: string): number {
  const variables = findVariables(btf, reference);
  const [variable] = variables;
  const type = variable === undefined ? 0 : btf.resolve(btf.sizeOrType(variable));
  if (btf.kind(type) === BTF_KIND_ENUM || btf.kind(type) === BTF_KIND_ENUM64) return type;
  throw new ExtensionError(
    `${where}: ${variable === undefined ? 'there is no variable' : 'no enum is the type of the variable'} '${printable(reference)}'`,
    `declare one: enum … __ipft_ref(${printable(reference)});`,
  );
}

/** The variables of that name. */
export function findVariables(btf: Btf, name: string): number[] {
  const names = new Set(btf.findString(name));
  const found: number[] = [];
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) === BTF_KIND_VAR && names.has(btf.nameOffset(id))) found.push(id);
  }
  return found;
}
