import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BtfBuilder } from '../../tests/support/btf-builder.js';
import { ParseError } from '../base/errors.js';
import { BTF_KIND_STRUCT, parseBtf } from './btf.js';
import { countTracepointArguments, findFunctions, findFunctionsTaking } from './functions.js';

function kernelLike() {
  const builder = new BtfBuilder();
  const int = builder.int('int', 4, 1);
  const skb = builder.struct('sk_buff', 8, [{ name: 'len', type: int, offset: 0 }]);
  const pointer = builder.pointer(builder.constant(builder.typedef('skb_t', skb)));
  builder.func('first', [builder.pointer(skb), int]);
  builder.func('third', [int, int, pointer]);
  builder.func('sixth', [int, int, int, int, int, pointer]);
  builder.func('none', [int, builder.pointer(int)]);
  builder.func('by_value', [skb]);
  builder.func('variadic', [skb, pointer, 0]);
  return { builder, skb, pointer, int };
}

test('findFunctionsTaking: finds the first pointer to the struct, through typedefs and const, and tells of the rest', () => {
  const { builder } = kernelLike();
  const found = findFunctionsTaking(parseBtf(builder.bytes()), 'sk_buff');
  expect(found.map(({ name, position, parameters }) => [name, position, parameters])).toEqual([
    ['first', 0, 2],
    ['third', 2, 3],
    ['sixth', 5, 6],
    ['variadic', 1, 2],
  ]);
  expect(found.map(({ isVariadic, structBefore }) => isVariadic && structBefore)).toEqual([false, false, false, true]);
});

test('findFunctionsTaking: a function that takes two is told once, with the first', () => {
  const { builder, pointer, int } = kernelLike();
  builder.func('coalesce', [int, pointer, pointer]);
  const found = findFunctionsTaking(parseBtf(builder.bytes()), 'sk_buff').filter(({ name }) => name === 'coalesce');
  expect(found.map(({ position }) => position)).toEqual([1]);
});

test('findFunctionsTaking: a struct or union by value is told, before the skb and as what is returned; a pointer is none', () => {
  const { builder, skb, pointer, int } = kernelLike();
  const union = builder.typedef('sockptr_t', builder.union('', 8, [{ name: 'user', type: int, offset: 0 }]));
  const pointerTo = builder.pointer(skb);
  const protos = {
    plain: [int, pointerTo, pointer],
    before: [int, union, pointer],
    behind: [int, pointer, union],
    constant: [int, builder.constant(skb), pointer],
    returnsUnion: [union, pointer],
    returnsStruct: [builder.constant(skb), pointer],
    returnsPointer: [pointerTo, pointer],
    returnsNothing: [0, pointer],
  };
  for (const [name, [returned = 0, ...parameters]] of Object.entries(protos)) builder.func(name, parameters, returned);
  const found = findFunctionsTaking(parseBtf(builder.bytes()), 'sk_buff');
  const namesOf = (flag: 'structBefore' | 'returnsStruct') =>
    found.filter((one) => one[flag] && one.name in protos).map(({ name }) => name);
  expect(namesOf('structBefore')).toEqual(['before', 'constant']);
  expect(namesOf('returnsStruct')).toEqual(['returnsUnion', 'returnsStruct']);
});

test('findFunctions: those that there are, the first of each name', () => {
  const { builder, int } = kernelLike();
  builder.func('first', [int]);
  const btf = parseBtf(builder.bytes());
  const found = findFunctions(btf, ['first', 'sixth', 'sk_buff', 'missing']);
  expect([...found.keys()].sort()).toEqual(['first', 'sixth']);
  expect(btf.vlen(btf.sizeOrType(found.get('first') ?? 0))).toBe(2);
});

test('Btf.findTypes: all of this name, and of split BTF its own alone', () => {
  const { builder, skb } = kernelLike();
  const again = builder.union('sk_buff', 4, []);
  const base = parseBtf(builder.bytes());
  const [name = 0] = base.findString('sk_buff');
  expect(base.findTypes(name)).toEqual([skb, again]);
  const split = new BtfBuilder(base);
  const own = split.struct('sk_buff', 4, []);
  const module = parseBtf(split.bytes(), base);
  expect(module.findString('sk_buff').flatMap((offset) => module.findTypes(offset))).toEqual([own]);
});

test("countTracepointArguments: what its programs get, without the kernel's own first argument", () => {
  const { builder, pointer, int } = kernelLike();
  const proto = builder.type(13, '', 0, [0, int, 0, pointer, 0, int, 0, int], 4);
  builder.typedef('btf_trace_kfree_skb', builder.pointer(proto));
  builder.typedef('btf_trace_strange', int);
  const btf = parseBtf(builder.bytes());
  expect(countTracepointArguments(btf, 'kfree_skb')).toBe(3);
  expect(countTracepointArguments(btf, 'strange')).toBe(0);
  expect(countTracepointArguments(btf, 'none')).toBe(0);
});

test('parseBtf: split BTF refers to types and strings of its base', () => {
  const { builder, skb, pointer, int } = kernelLike();
  const base = parseBtf(builder.bytes());
  const split = new BtfBuilder(base);
  split.func('in_module', [int, pointer]);
  split.func('own_struct', [split.pointer(split.struct('sk_buff', 4, []))]);
  const module = parseBtf(split.bytes(), base);
  expect(module.firstId).toBe(base.endId);
  expect(module.kind(skb)).toBe(BTF_KIND_STRUCT);
  expect(module.name(skb)).toBe('sk_buff');
  expect(findFunctionsTaking(module, 'sk_buff')).toMatchObject([
    { name: 'in_module', position: 1 },
    { name: 'own_struct', position: 0 },
  ]);
});

test('Btf.findString: whole strings only, also the first of split BTF, which need not begin with an empty one', () => {
  const baseBuilder = new BtfBuilder();
  for (const text of ['veth_xmit_more', 'shared', 'last']) baseBuilder.string(text);
  const base = parseBtf(baseBuilder.bytes());
  const splitBuilder = new BtfBuilder(base);
  const first = splitBuilder.string('veth_xmit');
  const other = splitBuilder.string('shared');
  const split = parseBtf(splitBuilder.bytes(), base);
  expect(first).toBe(base.stringsEnd);
  expect(split.findString('veth_xmit')).toEqual([first]);
  expect(split.findString('shared')).toEqual([baseBuilder.string('shared'), other]);
  expect(split.findString('last')).toEqual([baseBuilder.string('last')]);
  for (const part of ['veth', 'xmit', 'veth_xmi', 'hared', 'none']) expect(split.findString(part), part).toEqual([]);
  for (const offset of split.findString('shared')) expect(split.string(offset)).toBe('shared');
});

test('findFunctions: the first function of a module is found by the first of its strings', () => {
  const base = parseBtf(kernelLike().builder.bytes());
  const splitBuilder = new BtfBuilder(base);
  const id = splitBuilder.func('init_module', []);
  expect(findFunctions(parseBtf(splitBuilder.bytes(), base), ['init_module'])).toEqual(new Map([['init_module', id]]));
});

test('Btf.resolve: a circle of typedefs is an error', () => {
  const builder = new BtfBuilder();
  builder.typedef('a', 2);
  builder.typedef('b', 1);
  expect(() => parseBtf(builder.bytes()).resolve(1)).toThrow(ParseError);
});

/** Walks over all that can be asked. */
function readAll(bytes: Uint8Array): void {
  const btf = parseBtf(bytes);
  for (let id = 1; id < btf.endId; id++) {
    btf.name(id);
    btf.resolve(id);
  }
  findFunctionsTaking(btf, 'sk_buff');
}

test('parseBtf: every truncation is a ParseError', () => {
  const whole = kernelLike().builder.bytes();
  for (let length = 0; length < whole.length; length++) {
    expect(() => readAll(whole.slice(0, length)), `${length} bytes`).toThrow(ParseError);
  }
});

test('parseBtf: corrupted bytes give a value or a ParseError, never anything else', () => {
  const whole = kernelLike().builder.bytes();
  const corruption = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(corruption, (changes) => {
      const bytes = whole.slice();
      for (const [at, value] of changes) bytes[at] = value;
      try {
        readAll(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(ParseError);
      }
    }),
    { numRuns: 2000 },
  );
});
