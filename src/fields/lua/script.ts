/** A script in Lua, as ipftrace2 takes them, from its file to a set of fields. docs/extension.md tells the contract. */
import { IPFT_DATA_SIZE } from '../../abi/layout.js';
import { causedBy, ExtensionError } from '../../base/errors.js';
import type { ComputedField } from '../../base/field.js';
import { printable } from '../../base/printable.js';
import { type ModuleParts, parseModule } from '../c/extension.js';
import type { ComputedFields } from '../computed.js';
import { readExtensionFile } from '../extension-file.js';
import type { FieldSet } from '../field-set.js';
import { createLayout } from '../layout.js';
import type { ScriptPrinter } from '../printer.js';
import { LUA_TFUNCTION, LUA_TNIL, LuaEngine, LuaError, type LuaTableTaker } from './engine.js';

/** How long the chunk, `init` and `fini` may run each, in milliseconds. */
const LONGEST_RUN_MS = 10_000;
/** How long `decode` may take for one event. */
const LONGEST_DECODE_MS = 2_000;
/** The most fields that `decode` may return, and the most characters of their names and values. */
const MAX_FIELDS = 1024;
const MAX_CHARACTERS = 1 << 16;
const API_VERSION = 1n;
const NOBODY: ScriptPrinter = { out() {}, error() {} };

/**
 * Runs a script, and takes what it defines: `program`, `decode`, `init` and `fini`.
 * @param printer takes what it prints
 * @throws ExtensionError if it can't be read, fails, or lacks something
 */
export function loadScript(path: string, printer: ScriptPrinter = NOBODY): FieldSet {
  const source = readExtensionFile(path);
  const script = new LuaScript(path, source, printer);
  const sizeBytes = IPFT_DATA_SIZE;
  return {
    ...script.readProgram(),
    label: script.label,
    layout: createLayout({
      ...{ label: `what decode of ${printable(path)} gets`, sizeBytes, usesSymbols: false, warnings: [] },
      createFields: () => [],
    }),
    computed: script,
  };
}

class LuaScript implements ComputedFields {
  readonly label: string;
  readonly varies = true;
  readonly #path: string;
  readonly #engine: LuaEngine;
  readonly #fields = new FieldList();
  readonly cost: string | undefined;
  /** The function `decode`; undefined if there is none. */
  readonly #decode: number | undefined;
  readonly #limits: { readonly limitMs: number; readonly watched: boolean };
  readonly #data: { data: DataView; at: number; length: number };
  /** What ended it: it is not run any longer. */
  #failure: ExtensionError | undefined;

  /** Runs the chunk. @throws ExtensionError */
  constructor(path: string, source: Uint8Array, printer: ScriptPrinter) {
    this.label = `the extension ${printable(path)}`;
    this.#path = path;
    this.#limits = { limitMs: LONGEST_DECODE_MS, watched: LuaEngine.needsWatch(source) };
    this.#data = { data: new DataView(new ArrayBuffer(0)), at: 0, length: IPFT_DATA_SIZE };
    this.#engine = new LuaEngine(printer);
    this.#run('', () => this.#engine.run(withoutFirstComment(source), `@${path}`, LONGEST_RUN_MS));
    this.#checkVersion();
    const functions = ['init', 'fini', 'decode'].filter((name) => this.#has(name));
    this.#decode = functions.includes('decode') ? this.#engine.keep('decode') : undefined;
    this.cost = this.#decode === undefined ? undefined : describeCost(this.#limits.watched);
  }

  /** What is linked in. @throws ExtensionError */
  readProgram(): ModuleParts {
    const bytes = this.#engine.string('program');
    if (bytes === undefined) {
      const type = this.#engine.typeName('program');
      throw new ExtensionError(
        `${this.label}: program is ${type === 'nil' ? 'missing' : `a ${type}`}: it must be a string, the bytes of a BPF object`,
        'as in: program = io.open("gso.bpf.o", "rb"):read("a")',
      );
    }
    return parseModule({ path: `${this.#path}, program`, bytes, compiled: false });
  }

  #checkVersion(): void {
    const version = this.#engine.integer('api_version');
    if (version === API_VERSION) return;
    const type = this.#engine.typeName('api_version');
    const is = version === undefined ? (type === 'nil' ? 'missing' : `a ${type}`) : String(version);
    throw new ExtensionError(
      `${this.label}: api_version is ${is}, and must be the integer 1`,
      'define: api_version = 1',
    );
  }

  /** Whether there is a function of that name. @throws ExtensionError if it is something else */
  #has(name: string): boolean {
    const type = this.#engine.typeOf(name);
    if (type === LUA_TNIL || type === LUA_TFUNCTION) return type === LUA_TFUNCTION;
    throw new ExtensionError(`${this.label}: ${name} is a ${this.#engine.typeName(name)}, and must be a function`);
  }

  begin(): void {
    if (this.#has('init')) this.#run('init', () => this.#engine.callGlobal('init', LONGEST_RUN_MS));
  }

  compute(data: DataView, at: number): readonly ComputedField[] {
    const fields = this.#fields;
    fields.clear();
    if (this.#failure) throw this.#failure;
    if (this.#decode === undefined) return fields.list;
    const given = this.#data;
    given.data = data;
    given.at = at;
    try {
      this.#engine.callWithBytes(this.#decode, given, this.#limits, fields);
    } catch (error) {
      throw this.#explain('decode', error);
    }
    return fields.sorted();
  }

  end(): void {
    if (this.#failure) return;
    try {
      if (this.#has('fini')) this.#run('fini', () => this.#engine.callGlobal('fini', LONGEST_RUN_MS));
    } finally {
      this.#engine.close();
    }
  }

  #run(name: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      throw this.#explain(name, error);
    }
  }

  /** @param name of the function that failed; empty for the chunk */
  #explain(name: string, error: unknown): unknown {
    if (!(error instanceof LuaError)) return error;
    const message = printable(error.message.replace(LONE, shownByte), { multiline: true });
    // Lua's own message begins with a file and a line, mostly of the script.
    const problem = new ExtensionError(`${this.label}${name === '' ? '' : `, ${name}`}: ${message}`);
    this.#failure = causedBy(problem, error);
    this.#engine.close();
    return this.#failure;
  }
}

/** Roughly, since it is the script's own code: measured with examples/scripts/gso.lua. */
function describeCost(watched: boolean): string {
  const of = 'for each event that is shown, outside of the kernel';
  return watched
    ? `decode takes some 50 us ${of}: it is watched, since the script names a function of Lua's library that may run for long`
    : `decode takes some 10 us ${of}`;
}

/** The fields that `decode` returned. */
class FieldList implements LuaTableTaker {
  list: ComputedField[] = [];
  #characters = 0;

  clear(): void {
    this.list = [];
    this.#characters = 0;
  }

  /** In the order of their names, since a table of Lua's has none. */
  sorted(): readonly ComputedField[] {
    return this.list.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  string(key: string, value: string): void {
    this.#characters += value.length;
    const isSound = value.search(LONE) < 0;
    this.#add(
      key,
      isSound ? { value } : { value: value.replace(LONE, '\ufffd'), text: value.replace(LONE, shownByte) },
    );
  }

  integer(key: string, value: bigint): void {
    const number = Number(value);
    this.#add(key, { value: Number.isSafeInteger(number) ? number : value });
  }

  float(key: string, value: number, text: string): void {
    this.#add(key, { value, text });
  }

  refuseKey(type: string, shown: string): Error {
    return new LuaError(
      `the table that it returned has the key ${shown === '' ? `(a ${type})` : shown}, a ${type}: keys must be strings`,
    );
  }

  refuseValue(key: string, type: string): Error {
    return new LuaError(`the value of '${key}' is a ${type}: values must be strings or numbers`);
  }

  #add(key: string, field: Omit<ComputedField, 'name'>): void {
    if (this.list.length >= MAX_FIELDS) throw new LuaError(`it returned more than ${MAX_FIELDS} fields`);
    this.#characters += key.length;
    if (this.#characters > MAX_CHARACTERS)
      throw new LuaError(`its fields are longer than ${MAX_CHARACTERS} characters`);
    this.list.push({ name: key.replace(LONE, shownByte), ...field });
  }
}

/** Bytes that are no UTF-8, as byte-text.ts has them. */
const LONE = /[\udc80-\udcff]/gu;

function shownByte(half: string): string {
  return `\\x${(half.charCodeAt(0) - 0xdc00).toString(16)}`;
}

/** As Lua reads a file: a first line that begins with `#` is none of the script's. The lines keep their numbers. */
function withoutFirstComment(source: Uint8Array): Uint8Array {
  const hasMark = source[0] === 0xef && source[1] === 0xbb && source[2] === 0xbf;
  const begin = hasMark ? 3 : 0;
  if (source[begin] !== 0x23) return source.subarray(begin);
  const end = source.indexOf(0x0a, begin);
  return end < 0 ? new Uint8Array(0) : source.subarray(end);
}
