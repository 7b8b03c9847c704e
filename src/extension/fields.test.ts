import { expect, test } from 'vitest';
import { BtfBuilder } from '../../tests/support/btf-builder.js';
import { ExtensionError } from '../base/errors.js';
import { TextBuffer } from '../base/text-buffer.js';
import { parseBtf } from '../btf/btf.js';
import { parseEventStruct } from './event-struct.js';
import { createFieldWriter } from './fields.js';

interface Member {
  name: string;
  type: number;
  bytes: number[];
  tag?: string;
}

/** An event struct of the members, one after the other, and an event with their bytes behind three others. */
function show(members: (builder: BtfBuilder) => Member[]): { text: string; json: string } {
  const builder = new BtfBuilder();
  const list = members(builder);
  let offset = 0;
  const placed = list.map(({ name, type, bytes }) => {
    const at = offset;
    offset += bytes.length;
    return { name, type, offset: at };
  });
  const struct = builder.struct('event', offset, placed);
  for (const [index, { tag }] of list.entries()) if (tag) builder.tag(tag, struct, index);
  builder.variable('__ipft_event_struct', struct);
  const btf = parseBtf(builder.bytes());
  const writer = createFieldWriter(btf, parseEventStruct(btf, 64));
  const data = new DataView(Uint8Array.from([1, 2, 3, ...list.flatMap(({ bytes }) => bytes)]).buffer);
  const text = new TextBuffer();
  writer.text(text, data, 3);
  const json = new TextBuffer();
  json.text('{"x":0');
  writer.json(json, data, 3);
  json.text('}');
  return { text: text.takeText(), json: json.takeText() };
}

const le = (value: bigint | number, size: number) =>
  Array.from({ length: size }, (_, index) => Number((BigInt.asUintN(64, BigInt(value)) >> BigInt(index * 8)) & 255n));

test('createFieldWriter: integers by their sign and width', () => {
  const shown = show((b) => [
    { name: 'a', type: b.int('unsigned char', 1), bytes: le(255, 1) },
    { name: 'b', type: b.int('signed char', 1, 1), bytes: le(-1, 1) },
    { name: 'c', type: b.int('unsigned short', 2), bytes: le(65535, 2) },
    { name: 'd', type: b.int('short', 2, 1), bytes: le(-32768, 2) },
    { name: 'e', type: b.int('unsigned int', 4), bytes: le(4294967295, 4) },
    { name: 'f', type: b.constant(b.typedef('my_int', b.int('int', 4, 1))), bytes: le(-2147483648, 4) },
    { name: 'g', type: b.int('unsigned long long', 8), bytes: le(2n ** 64n - 1n, 8) },
    { name: 'h', type: b.int('long long', 8, 1), bytes: le(-(2n ** 63n), 8) },
  ]);
  expect(shown.text).toBe(
    'a: 255 b: -1 c: 65535 d: -32768 e: 4294967295 f: -2147483648 g: 18446744073709551615 h: -9223372036854775808',
  );
  expect(shown.json).toBe(
    '{"x":0,"a":255,"b":-1,"c":65535,"d":-32768,"e":4294967295,"f":-2147483648,"g":18446744073709551615,"h":-9223372036854775808}',
  );
});

test('createFieldWriter: booleans, characters and pointers', () => {
  const shown = show((b) => {
    const char = b.int('char', 1, 1);
    const bool = b.int('_Bool', 1, 4);
    return [
      { name: 'yes', type: bool, bytes: [1] },
      { name: 'no', type: bool, bytes: [0] },
      { name: 'letter', type: char, bytes: [0x41] },
      { name: 'quote', type: char, bytes: [0x22] },
      { name: 'escape', type: char, bytes: [0x1b] },
      { name: 'high', type: char, bytes: [0xe9] },
      { name: 'pointer', type: b.pointer(0), bytes: le(0xffff888000000010n, 8) },
      { name: 'null', type: b.pointer(0), bytes: le(0, 8) },
    ];
  });
  expect(shown.text).toBe(
    'yes: true no: false letter: A quote: " escape: \\x1b high: \\xe9 pointer: 0xffff888000000010 null: 0x0',
  );
  expect(JSON.parse(shown.json)).toEqual({
    ...{ x: 0, yes: true, no: false, letter: 'A', quote: '"', escape: '\x1b', high: '\ufffd' },
    ...{ pointer: '0xffff888000000010', null: '0x0' },
  });
});

test('createFieldWriter: hex, enum and enum_flags', () => {
  const shown = show((b) => {
    const u32 = b.int('unsigned int', 4);
    const s8 = b.int('signed char', 1, 1);
    const u64 = b.int('unsigned long', 8);
    b.variable('colors', b.enumeration('color', { red: 1, green: 2, teal: -1 }, true));
    b.variable('bits', b.enumeration('bit', { one: 1, two: 2, both: 3, eight: 8 }));
    const color = 'ipft:fmt:enum:colors';
    const bits = 'ipft:fmt:enum_flags:bits';
    return [
      { name: 'h', type: u32, bytes: le(0xbeef, 4), tag: 'ipft:fmt:hex' },
      { name: 'h8', type: s8, bytes: le(-1, 1), tag: 'ipft:fmt:hex' },
      { name: 'known', type: u32, bytes: le(2, 4), tag: color },
      { name: 'unknown', type: u32, bytes: le(7, 4), tag: color },
      { name: 'negative', type: s8, bytes: le(-1, 1), tag: color },
      { name: 'minus', type: s8, bytes: le(-5, 1), tag: color },
      { name: 'none', type: u32, bytes: le(0, 4), tag: bits },
      { name: 'flags', type: u64, bytes: le(3, 8), tag: bits },
      { name: 'rest', type: u64, bytes: le(0x80000000009n, 8), tag: bits },
    ];
  });
  expect(shown.text).toBe(
    'h: 0xbeef h8: 0xff known: green unknown: 7 negative: teal minus: -5 none: <none> flags: one|two rest: one|eight|0x80000000000',
  );
  expect(JSON.parse(shown.json)).toMatchObject({
    h: '0xbeef',
    known: 'green',
    unknown: '7',
    minus: '-5',
    flags: 'one|two',
  });
});

test.each<[string, (b: BtfBuilder) => Member[]]>([
  ['unknown tag', (b) => [{ name: 'a', type: b.int('int', 4, 1), bytes: le(0, 4), tag: 'ipft:fmt:octal' }]],
  [
    "no variable 'nobody'",
    (b) => [{ name: 'a', type: b.int('int', 4, 1), bytes: le(0, 4), tag: 'ipft:fmt:enum:nobody' }],
  ],
  [
    'needs an integer',
    (b) => {
      b.variable('colors', b.enumeration('color', { red: 1 }));
      return [{ name: 'a', type: b.pointer(0), bytes: le(0, 8), tag: 'ipft:fmt:enum:colors' }];
    },
  ],
  [
    "'timestamp' is a key of the JSON output",
    (b) => [{ name: 'timestamp', type: b.int('int', 4, 1), bytes: le(0, 4) }],
  ],
  ['has no members', () => []],
  [
    'has 72 bytes, an event has room for 64',
    (b) => {
      const type = b.int('unsigned long', 8);
      return Array.from({ length: 9 }, (_, index) => ({ name: `m${index}`, type, bytes: le(0, 8) }));
    },
  ],
])('parseEventStruct: an error says %s', (message, members) => {
  expect(() => show(members)).toThrow(ExtensionError);
  expect(() => show(members)).toThrow(message);
});
