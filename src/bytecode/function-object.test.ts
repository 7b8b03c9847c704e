import { expect, test } from 'vitest';
import { parseBtf } from '../btf/btf.js';
import { Assembler } from './assembler.js';
import { parseElf, sectionBytes } from './elf.js';
import { writeFunctionObject } from './function-object.js';

function build() {
  const asm = new Assembler();
  asm.mov32('r0', 1);
  asm.exit();
  const signature = { parameters: { skb: { struct: 'sk_buff' } }, returns: 'int' } as const;
  const about = { name: 'ipft_wants', ...signature, code: asm.finish(), sourceFile: 'expression' };
  return writeFunctionObject({ ...about, lines: [{ at: 0, text: 'tcp port 443', line: 1 }] });
}

test('writeFunctionObject: an object whose function is hidden, typed and sized', () => {
  const bytes = build();
  const object = parseElf(bytes);
  expect(object.sections.map(({ name }) => name)).toEqual(['', '.text', '.BTF', '.BTF.ext', '.symtab', '.strtab']);
  const symbol = object.symbols.find(({ name }) => name === 'ipft_wants')!;
  expect(symbol).toMatchObject({ kind: 'function', binding: 'global', defined: true, section: 1 });
  const view = Buffer.from(bytes);
  expect(view.readUInt8(symbol.at + 5)).toBe(2);
  expect(view.readBigUInt64LE(symbol.at + 16)).toBe(16n);
  expect(sectionBytes(bytes, object, '.text')).toHaveLength(16);
});

test('writeFunctionObject: types, and the line that the verifier shows', () => {
  const bytes = build();
  const object = parseElf(bytes);
  const btf = parseBtf(sectionBytes(bytes, object, '.BTF')!);
  const [func = 0] = btf.functionIds;
  expect(btf.name(func)).toBe('ipft_wants');
  // A global function.
  expect(btf.vlen(func)).toBe(1);
  const proto = btf.sizeOrType(func);
  expect(btf.string(btf.tail(proto, 0))).toBe('skb');
  expect(btf.name(btf.sizeOrType(btf.tail(proto, 1)))).toBe('sk_buff');
  expect(btf.name(btf.sizeOrType(proto))).toBe('int');
  const ext = Buffer.from(sectionBytes(bytes, object, '.BTF.ext')!);
  const word = (at: number) => ext.readUInt32LE(at);
  // Header; function records of 8 bytes; line records of 16 bytes.
  expect([word(0), word(4), word(8), word(12), word(16), word(20)]).toEqual([0x1eb9f, 32, 0, 20, 20, 28]);
  expect([word(32), btf.string(word(36)), word(40), word(44), word(48)]).toEqual([8, '.text', 1, 0, func]);
  expect([word(52), btf.string(word(56)), word(60), word(64)]).toEqual([16, '.text', 1, 0]);
  expect([btf.string(word(68)), btf.string(word(72)), word(76)]).toEqual(['expression', 'tcp port 443', 1025]);
});

test('writeFunctionObject: the same bytes each time', () => {
  expect(build()).toEqual(build());
});
