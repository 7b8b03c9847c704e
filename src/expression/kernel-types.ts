/** Types, enumerators and functions of the running kernel, by their names. Pure: what reads the kernel is handed in. */
import { ExpressionError, type TextRange } from '../base/expression-error.js';
import { printable } from '../base/printable.js';
import { findNearest } from '../base/suggest.js';
import {
  BTF_KIND_ENUM,
  BTF_KIND_ENUM64,
  BTF_KIND_STRUCT,
  BTF_KIND_TYPEDEF,
  BTF_KIND_UNION,
  type Btf,
} from '../btf/btf.js';
import type { TypeWords } from './ast.js';
import { macroMembers } from './macro-members.js';
import { type FoundMember, forEachMember } from './members.js';
import {
  type CType,
  INT,
  integer,
  LONG,
  pointerTo,
  readType,
  type TypeRef,
  UNSIGNED_INT,
  UNSIGNED_LONG,
  VOID,
} from './types.js';

/** What the kernel tells. */
export interface KernelSource {
  readonly vmlinux: Btf;
  /** The loaded modules that have types of their own, by name. Reading one takes a while: each is asked for once. */
  readonly modules: () => ReadonlyMap<string, () => Btf | undefined>;
  /** The addresses of the functions of this name. */
  readonly addressesOf: (name: string) => readonly bigint[];
}

type Keyword = 'struct' | 'union' | 'enum' | 'typedef';
const KEYWORD_OF: Readonly<Record<number, Keyword>> = {
  [BTF_KIND_STRUCT]: 'struct',
  [BTF_KIND_UNION]: 'union',
  [BTF_KIND_ENUM]: 'enum',
  [BTF_KIND_ENUM64]: 'enum',
  [BTF_KIND_TYPEDEF]: 'typedef',
};

/** How many modules are named in a message. */
const SHOWN = 3;

/** The named types of a BTF, without those of its base: looked for by name, since of tens of thousands few are asked for. */
class NameIndex {
  readonly btf: Btf;
  readonly #found = new Map<string, readonly number[]>();
  #enums: readonly number[] | undefined;

  constructor(btf: Btf) {
    this.btf = btf;
  }

  find(keyword: Keyword, name: string): number[] {
    return this.#named(name).filter((id) => KEYWORD_OF[this.btf.kind(id)] === keyword);
  }

  /** The keywords of all types of this name. */
  keywords(name: string): Keyword[] {
    return this.#named(name).map((id) => KEYWORD_OF[this.btf.kind(id)]!);
  }

  /** The enumerators of this name: their enum and value. */
  enumerators(name: string): { readonly id: number; readonly value: bigint }[] {
    const { btf } = this;
    const names = btf.findString(name);
    if (names.length === 0) return [];
    this.#enums ??= this.#list('enum');
    return this.#enums.flatMap((id) => {
      const is64 = btf.kind(id) === BTF_KIND_ENUM64;
      const words = is64 ? 3 : 2;
      for (let index = 0; index < btf.vlen(id); index++) {
        if (!names.includes(btf.tail(id, index * words))) continue;
        const low = BigInt(btf.tail(id, index * words + 1));
        const value = is64 ? low | (BigInt(btf.tail(id, index * words + 2)) << 32n) : low;
        const bits = is64 ? 64 : 32;
        return [{ id, value: btf.kindFlag(id) ? BigInt.asIntN(bits, value) : value }];
      }
      return [];
    });
  }

  /** All names of structs, for suggestions. */
  names(keyword: Keyword): string[] {
    return this.#list(keyword).flatMap((id) => this.btf.name(id) || []);
  }

  /** The types of this name that have a keyword. */
  #named(name: string): readonly number[] {
    const known = this.#found.get(name);
    if (known) return known;
    const ids = this.btf.findString(name).flatMap((offset) => this.btf.findTypes(offset));
    const found = ids.filter((id) => KEYWORD_OF[this.btf.kind(id)] !== undefined);
    this.#found.set(name, found);
    return found;
  }

  #list(keyword: Keyword): number[] {
    const { btf } = this;
    const ids: number[] = [];
    for (let id = btf.firstId; id < btf.endId; id++) if (KEYWORD_OF[btf.kind(id)] === keyword) ids.push(id);
    return ids;
  }
}

export class KernelTypes {
  readonly source: KernelSource;
  readonly #indexes = new Map<Btf, NameIndex>();
  readonly #modules = new Map<string, Btf | undefined>();
  /** The members of structs, by their BTF and id: many are asked for of few structs. */
  readonly #members = new Map<Btf, Map<number, ReadonlyMap<string, FoundMember>>>();

  constructor(source: KernelSource) {
    this.source = source;
  }

  /**
   * The type that words name.
   * @throws ExpressionError if there is none, or there are several that differ
   */
  find(words: TypeWords): CType {
    let type = this.#findBase(words);
    for (let count = 0; count < words.pointers; count++) type = pointerTo(type);
    return type;
  }

  /** A pointer to a struct of the kernel. @throws ExpressionError if this kernel has no such struct */
  pointerTo(name: string, at: TextRange): CType {
    return this.find({ keyword: 'struct', name, module: undefined, pointers: 1, at });
  }

  /** The enum of this name. @throws ExpressionError */
  findEnum(name: string, at: TextRange): TypeRef {
    return this.#findTagged('enum', { keyword: 'enum', name, module: undefined, pointers: 0, at });
  }

  /** A struct with its members, where a type only declares it. Undefined if no BTF has them. */
  complete(type: CType, at: TextRange): CType {
    if (type.kind !== 'struct' || type.bytes !== undefined) return type;
    const [keyword, name = ''] = type.name.replace(/^(?:const |volatile )+/, '').split(' ');
    if (keyword !== 'struct' && keyword !== 'union') return type;
    return readType(this.#findTagged(keyword, { keyword, name, module: undefined, pointers: 0, at }));
  }

  /** A member, those of anonymous structs and unions included. */
  member(struct: TypeRef, name: string): FoundMember | undefined {
    return this.#membersOf(struct).get(name);
  }

  /** The member that a mistyped name may stand for. */
  nearestMember(struct: TypeRef, name: string): string | undefined {
    const names = this.memberNames(struct);
    const [longer] = names.filter((one) => one.startsWith(name)).sort((one, other) => one.length - other.length);
    return longer ?? findNearest(name, names);
  }

  /** The names of all members. */
  memberNames(struct: TypeRef): string[] {
    return [...this.#membersOf(struct).keys()];
  }

  /**
   * The value of an enumerator; undefined if there is none of this name.
   * @throws ExpressionError if there are several with different values
   */
  enumerator(name: string, at: TextRange): { readonly value: bigint; readonly type: TypeRef } | undefined {
    const found: { readonly value: bigint; readonly type: TypeRef }[] = [];
    for (const { index } of this.#places(undefined)) {
      for (const { id, value } of index.enumerators(name)) found.push({ value, type: { btf: index.btf, id } });
      // A module's enumerator counts where the kernel proper has none.
      if (found.length > 0) break;
    }
    const values = new Set(found.map(({ value }) => value));
    if (values.size > 1) {
      const shown = [...values].slice(0, SHOWN).join(' and ');
      throw new ExpressionError(
        `${printable(name)} is ambiguous: enumerators of this name have the values ${shown}`,
        'write the number',
        at,
      );
    }
    return found[0];
  }

  #findBase(words: TypeWords): CType {
    const { keyword, name, at } = words;
    if (keyword !== undefined) return readType(this.#findTagged(keyword, words));
    if (name === 'void') return VOID;
    const own = ownType(name);
    if (own) return own;
    const ref = this.#search('typedef', words);
    if (ref) return readType(ref);
    const [actual] = this.#index(this.source.vmlinux).keywords(name);
    const hint = actual === undefined ? this.#nearest('typedef', name) : `write: ${actual} ${printable(name)}`;
    throw new ExpressionError(`there is no type ${printable(name)}`, hint, at);
  }

  #findTagged(keyword: 'struct' | 'union' | 'enum', words: TypeWords): TypeRef {
    const { name, module, at } = words;
    if (module !== undefined && !this.source.modules().has(module)) {
      throw new ExpressionError(
        `there is no module ${printable(module)} now`,
        'a module must be loaded before its types are known: modprobe NAME',
        at,
      );
    }
    const ref = this.#search(keyword, words);
    if (ref) return ref;
    const where =
      module === undefined ? 'neither the kernel nor a loaded module has' : `the module ${printable(module)} has no`;
    const nearest = this.#nearest(keyword, name);
    throw new ExpressionError(
      `${where} ${module === undefined ? 'a ' : ''}${keyword} ${printable(name)}`.replace('a enum', 'an enum'),
      nearest ?? 'a module must be loaded before its types are known: modprobe NAME',
      at,
    );
  }

  #nearest(keyword: Keyword, name: string): string | undefined {
    const nearest = findNearest(name, this.#index(this.source.vmlinux).names(keyword));
    return nearest === undefined ? undefined : `is it ${nearest}?`;
  }

  #search(keyword: Keyword, { name, module, at }: TypeWords): TypeRef | undefined {
    const found: { readonly ref: TypeRef; readonly where: string }[] = [];
    for (const { index, module: where } of this.#places(module)) {
      for (const id of index.find(keyword, name)) found.push({ ref: { btf: index.btf, id }, where });
      // What the kernel proper has, or the module that is named, counts.
      if (found.length > 0 && (where === '' || module !== undefined)) break;
    }
    const [first, ...more] = found;
    const other = first && more.find(({ ref }) => !hasSameShape(first.ref, ref));
    if (!first || !other) return first?.ref;
    const places = [...new Set(found.map(({ where }) => where))].filter((where) => where !== '');
    throw new ExpressionError(
      `${keyword} ${printable(name)} is ambiguous: there are several that differ${
        places.length > 0
          ? `, in the modules ${places
              .slice(0, SHOWN)
              .map((place) => printable(place))
              .join(', ')}`
          : ''
      }`,
      places.length > 1
        ? `write ${keyword} ${printable(name)}@${printable(places[0]!)} for that of one module`
        : undefined,
      at,
    );
  }

  /** The kernel proper, and then modules; or one module alone. */
  *#places(module: string | undefined): Generator<{ readonly index: NameIndex; readonly module: string }> {
    const vmlinux = { index: this.#index(this.source.vmlinux), module: '' };
    if (module === undefined) yield vmlinux;
    for (const [name, load] of this.source.modules()) {
      if (module !== undefined && module !== name) continue;
      if (!this.#modules.has(name)) this.#modules.set(name, load());
      const btf = this.#modules.get(name);
      if (btf) yield { index: this.#index(btf), module: name };
    }
    // A module shares the types of the kernel proper.
    if (module !== undefined) yield vmlinux;
  }

  #membersOf({ btf, id }: TypeRef): ReadonlyMap<string, FoundMember> {
    const structs = this.#members.get(btf) ?? new Map<number, ReadonlyMap<string, FoundMember>>();
    this.#members.set(btf, structs);
    const known = structs.get(id);
    if (known) return known;
    const members = new Map<string, FoundMember>();
    const add = (name: string, member: FoundMember) => {
      if (!members.has(name)) members.set(name, member);
    };
    forEachMember(btf, id, add);
    for (const { name, member } of macroMembers({ btf, id })) add(name, member);
    structs.set(id, members);
    return members;
  }

  #index(btf: Btf): NameIndex {
    const known = this.#indexes.get(btf);
    if (known) return known;
    const index = new NameIndex(btf);
    this.#indexes.set(btf, index);
    return index;
  }
}

/** C's own types, and the kernel's names for integers, which BTF may lack. */
function ownType(name: string): CType | undefined {
  if (name === 'bool' || name === '_Bool') return integer('_Bool', 1, false);
  const exact = /^(?:__)?([us])(8|16|32|64)$/.exec(name);
  if (exact) return integer(name, (Number(exact[2]) / 8) as 1 | 2 | 4 | 8, exact[1] === 's');
  const standard = /^(u?)int(8|16|32|64)_t$/.exec(name);
  if (standard) return integer(name, (Number(standard[2]) / 8) as 1 | 2 | 4 | 8, standard[1] === '');
  const network = /^__[bl]e(16|32|64)$/.exec(name);
  if (network) return integer(name, (Number(network[1]) / 8) as 2 | 4 | 8, false);
  const words = name.split(' ');
  const count = (word: string) => words.filter((one) => one === word).length;
  if (!words.every((word) => /^(?:unsigned|signed|char|short|int|long)$/.test(word))) return undefined;
  const isUnsigned = count('unsigned') > 0;
  if (count('char') > 0) {
    return words.length === 1 ? integer('char', 1, true) : integer(name, 1, !isUnsigned);
  }
  if (count('short') > 0) return integer(name, 2, !isUnsigned);
  if (count('long') > 0) return isUnsigned ? { ...UNSIGNED_LONG, name } : { ...LONG, name };
  return isUnsigned ? { ...UNSIGNED_INT, name } : { ...INT, name };
}

/** Whether two types of one name are the same to whoever reads them: size, names and places of members. */
function hasSameShape(one: TypeRef, other: TypeRef): boolean {
  return shapeOf(one) === shapeOf(other);
}

function shapeOf({ btf, id }: TypeRef): string {
  const kind = btf.kind(id);
  if (kind === BTF_KIND_TYPEDEF) {
    const type = readType({ btf, id });
    return type.kind === 'struct'
      ? shapeOf(type.ref)
      : `${type.kind} ${type.kind === 'integer' ? type.isSigned : ''} ${type.kind === 'pointer' ? 8 : type.bytes}`;
  }
  const members: string[] = [];
  if (kind === BTF_KIND_STRUCT || kind === BTF_KIND_UNION) {
    forEachMember(btf, id, (name, { offsetBits, bits }) => {
      members.push(`${name}@${offsetBits}:${bits}`);
    });
  } else {
    const words = kind === BTF_KIND_ENUM64 ? 3 : 2;
    for (let index = 0; index < btf.vlen(id); index++) {
      members.push(`${btf.string(btf.tail(id, index * words))}=${btf.tail(id, index * words + 1)}`);
    }
  }
  return `${btf.sizeOrType(id)} ${members.join(' ')}`;
}
