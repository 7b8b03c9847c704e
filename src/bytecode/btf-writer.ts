/** Writes the little BTF that a function needs. Pure; the format is described in `btf/btf.ts`. */

const BTF_MAGIC = 0xeb9f;
const HEADER_LENGTH = 24;
const BTF_KIND_INT = 1;
const BTF_KIND_PTR = 2;
const BTF_KIND_FWD = 7;
const BTF_KIND_FUNC = 12;
const BTF_KIND_FUNC_PROTO = 13;
const BTF_INT_SIGNED = 1;
const BTF_FUNC_GLOBAL = 1;

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

  /** C's `int`. */
  int(): number {
    const bits = 32;
    return this.#type('int', BTF_KIND_INT, 0, 4, [(BTF_INT_SIGNED << 24) | bits]);
  }

  /** A struct that is declared only. */
  forward(name: string): number {
    return this.#type(name, BTF_KIND_FWD, 0, 0);
  }

  pointer(to: number): number {
    return this.#type('', BTF_KIND_PTR, 0, to);
  }

  /** A global function. @param parameters names and types */
  func(name: string, returned: number, parameters: Readonly<Record<string, number>>): number {
    const entries = Object.entries(parameters);
    const tail = entries.flatMap(([parameter, type]) => [this.string(parameter), type]);
    return this.#type(
      name,
      BTF_KIND_FUNC,
      BTF_FUNC_GLOBAL,
      this.#type('', BTF_KIND_FUNC_PROTO, entries.length, returned, tail),
    );
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
    this.#words.push(this.string(name), (kind << 24) | vlen, sizeOrType, ...tail);
    return this.#nextId++;
  }
}
