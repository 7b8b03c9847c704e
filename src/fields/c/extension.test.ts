import { describe, expect, test } from 'vitest';
import { BtfBuilder } from '../../../tests/support/btf-builder.js';
import { buildElf } from '../../../tests/support/elf-builder.js';
import { ExtensionError } from '../../base/errors.js';
import { parseBtf } from '../../btf/btf.js';
import { typeName } from '../../btf/type-name.js';
import { parseElf, sectionBytes } from '../../bytecode/elf.js';
import { findVariables } from '../formats.js';
import { exampleLike, loadExampleNames, locateExtension } from './examples.js';
import { moduleBytes, parseExtension } from './extension.js';

function soundBtf(): Uint8Array {
  const builder = new BtfBuilder();
  const struct = builder.struct('event', 4, [{ name: 'len', type: builder.int('unsigned int', 4), offset: 0 }]);
  builder.variable('__ipft_event_struct', struct);
  return builder.bytes();
}

/** In the section behind .strtab and .symtab: `buildElf` puts those first. */
const MODULE = { name: 'module', info: 0x12, section: 3 };
const TEXT = { '.text': new Uint8Array(8) };
const parse = (bytes: Uint8Array) => parseExtension([{ path: 'x.o', bytes, compiled: false }]);
const sound = () => buildElf({ sections: { ...TEXT, '.BTF': soundBtf() }, symbols: [MODULE] });

test('parseExtension: a sound object has its fields', () => {
  expect(parse(sound()).layout).toMatchObject({
    label: 'struct event',
    sizeBytes: 4,
    fields: [{ name: 'len', type: 'unsigned int', offset: 0, bits: 32 }],
  });
});

test('parseExtension: a GPL-compatible license of its own is noticed', () => {
  const license = Buffer.from('Dual MIT/GPL\0');
  const object = buildElf({ sections: { ...TEXT, '.BTF': soundBtf(), license }, symbols: [MODULE] });
  expect(parse(object).hasLicense).toBe(true);
  const mpl = Buffer.from('Dual MPL/GPL\0');
  const other = buildElf({ sections: { ...TEXT, '.BTF': soundBtf(), license: mpl }, symbols: [MODULE] });
  expect(parse(other).hasLicense).toBe(true);
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
    // Sections: none, .strtab, .symtab, .text, .BTF, license.
    const symbols = [...(withEvents ? [MODULE] : []), { name: '_license', info: 0x11, section: 5 }];
    return buildElf({ sections: { ...TEXT, '.BTF': builder.bytes(), license }, symbols });
  };
  const { objects, hasLicense } = parseExtension([
    { path: 'a.o', bytes: file(true), compiled: false },
    { path: 'b.o', bytes: file(false), compiled: false },
    { path: 'c.o', bytes: file(false), compiled: false },
  ]);
  expect(hasLicense).toBe(true);
  const seen = objects.map(({ bytes }) => {
    const elf = parseElf(bytes);
    const btf = parseBtf(sectionBytes(bytes, elf, '.BTF')!);
    const [variable] = findVariables(btf, '_license');
    return {
      section: elf.sections[5]!.name,
      binding: elf.symbols.find(({ name }) => name === '_license')!.binding,
      linkage: btf.tail(variable!, 0),
      names: btf.findString('license').length,
    };
  });
  expect(seen).toEqual([
    { section: 'license', binding: 'global', linkage: 1, names: 1 },
    { section: 'licens0', binding: 'local', linkage: 0, names: 0 },
    { section: 'licens1', binding: 'local', linkage: 0, names: 0 },
  ]);
});

describe("parseExtension: a module() that the tracer can not call is told in the author's terms", () => {
  type Types = { [name in 'int' | 'long' | 'void' | 'ctx' | 'regs' | 'skb' | 'data' | 'event' | 'longs']: number };
  /** An object whose module has these types: what it returns, and its parameters. */
  const withTypes = (choose: (types: Types) => number[]) => {
    const builder = new BtfBuilder();
    const int = builder.int('int', 4, 1);
    const struct = builder.struct('event', 4, [{ name: 'len', type: int, offset: 0 }]);
    const pointerTo = (name: string) => builder.pointer(builder.type(7, name, 0));
    const [returned = 0, ...parameters] = choose({
      ...{ int, long: builder.int('long', 8, 1), void: 0, ctx: builder.pointer(0), regs: pointerTo('pt_regs') },
      ...{ skb: pointerTo('sk_buff'), data: builder.pointer(builder.typedef('__u8', builder.int('unsigned char', 1))) },
      ...{ event: builder.pointer(struct), longs: builder.pointer(builder.int('long', 8, 1)) },
    });
    builder.func('module', parameters, returned);
    builder.variable('__ipft_event_struct', struct);
    return buildElf({ sections: { ...TEXT, '.BTF': builder.bytes() }, symbols: [MODULE] });
  };

  test.each<[string, (types: Types) => number[]]>([
    ['returns void, and must return int', ({ void: none, ctx, skb, data }) => [none, ctx, skb, data]],
    ['returns long, and must return int', ({ long, ctx, skb, data }) => [long, ctx, skb, data]],
    ['takes 2 parameters, and must take 3', ({ int, ctx, skb }) => [int, ctx, skb]],
    ['has int for its parameter 1, which must be a pointer', ({ int, skb, data }) => [int, int, skb, data]],
    ['has void * for its parameter 2, which must be struct sk_buff *', ({ int, ctx, data }) => [int, ctx, ctx, data]],
    [
      'has struct event * for its parameter 3, which must be __u8 *',
      ({ int, ctx, skb, event }) => [int, ctx, skb, event],
    ],
    ['has long * for its parameter 3, which must be __u8 *', ({ int, ctx, skb, longs }) => [int, ctx, skb, longs]],
    [
      'returns void, and must return int, has void * for its parameter 3',
      ({ void: none, ctx, skb }) => [none, ctx, skb, ctx],
    ],
  ])('%s', (message, choose) => {
    expect(() => parse(withTypes(choose))).toThrow(`its function module ${message}`);
  });

  test('a ctx of any pointer type is void * to the linker', () => {
    for (const choose of [
      ({ int, regs, skb, data }: Types) => [int, regs, skb, data],
      ({ int, ctx, skb, data }: Types) => [int, ctx, skb, data],
    ]) {
      const [{ bytes } = { bytes: new Uint8Array() }] = parse(withTypes(choose)).objects;
      const btf = parseBtf(sectionBytes(bytes, parseElf(bytes), '.BTF')!);
      const [func] = btf.functionIds;
      const proto = btf.sizeOrType(func!);
      expect([1, 3, 5].map((word) => typeName(btf, btf.tail(proto, word)))).toEqual([
        ...['void *', 'struct sk_buff *', '__u8 *'],
      ]);
      expect(btf.name(btf.sizeOrType(proto))).toBe('int');
    }
  });

  test('in a section of its own it is a program', () => {
    const object = buildElf({ sections: { 'kprobe/x': new Uint8Array(8), '.BTF': soundBtf() }, symbols: [MODULE] });
    expect(() => parse(object)).toThrow('stands in the section kprobe/x, which makes a program of it');
  });
});

describe('parseExtension: several files', () => {
  const file = (symbols: { name: string; info: number; section: number }[], btf = new BtfBuilder()) =>
    buildElf({ sections: { ...TEXT, '.BTF': btf.bytes() }, symbols });
  const GLOBAL = 0x12;
  const WEAK = 0x22;
  const main = (...symbols: { name: string; info: number; section: number }[]) =>
    buildElf({ sections: { ...TEXT, '.BTF': soundBtf() }, symbols: [MODULE, ...symbols] });
  const parseAll = (...files: Uint8Array[]) =>
    parseExtension(files.map((bytes, index) => ({ path: `${'abc'[index]}.o`, bytes, compiled: false })));
  const needed = (name: string) => ({ name, info: GLOBAL, section: 0 });
  const defined = (name: string, info = GLOBAL) => ({ name, info, section: 3 });

  test('what no file defines is named, with the file that uses it', () => {
    expect(() => parseAll(main(needed('twice')))).toThrow('the extension a.o: it uses twice, which no file defines');
    expect(() => parseAll(main(), file([needed('twice')]))).toThrow('the extension b.o: it uses twice');
    expect(() => parseAll(main(needed('ipft_func_args')))).toThrow('it uses ipft_func_args, which no file defines');
    parseAll(main(needed('twice'), needed('ipft_func_arg')), file([defined('twice')]));
  });

  test('what the kernel or libbpf defines is not missed', () => {
    const builder = new BtfBuilder();
    builder.type(15, '.ksyms', 0, [builder.func('bpf_rcu_read_lock', []), 0, 0], 1);
    const version = builder.variable('LINUX_KERNEL_VERSION', builder.int('int', 4, 1));
    builder.type(15, '.kconfig', 0, [version, 0, 4], 1);
    parseAll(main(), file([needed('bpf_rcu_read_lock'), needed('LINUX_KERNEL_VERSION')], builder));
    expect(() => parseAll(main(), file([needed('bpf_rcu_read_lock')]))).toThrow('which no file defines');
  });

  test('what two define is named with both, unless one is weak', () => {
    expect(() => parseAll(main(), file([defined('twice')]), file([defined('twice')]))).toThrow(
      'twice() is defined in b.o and in c.o',
    );
    parseAll(main(), file([defined('twice')]), file([defined('twice', WEAK)]));
  });
});

test('parseExtension: of an object without BTF that gcc made, clang is named', () => {
  const object = buildElf({
    sections: { ...TEXT, '.comment': Buffer.from('\0GCC: (Debian) 12.2.0\0') },
    symbols: [MODULE],
  });
  const hint = (bytes: Uint8Array) => {
    try {
      parse(bytes);
    } catch (error) {
      return (error as ExtensionError).hint;
    }
    return undefined;
  };
  expect(hint(object)).toContain('compile it with clang');
  expect(hint(buildElf({ sections: TEXT, symbols: [MODULE] }))).toBe('compile it with -g');
});

describe('parseExtension: each lack has its own message', () => {
  test.each([
    ['no BTF', buildElf({ sections: TEXT, symbols: [MODULE] })],
    ['no function module', buildElf({ sections: { ...TEXT, '.BTF': soundBtf() }, symbols: [] })],
    [
      'no function module',
      buildElf({ sections: { ...TEXT, '.BTF': soundBtf() }, symbols: [{ ...MODULE, section: 0 }] }),
    ],
    ['module is static', buildElf({ sections: { ...TEXT, '.BTF': soundBtf() }, symbols: [{ ...MODULE, info: 0x02 }] })],
    [
      'no __ipft_event_struct',
      buildElf({ sections: { ...TEXT, '.BTF': new BtfBuilder().bytes() }, symbols: [MODULE] }),
    ],
    [
      "license 'Proprietary' is not compatible",
      buildElf({ sections: { ...TEXT, '.BTF': soundBtf(), license: Buffer.from('Proprietary\0') }, symbols: [MODULE] }),
    ],
    ['machine 62, not for BPF', buildElf({ sections: {}, symbols: [], machine: 62 })],
    ['does not begin with', new Uint8Array(100)],
    ['ends within the header', new Uint8Array(0)],
  ])('%s', (message, object) => {
    expect(() => parse(object)).toThrow(ExtensionError);
    expect(() => parse(object)).toThrow(message);
  });
});

test('parseElf: big-endian, and a name that runs into the next section, are no BPF object', () => {
  const bigEndian = sound();
  bigEndian[5] = 2;
  expect(() => parse(bigEndian)).toThrow('is not 64-bit little-endian');
  const unterminated = sound();
  const { sections } = parseElf(unterminated);
  const names = sections.find(({ name }) => name === '.shstrtab')!;
  // The last byte of the names ends the last of them.
  unterminated[names.offset + names.length - 1] = 0x78;
  expect(() => parse(unterminated)).toThrow('has a name that does not end');
});

test('parseExtension: a circle of typedefs is no sound object', () => {
  const builder = new BtfBuilder();
  const struct = builder.struct('event', 4, [{ name: 'len', type: 2, offset: 0 }]);
  builder.typedef('a', 3);
  builder.typedef('b', 2);
  builder.variable('__ipft_event_struct', struct);
  const object = buildElf({ sections: { ...TEXT, '.BTF': builder.bytes() }, symbols: [MODULE] });
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

test('moduleBytes: a multiple of 8, and never less than module() may write', () => {
  expect([1, 64, 65, 72, 1021].map(moduleBytes)).toEqual([64, 64, 72, 72, 1024]);
});

test('locateExtension: a word is the name of an example, unless it is a file', () => {
  expect(locateExtension('five-tuple')).toMatch(/\/examples\/extensions\/five-tuple\.bpf\.c$/);
  expect(locateExtension('./five-tuple')).toBe('./five-tuple');
  expect(locateExtension('bin')).toBe('bin');
  expect(() => locateExtension('six-tuple')).toThrow('or be the name of an example');
  expect(loadExampleNames()).toContain('gso');
  expect(exampleLike('x/gso.bpf.c')).toBe('gso');
  expect(exampleLike('gso.c')).toBeUndefined();
});
