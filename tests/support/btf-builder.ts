export interface BtfMember {
  name: string;
  type: number;
  /** in bytes */
  offset: number;
  bit?: number;
  bits?: number;
}

/** Writes BTF bytes, for tests. The layout is described in src/btf/btf.ts. */
export class BtfBuilder {
  readonly #types: Buffer[] = [];
  #strings = '\0';
  readonly #firstId: number;
  readonly #stringsBase: number;

  /** @param base for split BTF: how many ids and string bytes the base has */
  constructor(base: { endId: number; stringsEnd: number } = { endId: 1, stringsEnd: 0 }) {
    this.#firstId = base.endId;
    this.#stringsBase = base.stringsEnd;
    if (base.stringsEnd > 0) this.#strings = '';
  }

  string(text: string): number {
    if (text === '') return 0;
    const at = this.#strings.indexOf(`${text}\0`);
    const begins = at === 0 || this.#strings[at - 1] === '\0';
    if (at >= 0 && begins) return this.#stringsBase + at;
    this.#strings += `${text}\0`;
    return this.#stringsBase + this.#strings.length - text.length - 1;
  }

  /** Adds a type of any kind; returns its id. */
  type(kind: number, name: string, sizeOrType: number, tail: number[] = [], vlen = 0, kindFlag = false): number {
    const words = [this.string(name), ((kindFlag ? 0x80000000 : 0) | (kind << 24) | vlen) >>> 0, sizeOrType, ...tail];
    const bytes = Buffer.alloc(words.length * 4);
    for (const [index, word] of words.entries()) bytes.writeUInt32LE(word >>> 0, index * 4);
    this.#types.push(bytes);
    return this.#firstId + this.#types.length - 1;
  }

  /** @param encoding 1 signed, 2 char, 4 bool */
  int(name: string, size: number, encoding = 0): number {
    return this.type(1, name, size, [(encoding << 24) | (size * 8)]);
  }

  pointer(to: number): number {
    return this.type(2, '', to);
  }

  /** @param members with `bits`, a bit-field that begins `bit` bits behind `offset` */
  struct(name: string, size: number, members: readonly BtfMember[], kind = 4): number {
    const bitFields = members.some(({ bits }) => bits !== undefined);
    const tail = members.flatMap(({ name: member, type, offset, bit = 0, bits = 0 }) => [
      ...[this.string(member), type],
      bits * 2 ** 24 + offset * 8 + bit,
    ]);
    return this.type(kind, name, size, tail, members.length, bitFields);
  }

  union(name: string, size: number, members: readonly BtfMember[]): number {
    return this.struct(name, size, members, 5);
  }

  array(element: number, length: number): number {
    return this.type(3, '', 0, [element, this.int('index', 4), length]);
  }

  float(name: string, size: number): number {
    return this.type(16, name, size);
  }

  enumeration(name: string, values: Record<string, number>, signed = false, size = 4): number {
    const tail = Object.entries(values).flatMap(([key, value]) => [this.string(key), value >>> 0]);
    return this.type(6, name, size, tail, tail.length / 2, signed);
  }

  enumeration64(name: string, values: Record<string, bigint>, signed = false): number {
    const tail = Object.entries(values).flatMap(([key, value]) => {
      const bits = BigInt.asUintN(64, value);
      return [this.string(key), Number(bits & 0xffffffffn), Number(bits >> 32n)];
    });
    return this.type(19, name, 8, tail, tail.length / 3, signed);
  }

  typedef(name: string, type: number): number {
    return this.type(8, name, type);
  }

  constant(type: number): number {
    return this.type(10, '', type);
  }

  /** @param returned its type; 0 is `void` */
  func(name: string, parameters: readonly number[], returned = 0): number {
    const tail = parameters.flatMap((type) => [0, type]);
    return this.type(12, name, this.type(13, '', returned, tail, parameters.length));
  }

  variable(name: string, type: number): number {
    return this.type(14, name, type, [1]);
  }

  /** @param index of the member; -1 for the type itself */
  tag(text: string, type: number, index: number): number {
    return this.type(17, text, type, [index]);
  }

  bytes(): Uint8Array {
    const types = Buffer.concat(this.#types);
    const strings = Buffer.from(this.#strings);
    const header = Buffer.alloc(24);
    header.writeUInt16LE(0xeb9f, 0);
    header.writeUInt8(1, 2);
    header.writeUInt32LE(24, 4);
    header.writeUInt32LE(0, 8);
    header.writeUInt32LE(types.length, 12);
    header.writeUInt32LE(types.length, 16);
    header.writeUInt32LE(strings.length, 20);
    return new Uint8Array(Buffer.concat([header, types, strings]));
  }
}
