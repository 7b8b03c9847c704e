import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LUA_TNIL, LUA_TTABLE, LuaEngine, LuaError } from './engine.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-lua-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What a chunk prints to stdout and to stderr. */
function run(source: string | Uint8Array, limitMs = 20_000): { out: string; error: string } {
  const said = { out: '', error: '' };
  const engine = new LuaEngine({
    out: (bytes) => (said.out += Buffer.from(bytes).toString('latin1')),
    error: (bytes) => (said.error += Buffer.from(bytes).toString('latin1')),
  });
  try {
    engine.run(Buffer.from(source), '@x.lua', limitMs);
  } finally {
    engine.close();
  }
  return said;
}

/** What Lua's `print` shows of expressions. */
const shown = (expressions: string) => run(`print(${expressions})`).out.trimEnd();

test('is Lua 5.4: integers of 64 bits and their operators, bytes in strings', () => {
  expect(shown('_VERSION')).toBe('Lua 5.4');
  expect(shown('1 << 62, 0xffffffffffffffff, 7 // 2, math.maxinteger, ~0 >> 60')).toBe(
    '4611686018427387904\t-1\t3\t9223372036854775807\t15',
  );
  expect(shown('3.0, 1e100, 1/0, -1/0')).toBe('3.0\t1e+100\tinf\t-inf');
  expect(shown('string.unpack("=I4I2I2I4", "\\1\\0\\0\\0\\2\\0\\3\\0\\xff\\xff\\xff\\xff")')).toBe(
    '1\t2\t3\t4294967295\t13',
  );
  expect(shown('#"a\\0b\\xff", ("a\\0b"):byte(1, -1)')).toBe('4\t97\t0\t98');
});

test('has the standard library without programs and native code', () => {
  const there = 'coroutine, debug, io, math, os, package, require, string, table, utf8';
  expect(
    shown(there)
      .split('\t')
      .every((word) => /^(table|function): /.test(word)),
  ).toBe(true);
  expect(shown('os.execute, io.popen, package.loadlib, package.cpath == "", #package.searchers')).toBe(
    'nil\tnil\tnil\ttrue\t2',
  );
});

test('reads and writes real files, relative to the working directory, any bytes in them', () => {
  const path = join(dir, 'file');
  const name = JSON.stringify(path);
  run(`local f = assert(io.open(${name}, "w")) f:write("a\\0b\\xff\\n", 12, "\\n") f:close()`);
  expect(readFileSync(path)).toEqual(Buffer.from('a\0b\xff\n12\n', 'latin1'));
  run(`local f = io.open(${name}, "a") f:write("more") f:close()`);
  expect(
    run(`local f = io.open(${name}, "rb") io.write(#f:read("*all"), " ", f:seek("set", 5), " ", f:read("n"))`).out,
  ).toBe('12 5 12');
  expect(run(`for line in io.lines(${name}) do print(#line) end`).out).toBe('4\n2\n4\n');
  // What a script leaves open is written when it ends.
  run(`f = io.open(${name}, "r+") f:seek("end") f:write("!")`);
  expect(readFileSync(path, 'latin1')).toMatch(/more!$/);
  expect(run('print(io.open("package.json"):read("l"))').out).toBe('{\n');
  const other = join(dir, 'other');
  expect(shown(`os.rename(${name}, ${JSON.stringify(other)}), os.remove(${JSON.stringify(other)})`)).toBe('true\ttrue');
  expect(existsSync(other)).toBe(false);
  expect(shown('io.open("/no/such")').split('\t')[1]).toBe('/no/such: No such file or directory');
  expect(shown(`io.open(${JSON.stringify(dir)}, "w")`).split('\t')[1]).toBe(`${dir}: Is a directory`);
  expect(shown('os.tmpname()')).toMatch(/^\/tmp\//);
  expect(run('local f = io.tmpfile() f:write("abc") print(f:seek("end"))').out).toBe('3\n');
});

test('loads other scripts, by require and by dofile', () => {
  writeFileSync(join(dir, 'helper.lua'), 'return { twice = function(n) return 2 * n end }');
  expect(run(`package.path = ${JSON.stringify(`${dir}/?.lua`)} print(require("helper").twice(21))`).out).toBe('42\n');
  expect(run(`print(dofile(${JSON.stringify(`${dir}/helper.lua`)}).twice(4))`).out).toBe('8\n');
});

test('waits for nobody: stdin is empty, and so is a FIFO without a writer', () => {
  expect(shown('io.read("a"), io.read("l")')).toBe('\tnil');
  const fifo = join(dir, 'fifo');
  spawnSync('mkfifo', [fifo]);
  expect(shown(`#io.open(${JSON.stringify(fifo)}):read("a")`)).toBe('0');
});

test('tells dates, times and variables', () => {
  expect(shown('os.date("!%Y-%m-%d %H:%M:%S %a %A %b %j %U %V %G %u %p %I %y %%", 86400 * 365)')).toBe(
    '1971-01-01 00:00:00 Fri Friday Jan 001 00 53 1970 5 AM 12 71 %',
  );
  expect(shown('os.time { year = 2020, month = 1, day = 1, hour = 12 }')).toBe(
    String(new Date(2020, 0, 1, 12).getTime() / 1000),
  );
  expect(shown('os.date("*t", 0).year, os.getenv("PATH"), os.getenv("NO_SUCH_VARIABLE")')).toBe(
    `${new Date(0).getFullYear()}\t${process.env['PATH']}\tnil`,
  );
});

test('prints to stdout and stderr, and all that was printed before an error', () => {
  expect(run('io.write("no newline") io.stderr:write("problem\\n") print(1)')).toEqual({
    out: 'no newline1\n',
    error: 'problem\n',
  });
  let out = '';
  const engine = new LuaEngine({ out: (bytes) => (out += Buffer.from(bytes)), error() {} });
  expect(() => engine.run(Buffer.from('io.write("before") error("x")'), '@x.lua', 1000)).toThrow('x.lua:1: x');
  expect(out).toBe('before');
});

test.each([
  ['error("boom")', 'x.lua:1: boom'],
  ['x = = 1', "x.lua:1: unexpected symbol near '='"],
  ['\nlocal a\na.b = 1', "x.lua:3: attempt to index a nil value (local 'a')"],
  ['error({})', '(error object is a table value)'],
  ['error()', '(error object is a nil value)'],
  ['os.exit(3)', 'it called os.exit'],
  ['local function f() return f() + 1 end f()', 'stack overflow'],
  ['\x1bLua', 'attempt to load a binary chunk'],
  ['local s = "x" while true do s = s .. s end', 'it needs more memory than it may have (256M)'],
  ['string.rep("x", 1 << 40)', 'resulting string too large'],
  ['string.rep("x", 1 << 30)', 'it needs more memory than it may have (256M)'],
])('an error: %j', (source, message) => {
  expect(() => run(source)).toThrow(LuaError);
  expect(() => run(source)).toThrow(message);
});

describe('what does not end is ended', () => {
  test.each([
    ['while true do end', 'x.lua:1: it has run for more than 0.05 seconds'],
    ['while true do pcall(function() while true do end end) end', 'x.lua:1: it has run for more'],
    ['\ncoroutine.wrap(function()\nwhile true do end end)()', 'x.lua:3: it has run for more'],
    ['for i = 1, math.huge do end', 'x.lua:1: it has run for more'],
  ])('%j, where it is', (source, message) => {
    expect(() => run(source, 50)).toThrow(message);
  });

  test.each([
    '(("a"):rep(5000)):find(".-.-.-.-.-b")',
    'debug.sethook() while true do end',
    'setmetatable({}, { __gc = function() while true do end end }) collectgarbage()',
    'string.rep("", 1 << 50)',
  ])('%j, where no line of it runs', (source) => {
    expect(() => run(source, 50)).toThrow('it has run for more than 0.05 seconds, where no line of it ran');
  });
});

test('memory without end in small pieces, kept by a pcall: the script goes on', () => {
  const source =
    'local t = {} print(pcall(function() while true do t[#t + 1] = ("x"):rep(100000) .. #t end end)) t = nil';
  expect(run(source).out).toBe('false\tnot enough memory\n');
});

test('globals are read without metamethods', () => {
  const engine = new LuaEngine({ out() {}, error() {} });
  const strict = 'a, b, c = 1, 1.0, {} setmetatable(_G, { __index = function(_, name) error("no " .. name) end })';
  engine.run(Buffer.from(strict), '@x.lua', 1000);
  expect([engine.typeOf('init'), engine.typeOf('c')]).toEqual([LUA_TNIL, LUA_TTABLE]);
  expect([engine.integer('a'), engine.integer('b'), engine.integer('c')]).toEqual([1n, undefined, undefined]);
});

test('needsWatch: only what may call functions of the library that take as long as they like', () => {
  const needs = (source: string) => LuaEngine.needsWatch(Buffer.from(source));
  expect(needs('local len, size = string.unpack("=I4I2", data) return { size = ("%d"):format(size) }')).toBe(false);
  for (const source of [
    's:find("x")',
    'string.gsub(a, b, c)',
    's:gmatch("x")',
    'require "other"',
    'load(s)',
    's:rep(4)',
  ])
    expect(needs(source), source).toBe(true);
});
