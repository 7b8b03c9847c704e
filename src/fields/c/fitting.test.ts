import { expect, test } from 'vitest';
import { BtfBuilder, type BtfMember } from '../../../tests/support/btf-builder.js';
import { ExtensionError } from '../../base/errors.js';
import { TextBuffer } from '../../base/text-buffer.js';
import { parseBtf } from '../../btf/btf.js';
import { parseEventStruct } from '../event-struct.js';

/** The event struct of these members. */
function parse(builder: BtfBuilder, size: number, members: readonly BtfMember[], tag = '') {
  const struct = builder.struct('event', size, members);
  if (tag !== '') builder.tag(`ipft:fmt:${tag}`, struct, 0);
  builder.variable('__ipft_event_struct', struct);
  return parseEventStruct(parseBtf(builder.bytes()));
}

function fits(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ExtensionError);
    return false;
  }
}

/** Types of members, and how long they are. */
const TYPES: Record<string, readonly [size: number, (b: BtfBuilder) => number, bits?: number]> = {
  u8: [1, (b) => b.int('unsigned char', 1)],
  u16: [2, (b) => b.int('unsigned short', 2)],
  u32: [4, (b) => b.int('unsigned int', 4)],
  s32: [4, (b) => b.int('int', 4, 1)],
  u64: [8, (b) => b.int('unsigned long', 8)],
  u128: [16, (b) => b.int('unsigned __int128', 16)],
  bool: [1, (b) => b.int('_Bool', 1, 4)],
  char: [1, (b) => b.int('char', 1, 1)],
  pointer: [8, (b) => b.pointer(0)],
  float: [4, (b) => b.float('float', 4)],
  double: [8, (b) => b.float('double', 8)],
  enum: [4, (b) => b.enumeration('e', { A: 1 })],
  enum64: [8, (b) => b.enumeration64('e64', { A: 1n })],
  'bits of u32': [4, (b) => b.int('unsigned int', 4), 8],
  struct4: [4, (b) => b.struct('s4', 4, [{ name: 'a', type: b.int('unsigned int', 4), offset: 0 }])],
  union4: [4, (b) => b.union('n4', 4, [{ name: 'a', type: b.int('unsigned int', 4), offset: 0 }])],
  struct6: [6, (b) => b.struct('s6', 6, [{ name: 'a', type: b.int('unsigned char', 1), offset: 0 }])],
  struct16: [16, (b) => b.struct('s16', 16, [{ name: 'a', type: b.int('unsigned char', 1), offset: 0 }])],
  'u8[4]': [4, (b) => b.array(b.int('unsigned char', 1), 4)],
  'u8[6]': [6, (b) => b.array(b.int('unsigned char', 1), 6)],
  'u8[16]': [16, (b) => b.array(b.int('unsigned char', 1), 16)],
  'u16[3]': [6, (b) => b.array(b.int('unsigned short', 2), 3)],
  'u32[4]': [16, (b) => b.array(b.int('unsigned int', 4), 4)],
  'u32[2]': [8, (b) => b.array(b.int('unsigned int', 4), 2)],
  'u64[2]': [16, (b) => b.array(b.int('unsigned long', 8), 2)],
  'float[4]': [16, (b) => b.array(b.float('float', 4), 4)],
  'pointer[2]': [16, (b) => b.array(b.pointer(0), 2)],
  'char[8]': [8, (b) => b.array(b.int('char', 1, 1), 8)],
  'struct4[2]': [8, (b) => b.array(TYPES['struct4']![1](b), 2)],
};
const INTEGERS = ['u8', 'u16', 'u32', 's32', 'u64', 'bool', 'char', 'enum', 'enum64', 'bits of u32'];
const BYTES = ['u8[4]', 'u8[6]', 'u8[16]', 'char[8]'];
const ARRAYS = [...BYTES, 'u16[3]', 'u32[4]', 'u32[2]', 'u64[2]'];

test.each<[tag: string, types: readonly string[]]>([
  ['hex', [...INTEGERS, ...ARRAYS, 'u128', 'pointer', 'pointer[2]']],
  ['ipv4', ['u32', 's32', 'enum', 'struct4', 'union4', 'u8[4]', 'u32[4]', 'u32[2]', 'struct4[2]']],
  ['ip', ['u128', 'struct16', 'u8[16]', 'u32[4]', 'u64[2]']],
  ['ipv6', ['u128', 'struct16', 'u8[16]', 'u32[4]', 'u64[2]']],
  ['mac', ['struct6', 'u8[6]', 'u16[3]']],
  ['be16', ['u16', 'u16[3]']],
  ['be32', ['u32', 's32', 'enum', 'u32[4]', 'u32[2]']],
  ['be64', ['u64', 'enum64', 'u64[2]']],
  ['char', ['u8', 'bool', 'char', ...BYTES]],
  ['string', BYTES],
  ['symbol', ['u64', 'enum64', 'pointer', 'u64[2]', 'pointer[2]']],
  ['ns', [...INTEGERS, ...ARRAYS]],
])('%s: the types of members that it fits, or whose elements it fits', (tag, types) => {
  const fitting = Object.entries(TYPES).filter(([, [size, make, bits]]) =>
    fits(() => {
      const b = new BtfBuilder();
      parse(b, size, [{ name: 'm', type: make(b), offset: 0, ...(bits ? { bits } : {}) }], tag);
    }),
  );
  const order = Object.keys(TYPES);
  expect(fitting.map(([name]) => name)).toEqual([...types].sort((x, y) => order.indexOf(x) - order.indexOf(y)));
});

test('parseEventStruct: each of these types has a value without a tag', () => {
  for (const [name, [size, make]] of Object.entries(TYPES)) {
    const b = new BtfBuilder();
    expect(
      parse(b, size, [{ name: 'm', type: make(b), offset: 0 }]).fields.map((field) => field.name),
      name,
    ).toEqual(['m']);
  }
});

test('parseEventStruct: a member lies within the struct, to the last bit', () => {
  const within = (size: number, offset: number, bit?: number, bits?: number) =>
    fits(() => {
      const b = new BtfBuilder();
      const place = { offset, ...(bit === undefined ? {} : { bit }), ...(bits === undefined ? {} : { bits }) };
      parse(b, size, [{ name: 'm', type: b.int('unsigned long', 8), ...place }]);
    });
  expect([within(8, 0), within(16, 8), within(15, 8), within(8, 8)]).toEqual([true, true, false, false]);
  expect([within(8, 4, 0, 32), within(8, 4, 1, 31), within(8, 4, 1, 32)]).toEqual([true, true, false]);
  // Nine bytes have a part of it, of which the last is another's.
  expect([within(9, 0, 1, 64), within(8, 0, 1, 63), within(8, 0, 1, 64)]).toEqual([true, true, false]);
});

test('parseEventStruct: a bit-field has 64 bits at most', () => {
  const withBits = (bits: number) => () => {
    const b = new BtfBuilder();
    parse(b, 32, [{ name: 'm', type: b.int('__int128', 16), offset: 0, bits }]);
  };
  expect(withBits(65)).toThrow('struct event, member m: a bit-field has 64 bits at most');
});

test('parseEventStruct: of members without a name only structs and unions are shown, and none has a tag', () => {
  const b = new BtfBuilder();
  const int = b.int('unsigned int', 4);
  const inner = b.struct('', 8, [
    { name: 'first', type: int, offset: 0 },
    { name: 'second', type: int, offset: 4 },
  ]);
  const members = [
    { name: '', type: int, offset: 0 },
    { name: '', type: inner, offset: 4 },
    { name: '', type: b.union('', 4, [{ name: 'third', type: int, offset: 0 }]), offset: 12 },
  ];
  const data = new DataView(Uint32Array.of(1, 2, 3, 4).buffer);
  const parsed = parse(b, 16, members);
  const text = new TextBuffer();
  parsed.createWriter(() => {}).text(text, data, 0);
  expect(text.takeText()).toBe(' first: 2 second: 3 third: 4');
  const tagged = () => {
    const other = new BtfBuilder();
    const one = other.int('unsigned int', 4);
    parse(other, 4, [{ name: '', type: other.struct('', 4, [{ name: 'a', type: one, offset: 0 }]), offset: 0 }], 'hex');
  };
  expect(tagged).toThrow("struct event, member number 1: a member without a name can't have a tag");
});

test('parseEventStruct: arrays need elements, and these a size', () => {
  const b = new BtfBuilder();
  expect(() => parse(b, 8, [{ name: 'm', type: b.array(b.struct('none', 0, []), 3), offset: 0 }])).toThrow(
    'struct event, member m: its elements have no size',
  );
  const c = new BtfBuilder();
  expect(() => parse(c, 8, [{ name: 'm', type: c.array(c.int('char', 1, 1), 0), offset: 0 }])).toThrow(
    'struct event, member m: an array without elements has nothing to show',
  );
});

test('parseEventStruct: how deep types are nested is bounded, and how many values there are', () => {
  const nested = (levels: number, width: number) => () => {
    const b = new BtfBuilder();
    let type = b.int('unsigned char', 1);
    for (let level = 0; level < levels; level++) {
      // All at the same place: a struct that claims more than it has.
      type = b.struct(
        `s${level}`,
        1,
        Array.from({ length: width }, (_, i) => ({ name: `m${i}`, type, offset: 0 })),
      );
    }
    return parse(b, 1, [{ name: 'm', type, offset: 0 }]).fields.length;
  };
  expect(nested(15, 1)()).toBe(1);
  expect(nested(17, 1)).toThrow(/nested too deep/);
  expect(nested(2, 30)()).toBe(1);
  expect(nested(14, 8)).toThrow(/too many/);
  const arrays = (levels: number) => () => {
    const b = new BtfBuilder();
    let type = b.int('unsigned int', 4);
    for (let level = 0; level < levels; level++) type = b.array(type, 1);
    return parse(b, 4, [{ name: 'm', type, offset: 0 }]).fields.length;
  };
  expect(arrays(15)()).toBe(1);
  expect(arrays(17)).toThrow(/nested too deep/);
});

test('parseEventStruct: there is one event struct, with members that can be told apart', () => {
  const int = (b: BtfBuilder) => b.int('unsigned int', 4);
  const declare = (b: BtfBuilder, type: number) => b.variable('__ipft_event_struct', type);
  const parseWith = (build: (b: BtfBuilder) => void) => () => {
    const b = new BtfBuilder();
    build(b);
    return parseEventStruct(parseBtf(b.bytes()));
  };
  const one = (b: BtfBuilder) => b.struct('event', 4, [{ name: 'a', type: int(b), offset: 0 }]);
  expect(parseWith((b) => declare(b, b.constant(b.typedef('event_t', one(b)))))().fields).toHaveLength(1);
  expect(parseWith(() => {})).toThrow('there is no __ipft_event_struct');
  expect(parseWith((b) => [one(b), one(b)].map((type) => declare(b, type)))).toThrow('there are 2 variables');
  expect(parseWith((b) => declare(b, int(b)))).toThrow('is unsigned int, and must be a struct');
  expect(parseWith((b) => declare(b, b.union('event', 4, [{ name: 'a', type: int(b), offset: 0 }])))).toThrow(
    'must be a struct',
  );
  expect(parseWith((b) => declare(b, b.struct('event', 4, [])))).toThrow('has no members');
  const twice = (name: string) =>
    parseWith((b) => {
      const inner = b.struct('', 4, [{ name, type: int(b), offset: 0 }]);
      declare(
        b,
        b.struct('event', 8, [
          { name: 'a', type: int(b), offset: 0 },
          { name: '', type: inner, offset: 4 },
        ]),
      );
    });
  expect(twice('a')).toThrow('struct event, member a: there are two of that name');
  expect(twice('b')().fields.map(({ name }) => name)).toEqual(['a', 'b']);
  const large = (size: number) =>
    parseWith((b) => declare(b, b.struct('event', size, [{ name: 'a', type: int(b), offset: 0 }])));
  expect(large(1024)().fields).toHaveLength(1);
  expect(large(1025)).toThrow(/1024/);
});
