/**
 * Writes a relocatable BPF object with a single function, for libbpf's linker. Pure: the same function gives the same
 * bytes on every machine.
 *
 * What libbpf 1.1 to 1.7 and the verifier ask for:
 * - The symbol is STT_FUNC with the size of the code: without a type it links and can't be loaded, without a size its
 *   program is "corrupted". STV_HIDDEN makes the function static to the kernel, which would otherwise check it by itself
 *   and refuse it.
 * - `.BTF.ext` has function and line information, since the objects that it is linked with have both. One line at the
 *   function's beginning is enough. Its strings are in `.BTF`.
 *
 * Source of the formats: `elf.h`; `linux/btf.h`; `struct btf_ext_header` of libbpf.
 */
import { type FunctionCall, INSTRUCTION_BYTES } from './assembler.js';
import { BTF_FUNC_EXTERN, BTF_FUNC_GLOBAL, BTF_INT_SIGNED, BtfWriter } from './btf-writer.js';

/** The type of a parameter: a pointer to a struct, by its name, to `void` or to bytes; or a number of 32 or 64 bits. */
export type ParameterType = { readonly struct: string } | 'void *' | '__u8 *' | '__u64 *' | '__u32' | '__u64';

export interface Signature {
  readonly parameters: Readonly<Record<string, ParameterType>>;
  readonly returns: 'int' | '__u64';
}

export interface FunctionObject extends Signature {
  readonly name: string;
  readonly code: Uint8Array;
  /** The functions of other objects that it calls, and where. */
  readonly calls?: readonly FunctionCall[];
  readonly externs?: Readonly<Record<string, Signature>>;
  /**
   * The texts that the verifier's log shows for its instructions: each from an instruction on, counted from 0, which is
   * that of the first.
   */
  readonly lines: readonly SourceLine[];
  /** The name of the file that the texts are said to stand in. */
  readonly sourceFile: string;
}

export interface SourceLine {
  readonly at: number;
  readonly text: string;
  /** The number of the line in its file, from 1. */
  readonly line: number;
}

const ET_REL = 1;
const EM_BPF = 247;
const HEADER_LENGTH = 64;
const SECTION_LENGTH = 64;
const SYMBOL_LENGTH = 24;
const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
const SHT_REL = 9;
const SHF_INFO_LINK = 0x40;
const R_BPF_64_32 = 10;
const RELOCATION_LENGTH = 16;
const STB_GLOBAL_STT_NOTYPE = 1 << 4;
const SHF_ALLOC_EXECINSTR = 6;
const STB_GLOBAL_STT_FUNC = (1 << 4) | 2;
const STV_HIDDEN = 2;
const BTF_MAGIC_AND_VERSION = 0xeb9f | (1 << 16);
const BTF_EXT_HEADER_LENGTH = 32;
const FUNC_INFO_LENGTH = 8;
const LINE_INFO_LENGTH = 16;
/** The bits of a line record that hold the column. */
const COLUMN_BITS = 10;

/** The object's bytes. */
export function writeFunctionObject(about: FunctionObject): Uint8Array {
  const btf = new BtfWriter();
  const externs = Object.entries(about.externs ?? {});
  const extension = writeBtfExt(about, btf);
  const names = new StringTable();
  const symbols = Buffer.alloc((2 + externs.length) * SYMBOL_LENGTH);
  symbols.writeUInt32LE(names.add(about.name), SYMBOL_LENGTH);
  symbols.writeUInt8(STB_GLOBAL_STT_FUNC, SYMBOL_LENGTH + 4);
  symbols.writeUInt8(STV_HIDDEN, SYMBOL_LENGTH + 5);
  symbols.writeUInt16LE(1, SYMBOL_LENGTH + 6);
  symbols.writeBigUInt64LE(BigInt(about.code.length), SYMBOL_LENGTH + 16);
  for (const [index, [name]] of externs.entries()) {
    const at = (index + 2) * SYMBOL_LENGTH;
    symbols.writeUInt32LE(names.add(name), at);
    symbols.writeUInt8(STB_GLOBAL_STT_NOTYPE, at + 4);
  }
  const numbers = new Map(externs.map(([name], index) => [name, index + 2]));
  const calls = about.calls ?? [];
  const relocations = Buffer.alloc(calls.length * RELOCATION_LENGTH);
  for (const [index, { at, name }] of calls.entries()) {
    const symbol = numbers.get(name);
    if (symbol === undefined) throw new Error(`the signature of ${name} is not given`);
    relocations.writeBigUInt64LE(BigInt(at * INSTRUCTION_BYTES), index * RELOCATION_LENGTH);
    relocations.writeBigUInt64LE((BigInt(symbol) << 32n) | BigInt(R_BPF_64_32), index * RELOCATION_LENGTH + 8);
  }
  // Sections are numbered from 1, in this order; the names come last.
  const hasCalls = calls.length > 0;
  const strings = hasCalls ? 6 : 5;
  const sections: Section[] = [
    { name: '.text', type: SHT_PROGBITS, flags: SHF_ALLOC_EXECINSTR, align: 8, bytes: about.code },
    { name: '.BTF', type: SHT_PROGBITS, align: 4, bytes: btf.bytes() },
    { name: '.BTF.ext', type: SHT_PROGBITS, align: 4, bytes: extension },
    // The first symbol that is not local is 1.
    {
      ...{ name: '.symtab', type: SHT_SYMTAB, align: 8, bytes: symbols, link: strings, info: 1 },
      entryLength: SYMBOL_LENGTH,
    },
  ];
  if (hasCalls) {
    const about = { flags: SHF_INFO_LINK, align: 8, bytes: relocations, link: 4, info: 1 };
    sections.push({ name: '.rel.text', type: SHT_REL, ...about, entryLength: RELOCATION_LENGTH });
  }
  return writeElf(sections, names);
}

interface Section {
  readonly name: string;
  readonly type: number;
  readonly flags?: number;
  readonly align: number;
  readonly bytes: Uint8Array;
  readonly link?: number;
  readonly info?: number;
  readonly entryLength?: number;
}

/** Adds the function's types and lines to `btf`. @returns the section `.BTF.ext` */
function writeBtfExt({ lines, sourceFile, externs = {}, ...about }: FunctionObject, btf: BtfWriter): Uint8Array {
  const types = new TypeTable(btf);
  const func = types.func(about.name, about, BTF_FUNC_GLOBAL);
  for (const [name, signature] of Object.entries(externs)) types.func(name, signature, BTF_FUNC_EXTERN);
  const section = btf.string('.text');
  const functions = [FUNC_INFO_LENGTH, section, 1, 0, func];
  const file = btf.string(sourceFile);
  const lineWords = [
    ...[LINE_INFO_LENGTH, section, lines.length],
    ...lines.flatMap(({ at, text, line }) => [
      ...[at * INSTRUCTION_BYTES, file, btf.string(text), ((line << COLUMN_BITS) | 1) >>> 0],
    ]),
  ];
  const [functionsLength, linesLength] = [functions.length * 4, lineWords.length * 4];
  const header = [
    ...[BTF_MAGIC_AND_VERSION, BTF_EXT_HEADER_LENGTH],
    ...[0, functionsLength, functionsLength, linesLength],
    ...[functionsLength + linesLength, 0],
  ];
  const words = [...header, ...functions, ...lineWords];
  const bytes = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, index * 4);
  return bytes;
}

/** The types of parameters, each once. */
class TypeTable {
  readonly #btf: BtfWriter;
  readonly #known = new Map<string, number>();

  constructor(btf: BtfWriter) {
    this.#btf = btf;
  }

  func(name: string, { parameters, returns }: Signature, linkage: number): number {
    const types = Object.entries(parameters).map(([parameter, type]) => [parameter, this.#parameter(type)] as const);
    return this.#btf.func(name, this.#value(returns), Object.fromEntries(types), linkage);
  }

  #parameter(type: ParameterType): number {
    if (typeof type === 'object') {
      return this.#once(`${type.struct} *`, () => this.#btf.pointer(this.#btf.forward(type.struct)));
    }
    if (type === '__u32' || type === '__u64') return this.#value(type);
    if (type === 'void *') return this.#once(type, () => this.#btf.pointer(0));
    return this.#once(type, () => this.#btf.pointer(this.#value(type === '__u8 *' ? '__u8' : '__u64')));
  }

  #value(type: 'int' | '__u8' | '__u32' | '__u64'): number {
    const names = { int: 'int', __u8: 'unsigned char', __u32: 'unsigned int', __u64: 'unsigned long long' } as const;
    const bytes = { int: 4, __u8: 1, __u32: 4, __u64: 8 } as const;
    return this.#once(type, () => this.#btf.integer(names[type], bytes[type], type === 'int' ? BTF_INT_SIGNED : 0));
  }

  #once(type: string, write: () => number): number {
    const id = this.#known.get(type) ?? write();
    this.#known.set(type, id);
    return id;
  }
}

/** The names of sections and symbols; the last section. */
class StringTable {
  #text = '\0';

  add(name: string): number {
    const at = this.#text.length;
    this.#text += `${name}\0`;
    return at;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.#text, 'latin1');
  }
}

/** @param names gets the names of the sections, and is written as the last one */
function writeElf(sections: readonly Section[], names: StringTable): Uint8Array {
  const nameOffsets = sections.map(({ name }) => names.add(name));
  const namesAt = names.add('.strtab');
  const all = [...sections, { name: '.strtab', type: SHT_STRTAB, align: 1, bytes: names.bytes() } satisfies Section];
  nameOffsets.push(namesAt);
  let end = HEADER_LENGTH;
  const offsets = all.map(({ align, bytes }) => {
    const at = alignUp(end, align);
    end = at + bytes.length;
    return at;
  });
  const table = alignUp(end, 8);
  const file = Buffer.alloc(table + (all.length + 1) * SECTION_LENGTH);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(ET_REL, 16);
  file.writeUInt16LE(EM_BPF, 18);
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(table), 40);
  file.writeUInt16LE(HEADER_LENGTH, 52);
  file.writeUInt16LE(SECTION_LENGTH, 58);
  file.writeUInt16LE(all.length + 1, 60);
  file.writeUInt16LE(all.length, 62);
  for (const [index, section] of all.entries()) {
    const at = table + (index + 1) * SECTION_LENGTH;
    file.set(section.bytes, offsets[index]!);
    file.writeUInt32LE(nameOffsets[index]!, at);
    file.writeUInt32LE(section.type, at + 4);
    file.writeBigUInt64LE(BigInt(section.flags ?? 0), at + 8);
    file.writeBigUInt64LE(BigInt(offsets[index]!), at + 24);
    file.writeBigUInt64LE(BigInt(section.bytes.length), at + 32);
    file.writeUInt32LE(section.link ?? 0, at + 40);
    file.writeUInt32LE(section.info ?? 0, at + 44);
    file.writeBigUInt64LE(BigInt(section.align), at + 48);
    file.writeBigUInt64LE(BigInt(section.entryLength ?? 0), at + 56);
  }
  return file;
}

function alignUp(at: number, align: number): number {
  return Math.ceil(at / align) * align;
}
