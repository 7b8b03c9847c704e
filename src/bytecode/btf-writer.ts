/** Writes BTF. Pure; the format is described in `btf/btf.ts`. */

const BTF_MAGIC = 0xeb9f;
const HEADER_LENGTH = 24;
const BTF_KIND_INT = 1;
const BTF_KIND_PTR = 2;
const BTF_KIND_ARRAY = 3;
const BTF_KIND_STRUCT = 4;
const BTF_KIND_UNION = 5;
const BTF_KIND_ENUM = 6;
const BTF_KIND_FWD = 7;
const BTF_KIND_TYPEDEF = 8;
const BTF_KIND_FUNC = 12;
const BTF_KIND_FUNC_PROTO = 13;
const BTF_KIND_VAR = 14;
const BTF_KIND_DECL_TAG = 17;
const BTF_KIND_ENUM64 = 19;
/** Of a struct with bit-fields, and of an enum that is signed. */
const KIND_FLAG = 0x80;

/** Encodings of integers. */
export const BTF_INT_SIGNED = 1;
export const BTF_INT_CHAR = 2;
export const BTF_INT_BOOL = 4;
export const BTF_FUNC_GLOBAL = 1;
export const BTF_FUNC_EXTERN = 2;

export interface WrittenMember {
  readonly name: string;
  readonly type: number;
  readonly offsetBits: number;
  /** Of a bit-field: its width; else 0. */
  readonly bits?: number;
}

export interface WrittenEnumerator {
  readonly name: string;
  /** Signed where the enum is. */
  readonly value: bigint;
}

export class BtfWriter {
  readonly #words: number[] = [];
  readonly #strings = new Map<string, number>([['', 0]]);
  #stringsLength = 1;
  #nextId = 1;

  /** The offset of a string. */
  string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    const at = this.#stringsLength;
    this.#strings.set(text, at);
    this.#stringsLength += Buffer.byteLength(text) + 1;
    return at;
  }

  /** @param encoding a `BTF_INT_…`, or 0 */
  integer(name: string, bytes: number, encoding = 0): number {
    return this.#type(name, BTF_KIND_INT, 0, bytes, [(encoding << 24) | (bytes * 8)]);
  }

  /** A struct that is declared only. */
  forward(name: string): number {
    return this.#type(name, BTF_KIND_FWD, 0, 0);
  }

  /** @param to 0 for `void` */
  pointer(to: number): number {
    return this.#type('', BTF_KIND_PTR, 0, to);
  }

  /** @param index the type of an index, an integer */
  array(element: number, length: number, index: number): number {
    return this.#type('', BTF_KIND_ARRAY, 0, 0, [element, index, length]);
  }

  typedef(name: string, of: number): number {
    return this.#type(name, BTF_KIND_TYPEDEF, 0, of);
  }

  struct(name: string, bytes: number, members: readonly WrittenMember[], isUnion = false): number {
    const hasBits = members.some(({ bits = 0 }) => bits > 0);
    const tail = members.flatMap(({ name, type, offsetBits, bits = 0 }) => {
      return [this.string(name), type, hasBits ? ((bits << 24) | offsetBits) >>> 0 : offsetBits];
    });
    const kind = (isUnion ? BTF_KIND_UNION : BTF_KIND_STRUCT) | (hasBits ? KIND_FLAG : 0);
    return this.#type(name, kind, members.length, bytes, tail);
  }

  enumeration(name: string, bytes: number, enumerators: readonly WrittenEnumerator[], isSigned: boolean): number {
    const isWide = bytes === 8;
    const tail = enumerators.flatMap(({ name, value }) => {
      const low = Number(BigInt.asUintN(32, value));
      const high = Number(BigInt.asUintN(32, value >> 32n));
      return [this.string(name), low, ...(isWide ? [high] : [])];
    });
    const kind = (isWide ? BTF_KIND_ENUM64 : BTF_KIND_ENUM) | (isSigned ? KIND_FLAG : 0);
    return this.#type(name, kind, enumerators.length, bytes, tail);
  }

  variable(name: string, type: number): number {
    const global = 1;
    return this.#type(name, BTF_KIND_VAR, 0, type, [global]);
  }

  /** @param member the index of a member; absent: the type itself */
  tag(text: string, type: number, member = 0xffffffff): number {
    return this.#type(text, BTF_KIND_DECL_TAG, 0, type, [member]);
  }

  /** @param parameters names and types @param linkage a `BTF_FUNC_…` */
  func(name: string, returned: number, parameters: Readonly<Record<string, number>>, linkage: number): number {
    const entries = Object.entries(parameters);
    const tail = entries.flatMap(([parameter, type]) => [this.string(parameter), type]);
    const proto = this.#type('', BTF_KIND_FUNC_PROTO, entries.length, returned, tail);
    return this.#type(name, BTF_KIND_FUNC, linkage, proto);
  }

  bytes(): Uint8Array {
    const typesLength = this.#words.length * 4;
    const bytes = Buffer.alloc(HEADER_LENGTH + typesLength + this.#stringsLength);
    bytes.writeUInt16LE(BTF_MAGIC, 0);
    bytes.writeUInt8(1, 2);
    for (const [index, word] of [HEADER_LENGTH, 0, typesLength, typesLength, this.#stringsLength].entries()) {
      bytes.writeUInt32LE(word, 4 + index * 4);
    }
    for (const [index, word] of this.#words.entries()) bytes.writeUInt32LE(word >>> 0, HEADER_LENGTH + index * 4);
    for (const [text, at] of this.#strings) bytes.write(text, HEADER_LENGTH + typesLength + at);
    return bytes;
  }

  #type(name: string, kind: number, vlen: number, sizeOrType: number, tail: readonly number[] = []): number {
    this.#words.push(this.string(name), ((kind << 24) | vlen) >>> 0, sizeOrType, ...tail);
    return this.#nextId++;
  }
}
