import { expect, test } from 'vitest';
import { buildElf } from '../../tests/support/elf-builder.js';
import { ParseError } from '../base/errors.js';
import { parseElf, sectionBytes } from './elf.js';

const symbols = [
  { name: 'global_function', info: 0x12, section: 3 },
  { name: 'local_object', info: 0x01, section: 4 },
  { name: 'weak', info: 0x20, section: 3 },
  { name: 'outside', info: 0x10, section: 0 },
];
const sections = { '.text': Uint8Array.of(1, 2, 3), '.data': Uint8Array.of(4), '.empty': new Uint8Array(0) };
const object = () => buildElf({ sections, symbols });
/** The object with other bytes at a place. */
const changed = (at: number, ...bytes: readonly number[]) => {
  const copy = object();
  copy.set(bytes, at);
  return copy;
};
const table = () => Number(new DataView(object().buffer).getBigUint64(40, true));

test('parseElf: sections and symbols, of bytes that begin anywhere', () => {
  const wide = new Uint8Array(object().length + 3);
  wide.set(object(), 3);
  for (const bytes of [object(), wide.subarray(3)]) {
    const parsed = parseElf(bytes);
    expect(
      parsed.symbols
        .slice(1)
        .map(({ name, section, kind, binding, defined }) => [name, section, kind, binding, defined]),
    ).toEqual([
      ['global_function', 3, 'function', 'global', true],
      ['local_object', 4, 'other', 'local', true],
      ['weak', 3, 'other', 'weak', true],
      ['outside', 0, 'other', 'global', false],
    ]);
    expect(parsed.sections.slice(3, 6).map(({ name, length }) => [name, length])).toEqual([
      ['.text', 3],
      ['.data', 1],
      ['.empty', 0],
    ]);
    expect(sectionBytes(bytes, parsed, '.text')).toEqual(sections['.text']);
    expect(sectionBytes(bytes, parsed, '.tex')).toBeUndefined();
    // Where a name stands is told for those who change it.
    const { nameAt } = parsed.sections[4]!;
    expect(Buffer.from(bytes.subarray(nameAt, nameAt + 6)).toString()).toBe('.data\0');
  }
});

test.each([
  ['no ELF', () => changed(3, 0x47), 0, 'does not begin with \\x7fELF'],
  ['32-bit', () => changed(4, 1), 4, 'is not 64-bit little-endian'],
  ['big-endian', () => changed(5, 2), 4, 'is not 64-bit little-endian'],
  ['another machine', () => changed(18, 62), 18, 'is for machine 62, not for BPF (247)'],
  ['a program', () => changed(16, 2), 16, 'is not a relocatable object file'],
  ['long section entries', () => changed(58, 65), 58, 'has section entries of 65 bytes'],
  ['more sections than bytes', () => changed(60, 0xff, 0xff), 40, 'its section table ends past the last byte'],
  ['a table far away', () => changed(44, 0, 0, 1), 40, 'its section table ends past the last byte'],
  ['no section of names', () => changed(62, 99), 62, 'has no section of names'],
  [
    'a section that is too long',
    () => changed(table() + 3 * 64 + 32, 0, 0, 1),
    undefined,
    'section 3 ends past the last byte',
  ],
  ['a name that is not there', () => changed(table() + 3 * 64, 0, 0, 1), undefined, 'has a name that does not end'],
  ['symbols without names', () => changed(table() + 2 * 64 + 40, 99), undefined, 'its symbols have no names'],
])('parseElf: %s is refused, and where', (_what, bytes, offset, message) => {
  expect(() => parseElf(bytes())).toThrow(ParseError);
  expect(() => parseElf(bytes())).toThrow(message);
  if (offset !== undefined) expect(() => parseElf(bytes())).toThrow(expect.objectContaining({ offset }));
});

test('parseElf: a section without bytes in the file may be as long as it likes', () => {
  const SHT_NOBITS = 8;
  const bytes = changed(table() + 4 * 64 + 4, SHT_NOBITS);
  bytes.set([0, 0, 1], table() + 4 * 64 + 32);
  expect(parseElf(bytes).sections[4]).toMatchObject({ name: '.data', length: 0 });
});
