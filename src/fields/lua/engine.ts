/**
 * Lua 5.4 in WebAssembly: one state, and the calls of its C API that a script needs. The engine is the one of the package wasmoon,
 * which `npm run build` puts into dist/lua/; what it asks of the system is in system.ts.
 */
import { readFileSync } from 'node:fs';
import { createContext, Script } from 'node:vm';
import { brotliDecompressSync } from 'node:zlib';
import { causedBy, IpftError } from '../../base/errors.js';
import { PACKAGE_ROOT } from '../../base/package-root.js';
import { decodeBytes } from '../../sys/byte-text.js';
import type { ScriptPrinter } from '../printer.js';
import { type EngineExports, LuaAbort, LuaExit, LuaSystem, MAX_MEMORY_BYTES } from './system.js';
import { Wasm, type WasmModule, type WasmTable } from './webassembly.js';

const ENGINE = new URL('dist/lua/lua.wasm.br', PACKAGE_ROOT);

/** Types of values: `lua.h`. */
export const LUA_TNIL = 0;
export const LUA_TNUMBER = 3;
export const LUA_TSTRING = 4;
export const LUA_TTABLE = 5;
export const LUA_TFUNCTION = 6;
const LUA_OK = 0;
const LUA_ERRMEM = 4;
const LUA_MASKCOUNT = 8;
/** `LUA_REGISTRYINDEX`: below all of the stack. */
const REGISTRY = -1_001_000;
/** `LUA_RIDX_GLOBALS` */
const GLOBALS = 2n;
/** The instructions between two looks at the clock: some 10 ms. */
const HOOK_INSTRUCTIONS = 1_000_000;
/** The memory for strings that are handed over, in bytes. */
const SCRATCH_BYTES = 1 << 12;

/** The functions of the engine that are called here. Pointers are numbers; `L` is the state. */
interface Exports extends EngineExports {
  __wasm_call_ctors(): void;
  malloc(bytes: number): number;
  free(pointer: number): void;
  fflush(file: number): number;
  luaL_newstate(): number;
  luaL_openlibs(L: number): void;
  luaL_loadbufferx(L: number, buffer: number, length: number, name: number, mode: number): number;
  luaL_ref(L: number, table: number): number;
  luaL_where(L: number, level: number): void;
  lua_atpanic(L: number, panic: number): number;
  lua_pcallk(L: number, args: number, results: number, handler: number, context: number, k: number): number;
  lua_settop(L: number, index: number): void;
  lua_gettop(L: number): number;
  lua_type(L: number, index: number): number;
  lua_typename(L: number, type: number): number;
  lua_rawget(L: number, table: number): number;
  lua_rawgeti(L: number, table: number, n: bigint): number;
  lua_pushlstring(L: number, string: number, length: number): number;
  lua_pushvalue(L: number, index: number): void;
  lua_pushnil(L: number): void;
  lua_copy(L: number, from: number, to: number): void;
  lua_next(L: number, table: number): number;
  lua_isinteger(L: number, index: number): number;
  lua_tointegerx(L: number, index: number, isNumber: number): bigint;
  lua_tonumberx(L: number, index: number, isNumber: number): number;
  lua_tolstring(L: number, index: number, length: number): number;
  lua_sethook(L: number, hook: number, mask: number, count: number): void;
}

/** What a script did wrong. The message is Lua's, mostly with file and line; it may hold any characters. */
export class LuaError extends Error {}

/** The names of a script's words that a call by itself can take for ever: no hook ends the functions of Lua's library. */
const UNBOUNDED = /\b(find|g?match|gsub|rep|move|insert|remove|__gc|__len|sethook|require|load\w*|dofile)\b/;

export class LuaEngine {
  readonly #system: LuaSystem;
  readonly #exports: Exports;
  readonly #L: number;
  readonly #scratch: number;
  readonly #hook: number;
  readonly #guard = createContext({ work: undefined as (() => unknown) | undefined });
  readonly #guarded = new Script('work()');
  /** When the clock was looked at first during the call that runs; 0 if it was not. */
  #since = 0;
  #limitMs = 0;

  constructor(printer: ScriptPrinter) {
    this.#system = new LuaSystem(printer);
    this.#exports = new Wasm.Instance(loadModule(), this.#system.imports).exports as unknown as Exports;
    const lua = this.#exports;
    this.#system.engine = lua;
    lua.__wasm_call_ctors();
    this.#L = lua.luaL_newstate();
    // What it would do is to print a sentence to stderr.
    lua.lua_atpanic(this.#L, 0);
    lua.luaL_openlibs(this.#L);
    this.#scratch = lua.malloc(SCRATCH_BYTES);
    this.#hook = addFunction(lua.__indirect_function_table, (L) => this.#look(L));
    this.run(Buffer.from(REMOVALS), '=ipft', 1000);
  }

  /** Whether a call of what the source defines has to be watched all the time, which takes some 50 us. */
  static needsWatch(source: Uint8Array): boolean {
    return UNBOUNDED.test(Buffer.from(source.buffer, source.byteOffset, source.length).toString('latin1'));
  }

  /** Runs a chunk. @param name as Lua has it: `@` before the name of a file @throws LuaError */
  run(source: Uint8Array, name: string, limitMs: number): void {
    const lua = this.#exports;
    this.#guardedCall(limitMs, () => {
      const [chunk, chunkName] = [this.#allocate(source), this.#allocate(Buffer.from(`${name}\0t\0`))];
      const mode = chunkName + Buffer.byteLength(name) + 1;
      const status = lua.luaL_loadbufferx(this.#L, chunk, source.length, chunkName, mode);
      lua.free(chunk);
      lua.free(chunkName);
      if (status !== LUA_OK) throw this.#takeError(status);
      this.#call(0, 0, limitMs);
    });
  }

  /** The type of a global. */
  typeOf(name: string): number {
    return this.#withGlobal(name, (type) => type);
  }

  /** The name of a global's type. */
  typeName(name: string): string {
    return this.#withGlobal(name, (type) => this.#nameOfType(type));
  }

  /** The value of a global integer; undefined for anything else. */
  integer(name: string): bigint | undefined {
    const lua = this.#exports;
    return this.#withGlobal(name, () =>
      lua.lua_isinteger(this.#L, -1) ? lua.lua_tointegerx(this.#L, -1, 0) : undefined,
    );
  }

  /** A copy of a global string; undefined for anything else. */
  string(name: string): Uint8Array | undefined {
    return this.#withGlobal(name, (type) => (type === LUA_TSTRING ? Uint8Array.from(this.#stringAt(-1)) : undefined));
  }

  /** Calls a global function, without arguments; its results are not looked at. @throws LuaError */
  callGlobal(name: string, limitMs: number): void {
    this.#guardedCall(limitMs, () => {
      this.#pushGlobal(name);
      this.#call(0, 0, limitMs);
    });
  }

  /** Keeps a global function. @returns its number for `callWithBytes` */
  keep(name: string): number {
    this.#pushGlobal(name);
    return this.#exports.luaL_ref(this.#L, REGISTRY);
  }

  /**
   * Calls a function with a string, and hands its first result to `take`, which is a table.
   * @param kept a number of `keep`
   * @param length at most some thousand bytes
   * @param watched whether the call is ended wherever it is: see `needsWatch`
   * @throws LuaError if the call fails, or the result is no table
   */
  callWithBytes(
    kept: number,
    { data, at, length }: { readonly data: DataView; readonly at: number; readonly length: number },
    { limitMs, watched }: { readonly limitMs: number; readonly watched: boolean },
    taker: LuaTableTaker,
  ): void {
    const work = () => this.#callWithBytes(kept, data, at, length, limitMs, taker);
    if (watched) this.#guardedCall(limitMs, work);
    else this.#explained(limitMs, work);
  }

  #callWithBytes(
    kept: number,
    data: DataView,
    at: number,
    length: number,
    limitMs: number,
    taker: LuaTableTaker,
  ): void {
    const lua = this.#exports;
    const L = this.#L;
    lua.lua_rawgeti(L, REGISTRY, BigInt(kept));
    const { memory } = this.#system;
    for (let i = 0; i < length; i++) memory.setUint8(this.#scratch + i, data.getUint8(at + i));
    lua.lua_pushlstring(L, this.#scratch, length);
    this.#call(1, 1, limitMs);
    const type = lua.lua_type(L, -1);
    if (type !== LUA_TTABLE) throw new LuaError(`it returned a ${this.#nameOfType(type)}, and must return a table`);
    lua.lua_pushnil(L);
    while (lua.lua_next(L, -2) !== 0) {
      this.#hand(taker);
      lua.lua_settop(L, -2);
    }
    lua.lua_settop(L, 0);
  }

  /** Hands a key and its value, which are on the stack, to a taker. */
  #hand(taker: LuaTableTaker): void {
    const lua = this.#exports;
    const L = this.#L;
    const keyType = lua.lua_type(L, -2);
    // Made a string, a number would be another key for `lua_next`.
    if (keyType !== LUA_TSTRING) throw taker.refuseKey(this.#nameOfType(keyType), this.#shownKey(keyType));
    const key = this.#textAt(-2);
    const type = lua.lua_type(L, -1);
    if (type === LUA_TSTRING) taker.string(key, this.#textAt(-1));
    else if (type !== LUA_TNUMBER) throw taker.refuseValue(key, this.#nameOfType(type));
    else if (lua.lua_isinteger(L, -1)) taker.integer(key, lua.lua_tointegerx(L, -1, 0));
    else {
      const value = lua.lua_tonumberx(L, -1, 0);
      lua.lua_pushvalue(L, -1);
      taker.float(key, value, this.#textAt(-1));
      lua.lua_settop(L, -2);
    }
  }

  /** A key that is no string, for messages. */
  #shownKey(type: number): string {
    const lua = this.#exports;
    if (type !== LUA_TNUMBER) return '';
    lua.lua_pushvalue(this.#L, -2);
    const text = this.#textAt(-1);
    lua.lua_settop(this.#L, -2);
    return text;
  }

  /** Closes files, whose last bytes are written. No more calls may follow. */
  close(): void {
    try {
      this.#exports.fflush(0);
    } catch {
      // After an error that the engine could not handle.
    }
    this.#system.close();
  }

  /** Calls what is on the stack. @throws LuaError */
  #call(args: number, results: number, limitMs: number): void {
    const lua = this.#exports;
    this.#since = 0;
    this.#limitMs = limitMs;
    // Each time, since a script may set another one.
    lua.lua_sethook(this.#L, this.#hook, LUA_MASKCOUNT, HOOK_INSTRUCTIONS);
    const status = lua.lua_pcallk(this.#L, args, results, 0, 0, 0);
    if (status !== LUA_OK) throw this.#takeError(status);
  }

  /** The engine's hook: ends what runs too long. No `pcall` of the script's takes the exception for an error of its own. */
  #look(L: number): void {
    const now = performance.now();
    if (this.#since === 0) this.#since = now;
    else if (now - this.#since > this.#limitMs) {
      // Of the coroutine that runs.
      this.#exports.luaL_where(L, 0);
      throw new LuaError(`${this.#textAt(-1, L)}${tooLong(this.#limitMs)}`);
    }
  }

  /** As `#explained`, and ends what takes longer than that wherever it is. */
  #guardedCall<T>(limitMs: number, work: () => T): T {
    return this.#explained(limitMs, () => {
      this.#guard['work'] = work;
      // Later than the hook, which says where it was.
      return this.#guarded.runInContext(this.#guard, { timeout: limitMs + 1000 }) as T;
    });
  }

  /** Makes an error of the script's of what the engine could not handle. */
  #explained<T>(limitMs: number, work: () => T): T {
    try {
      const result = work();
      this.#exports.fflush(0);
      return result;
    } catch (error) {
      if (error instanceof LuaError) {
        this.#flush();
        throw error;
      }
      if (error instanceof LuaExit) throw causedBy(new LuaError('it called os.exit: a trace ends by itself'), error);
      if ((error as { readonly code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
        throw causedBy(
          new LuaError(`${tooLong(limitMs)}, where no line of it ran: in a function of Lua's library, or a finalizer`),
          error,
        );
      }
      if (error instanceof LuaAbort) throw causedBy(new LuaError(OUT_OF_MEMORY), error);
      // Its stack was too small, or it was broken by what a script may do to it.
      if (error instanceof RangeError || error instanceof Wasm.RuntimeError) {
        throw causedBy(new LuaError(`the Lua engine has failed: ${error.message}`), error);
      }
      throw error;
    }
  }

  #flush(): void {
    try {
      this.#exports.fflush(0);
    } catch {
      // What it holds is lost with it.
    }
  }

  #takeError(status: number): LuaError {
    const lua = this.#exports;
    const type = lua.lua_type(this.#L, -1);
    const isText = type === LUA_TSTRING || type === LUA_TNUMBER;
    const message = isText ? this.#textAt(-1) : `(error object is a ${this.#nameOfType(type)} value)`;
    lua.lua_settop(this.#L, 0);
    return new LuaError(status === LUA_ERRMEM ? OUT_OF_MEMORY : message);
  }

  #withGlobal<T>(name: string, work: (type: number) => T): T {
    const type = this.#pushGlobal(name);
    const result = work(type);
    this.#exports.lua_settop(this.#L, -2);
    return result;
  }

  #pushGlobal(name: string): number {
    const lua = this.#exports;
    const bytes = Buffer.from(name);
    const pointer = this.#allocate(bytes);
    // Not by metamethods, which a script may have given the table of globals, as to refuse names that are not there.
    lua.lua_rawgeti(this.#L, REGISTRY, GLOBALS);
    lua.lua_pushlstring(this.#L, pointer, bytes.length);
    lua.free(pointer);
    const type = lua.lua_rawget(this.#L, -2);
    lua.lua_copy(this.#L, -1, -2);
    lua.lua_settop(this.#L, -2);
    return type;
  }

  #nameOfType(type: number): string {
    const at = this.#exports.lua_typename(this.#L, type);
    let text = '';
    for (let i = at; this.#system.memory.getUint8(i) !== 0; i++)
      text += String.fromCharCode(this.#system.memory.getUint8(i));
    return text;
  }

  /** The bytes of a string, or of a number, which becomes one; lent. */
  #stringAt(index: number, L = this.#L): Uint8Array {
    const at = this.#exports.lua_tolstring(L, index, this.#scratch);
    return this.#system.bytes(at, this.#system.memory.getUint32(this.#scratch, true));
  }

  /** The same as text: bytes that are no UTF-8 are halves of characters (byte-text.ts). */
  #textAt(index: number, L = this.#L): string {
    const bytes = this.#stringAt(index, L);
    if (bytes.length > SHORT_BYTES) return decodeBytes(bytes);
    let text = '';
    for (const byte of bytes) {
      if (byte >= 0x80) return decodeBytes(bytes);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Copies bytes to the engine's memory, which is to be freed. */
  #allocate(bytes: Uint8Array): number {
    const pointer = this.#exports.malloc(Math.max(1, bytes.length));
    if (pointer === 0) throw new LuaAbort();
    this.#system.bytes(pointer, bytes.length).set(bytes);
    return pointer;
  }
}

/** Takes the members of a table. Texts may hold any characters, and bytes that are no UTF-8 as byte-text.ts has them. */
export interface LuaTableTaker {
  string(key: string, value: string): void;
  integer(key: string, value: bigint): void;
  /** @param text as Lua shows it */
  float(key: string, value: number, text: string): void;
  /** The error for a key that is no string. @param shown the key if it is a number; otherwise empty */
  refuseKey(type: string, shown: string): Error;
  /** The error for a value that is neither a string nor a number. */
  refuseValue(key: string, type: string): Error;
}

/** Longer strings are decoded by the system. */
const SHORT_BYTES = 32;
const OUT_OF_MEMORY = `it needs more memory than it may have (${MAX_MEMORY_BYTES >> 20}M)`;

function tooLong(limitMs: number): string {
  return `it has run for more than ${limitMs / 1000} seconds`;
}

/**
 * What a script has not: programs, and native code, which there is none for this engine.
 */
const REMOVALS = `
os.execute, io.popen, package.loadlib = nil, nil, nil
package.cpath = ''
package.searchers[4], package.searchers[3] = nil, nil
`;

/** @throws IpftError `NOT_BUILT` */
function loadModule(): WasmModule {
  try {
    return new Wasm.Module(brotliDecompressSync(readFileSync(ENGINE)));
  } catch (error) {
    throw causedBy(
      new IpftError(
        'NOT_BUILT',
        `reading the Lua engine: ${(error as Error).message}`,
        'the package is incomplete: install it again (in a clone, npm run build makes it)',
      ),
      error,
    );
  }
}

/**
 * A module that has an imported function of two pointers in its exports: in the engine's table of functions only such a
 * one can stand.
 */
const BRIDGE = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  // The type (i32, i32) -> ().
  ...[1, 6, 1, 0x60, 2, 0x7f, 0x7f, 0],
  // The import a.b, and the export b.
  ...[2, 7, 1, 1, 0x61, 1, 0x62, 0, 0],
  ...[7, 5, 1, 1, 0x62, 0, 0],
);

/** @returns the function's pointer */
function addFunction(table: WasmTable, work: (L: number, event: number) => void): number {
  const { exports } = new Wasm.Instance(new Wasm.Module(BRIDGE), { a: { b: work } });
  return table.grow(1, exports['b']);
}
