import { expect, test } from 'vitest';
import { BtfBuilder, type BtfMember } from '../../tests/support/btf-builder.js';
import { givenValues } from '../../tests/support/given-values.js';
import { ExtensionError } from '../base/errors.js';
import type { FieldType, FieldValue } from '../base/field.js';
import { jsonString } from '../base/printable.js';
import { TextBuffer } from '../base/text-buffer.js';
import { parseBtf } from '../btf/btf.js';
import { checkJsonNames, findJsonConflicts, parseEventStruct } from './event-struct.js';

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
  const tags = list.flatMap(({ tag }, index) => (tag ? [{ tag, index }] : []));
  return showStruct(
    builder,
    placed,
    offset,
    tags,
    list.flatMap(({ bytes }) => bytes),
  );
}

/** Numbers of any kind alike, and strings as far as text and JSON have the same of them. */
function comparable(value: FieldValue): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isInteger(value) && !Object.is(value, -0) ? String(value) : value;
  if (typeof value === 'string') return value.replace(/\\x[0-9a-f]{2}|[^ -~]/g, '?').replace(/\?+/g, '?');
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, comparable(one)]));
}

function showStruct(
  builder: BtfBuilder,
  members: BtfMember[],
  size: number,
  tags: { tag: string; index: number }[],
  bytes: number[],
): { text: string; json: string; warnings: readonly string[] } {
  const struct = builder.struct('event', size, members);
  for (const { tag, index } of tags) builder.tag(tag, struct, index);
  builder.variable('__ipft_event_struct', struct);
  const parsed = parseEventStruct(parseBtf(builder.bytes()));
  const writer = parsed.createWriter((out, low, high) => out.text(`symbol-${high.toString(16)}-${low.toString(16)}`));
  const data = new DataView(Uint8Array.from([1, 2, 3, ...bytes]).buffer);
  const text = new TextBuffer();
  writer.text(text, data, 3);
  const buffer = new TextBuffer();
  buffer.text('{"x":0');
  writer.json(buffer, data, 3);
  buffer.text('}');
  const json = buffer.takeText();
  // What is read is what JSON says, in all of these tests, and of the type that was told.
  const read = parsed.createReader((out, low, high) => out.text(`symbol-${high.toString(16)}-${low.toString(16)}`));
  const values = read(data, 3);
  expect(toJson({ x: 0, ...values })).toBe(json);
  // So is what is given; of strings, what text has.
  expect(comparable(givenValues(writer, data, 3))).toEqual(comparable(values));
  expect(typeOf(values)).toEqual(parsed.types);
  // Each field stands behind a space.
  const shown = text.takeText();
  expect(shown[0]).toBe(' ');
  return { text: shown.slice(1), json, warnings: parsed.warnings };
}

/** As `-o json` writes a value. */
function toJson(value: FieldValue): string {
  if (Array.isArray(value)) return `[${value.map(toJson).join(',')}]`;
  if (typeof value === 'object') {
    const members = Object.entries(value).map(([name, member]) => `${jsonString(name)}:${toJson(member)}`);
    return `{${members.join(',')}}`;
  }
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return jsonString(value);
  if (Object.is(value, -0)) return '-0';
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}

/** Of an array, its first element's. */
function typeOf(value: FieldValue): FieldType {
  if (Array.isArray(value)) return [typeOf(value[0])];
  if (typeof value !== 'object') return typeof value as FieldType;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, typeOf(member)]));
}

const le = (value: bigint | number, size: number) =>
  Array.from({ length: size }, (_, index) => Number((BigInt.asUintN(64, BigInt(value)) >> BigInt(index * 8)) & 255n));

test('values: integers by their sign and width', () => {
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

test('values: booleans, characters (numbers but for their tag) and pointers', () => {
  const shown = show((b) => {
    const char = b.int('char', 1, 1);
    const bool = b.int('_Bool', 1, 4);
    return [
      { name: 'yes', type: bool, bytes: [1] },
      { name: 'no', type: bool, bytes: [0] },
      { name: 'small', type: char, bytes: [0x41] },
      { name: 'minus', type: char, bytes: [0xff] },
      { name: 'letter', type: char, bytes: [0x41], tag: 'ipft:fmt:char' },
      { name: 'quote', type: char, bytes: [0x22], tag: 'ipft:fmt:char' },
      { name: 'escape', type: char, bytes: [0], tag: 'ipft:fmt:char' },
      { name: 'high', type: b.int('unsigned char', 1), bytes: [0xe9], tag: 'ipft:fmt:char' },
      { name: 'each', type: b.array(char, 2), bytes: [0x41, 0x42], tag: 'ipft:fmt:char' },
      { name: 'pointer', type: b.pointer(0), bytes: le(0xffff888000000010n, 8) },
      { name: 'null', type: b.pointer(0), bytes: le(0, 8) },
    ];
  });
  expect(shown.text).toBe(
    'yes: true no: false small: 65 minus: -1 letter: A quote: " escape: \\x00 high: \\xe9 each: [A, B] ' +
      'pointer: 0xffff888000000010 null: 0x0',
  );
  expect(JSON.parse(shown.json)).toEqual({
    ...{ x: 0, yes: true, no: false, small: 65, minus: -1, letter: 'A', quote: '"', escape: '\0', high: '\ufffd' },
    ...{ each: ['A', 'B'], pointer: '0xffff888000000010', null: '0x0' },
  });
});

test('values: hex, enum and enum_flags', () => {
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

const bytesOf = (text: string, length: number) => [...Buffer.from(text), ...new Array(length).fill(0)].slice(0, length);

test('values: arrays, strings, and arrays of them', () => {
  const shown = show((b) => {
    const char = b.int('char', 1, 1);
    const u8 = b.typedef('__u8', b.int('unsigned char', 1));
    const u16 = b.int('unsigned short', 2);
    return [
      { name: 'name', type: b.array(b.constant(char), 8), bytes: bytesOf('eth0', 8) },
      { name: 'full', type: b.array(char, 3), bytes: bytesOf('abc', 3) },
      { name: 'odd', type: b.array(char, 8), bytes: [0x22, 0x5c, 0x1b, 0xc3, 0xa9, 0xff, 0xc2, 0x80] },
      { name: 'bytes', type: b.array(u8, 3), bytes: [1, 2, 255] },
      { name: 'pairs', type: b.array(b.array(u16, 2), 2), bytes: [1, 0, 2, 0, 3, 0, 4, 0] },
      { name: 'names', type: b.array(b.array(char, 2), 2), bytes: bytesOf('abc', 4) },
      { name: 'tagged', type: b.array(u8, 4), bytes: bytesOf('lo', 4), tag: 'ipft:fmt:string' },
      { name: 'hexes', type: b.array(u16, 2), bytes: [16, 0, 255, 1], tag: 'ipft:fmt:hex' },
    ];
  });
  expect(shown.text).toBe(
    'name: eth0 full: abc odd: "\\\\x1bé\\xff\\xc2\\x80 bytes: [1, 2, 255] pairs: [[1, 2], [3, 4]] names: [ab, c] tagged: lo hexes: [0x10, 0x1ff]',
  );
  expect(JSON.parse(shown.json)).toEqual({
    ...{
      x: 0,
      name: 'eth0',
      full: 'abc',
      odd: '"\\\x1bé\ufffd\x80',
      bytes: [1, 2, 255],
      pairs: [
        [1, 2],
        [3, 4],
      ],
    },
    ...{ names: ['ab', 'c'], tagged: 'lo', hexes: ['0x10', '0x1ff'] },
  });
});

test('values: what only looks like UTF-8 is escaped', () => {
  const bytes = [0xf0, 0x9f, 0x98, 0x80, 0xe0, 0x80, 0x80, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80, 0xc0, 0xaf, 0xc3];
  const shown = show((b) => [{ name: 's', type: b.array(b.int('char', 1, 1), bytes.length), bytes }]);
  const escaped = bytes.slice(4).map((byte) => `\\x${byte.toString(16)}`);
  expect(shown.text).toBe(`s: \u{1f600}${escaped.join('')}`);
  expect(JSON.parse(shown.json)['s']).toBe(`\u{1f600}${'\ufffd'.repeat(escaped.length)}`);
});

test('values: nested structs and unions, also without a name, with tags of their own', () => {
  const builder = new BtfBuilder();
  const u16 = builder.int('unsigned short', 2);
  const u32 = builder.int('unsigned int', 4);
  const addr = builder.struct('addr', 6, [
    { name: 'family', type: u16, offset: 0 },
    { name: 'ip', type: u32, offset: 2 },
  ]);
  builder.tag('ipft:fmt:ipv4', addr, 1);
  const inner = builder.union('', 4, [
    { name: 'word', type: u32, offset: 0 },
    { name: 'half', type: u16, offset: 0 },
  ]);
  const members = [
    { name: 'addr', type: builder.constant(addr), offset: 0 },
    { name: '', type: inner, offset: 6 },
    { name: 'list', type: builder.array(addr, 1), offset: 10 },
  ];
  const shown = showStruct(builder, members, 16, [], [2, 0, 10, 0, 0, 1, 1, 0, 1, 0, 3, 0, 127, 0, 0, 1]);
  expect(shown.text).toBe('addr: {family: 2, ip: 10.0.0.1} word: 65537 half: 1 list: [{family: 3, ip: 127.0.0.1}]');
  expect(JSON.parse(shown.json)).toEqual({
    ...{ x: 0, addr: { family: 2, ip: '10.0.0.1' }, word: 65537, half: 1, list: [{ family: 3, ip: '127.0.0.1' }] },
  });
});

test('values: bit-fields of any place and width, signed, boolean, enum, tagged', () => {
  const builder = new BtfBuilder();
  const u32 = builder.int('unsigned int', 4);
  const s32 = builder.int('int', 4, 1);
  const u64 = builder.int('unsigned long long', 8);
  const color = builder.enumeration('color', { red: 1, green: 2 });
  const members: BtfMember[] = [
    { name: 'a', type: u32, offset: 0, bits: 3 },
    { name: 'b', type: s32, offset: 0, bit: 3, bits: 4 },
    { name: 'yes', type: builder.int('_Bool', 1, 4), offset: 0, bit: 7, bits: 1 },
    { name: 'color', type: color, offset: 1, bits: 2 },
    { name: 'hex', type: u32, offset: 1, bit: 2, bits: 9 },
    { name: 'wide', type: u64, offset: 2, bit: 3, bits: 50 },
    { name: 'plain', type: u32, offset: 12 },
  ];
  // bit by bit, the least significant first
  const values = [5n, -3n & 15n, 1n, 2n, 0x155n, 0x2_dead_beef_cafen];
  const widths = [3n, 4n, 1n, 2n, 9n, 50n];
  let all = 0n;
  let at = 0n;
  for (const [index, value] of values.entries()) {
    all |= value << at;
    at += widths[index] ?? 0n;
  }
  const shown = showStruct(
    builder,
    members,
    16,
    [{ tag: 'ipft:fmt:hex', index: 4 }],
    [...le(all, 8), ...le(all >> 64n, 4), ...le(7, 4)],
  );
  expect(shown.text).toBe(`a: 5 b: -3 yes: true color: green hex: 0x155 wide: ${0x2_dead_beef_cafen} plain: 7`);
});

test('values: enums without a tag, of 64 bits too; an enum cut short by the compiler gets a warning', () => {
  const shown = show((b) => {
    const signed = b.enumeration('state', { idle: 0, failed: -1 }, true);
    return [
      { name: 'failed', type: signed, bytes: le(-1, 4) },
      { name: 'other', type: signed, bytes: le(-2, 4) },
      { name: 'big', type: b.enumeration64('big', { one: 1n, huge: 2n ** 40n }), bytes: le(2n ** 40n, 8) },
      { name: 'small', type: b.enumeration('tiny', { t: 3 }, false, 1), bytes: [3] },
    ];
  });
  expect(shown.text).toBe('failed: failed other: -2 big: huge small: t');
  const builder = new BtfBuilder();
  const old = builder.enumeration('old', { zero: 0 }, false, 8);
  const warned = showStruct(builder, [{ name: 'v', type: old, offset: 0 }], 8, [], le(5, 8));
  expect(warned.text).toBe('v: 5');
  expect(warned.warnings[0]).toContain('enum old');
});

test('values: enumerators are compared by the bits that a member has, and those that need more are left out', () => {
  const shown = show((b) => {
    const u8 = b.int('unsigned char', 1);
    const s64 = b.int('long long', 8, 1);
    const u64 = b.int('unsigned long long', 8);
    b.variable('wide', b.enumeration('wide', { BIG: 0x100, BIG1: 0x101, ONE: 1, TWO: 2 }));
    b.variable('unsignedly', b.enumeration('unsignedly', { NEG: -1, POS: 5 })); // as clang 14 writes it
    b.variable('huge', b.enumeration64('huge', { HUGE: 2n ** 33n, SMALL: 3n }));
    const wide = 'ipft:fmt:enum:wide';
    return [
      { name: 'a', type: u8, bytes: [0], tag: wide },
      { name: 'b', type: u8, bytes: [1], tag: wide },
      { name: 'c', type: u8, bytes: [0], tag: 'ipft:fmt:enum_flags:wide' },
      { name: 'd', type: u8, bytes: [3], tag: 'ipft:fmt:enum_flags:wide' },
      { name: 'e', type: s64, bytes: le(-1, 8), tag: 'ipft:fmt:enum:unsignedly' },
      { name: 'f', type: u8, bytes: [255], tag: 'ipft:fmt:enum:unsignedly' },
      { name: 'g', type: u64, bytes: le(0xffffffffn, 8), tag: 'ipft:fmt:enum:unsignedly' },
      { name: 'h', type: b.int('unsigned int', 4), bytes: le(3, 4), tag: 'ipft:fmt:enum:huge' },
      { name: 'i', type: b.int('unsigned int', 4), bytes: le(0, 4), tag: 'ipft:fmt:enum:huge' },
    ];
  });
  expect(shown.text).toBe('a: 0 b: ONE c: <none> d: ONE|TWO e: NEG f: NEG g: NEG h: SMALL i: 0');
});

test('values: floats are the shortest text that gives the same bits; 128-bit integers are exact', () => {
  const f32 = (value: number) => [...new Uint8Array(Float32Array.of(value).buffer)];
  const f64 = (value: number) => [...new Uint8Array(Float64Array.of(value).buffer)];
  const shown = show((b) => [
    { name: 'a', type: b.float('float', 4), bytes: f32(0.1) },
    { name: 'b', type: b.float('double', 8), bytes: f64(0.1 + 0.2) },
    { name: 'c', type: b.float('double', 8), bytes: f64(Number.NaN) },
    { name: 'd', type: b.float('float', 4), bytes: f32(Number.NEGATIVE_INFINITY) },
    { name: 'e', type: b.float('double', 8), bytes: f64(-0) },
    { name: 'f', type: b.int('__int128', 16, 1), bytes: [...le(-2, 8), ...le(-1, 8)] },
  ]);
  expect(shown.text).toBe('a: 0.1 b: 0.30000000000000004 c: NaN d: -Infinity e: -0 f: -2');
  expect(shown.json).toBe('{"x":0,"a":0.1,"b":0.30000000000000004,"c":"NaN","d":"-Infinity","e":-0,"f":-2}');
});

test('values: addresses, network byte order, durations, symbols', () => {
  const v6 = (groups: number[]) => groups.flatMap((group) => [group >> 8, group & 255]);
  const shown = show((b) => {
    const u8 = b.int('unsigned char', 1);
    const u16 = b.int('unsigned short', 2);
    const u32 = b.int('unsigned int', 4);
    const u64 = b.int('unsigned long long', 8);
    const s64 = b.int('long long', 8, 1);
    const in6 = b.array(u8, 16);
    const ns = 'ipft:fmt:ns';
    const ipv6 = 'ipft:fmt:ipv6';
    return [
      { name: 'v4', type: u32, bytes: [10, 0, 0, 1], tag: 'ipft:fmt:ipv4' },
      { name: 'both', type: b.array(u32, 2), bytes: [1, 2, 3, 4, 5, 6, 7, 8], tag: 'ipft:fmt:ipv4' },
      { name: 'six', type: in6, bytes: v6([0xfe80, 0, 0, 0, 0, 0, 0, 1]), tag: ipv6 },
      { name: 'any', type: in6, bytes: v6([0, 0, 0, 0, 0, 0, 0, 0]), tag: ipv6 },
      { name: 'mid', type: b.array(u32, 4), bytes: v6([0x2001, 0xdb8, 0, 1, 0, 0, 0, 0]), tag: ipv6 },
      { name: 'one', type: in6, bytes: v6([1, 0, 3, 4, 5, 6, 7, 8]), tag: ipv6 },
      { name: 'mac', type: b.array(u8, 6), bytes: [2, 0x42, 0xac, 0, 1, 15], tag: 'ipft:fmt:mac' },
      { name: 'port', type: u16, bytes: [0x1f, 0x90], tag: 'ipft:fmt:be16' },
      { name: 'seq', type: u32, bytes: [0x80, 0, 0, 1], tag: 'ipft:fmt:be32' },
      { name: 'id', type: u64, bytes: [0xff, 0, 0, 0, 0, 0, 0, 1], tag: 'ipft:fmt:be64' },
      { name: 't0', type: u32, bytes: le(999, 4), tag: ns },
      { name: 't1', type: u64, bytes: le(1500, 8), tag: ns },
      { name: 't2', type: u64, bytes: le(2_000_001_000n, 8), tag: ns },
      { name: 't3', type: s64, bytes: le(-1_000_000n, 8), tag: ns },
      { name: 'at', type: b.pointer(0), bytes: le(0xffffffff81000010n, 8), tag: 'ipft:fmt:symbol' },
    ];
  });
  expect(shown.text).toBe(
    'v4: 10.0.0.1 both: [1.2.3.4, 5.6.7.8] six: fe80::1 any: :: mid: 2001:db8:0:1:: one: 1:0:3:4:5:6:7:8 mac: 02:42:ac:00:01:0f ' +
      'port: 8080 seq: 2147483649 id: 18374686479671623681 t0: 999ns t1: 1.5us t2: 2.000001s t3: -1ms at: symbol-ffffffff-81000010',
  );
  expect(shown.json).toContain(
    '"port":8080,"seq":2147483649,"id":18374686479671623681,"t0":999,"t1":1500,"t2":2000001000,"t3":-1000000',
  );
});

test('values: a member that lies past the end of its struct is refused', () => {
  for (const { length, offset } of [
    { length: 1, offset: 2 },
    { length: 1 << 20, offset: 0 },
  ]) {
    const builder = new BtfBuilder();
    const type = builder.array(builder.int('unsigned int', 4), length);
    builder.variable('__ipft_event_struct', builder.struct('event', 4, [{ name: 'm', type, offset }]));
    expect(() => parseEventStruct(parseBtf(builder.bytes()))).toThrow("ends past the struct's 4 bytes");
  }
});

test('values: forged BTF that nests a struct in itself is refused in no time', () => {
  const builder = new BtfBuilder();
  const self = 1;
  const names = Array.from({ length: 50 }, (_, index) => `m${index}`);
  builder.struct(
    'event',
    8,
    names.map((name) => ({ name, type: self, offset: 0 })),
  );
  builder.variable('__ipft_event_struct', self);
  expect(() => parseEventStruct(parseBtf(builder.bytes()))).toThrow('nested too deep');
});

test.each<[string, (b: BtfBuilder) => Member[]]>([
  ['unknown tag', (b) => [{ name: 'a', type: b.int('int', 4, 1), bytes: le(0, 4), tag: 'ipft:fmt:octal' }]],
  [
    "no variable 'nobody'",
    (b) => [{ name: 'a', type: b.int('int', 4, 1), bytes: le(0, 4), tag: 'ipft:fmt:enum:nobody' }],
  ],
  [
    'does not fit the type void *',
    (b) => {
      b.variable('colors', b.enumeration('color', { red: 1 }));
      return [{ name: 'a', type: b.pointer(0), bytes: le(0, 8), tag: 'ipft:fmt:enum:colors' }];
    },
  ],
  [
    'member a: the tag ipft:fmt:mac does not fit the type __u8[5]',
    (b) => [
      {
        name: 'a',
        type: b.array(b.typedef('__u8', b.int('unsigned char', 1)), 5),
        bytes: le(0, 5),
        tag: 'ipft:fmt:mac',
      },
    ],
  ],
  [
    "values of the type f[2][2] can't be shown",
    (b) => [{ name: 'a', type: b.array(b.array(b.type(12, 'f', b.type(13, '', 0)), 2), 2), bytes: le(0, 8) }],
  ],
  [
    'member a, typedef octal_t: unknown tag ipft:fmt:octal',
    (b) => {
      const typedef = b.typedef('octal_t', b.int('int', 4, 1));
      b.tag('ipft:fmt:octal', typedef, -1);
      return [{ name: 'a', type: b.constant(typedef), bytes: le(0, 4) }];
    },
  ],
  ['has no members', () => []],
  [
    'has 1032 bytes, and an event has room for 1024',
    (b) => {
      const type = b.int('unsigned long', 8);
      return Array.from({ length: 129 }, (_, index) => ({ name: `m${index}`, type, bytes: le(0, 8) }));
    },
  ],
  [
    'does not fit the type unsigned short',
    (b) => [{ name: 'a', type: b.int('unsigned short', 2), bytes: [0, 0], tag: 'ipft:fmt:be32' }],
  ],
  [
    'array without elements',
    (b) => [
      { name: 'n', type: b.int('int', 4, 1), bytes: le(0, 4) },
      { name: 'flexible', type: b.array(b.int('int', 4, 1), 0), bytes: [] },
    ],
  ],
])('parseEventStruct: an error says %s', (message, members) => {
  expect(() => show(members)).toThrow(ExtensionError);
  expect(() => show(members)).toThrow(message);
});

test('values: of clang 14 a wide signed value finds its negative enumerator, an unsigned one does not', () => {
  const shown = show((b) => {
    b.variable('colors', b.enumeration('color', { teal: -2147483648 }));
    const color = 'ipft:fmt:enum:colors';
    return [
      { name: 'signed', type: b.int('long', 8, 1), bytes: le(-(2 ** 31), 8), tag: color },
      { name: 'low', type: b.int('long', 8, 1), bytes: le(2 ** 31, 8), tag: color },
      { name: 'unsigned', type: b.int('unsigned long', 8), bytes: le(-(2 ** 31), 8), tag: color },
      { name: 'lower', type: b.int('unsigned long', 8), bytes: le(2 ** 31, 8), tag: color },
    ];
  });
  expect(shown.text).toBe('signed: teal low: teal unsigned: 18446744071562067968 lower: teal');
});

test('values: flags of the upper half, and numbers around 2^53', () => {
  const shown = show((b) => {
    b.variable('bits', b.enumeration64('bit', { low: 1n, high: 1n << 40n }));
    const u64 = b.int('unsigned long', 8);
    return [
      { name: 'flags', type: u64, bytes: le((1n << 40n) | 1n, 8), tag: 'ipft:fmt:enum_flags:bits' },
      { name: 'exact', type: u64, bytes: le(2n ** 53n - 1n, 8), tag: 'ipft:fmt:ns' },
      { name: 'beyond', type: u64, bytes: le(2n ** 53n + 1n, 8), tag: 'ipft:fmt:ns' },
    ];
  });
  expect(shown.text).toBe('flags: low|high exact: 9007199.254740991s beyond: 9007199254740993ns');
});

test('values: what has more bits than a double holds is a bigint', () => {
  const builder = new BtfBuilder();
  const u64 = builder.int('unsigned long long', 8);
  const members = [
    { name: 'number', type: u64, offset: 0, bits: 53 },
    { name: 'bigint', type: u64, offset: 8, bits: 54 },
  ];
  builder.variable('__ipft_event_struct', builder.struct('event', 16, members));
  const parsed = parseEventStruct(parseBtf(builder.bytes()));
  expect(parsed.types).toEqual({ number: 'number', bigint: 'bigint' });
});

test('values: a string has DEL escaped', () => {
  const shown = show((b) => [{ name: 's', type: b.array(b.int('char', 1, 1), 3), bytes: bytesOf('a\x7fb', 3) }]);
  expect(shown.text).toBe('s: a\\x7fb');
});

test('parseEventStruct: 1024 bytes are not too many', () => {
  const builder = new BtfBuilder();
  const len = { name: 'len', type: builder.int('int', 4, 1), offset: 0 };
  builder.variable('__ipft_event_struct', builder.struct('event', 1024, [len]));
  expect(parseEventStruct(parseBtf(builder.bytes())).sizeBytes).toBe(1024);
});

test.each<[string, (b: BtfBuilder) => void]>([
  [
    "it ends past the struct's 4 bytes",
    (b) => {
      const type = b.array(b.int('unsigned char', 1), 5);
      b.variable('__ipft_event_struct', b.struct('event', 4, [{ name: 'a', type, offset: 0 }]));
    },
  ],
  [
    'a bit-field has 64 bits at most',
    (b) => {
      const type = b.int('unsigned __int128', 16);
      b.variable('__ipft_event_struct', b.struct('event', 16, [{ name: 'a', type, offset: 0, bits: 65 }]));
    },
  ],
  [
    'the tag ipft:fmt:be16 does not fit the type unsigned short',
    (b) => {
      const type = b.int('unsigned short', 2);
      const struct = b.struct('event', 2, [{ name: 'a', type, offset: 0, bits: 16 }]);
      b.tag('ipft:fmt:be16', struct, 0);
      b.variable('__ipft_event_struct', struct);
    },
  ],
  [
    'an array without elements',
    (b) => {
      const type = b.array(b.int('char', 1, 1), 0);
      b.variable('__ipft_event_struct', b.struct('event', 4, [{ name: 'a', type, offset: 0 }]));
    },
  ],
  [
    'unknown tag ipft:fmt:hex:colors',
    (b) => {
      const struct = b.struct('event', 4, [{ name: 'a', type: b.int('int', 4, 1), offset: 0 }]);
      b.tag('ipft:fmt:hex:colors', struct, 0);
      b.variable('__ipft_event_struct', struct);
    },
  ],
  [
    'member a: there are two of that name',
    (b) => {
      const type = b.int('int', 4, 1);
      const inner = b.struct('', 4, [{ name: 'a', type, offset: 0 }]);
      const members = [
        { name: 'a', type, offset: 0 },
        { name: '', type: inner, offset: 4 },
      ];
      b.variable('__ipft_event_struct', b.struct('event', 8, members));
    },
  ],
  [
    'there are 2 variables __ipft_event_struct',
    (b) => {
      const struct = b.struct('event', 4, [{ name: 'a', type: b.int('int', 4, 1), offset: 0 }]);
      for (let times = 0; times < 2; times++) b.variable('__ipft_event_struct', struct);
    },
  ],
])('parseEventStruct: %s', (message, build) => {
  const builder = new BtfBuilder();
  build(builder);
  expect(() => parseEventStruct(parseBtf(builder.bytes()))).toThrow(message);
});

test("values: the tag of a typedef is each member's that has none of its own", () => {
  const builder = new BtfBuilder();
  const inner = builder.typedef('inner_t', builder.int('unsigned int', 4));
  const outer = builder.typedef('outer_t', builder.constant(inner));
  builder.tag('ipft:fmt:ipv4', inner, -1);
  const members = [
    { name: 'a', type: outer, offset: 0 },
    { name: 'b', type: builder.array(inner, 1), offset: 4 },
    { name: 'c', type: inner, offset: 8 },
  ];
  const tags = [{ tag: 'ipft:fmt:hex', index: 2 }];
  const shown = showStruct(builder, members, 12, tags, [10, 0, 0, 1, 10, 0, 0, 2, 16, 0, 0, 0]);
  expect(shown.text).toBe('a: 10.0.0.1 b: [10.0.0.2] c: 0x10');
  expect(shown.warnings).toEqual([]);
  const { fields } = parseEventStruct(parseBtf(builder.bytes()));
  expect(fields.map(({ format }) => format)).toEqual(['ipv4', 'ipv4', 'hex']);
});

test('parseEventStruct: a tag behind the struct itself, or behind its variable, gets a warning', () => {
  const builder = new BtfBuilder();
  const int = builder.int('unsigned int', 4);
  const inner = builder.struct('inner', 4, [{ name: 'b', type: int, offset: 0 }]);
  builder.tag('ipft:fmt:ipv4', inner, -1);
  const struct = builder.struct('event', 8, [
    { name: 'a', type: int, offset: 0 },
    { name: 'in', type: inner, offset: 4 },
  ]);
  builder.tag('ipft:fmt:hex', struct, -1);
  builder.tag('ipft:fmt:ns', builder.variable('__ipft_event_struct', struct), -1);
  expect(parseEventStruct(parseBtf(builder.bytes())).warnings).toEqual([
    'the tag ipft:fmt:ns stands behind the variable __ipft_event_struct and changes nothing: put it behind a member',
    'struct event: the tag ipft:fmt:hex stands behind the struct itself and changes nothing: put it behind a member',
    'struct event, member in: the tag ipft:fmt:ipv4 stands behind the struct itself and changes nothing: put it behind a member',
  ]);
});

/** An event struct with one member, an int. */
function parseMember(name: string) {
  const builder = new BtfBuilder();
  const struct = builder.struct('event', 4, [{ name, type: builder.int('int', 4, 1), offset: 0 }]);
  builder.variable('__ipft_event_struct', struct);
  return parseEventStruct(parseBtf(builder.bytes()));
}

test('checkJsonNames: a key of the JSON output is no name there, and one elsewhere', () => {
  const parsed = parseMember('type');
  expect(findJsonConflicts(parsed)).toEqual(['type']);
  expect(() => checkJsonNames(parsed)).toThrow("struct event, member type: 'type' is a key of the JSON output");
});

test('checkJsonNames: a field may be called ipft, unless an option fills that object', () => {
  const parsed = parseMember('ipft');
  checkJsonNames(parsed);
  expect(() => checkJsonNames(parsed, { hasFacts: true })).toThrow(
    "struct event, member ipft: 'ipft' is a key of the JSON output",
  );
});

test('values: numbers in network order have the sign of their member', () => {
  const shown = show((b) => [
    { name: 'a', type: b.int('short', 2, 1), bytes: [0xff, 0xfe], tag: 'ipft:fmt:be16' },
    { name: 'b', type: b.int('int', 4, 1), bytes: [0xff, 0xff, 0xff, 0xff], tag: 'ipft:fmt:be32' },
    { name: 'c', type: b.int('long', 8, 1), bytes: [0x80, 0, 0, 0, 0, 0, 0, 0], tag: 'ipft:fmt:be64' },
    { name: 'd', type: b.int('unsigned short', 2), bytes: [0xff, 0xfe], tag: 'ipft:fmt:be16' },
  ]);
  expect(shown.text).toBe(`a: -2 b: -1 c: ${-(2n ** 63n)} d: 65534`);
  expect(shown.json).toBe(`{"x":0,"a":-2,"b":-1,"c":${-(2n ** 63n)},"d":65534}`);
});

test('values: an IPv6 address that holds an IPv4 one by its prefix ends like that (RFC 5952)', () => {
  const words = (...groups: number[]) => groups.flatMap((group) => [group >> 8, group & 255]);
  const mapped = words(0, 0, 0, 0, 0, 0xffff, 0x0a00, 1);
  const addresses: [string, number[]][] = [
    ['::ffff:10.0.0.1', mapped],
    ['::ffff:0.0.0.0', words(0, 0, 0, 0, 0, 0xffff, 0, 0)],
    ['::ffff:0:192.0.2.1', words(0, 0, 0, 0, 0xffff, 0, 0xc000, 0x0201)],
    ['::1', words(0, 0, 0, 0, 0, 0, 0, 1)],
    ['::a00:1', words(0, 0, 0, 0, 0, 0, 0x0a00, 1)],
    ['::fffe:a00:1', words(0, 0, 0, 0, 0, 0xfffe, 0x0a00, 1)],
    ['::1:0:ffff:a00:1', words(0, 0, 0, 1, 0, 0xffff, 0x0a00, 1)],
    ['1::ffff:a00:1', words(1, 0, 0, 0, 0, 0xffff, 0x0a00, 1)],
  ];
  const shown = show((b) => [
    ...addresses.map(([, bytes], index) => ({
      ...{ name: `a${index}`, type: b.array(b.int('unsigned char', 1), 16), bytes, tag: 'ipft:fmt:ipv6' },
    })),
    { name: 'ip', type: b.array(b.int('unsigned char', 1), 16), bytes: mapped, tag: 'ipft:fmt:ip' },
    { name: 'six', type: b.array(b.int('unsigned char', 1), 16), bytes: addresses[2]![1], tag: 'ipft:fmt:ip' },
  ]);
  const all = [...addresses.map(([text], index) => `a${index}: ${text}`), 'ip: 10.0.0.1', 'six: ::ffff:0:192.0.2.1'];
  expect(shown.text).toBe(all.join(' '));
});

test('values: those of some fields are read, and a member may be called __proto__', () => {
  const builder = new BtfBuilder();
  const int = builder.int('unsigned int', 4);
  const wide = builder.int('unsigned long long', 8);
  const struct = builder.struct('event', 16, [
    { name: 'len', type: int, offset: 0 },
    { name: '__proto__', type: int, offset: 4 },
    { name: 'cookie', type: wide, offset: 8 },
  ]);
  builder.variable('__ipft_event_struct', struct);
  const parsed = parseEventStruct(parseBtf(builder.bytes()));
  const data = new DataView(Uint8Array.from([...le(84, 4), ...le(7, 4), ...le(2n ** 64n - 1n, 8)]).buffer);
  const read = parsed.createReader(() => {}, ['cookie', 'len']);
  expect(read(data, 0)).toEqual({ len: 84, cookie: 2n ** 64n - 1n });
  expect(Object.entries(parsed.createReader(() => {})(data, 0))).toContainEqual(['__proto__', 7]);
});
