import { describe, expect, test } from 'vitest';
import { BtfBuilder } from '../../tests/support/btf-builder.js';
import { buildElf } from '../../tests/support/elf-builder.js';
import { ExtensionError, UsageError } from '../base/errors.js';
import { parseBtf } from '../btf/btf.js';
import { parseElf, sectionBytes } from './elf.js';
import { checkSuffix, parseExtension } from './extension.js';
import { findVariables } from './formats.js';

function soundBtf(): Uint8Array {
  const builder = new BtfBuilder();
  const struct = builder.struct('event', 4, [{ name: 'len', type: builder.int('unsigned int', 4), offset: 0 }]);
  builder.variable('__ipft_event_struct', struct);
  return builder.bytes();
}

const MODULE = { name: 'module', info: 0x12, section: 1 };
const parse = (bytes: Uint8Array) => parseExtension([{ path: 'x.o', bytes, compiled: false }]);
const sound = () => buildElf({ sections: { '.BTF': soundBtf() }, symbols: [MODULE] });

test('parseExtension: a sound object has its fields', () => {
  expect(parse(sound()).eventStruct).toMatchObject({
    label: 'struct event',
    sizeBytes: 4,
    fields: [{ name: 'len', type: 'unsigned int', offset: 0, bits: 32 }],
  });
});

test('parseExtension: a GPL-compatible license of its own is noticed', () => {
  const license = Buffer.from('Dual MIT/GPL\0');
  const object = buildElf({ sections: { '.BTF': soundBtf(), license }, symbols: [MODULE] });
  expect(parse(object).hasLicense).toBe(true);
  expect(parse(sound()).hasLicense).toBe(false);
});

test('parseExtension: the linker gets a hidden module, whatever the author said', () => {
  const [object] = parse(sound()).objects;
  const { symbols } = parseElf(object!.bytes);
  const module = symbols.find(({ name }) => name === 'module')!;
  expect(object!.bytes[module.at + 5]! & 3).toBe(2);
});

test('parseExtension: of two licenses the linker sees one section, and one variable of that name', () => {
  const license = Buffer.from('GPL\0');
  const file = (withEvents: boolean) => {
    const builder = new BtfBuilder();
    const variable = builder.variable('_license', builder.array(builder.int('char', 1, 1), 4));
    builder.type(15, 'license', 4, [variable, 0, 4], 1);
    if (withEvents) {
      const len = { name: 'len', type: builder.int('unsigned int', 4), offset: 0 };
      builder.variable('__ipft_event_struct', builder.struct('event', 4, [len]));
    }
    // Sections: none, .strtab, .symtab, .BTF, license.
    const symbols = [...(withEvents ? [MODULE] : []), { name: '_license', info: 0x11, section: 4 }];
    return buildElf({ sections: { '.BTF': builder.bytes(), license }, symbols });
  };
  const { objects, hasLicense } = parseExtension([
    { path: 'a.o', bytes: file(true), compiled: false },
    { path: 'b.o', bytes: file(false), compiled: false },
  ]);
  expect(hasLicense).toBe(true);
  const seen = objects.map(({ bytes }) => {
    const elf = parseElf(bytes);
    const btf = parseBtf(sectionBytes(bytes, elf, '.BTF')!);
    const [variable] = findVariables(btf, '_license');
    return {
      section: elf.sections[4]!.name,
      binding: elf.symbols.find(({ name }) => name === '_license')!.binding,
      linkage: btf.tail(variable!, 0),
      names: btf.findString('license').length,
    };
  });
  expect(seen).toEqual([
    { section: 'license', binding: 'global', linkage: 1, names: 1 },
    { section: 'licens0', binding: 'local', linkage: 0, names: 0 },
  ]);
});

describe('parseExtension: each lack has its own message', () => {
  test.each([
    ['no BTF', buildElf({ sections: {}, symbols: [MODULE] })],
    ['no function module', buildElf({ sections: { '.BTF': soundBtf() }, symbols: [] })],
    ['no function module', buildElf({ sections: { '.BTF': soundBtf() }, symbols: [{ ...MODULE, section: 0 }] })],
    ['module is static', buildElf({ sections: { '.BTF': soundBtf() }, symbols: [{ ...MODULE, info: 0x02 }] })],
    ['no __ipft_event_struct', buildElf({ sections: { '.BTF': new BtfBuilder().bytes() }, symbols: [MODULE] })],
    [
      "license 'Proprietary' is not compatible",
      buildElf({ sections: { '.BTF': soundBtf(), license: Buffer.from('Proprietary\0') }, symbols: [MODULE] }),
    ],
    ['machine 62, not for BPF', buildElf({ sections: {}, symbols: [], machine: 62 })],
    ['does not begin with', new Uint8Array(100)],
    ['ends within the header', new Uint8Array(0)],
  ])('%s', (message, object) => {
    expect(() => parse(object)).toThrow(ExtensionError);
    expect(() => parse(object)).toThrow(message);
  });
});

test('parseExtension: a circle of typedefs is no sound object', () => {
  const builder = new BtfBuilder();
  const struct = builder.struct('event', 4, [{ name: 'len', type: 2, offset: 0 }]);
  builder.typedef('a', 3);
  builder.typedef('b', 2);
  builder.variable('__ipft_event_struct', struct);
  const object = buildElf({ sections: { '.BTF': builder.bytes() }, symbols: [MODULE] });
  expect(() => parse(object)).toThrow('type 2 is a circle of typedefs');
});

test('parseExtension: truncated and corrupted objects give a value or an ExtensionError', () => {
  const whole = sound();
  const tryOne = (bytes: Uint8Array) => {
    try {
      parse(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(ExtensionError);
    }
  };
  for (let length = 0; length < whole.length; length++) tryOne(whole.slice(0, length));
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const bytes = whole.slice();
      bytes[at] = value;
      tryOne(bytes);
    }
  }
});

test('checkSuffix: only .c and .o', () => {
  checkSuffix('a.bpf.c');
  checkSuffix('a.o');
  for (const path of ['a.lua', 'a', 'a.C', 'a.c.txt']) expect(() => checkSuffix(path)).toThrow(UsageError);
});
