/**
 * BTF: the kernel's compact description of types and functions, read from its bytes. Pure; works on the BTF of the
 * kernel, of a module (split BTF, on top of the kernel's) and of an object file alike.
 *
 * One pass finds where each type begins; everything else is read on demand, and names stay bytes until asked for: the
 * kernel's BTF holds more than 100,000 types, of which a few thousand are ever looked at.
 *
 * Source of the format: `linux/btf.h` and `Documentation/bpf/btf.rst` of the kernel.
 *
 *     header   magic u16 = 0xeb9f, version u8 = 1, flags u8, header length u32,
 *              type offset u32, type length u32, string offset u32, string length u32   (offsets behind the header)
 *     type     name u32 (offset into the strings), info u32 (vlen: bits 0-15, kind: 24-28, kind_flag: 31),
 *              size or type u32, then what the kind needs
 */
import { ParseError } from '../base/errors.js';

export const BTF_KIND_INT = 1;
export const BTF_KIND_PTR = 2;
export const BTF_KIND_ARRAY = 3;
export const BTF_KIND_STRUCT = 4;
export const BTF_KIND_UNION = 5;
export const BTF_KIND_ENUM = 6;
export const BTF_KIND_FWD = 7;
export const BTF_KIND_TYPEDEF = 8;
export const BTF_KIND_VOLATILE = 9;
export const BTF_KIND_CONST = 10;
export const BTF_KIND_RESTRICT = 11;
export const BTF_KIND_FUNC = 12;
export const BTF_KIND_FUNC_PROTO = 13;
export const BTF_KIND_VAR = 14;
export const BTF_KIND_DATASEC = 15;
export const BTF_KIND_FLOAT = 16;
export const BTF_KIND_DECL_TAG = 17;
export const BTF_KIND_TYPE_TAG = 18;
export const BTF_KIND_ENUM64 = 19;

const BTF_MAGIC = 0xeb9f;
const HEADER_LENGTH = 24;
const TYPE_LENGTH = 12;

/** Bytes behind the common 12, for each kind: a constant, or `vlen` times an entry. */
const TAILS: readonly ({ fixed: number } | { each: number } | undefined)[] = [
  undefined,
  { fixed: 4 }, // INT: encoding, offset, bits
  { fixed: 0 },
  { fixed: 12 }, // ARRAY: element type, index type, number of elements
  { each: 12 }, // STRUCT
  { each: 12 }, // UNION
  { each: 8 }, // ENUM
  { fixed: 0 },
  { fixed: 0 },
  { fixed: 0 },
  { fixed: 0 },
  { fixed: 0 },
  { fixed: 0 },
  { each: 8 }, // FUNC_PROTO
  { fixed: 4 }, // VAR: linkage
  { each: 12 }, // DATASEC
  { fixed: 0 },
  { fixed: 4 }, // DECL_TAG: component index
  { fixed: 0 },
  { each: 12 }, // ENUM64
];

/** A parsed BTF. Type ids count from 1; 0 is `void`. An id or string offset out of range throws `ParseError`. */
export class Btf {
  /** The BTF that this one extends: ids below `firstId` are its types. */
  readonly base: Btf | undefined;
  /** The first id of this BTF's own types. */
  readonly firstId: number;
  /** One more than the last id. */
  readonly endId: number;
  readonly #view: DataView;
  readonly #bytes: Buffer;
  /** Where each own type begins, by `id - firstId`. */
  readonly #offsets: Uint32Array;
  readonly #strings: { at: number; length: number; base: number };

  /** Use `parseBtf`. */
  constructor(bytes: Uint8Array, base: Btf | undefined) {
    this.base = base;
    this.firstId = base ? base.endId : 1;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { types, strings } = this.#readHeader();
    this.#strings = { ...strings, base: base ? base.stringsEnd : 0 };
    this.#offsets = this.#indexTypes(types.at, types.at + types.length);
    this.endId = this.firstId + this.#offsets.length;
  }

  /** One more than the last string offset. */
  get stringsEnd(): number {
    return this.#strings.base + this.#strings.length;
  }

  #readHeader(): { types: { at: number; length: number }; strings: { at: number; length: number } } {
    if (this.#bytes.length < HEADER_LENGTH) throw new ParseError('BTF', this.#bytes.length, 'ends within the header');
    if (this.#view.getUint16(0, true) !== BTF_MAGIC) throw new ParseError('BTF', 0, 'does not begin with 0xeb9f');
    if (this.#view.getUint8(2) !== 1) throw new ParseError('BTF', 2, `has version ${this.#view.getUint8(2)}, not 1`);
    const header = this.#view.getUint32(4, true);
    const section = (at: number, what: string) => {
      const offset = header + this.#view.getUint32(at, true);
      const length = this.#view.getUint32(at + 4, true);
      if (offset + length > this.#bytes.length) throw new ParseError('BTF', at, `its ${what} end past the last byte`);
      return { at: offset, length };
    };
    return { types: section(8, 'types'), strings: section(16, 'strings') };
  }

  #indexTypes(begin: number, end: number): Uint32Array {
    const offsets = new Uint32Array(Math.floor((end - begin) / TYPE_LENGTH));
    let count = 0;
    for (let at = begin; at < end; ) {
      if (at + TYPE_LENGTH > end) throw new ParseError('BTF', at, 'ends within a type');
      const info = this.#view.getUint32(at + 4, true);
      const tail = TAILS[(info >>> 24) & 31];
      if (tail === undefined) throw new ParseError('BTF', at, `has a type of the unknown kind ${(info >>> 24) & 31}`);
      offsets[count++] = at;
      at += TYPE_LENGTH + ('fixed' in tail ? tail.fixed : tail.each * (info & 0xffff));
      if (at > end) throw new ParseError('BTF', at, 'ends within a type');
    }
    return offsets.subarray(0, count);
  }

  /** Where the type begins in the bytes of the BTF that owns it. */
  #at(id: number): number {
    const at = this.#offsets[id - this.firstId];
    if (at === undefined) throw new ParseError('BTF', 0, `has no type ${id}`);
    return at;
  }

  /** Where an own type, or the string at an offset, begins in the bytes that were parsed: for those who edit them. */
  place(of: { type: number } | { string: number }): number {
    return 'type' in of ? this.#at(of.type) : this.#strings.at + of.string - this.#strings.base;
  }

  /** The kind, a `BTF_KIND_…`; 0 for `void`. */
  kind(id: number): number {
    if (id === 0) return 0;
    if (id < this.firstId && this.base) return this.base.kind(id);
    return (this.#view.getUint32(this.#at(id) + 4, true) >>> 24) & 31;
  }

  /** The number of entries behind the type: members, enumerators, parameters. */
  vlen(id: number): number {
    if (id < this.firstId && this.base) return this.base.vlen(id);
    return this.#view.getUint32(this.#at(id) + 4, true) & 0xffff;
  }

  /** The `kind_flag` bit: for structs, that members may be bit-fields; for enums, that they are signed. */
  kindFlag(id: number): boolean {
    if (id < this.firstId && this.base) return this.base.kindFlag(id);
    return this.#view.getUint32(this.#at(id) + 4, true) >>> 31 === 1;
  }

  /** The third word: a size in bytes, or the type that this one refers to. */
  sizeOrType(id: number): number {
    if (id < this.firstId && this.base) return this.base.sizeOrType(id);
    return this.#view.getUint32(this.#at(id) + 8, true);
  }

  /** The word `index` of what stands behind the common part of the type. */
  tail(id: number, index: number): number {
    if (id < this.firstId && this.base) return this.base.tail(id, index);
    return this.#view.getUint32(this.#at(id) + TYPE_LENGTH + index * 4, true);
  }

  /** The type's name as an offset into the strings: equal names have equal offsets in deduplicated BTF. */
  nameOffset(id: number): number {
    if (id < this.firstId && this.base) return this.base.nameOffset(id);
    return this.#view.getUint32(this.#at(id), true);
  }

  /** The type's name; empty for one that has none. */
  name(id: number): string {
    return id === 0 ? 'void' : this.string(this.nameOffset(id));
  }

  /** The string at an offset. */
  string(offset: number): string {
    const { at, length, base } = this.#strings;
    if (offset < base && this.base) return this.base.string(offset);
    const begin = at + offset - base;
    const end = offset - base < length ? this.#bytes.indexOf(0, begin) : -1;
    if (end < 0 || end >= at + length) throw new ParseError('BTF', begin, `has no string at ${offset}`);
    return this.#bytes.toString('utf8', begin, end);
  }

  /** The offsets at which a string stands: none, one, or one in the base and one here. */
  findString(text: string): number[] {
    const found = this.base ? this.base.findString(text) : [];
    const { at, length, base } = this.#strings;
    const strings = this.#bytes.subarray(at, at + length);
    // The strings of split BTF need not begin with an empty one.
    if (strings.subarray(0, text.length + 1).equals(Buffer.from(`${text}\0`))) found.push(base);
    const index = strings.indexOf(`\0${text}\0`);
    if (index >= 0) found.push(base + index + 1);
    return found;
  }

  /** The type behind typedefs, qualifiers and type tags. A chain that never ends throws `ParseError`. */
  resolve(id: number): number {
    let type = id;
    for (let steps = 0; steps <= 64; steps++) {
      switch (this.kind(type)) {
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_TYPE_TAG:
          type = this.sizeOrType(type);
          break;
        default:
          return type;
      }
    }
    throw new ParseError('BTF', 0, `type ${id} is a circle of typedefs or qualifiers`);
  }
}

/**
 * Reads BTF.
 * @param bytes the content of `/sys/kernel/btf/NAME`, or of an object file's `.BTF` section; kept, not copied
 * @param base for a module: the kernel's BTF
 * @throws ParseError if the bytes are no BTF, are cut off, or hold kinds that this reader does not know
 */
export function parseBtf(bytes: Uint8Array, base?: Btf): Btf {
  return new Btf(bytes, base);
}
