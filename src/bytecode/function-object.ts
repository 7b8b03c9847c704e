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
import { BtfWriter } from './btf-writer.js';

export interface FunctionObject {
  readonly name: string;
  /** Its parameters: pointers to structs, by name. It returns an `int`. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly code: Uint8Array;
  /** The text that the verifier's log shows for its instructions. */
  readonly sourceLine: string;
  /** The name of the file that the text is said to stand in. */
  readonly sourceFile: string;
}

const ET_REL = 1;
const EM_BPF = 247;
const HEADER_LENGTH = 64;
const SECTION_LENGTH = 64;
const SYMBOL_LENGTH = 24;
const SHT_PROGBITS = 1;
const SHT_SYMTAB = 2;
const SHT_STRTAB = 3;
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
  const extension = writeBtfExt(about, btf);
  const names = new StringTable();
  const symbols = Buffer.alloc(2 * SYMBOL_LENGTH);
  symbols.writeUInt32LE(names.add(about.name), SYMBOL_LENGTH);
  symbols.writeUInt8(STB_GLOBAL_STT_FUNC, SYMBOL_LENGTH + 4);
  symbols.writeUInt8(STV_HIDDEN, SYMBOL_LENGTH + 5);
  symbols.writeUInt16LE(1, SYMBOL_LENGTH + 6);
  symbols.writeBigUInt64LE(BigInt(about.code.length), SYMBOL_LENGTH + 16);
  const sections: Section[] = [
    { name: '.text', type: SHT_PROGBITS, flags: SHF_ALLOC_EXECINSTR, align: 8, bytes: about.code },
    { name: '.BTF', type: SHT_PROGBITS, align: 4, bytes: btf.bytes() },
    { name: '.BTF.ext', type: SHT_PROGBITS, align: 4, bytes: extension },
    // The first symbol that is not local is 1; its names are in section 5.
    { name: '.symtab', type: SHT_SYMTAB, align: 8, bytes: symbols, link: 5, info: 1, entryLength: SYMBOL_LENGTH },
  ];
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
function writeBtfExt({ name, parameters, sourceLine, sourceFile }: FunctionObject, btf: BtfWriter): Uint8Array {
  const structs = new Map<string, number>();
  const pointerTo = (struct: string) => {
    const known = structs.get(struct) ?? btf.pointer(btf.forward(struct));
    structs.set(struct, known);
    return known;
  };
  const types = Object.entries(parameters).map(([parameter, struct]) => [parameter, pointerTo(struct)] as const);
  const func = btf.func(name, btf.int(), Object.fromEntries(types));
  const section = btf.string('.text');
  const first = 0;
  const place = (1 << COLUMN_BITS) | 1;
  const functions = [FUNC_INFO_LENGTH, section, 1, first, func];
  const lines = [LINE_INFO_LENGTH, section, 1, first, btf.string(sourceFile), btf.string(sourceLine), place];
  const [functionsLength, linesLength] = [functions.length * 4, lines.length * 4];
  const header = [
    ...[BTF_MAGIC_AND_VERSION, BTF_EXT_HEADER_LENGTH],
    ...[0, functionsLength, functionsLength, linesLength],
    ...[functionsLength + linesLength, 0],
  ];
  const words = [...header, ...functions, ...lines];
  const bytes = Buffer.alloc(words.length * 4);
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word, index * 4);
  return bytes;
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
