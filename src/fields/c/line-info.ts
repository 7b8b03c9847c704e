/**
 * Which function of an object a line of C belongs to: what the verifier says of a program are lines of its source. Pure.
 *
 * Source of the format: `.BTF.ext` in `Documentation/bpf/btf.rst` of the kernel.
 *
 *     header   magic u16, version u8, flags u8, header length u32,
 *              functions: offset u32, length u32; lines: offset u32, length u32   (offsets behind the header)
 *     either   record length u32, then for each section: name u32, count u32, records
 *     records  function: instruction u32 (bytes from the section's beginning), type u32
 *              line: instruction u32, file name u32, text u32, column: bits 0-9, line: 10-31
 */
import { basename } from 'node:path';
import { type Btf, parseBtf } from '../../btf/btf.js';
import { parseElf, sectionBytes } from '../../bytecode/elf.js';

/** A line of source, as the verifier's log shows it: file and number only since Linux 6.10. */
export interface SourceLine {
  readonly text: string;
  readonly file?: string;
  readonly line?: number;
}

/** The position of the line in the source. */
export interface SourcePosition {
  readonly function: string;
  readonly file: string;
  readonly line: number;
}

/**
 * Finds a line of source in an object.
 * @returns undefined if it is not there, or several times
 * @throws ParseError for a damaged object
 */
export function findPosition(object: Uint8Array, source: SourceLine): SourcePosition | undefined {
  const elf = parseElf(object);
  const [types, ext] = [sectionBytes(object, elf, '.BTF'), sectionBytes(object, elf, '.BTF.ext')];
  if (!types || !ext) return undefined;
  const btf = parseBtf(types);
  const view = new DataView(ext.buffer, ext.byteOffset, ext.byteLength);
  const functions = readRecords(view, 8, 2);
  const found = new Map<string, SourcePosition>();
  for (const { section, words } of readRecords(view, 16, 4)) {
    const [at = 0, fileName = 0, text = 0, column = 0] = words;
    if (btf.string(text).trim() !== source.text) continue;
    const [file, line] = [basename(btf.string(fileName)), column >>> 10];
    if ((source.line ?? line) !== line || (source.file ?? file) !== file) continue;
    const name = functionAt(btf, functions, section, at);
    if (name !== undefined) found.set(`${name} ${file} ${line}`, { function: name, file, line });
  }
  return found.size === 1 ? [...found.values()][0] : undefined;
}

interface InfoRecord {
  /** Offset of the section's name. */
  readonly section: number;
  readonly words: readonly number[];
}

/**
 * @param headerAt the offset of their entry in the header
 * @param count the number of words to read of each
 */
function readRecords(view: DataView, headerAt: number, count: number): InfoRecord[] {
  const word = (at: number) => (at + 4 <= view.byteLength ? view.getUint32(at, true) : 0);
  const begin = word(4) + word(headerAt);
  const end = Math.min(begin + word(headerAt + 4), view.byteLength);
  const size = word(begin);
  const records: InfoRecord[] = [];
  if (size < count * 4) return records;
  for (let at = begin + 4; at + 8 <= end; ) {
    const [section, entries] = [word(at), word(at + 4)];
    at += 8;
    for (let entry = 0; entry < entries && at + size <= end; entry++, at += size) {
      records.push({ section, words: Array.from({ length: count }, (_, index) => word(at + index * 4)) });
    }
  }
  return records;
}

/** The name of the function that an instruction of a section belongs to. */
function functionAt(btf: Btf, functions: readonly InfoRecord[], section: number, at: number): string | undefined {
  const before = functions.filter((one) => one.section === section && one.words[0]! <= at);
  const type = before.sort((a, b) => a.words[0]! - b.words[0]!).at(-1)?.words[1];
  return type === undefined ? undefined : btf.name(type);
}
