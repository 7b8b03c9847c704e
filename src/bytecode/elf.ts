/**
 * Parses as much of ELF as it takes to tell whether a file is a BPF object, and to find its parts. Pure. libbpf links
 * and loads; this reader comes first, so that libbpf gets sound objects.
 *
 * Source of the format: `elf.h`; 64-bit, little-endian.
 */
import { ParseError } from '../base/errors.js';

const EM_BPF = 247;
const ET_REL = 1;
const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;
const SHT_REL = 9;
const STB_WEAK = 2;
const HEADER_LENGTH = 64;
const SECTION_LENGTH = 64;
const SYMBOL_LENGTH = 24;
const RELOCATION_LENGTH = 16;

export interface ElfSection {
  readonly name: string;
  /** The offset of its section header in the file. */
  readonly at: number;
  /** The offset of its name in the file. */
  readonly nameAt: number;
  readonly type: number;
  /** Its offset in the file, in bytes; a section without bytes (`.bss`) has length 0. */
  readonly offset: number;
  readonly length: number;
  readonly link: number;
  /** Of relocations: the index of the section that they are for. */
  readonly info: number;
}

export interface ElfSymbol {
  readonly name: string;
  /** The offset of its entry in the file: name u32, info u8 (binding << 4 | type), other u8 (visibility), … */
  readonly at: number;
  /** Index of its section; 0 if the file only refers to it. */
  readonly section: number;
  /** Where it begins in its section, in bytes. */
  readonly value: number;
  /** Its bytes; 0 if the file does not say. */
  readonly length: number;
  /** `function`, or anything else. */
  readonly kind: 'function' | 'other';
  readonly binding: 'local' | 'global' | 'weak';
  /** Whether the file defines it, or only refers to it. */
  readonly defined: boolean;
}

/** Something in a section that depends on where a symbol will be. */
export interface ElfRelocation {
  /** The index of the section. */
  readonly section: number;
  /** In bytes, from the beginning of the section. */
  readonly offset: number;
  /** The symbol's index, which a damaged file may have too large. */
  readonly symbol: number;
}

export interface ElfObject {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  readonly relocations: readonly ElfRelocation[];
}

/**
 * Reads a relocatable BPF object file.
 * @throws ParseError if the bytes are anything else, or are cut off
 */
export function parseElf(bytes: Uint8Array): ElfObject {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_LENGTH) throw new ParseError('ELF', bytes.length, 'ends within the header');
  if (view.getUint32(0, false) !== 0x7f454c46) throw new ParseError('ELF', 0, 'does not begin with \\x7fELF');
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new ParseError('ELF', 4, 'is not 64-bit little-endian');
  const machine = view.getUint16(18, true);
  if (machine !== EM_BPF) throw new ParseError('ELF', 18, `is for machine ${machine}, not for BPF (${EM_BPF})`);
  if (view.getUint16(16, true) !== ET_REL) throw new ParseError('ELF', 16, 'is not a relocatable object file');
  const sections = parseSections(bytes, view);
  return { sections, symbols: parseSymbols(bytes, view, sections), relocations: parseRelocations(view, sections) };
}

/** The bytes of the section of that name. */
export function sectionBytes(bytes: Uint8Array, object: ElfObject, name: string): Uint8Array | undefined {
  const section = object.sections.find((candidate) => candidate.name === name);
  return section && bytes.subarray(section.offset, section.offset + section.length);
}

function parseSections(bytes: Uint8Array, view: DataView): ElfSection[] {
  const table = offset64(view, 40);
  const entryLength = view.getUint16(58, true);
  const count = view.getUint16(60, true);
  const nameSection = view.getUint16(62, true);
  if (count > 0 && entryLength !== SECTION_LENGTH)
    throw new ParseError('ELF', 58, `has section entries of ${entryLength} bytes`);
  if (table + count * SECTION_LENGTH > bytes.length)
    throw new ParseError('ELF', 40, 'its section table ends past the last byte');
  const raw = Array.from({ length: count }, (_, index) => {
    const at = table + index * SECTION_LENGTH;
    const type = view.getUint32(at + 4, true);
    const offset = offset64(view, at + 24);
    const length = type === SHT_NOBITS ? 0 : offset64(view, at + 32);
    if (offset + length > bytes.length && length > 0)
      throw new ParseError('ELF', at, `section ${index} ends past the last byte`);
    const [link, info] = [view.getUint32(at + 40, true), view.getUint32(at + 44, true)];
    return { at, nameOffset: view.getUint32(at, true), type, offset, length, link, info };
  });
  const names = raw[nameSection];
  if (!names) throw new ParseError('ELF', 62, 'has no section of names');
  return raw.map(({ nameOffset, ...section }) => ({
    ...section,
    name: stringAt(bytes, names, nameOffset),
    nameAt: names.offset + nameOffset,
  }));
}

function parseSymbols(bytes: Uint8Array, view: DataView, sections: readonly ElfSection[]): ElfSymbol[] {
  const table = sections.find((section) => section.type === SHT_SYMTAB);
  if (!table) return [];
  const names = sections[table.link];
  if (!names) throw new ParseError('ELF', table.offset, 'its symbols have no names');
  const symbols: ElfSymbol[] = [];
  for (let at = table.offset; at + SYMBOL_LENGTH <= table.offset + table.length; at += SYMBOL_LENGTH) {
    const info = bytes[at + 4]!;
    symbols.push({
      name: stringAt(bytes, names, view.getUint32(at, true)),
      at,
      section: view.getUint16(at + 6, true),
      value: offset64(view, at + 8),
      length: offset64(view, at + 16),
      kind: (info & 15) === 2 ? 'function' : 'other',
      binding: info >> 4 === 0 ? 'local' : info >> 4 === STB_WEAK ? 'weak' : 'global',
      defined: view.getUint16(at + 6, true) !== 0,
    });
  }
  return symbols;
}

function parseRelocations(view: DataView, sections: readonly ElfSection[]): ElfRelocation[] {
  const relocations: ElfRelocation[] = [];
  for (const { type, offset, length, info } of sections) {
    if (type !== SHT_REL) continue;
    for (let at = offset; at + RELOCATION_LENGTH <= offset + length; at += RELOCATION_LENGTH) {
      relocations.push({ section: info, offset: offset64(view, at), symbol: view.getUint32(at + 12, true) });
    }
  }
  return relocations;
}

function stringAt(bytes: Uint8Array, section: { offset: number; length: number }, at: number): string {
  const begin = section.offset + at;
  const limit = section.offset + section.length;
  const end = begin < limit ? bytes.indexOf(0, begin) : -1;
  if (end < 0 || end >= limit) throw new ParseError('ELF', begin, 'has a name that does not end');
  return Buffer.from(bytes.buffer, bytes.byteOffset + begin, end - begin).toString('utf8');
}

/** A 64-bit offset. The low bits of an offset above 2^53 may be wrong: it lies past the end of any file. */
function offset64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000;
}
