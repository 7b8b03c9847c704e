import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BtfBuilder } from '../../../tests/support/btf-builder.js';
import { buildElf } from '../../../tests/support/elf-builder.js';
import { ExtensionError } from '../../base/errors.js';
import { TextBuffer } from '../../base/text-buffer.js';
import { loadExtension } from '../extension.js';
import { combineFields, type FieldSet } from '../field-set.js';
import { loadScript } from './script.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-script-'));
  writeFileSync(join(dir, 'x.o'), program());
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** An object that has `module`, and no event struct. */
function program(): Uint8Array {
  const builder = new BtfBuilder();
  builder.int('unsigned int', 4);
  // Sections: none, .strtab, .symtab, .text.
  const symbols = [{ name: 'module', info: 0x12, section: 3 }];
  return buildElf({ sections: { '.text': new Uint8Array(8), '.BTF': builder.bytes() }, symbols });
}

/** The name of a file with such a script. */
function script(source: string): string {
  const path = join(dir, 'x.lua');
  writeFileSync(path, source);
  return path;
}

const HEAD = () => `api_version = 1 program = io.open(${JSON.stringify(join(dir, 'x.o'))}, "rb"):read("*all")\n`;
const load = (source: string) => loadScript(script(HEAD() + source));

const DATA = new DataView(new ArrayBuffer(128));
DATA.setUint32(32, 0xfffefdfc, true);
DATA.setUint8(95, 7);

function show(set: FieldSet, at = 32): { text: string; json: string } {
  const writer = combineFields([set]).createWriter(() => {});
  const out = new TextBuffer(64);
  writer.text(out, DATA, at);
  const text = out.takeText();
  writer.json(out, DATA, at);
  return { text, json: out.takeText() };
}

test('a script is a set of fields of 64 bytes, which its own program fills', () => {
  const set = load('function decode(data) return {} end');
  expect(set).toMatchObject({ part: 'module', dataBytes: 64, hasLicense: false });
  expect(set.label).toBe(`the extension ${join(dir, 'x.lua')}`);
  expect(set.layout).toMatchObject({ fields: [], sizeBytes: 64 });
  expect(set.objects).toHaveLength(1);
  expect(show(set)).toEqual({ text: '', json: '' });
  expect(show(load(''))).toEqual({ text: '', json: '' });
});

test('decode gets all bytes, and its fields are shown in the order of their names', () => {
  const set = load(`function decode(data)
    return { size = #data, last = data:byte(64), first = string.unpack("=I4", data), ["0"] = "zero" }
  end`);
  expect(show(set)).toEqual({
    text: ' 0: zero first: 4294901244 last: 7 size: 64',
    json: ',"0":"zero","first":4294901244,"last":7,"size":64',
  });
});

test('values are shown as Lua shows them, and typed in JSON', () => {
  const set = load(`function decode() return {
    a = 3.0, b = 1e100, c = 1/0, d = math.mininteger, e = "x\\0\\xff\\27\\u{e4}", f = -5, g = 2^53, ["\\xfe k"] = 1, i = 0.1
  } end`);
  expect(show(set)).toEqual({
    text: ' \\xfe k: 1 a: 3.0 b: 1e+100 c: inf d: -9223372036854775808 e: x\\x00\\xff\\x1bä f: -5 g: 9.007199254741e+15 i: 0.1',
    json:
      ',"\\\\xfe k":1,"a":3,"b":1e+100,"c":"inf","d":-9223372036854775808,"e":"x\\u0000\ufffd\\u001bä","f":-5' +
      ',"g":9007199254740992,"i":0.1',
  });
});

test('one state for the run: decode may count, init and fini are called once', () => {
  let said = '';
  const path = script(`${HEAD()}
    local n = 0
    print("chunk")
    function init() print("init") return 1, 2 end
    function decode() n = n + 1 print("decode") return { n = n } end
    function fini() io.write("fini ", n) end`);
  const set = loadScript(path, { out: (bytes) => (said += Buffer.from(bytes)), error() {} });
  set.computed!.begin!();
  expect(show(set)).toEqual({ text: ' n: 1', json: ',"n":2' });
  set.computed!.end!();
  expect(said).toBe('chunk\ninit\ndecode\ndecode\nfini 2');
});

test('a first line for the shell and a byte order mark are none of the script, and lines keep their numbers', () => {
  expect(show(loadScript(script(`#!/usr/bin/lua x = = 1\n${HEAD()}function decode() return { a = 1 } end`))).text).toBe(
    ' a: 1',
  );
  expect(show(loadScript(script(`\ufeff# x\n${HEAD()}`))).text).toBe('');
  expect(() => loadScript(script('#!lua\nerror("x")'))).toThrow('x.lua:2: x');
});

describe('what a script must have', () => {
  test.each([
    ['', 'api_version is missing, and must be the integer 1'],
    ['api_version = 2', 'api_version is 2, and must be the integer 1'],
    ['api_version = 1.0', 'api_version is a number, and must be the integer 1'],
    ['api_version = "1"', 'api_version is a string, and must be the integer 1'],
    ['api_version = 1', 'program is missing: it must be a string'],
    ['api_version = 1 program = 5', 'program is a number: it must be a string'],
    ['api_version = 1 program = {}', 'program is a table: it must be a string'],
    ['api_version = 1 function init() program = "x" end', 'program is missing'],
    ['api_version = 1 program = ""', 'x.lua, program is no sound BPF object'],
    ['api_version = 1 program = ("x"):rep(1 << 20)', 'x.lua, program is no sound BPF object'],
  ])('%j', (source, message) => {
    expect(() => loadScript(script(source))).toThrow(ExtensionError);
    expect(() => loadScript(script(source))).toThrow(message);
  });

  test.each([
    ['decode = 1', 'decode is a number, and must be a function'],
    ['init = {}', 'init is a table, and must be a function'],
    ['fini = "x"', 'fini is a string, and must be a function'],
  ])('%j', (source, message) => {
    expect(() => load(source)).toThrow(message);
  });

  test('a program with module', () => {
    const builder = new BtfBuilder();
    builder.int('unsigned int', 4);
    const symbols = [{ name: 'other', info: 0x12, section: 3 }];
    const bytes = buildElf({ sections: { '.text': new Uint8Array(8), '.BTF': builder.bytes() }, symbols });
    writeFileSync(join(dir, 'none.o'), bytes);
    const source = `api_version = 1 program = io.open(${JSON.stringify(join(dir, 'none.o'))}, "rb"):read("a")`;
    expect(() => loadScript(script(source))).toThrow('it defines no function module');
  });

  test('a file that can be read', async () => {
    expect(() => loadScript(join(dir, 'none.lua'))).toThrow('no such file');
    expect(() => loadScript(dir)).toThrow('it is no regular file');
    await expect(loadExtension({ kind: 'lua', paths: [join(dir, 'none.lua')] })).rejects.toThrow(ExtensionError);
  });
});

describe('what decode must return', () => {
  test.each([
    ['', 'decode: it returned a nil, and must return a table'],
    ['return 5', 'decode: it returned a number, and must return a table'],
    ['return { a = true }', "decode: the value of 'a' is a boolean: values must be strings or numbers"],
    ['return { a = {} }', "decode: the value of 'a' is a table"],
    ['return { a = print }', "decode: the value of 'a' is a function"],
    ['return { 1 }', 'decode: the table that it returned has the key 1, a number: keys must be strings'],
    ['return { [2.5] = 1 }', 'has the key 2.5, a number'],
    ['return { [true] = 1 }', 'has the key (a boolean), a boolean'],
    ['local t = {} for i = 1, 2000 do t["k" .. i] = i end return t', 'decode: it returned more than 1024 fields'],
    ['return { a = ("x"):rep(100000) }', 'decode: its fields are longer than 65536 characters'],
    ['return { a = data.b.c }', "x.lua:2: attempt to index a nil value (field 'b')"],
    ['error({})', 'decode: (error object is a table value)'],
    ['error("\\27[2J")', 'decode: '],
    ['os.exit()', 'decode: it called os.exit'],
    ['local s = "x" while true do s = s .. s end', 'decode: it needs more memory than it may have'],
  ])('%j', (body, message) => {
    const set = load(`function decode(data) ${body} end`);
    expect(() => show(set)).toThrow(ExtensionError);
    // It is not run again: what it has done is not known.
    expect(() => show(set)).toThrow(message);
    expect(() => show(set)).not.toThrow('\x1b');
    set.computed!.end!();
  });

  test('in time', () => {
    expect(() => show(load('function decode() while true do end end'))).toThrow(
      'x.lua:2: it has run for more than 2 seconds',
    );
    expect(() =>
      show(load('function decode(data) return { a = (data .. data):find(".-.-.-.-.-.-.-.-b") } end')),
    ).toThrow('it has run for more than 2 seconds, where no line of it ran');
  }, 30_000);
});

test('an error of init and of fini names it', () => {
  const set = load('function init()\nerror("a") end function fini() error("b") end');
  expect(() => set.computed!.begin!()).toThrow(/x\.lua, init: .*x\.lua:3: a$/);
  const other = load('function fini() error("b") end');
  expect(() => other.computed!.end!()).toThrow(/x\.lua, fini: .*x\.lua:2: b$/);
});
