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

/** The longest string. Names have 511 characters at most, tags may have more. */
const MAX_STRING = 4096;

/** The words that each type begins with, by their index. */
const NAME = 0;
const INFO = 1;
const SIZE_OR_TYPE = 2;
const TYPE_WORDS = 3;
/** The words behind those, by kind: a fixed number, and a number for each of the `vlen` entries. */
const FIXED_WORDS = new Uint8Array(32);
FIXED_WORDS[BTF_KIND_INT] = 1; // encoding, offset, bits
FIXED_WORDS[BTF_KIND_ARRAY] = 3; // element type, index type, number of elements
FIXED_WORDS[BTF_KIND_VAR] = 1; // linkage
FIXED_WORDS[BTF_KIND_DECL_TAG] = 1; // component index
const ENTRY_WORDS = new Uint8Array(32);
ENTRY_WORDS[BTF_KIND_STRUCT] = 3;
ENTRY_WORDS[BTF_KIND_UNION] = 3;
ENTRY_WORDS[BTF_KIND_ENUM] = 2;
ENTRY_WORDS[BTF_KIND_FUNC_PROTO] = 2;
ENTRY_WORDS[BTF_KIND_DATASEC] = 3;
ENTRY_WORDS[BTF_KIND_ENUM64] = 3;

const IS_STRUCT = 1;
const IS_POINTER = 2;
/** Kinds whose third word is the id of another type: a pointer to it, or the same type with a name or a qualifier. */
const REFERS = new Uint8Array(32);
REFERS[BTF_KIND_PTR] = 1;
REFERS[BTF_KIND_TYPEDEF] = 1;
REFERS[BTF_KIND_VOLATILE] = 1;
REFERS[BTF_KIND_CONST] = 1;
REFERS[BTF_KIND_RESTRICT] = 1;
REFERS[BTF_KIND_TYPE_TAG] = 1;

/** A parsed BTF. Type ids count from 1; 0 is `void`. An id or string offset out of range throws `ParseError`. */
export class Btf {
  /** The BTF that this one extends: ids below `firstId` are its types. */
  readonly base: Btf | undefined;
  /** The first id of this BTF's own types. */
  readonly firstId: number;
  /** One more than the last id. */
  readonly endId: number;
  readonly #bytes: Buffer;
  /**
   * The same memory in words of 32 bits. An engine that has not optimized yet reads them several times as fast as a
   * DataView.
   */
  readonly #words: Uint32Array;
  /** Where each own type begins, in words, by `id - firstId`. */
  readonly #offsets: Uint32Array;
  /** The ids of this BTF's own functions, in ascending order. */
  readonly functionIds: Uint32Array;
  /** The results of `#pointersTo`, by the struct's name. */
  readonly #marks = new Map<string, Uint8Array>();
  readonly #strings: { at: number; length: number; base: number };

  /** Use `parseBtf`. */
  constructor(bytes: Uint8Array, base: Btf | undefined) {
    this.base = base;
    this.firstId = base ? base.endId : 1;
    const aligned = bytes.byteOffset % 4 === 0 ? bytes : Uint8Array.from(bytes);
    this.#bytes = Buffer.from(aligned.buffer, aligned.byteOffset, aligned.byteLength);
    this.#words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength >>> 2);
    const { types, strings } = this.#readHeader();
    this.#strings = { ...strings, base: base ? base.stringsEnd : 0 };
    const { offsets, functions } = this.#indexTypes(types.at, types.at + types.length);
    this.#offsets = offsets;
    this.functionIds = functions;
    this.endId = this.firstId + this.#offsets.length;
  }

  /** One more than the last string offset. */
  get stringsEnd(): number {
    return this.#strings.base + this.#strings.length;
  }

  #readHeader(): { types: { at: number; length: number }; strings: { at: number; length: number } } {
    if (this.#bytes.length < HEADER_LENGTH) throw new ParseError('BTF', this.#bytes.length, 'ends within the header');
    if (this.#bytes.readUInt16LE(0) !== BTF_MAGIC) throw new ParseError('BTF', 0, 'does not begin with 0xeb9f');
    if (this.#bytes[2] !== 1) throw new ParseError('BTF', 2, `has version ${this.#bytes[2]}, not 1`);
    const header = this.#bytes.readUInt32LE(4);
    const section = (at: number, what: string) => {
      const offset = header + this.#bytes.readUInt32LE(at);
      const length = this.#bytes.readUInt32LE(at + 4);
      if (offset + length > this.#bytes.length) throw new ParseError('BTF', at, `its ${what} end past the last byte`);
      return { at: offset, length };
    };
    const types = section(8, 'types');
    if (types.at % 4 !== 0) throw new ParseError('BTF', 8, 'its types do not begin at a multiple of 4');
    return { types, strings: section(16, 'strings') };
  }

  #indexTypes(begin: number, end: number): { offsets: Uint32Array; functions: Uint32Array } {
    const words = this.#words;
    const endWord = end >>> 2;
    const offsets = new Uint32Array(Math.floor((end - begin) / TYPE_LENGTH));
    const functions = new Uint32Array(offsets.length);
    let count = 0;
    let functionCount = 0;
    let at = begin >>> 2;
    while (at < endWord) {
      if (at + TYPE_WORDS > endWord) throw new ParseError('BTF', at * 4, 'ends within a type');
      const info = words[at + INFO]!;
      const kind = (info >>> 24) & 31;
      if (kind === 0 || kind > BTF_KIND_ENUM64)
        throw new ParseError('BTF', at * 4, `has a type of the unknown kind ${kind}`);
      if (kind === BTF_KIND_FUNC) functions[functionCount++] = this.firstId + count;
      offsets[count++] = at;
      at += TYPE_WORDS + FIXED_WORDS[kind]! + ENTRY_WORDS[kind]! * (info & 0xffff);
      if (at > endWord) throw new ParseError('BTF', at * 4, 'ends within a type');
    }
    if (end % 4 !== 0) throw new ParseError('BTF', end, 'ends within a type');
    return { offsets: offsets.subarray(0, count), functions: functions.slice(0, functionCount) };
  }

  /** Where the type begins, in words of the BTF that owns it. */
  #at(id: number): number {
    const at = this.#offsets[id - this.firstId];
    if (at === undefined) throw new ParseError('BTF', 0, `has no type ${id}`);
    return at;
  }

  /**
   * The offset of one of this BTF's own types, or of a string, in the bytes that were parsed: for code that edits them.
   */
  byteOffset(of: { type: number } | { string: number }): number {
    return 'type' in of ? this.#at(of.type) * 4 : this.#strings.at + of.string - this.#strings.base;
  }

  /** The kind, a `BTF_KIND_…`; 0 for `void`. */
  kind(id: number): number {
    if (id === 0) return 0;
    if (id < this.firstId && this.base) return this.base.kind(id);
    return (this.#words[this.#at(id) + INFO]! >>> 24) & 31;
  }

  /** The number of entries behind the type: members, enumerators, parameters. */
  vlen(id: number): number {
    if (id < this.firstId && this.base) return this.base.vlen(id);
    return this.#words[this.#at(id) + INFO]! & 0xffff;
  }

  /** The `kind_flag` bit: for structs, that members may be bit-fields; for enums, that they are signed. */
  kindFlag(id: number): boolean {
    if (id < this.firstId && this.base) return this.base.kindFlag(id);
    return this.#words[this.#at(id) + INFO]! >>> 31 === 1;
  }

  /** The third word: a size in bytes, or the type that this one refers to. */
  sizeOrType(id: number): number {
    if (id < this.firstId && this.base) return this.base.sizeOrType(id);
    return this.#words[this.#at(id) + SIZE_OR_TYPE]!;
  }

  /** A word behind the common part of the type, counted from 0. */
  tail(id: number, index: number): number {
    if (id < this.firstId && this.base) return this.base.tail(id, index);
    const word = this.#words[this.#at(id) + TYPE_WORDS + index];
    if (word === undefined) throw new ParseError('BTF', this.#bytes.length, `ends within type ${id}`);
    return word;
  }

  /** The type's name as an offset into the strings: equal names have equal offsets in deduplicated BTF. */
  nameOffset(id: number): number {
    if (id < this.firstId && this.base) return this.base.nameOffset(id);
    return this.#words[this.#at(id) + NAME]!;
  }

  /** The type's name; empty for one that has none. */
  name(id: number): string {
    return id === 0 ? 'void' : this.string(this.nameOffset(id));
  }

  /**
   * Finds this BTF's own functions that take a pointer to a struct.
   * @param take gets the function's id and the position of the first such parameter
   */
  forEachFunctionTaking(structName: string, take: (id: number, position: number) => void): void {
    const words = this.#words;
    const offsets = this.#offsets;
    const { firstId, endId } = this;
    const marks = this.#pointersTo(structName);
    // All in one loop, on the words themselves: it reads tens of thousands of functions before the engine has optimized
    // it.
    for (let index = 0; index < this.functionIds.length; index++) {
      const id = this.functionIds[index]!;
      const proto = words[offsets[id - firstId]! + SIZE_OR_TYPE]!;
      if (proto >= endId) throw new ParseError('BTF', 0, `has no type ${proto}`);
      const owner = proto < firstId && this.base ? this.base : this;
      const from = owner === this ? words : owner.#words;
      const at = owner === this ? (offsets[proto - firstId] ?? 0) : owner.#at(proto);
      const info = proto === 0 ? 0 : from[at + INFO]!;
      if (((info >>> 24) & 31) !== BTF_KIND_FUNC_PROTO) continue;
      const end = at + TYPE_WORDS + (info & 0xffff) * 2;
      for (let parameter = at + TYPE_WORDS; parameter < end; parameter += 2) {
        if (marks[from[parameter + 1]!] !== IS_POINTER) continue;
        take(id, (parameter - at - TYPE_WORDS) / 2);
        break;
      }
    }
  }

  /**
   * The ids of this BTF's own functions with these names: the first of each name, without the names that no function
   * has.
   */
  findFunctions(nameOffsets: readonly number[]): Map<number, number> {
    const words = this.#words;
    const offsets = this.#offsets;
    const { firstId } = this;
    const found = new Map<number, number>();
    for (let index = 0; index < this.functionIds.length && found.size < nameOffsets.length; index++) {
      const id = this.functionIds[index]!;
      const name = words[offsets[id - firstId]!]!;
      if (nameOffsets.includes(name) && !found.has(name)) found.set(name, id);
    }
    return found;
  }

  /** The ids of this BTF's own types with this name, in ascending order: functions and variables are among them. */
  findTypes(nameOffset: number): number[] {
    const words = this.#words;
    const offsets = this.#offsets;
    const found: number[] = [];
    for (let index = 0; index < offsets.length; index++) {
      if (words[offsets[index]!] === nameOffset) found.push(this.firstId + index);
    }
    return found;
  }

  /**
   * For each id, those of the base included: IS_STRUCT for structs of that name, IS_POINTER for pointers to them,
   * behind typedefs.
   */
  #pointersTo(structName: string): Uint8Array {
    const known = this.#marks.get(structName);
    if (known) return known;
    const marks = new Uint8Array(this.endId);
    if (this.base) marks.set(this.base.#pointersTo(structName));
    const names = this.findString(structName);
    const words = this.#words;
    const offsets = this.#offsets;
    const { firstId } = this;
    // Types can refer forward: repeat to a fixed point.
    for (let changed = names.length > 0, isFirst = true; changed; isFirst = false) {
      changed = false;
      for (let index = 0; index < offsets.length; index++) {
        const at = offsets[index]!;
        const kind = (words[at + INFO]! >>> 24) & 31;
        let mark = 0;
        if (kind === BTF_KIND_STRUCT) {
          if (isFirst && names.includes(words[at + NAME]!)) mark = IS_STRUCT;
        } else if (REFERS[kind] === 1) {
          const target = marks[words[at + SIZE_OR_TYPE]!] ?? 0;
          mark = kind !== BTF_KIND_PTR ? target : target === IS_STRUCT ? IS_POINTER : 0;
        }
        if (mark === 0 || marks[firstId + index] === mark) continue;
        marks[firstId + index] = mark;
        changed = true;
      }
    }
    this.#marks.set(structName, marks);
    return marks;
  }

  /** The string at an offset. */
  string(offset: number): string {
    const { at, length, base } = this.#strings;
    if (offset < base && this.base) return this.base.string(offset);
    const begin = at + offset - base;
    const end = offset - base < length ? this.#bytes.indexOf(0, begin) : -1;
    if (end < 0 || end >= at + length) throw new ParseError('BTF', begin, `has no string at ${offset}`);
    if (end - begin > MAX_STRING) throw new ParseError('BTF', begin, `has a name of ${end - begin} bytes`);
    return this.#bytes.toString('utf8', begin, end);
  }

  /** The offsets at which a string stands: none, one, or one in the base and one in this BTF. */
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
