/**
 * The struct that tells what the fields of expressions are: BTF as an extension in C would have it, so that whatever
 * reads fields reads these, too. Pure.
 *
 * A field that may be absent has the tag `ipft:present:N`: it has a value if bit N of the member with the tag
 * `ipft:present` is set. The lowest bit of a byte is used for each.
 */
import { EVENT_VARIABLE } from '../base/event-struct-names.js';
import {
  BTF_KIND_ARRAY,
  BTF_KIND_ENUM,
  BTF_KIND_ENUM64,
  BTF_KIND_INT,
  BTF_KIND_PTR,
  BTF_KIND_STRUCT,
  BTF_KIND_UNION,
  type Btf,
} from '../btf/btf.js';
import { typeSize } from '../btf/type-name.js';
import {
  BTF_INT_BOOL,
  BTF_INT_CHAR,
  BTF_INT_SIGNED,
  BtfWriter,
  type WrittenEnumerator,
  type WrittenMember,
} from '../bytecode/btf-writer.js';
import { type CType, type IntegerType, isFunctionPointer, readType, type TypeRef } from './types.js';

/** What a field's bytes are. */
export type StoredType =
  | { readonly kind: 'scalar'; readonly type: CType }
  | { readonly kind: 'copy'; readonly ref: TypeRef }
  /** An array of characters, or of bytes. */
  | { readonly kind: 'bytes'; readonly length: number; readonly isText: boolean };

export interface StoredField {
  readonly name: string;
  readonly stored: StoredType;
  readonly offset: number;
  /** As `hex`; for `enum` and `enum_flags` with the enum. */
  readonly format: string | undefined;
  readonly enumOf: TypeRef | undefined;
  /** The number of its byte, if it may be absent. */
  readonly presence: number | undefined;
}

/** @param sizeBytes of all @param presenceBytes how many fields may be absent: so many bytes stand at the beginning */
export function writeShowStruct(fields: readonly StoredField[], sizeBytes: number, presenceBytes: number): Uint8Array {
  const btf = new BtfWriter();
  const copier = new TypeCopier(btf);
  const members: WrittenMember[] = [];
  const tags: { readonly text: string; readonly member: number }[] = [];
  if (presenceBytes > 0) {
    const type = copier.stored({ kind: 'bytes', length: presenceBytes, isText: false });
    members.push({ name: '__present', type, offsetBits: 0 });
    tags.push({ text: 'ipft:present', member: 0 });
  }
  for (const { name, stored, offset, format, enumOf, presence } of fields) {
    const member = members.length;
    members.push({ name, type: copier.stored(stored), offsetBits: offset * 8 });
    if (format !== undefined && enumOf) {
      const variable = copier.enumVariable(enumOf, format === 'enum_flags', member);
      tags.push({ text: `ipft:fmt:${format}:${variable}`, member });
    } else if (format !== undefined) tags.push({ text: `ipft:fmt:${format}`, member });
    if (presence !== undefined) tags.push({ text: `ipft:present:${presence * 8}`, member });
  }
  const struct = btf.struct('show', sizeBytes, members);
  for (const { text, member } of tags) btf.tag(text, struct, member);
  btf.variable(EVENT_VARIABLE, struct);
  return btf.bytes();
}

/**
 * The flags of an enum that has the numbers of their bits, too, as `ip_conntrack_status` of the kernel: X_BIT is left out
 * where X has that bit.
 */
function flagsOf(enumerators: readonly WrittenEnumerator[]): readonly WrittenEnumerator[] {
  const values = new Map(enumerators.map(({ name, value }) => [name, value]));
  return enumerators.filter(({ name, value }) => {
    const flag = name.endsWith('_BIT') ? values.get(name.slice(0, -'_BIT'.length)) : undefined;
    return flag === undefined || value > 63n || flag !== 1n << value;
  });
}

/** The format that a number in network order has by its type. */
export function networkFormat({ bytes }: IntegerType): string {
  return bytes === 4 ? 'ipv4' : `be${bytes * 8}`;
}

/** Copies types of the kernel with what they need to be shown. Pointers lead to what is declared only. */
class TypeCopier {
  readonly #out: BtfWriter;
  readonly #known = new Map<Btf, Map<number, number>>();
  readonly #named = new Map<string, number>();
  readonly #variables = new Map<string, { readonly btf: Btf; readonly type: number; readonly variable: string }>();

  constructor(out: BtfWriter) {
    this.#out = out;
  }

  stored(stored: StoredType): number {
    switch (stored.kind) {
      case 'scalar':
        return this.#scalar(stored.type);
      case 'copy':
        return this.copy(stored.ref);
      case 'bytes': {
        const element = stored.isText
          ? this.#integer('char', 1, BTF_INT_SIGNED | BTF_INT_CHAR)
          : this.#integer('unsigned char', 1, 0);
        return this.#out.array(element, stored.length, this.#index());
      }
    }
  }

  /**
   * A variable whose type is an enum of the kernel, for a tag to name: called as the enum is, where nothing else is.
   * @param areFlags whether its values are bits: see `flagsOf` @param member makes a name that is free
   */
  enumVariable({ btf, id }: TypeRef, areFlags: boolean, member: number): string {
    const type = btf.resolve(id);
    const own = `${btf.name(type)}${areFlags ? ' as flags' : ''}`;
    const before = this.#variables.get(own);
    if (before?.btf === btf && before.type === type) return before.variable;
    const isFree =
      btf.name(type) !== '' && ![...this.#variables.values()].some(({ variable }) => variable === btf.name(type));
    const variable = isFree ? btf.name(type) : `__ipft_enum_${member}`;
    this.#variables.set(own, { btf, type, variable });
    this.#out.variable(variable, areFlags ? this.#enumeration(btf, type, flagsOf) : this.copy({ btf, id }));
    return variable;
  }

  copy({ btf, id }: TypeRef): number {
    const known = this.#known.get(btf) ?? new Map<number, number>();
    this.#known.set(btf, known);
    const copied = known.get(id) ?? this.#copy(btf, id);
    known.set(id, copied);
    return copied;
  }

  #copy(btf: Btf, id: number): number {
    const type = btf.resolve(id);
    const read = readType({ btf, id });
    switch (btf.kind(type)) {
      case BTF_KIND_INT: {
        const encoding = (btf.tail(type, 0) >>> 24) & 15;
        const base = this.#integer(btf.name(type), btf.sizeOrType(type), encoding);
        return read.kind === 'integer' && read.isBigEndian ? this.#tagged(read.name, base, networkFormat(read)) : base;
      }
      case BTF_KIND_PTR:
        return isFunctionPointer(read)
          ? this.#tagged('function_pointer', this.#pointer('void'), 'symbol')
          : this.#scalar(read);
      case BTF_KIND_ENUM:
      case BTF_KIND_ENUM64:
        return this.#enumeration(btf, type);
      case BTF_KIND_ARRAY:
        return this.#out.array(this.copy({ btf, id: btf.tail(type, 0) }), btf.tail(type, 2), this.#index());
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        return this.#struct(btf, type);
      default:
        return this.#integer('unsigned char', 1, 0);
    }
  }

  #struct(btf: Btf, id: number): number {
    const hasBits = btf.kindFlag(id);
    const members: WrittenMember[] = [];
    for (let index = 0; index < btf.vlen(id); index++) {
      const type = btf.tail(id, index * 3 + 1);
      const position = btf.tail(id, index * 3 + 2);
      // An array without a length has nothing to show.
      if ((typeSize(btf, type) ?? 0) === 0) continue;
      members.push({
        name: btf.string(btf.tail(id, index * 3)),
        type: this.copy({ btf, id: type }),
        offsetBits: hasBits ? position & 0xffffff : position,
        bits: hasBits ? position >>> 24 : 0,
      });
    }
    return this.#out.struct(btf.name(id), btf.sizeOrType(id), members, btf.kind(id) === BTF_KIND_UNION);
  }

  #enumeration(btf: Btf, id: number, choose = (all: readonly WrittenEnumerator[]) => all): number {
    const isWide = btf.kind(id) === BTF_KIND_ENUM64;
    const words = isWide ? 3 : 2;
    const enumerators = Array.from({ length: btf.vlen(id) }, (_, index) => {
      const low = BigInt(btf.tail(id, index * words + 1));
      const high = isWide ? BigInt(btf.tail(id, index * words + 2)) : 0n;
      return { name: btf.string(btf.tail(id, index * words)), value: low | (high << 32n) };
    });
    return this.#out.enumeration(btf.name(id), btf.sizeOrType(id), choose(enumerators), btf.kindFlag(id));
  }

  #scalar(type: CType): number {
    if (type.kind === 'pointer') return this.#pointer(type.name);
    if (type.kind !== 'integer') return this.#integer('unsigned char', 1, 0);
    if (type.enumOf) return this.copy(type.enumOf);
    if (type.isBool) return this.#integer('_Bool', 1, BTF_INT_BOOL);
    // A character that stands alone is a number.
    const name = type.isChar ? 'signed char' : type.name;
    return this.#integer(name, type.bytes, type.isSigned ? BTF_INT_SIGNED : 0);
  }

  /** A pointer by its name in C: `struct sock *`. */
  #pointer(name: string): number {
    const struct = /^(?:const |volatile )*struct (\w+) \*$/.exec(name)?.[1];
    return this.#once(`${struct ?? 'void'} *`, () =>
      this.#out.pointer(struct === undefined ? 0 : this.#out.forward(struct)),
    );
  }

  #tagged(name: string, of: number, format: string): number {
    return this.#once(`typedef ${name}`, () => {
      const typedef = this.#out.typedef(name, of);
      this.#out.tag(`ipft:fmt:${format}`, typedef);
      return typedef;
    });
  }

  #integer(name: string, bytes: number, encoding: number): number {
    return this.#once(`${name} ${bytes} ${encoding}`, () => this.#out.integer(name, bytes, encoding));
  }

  #index(): number {
    return this.#integer('unsigned int', 4, 0);
  }

  #once(key: string, write: () => number): number {
    const id = this.#named.get(key) ?? write();
    this.#named.set(key, id);
    return id;
  }
}
