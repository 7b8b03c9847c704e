/**
 * What the Lua engine asks of the system: files, times, the environment. Its C library is built for WebAssembly, and calls
 * these functions by the names of `Imports`. Files are real ones, relative to the working directory; nothing is run, and no
 * read waits: stdin is empty, and a FIFO without a writer too.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { ScriptPrinter } from '../printer.js';
import { formatTime, readTime, writeTime } from './dates.js';
import { errnoOf } from './errno.js';
import type { WasmImports, WasmMemory, WasmTable } from './webassembly.js';

/** The most that the engine may allocate, in bytes. */
export const MAX_MEMORY_BYTES = 256 << 20;
const PAGE_BYTES = 1 << 16;
/** The memory grows by so much at least. */
const GROWTH_BYTES = 4 << 20;
/** More files than this a script has not open at a time. */
const MAX_FILES = 128;
const STDOUT = 1;
const STDERR = 2;
const FIRST_FILE = 3;
const AT_REMOVEDIR = 0x200;
const ACCESS_MODE = 3;
const TIMES = { localTime: true, gmTime: false } as const;

/** `os.exit` was called. */
export class LuaExit extends Error {}
/** The engine has given up: an error where it can't handle one, mostly for lack of memory. */
export class LuaAbort extends Error {}

/** Thrown for C's `longjmp`, which ends at the engine's `setjmp`, a call of `invoke_vii`. */
const LONGJMP = Symbol('longjmp');

/** What the functions need of the engine. */
export interface EngineExports {
  readonly memory: WasmMemory;
  readonly __indirect_function_table: WasmTable;
  stackSave(): number;
  stackRestore(pointer: number): void;
  setThrew(value: number, type: number): void;
}

interface OpenFile {
  readonly fd: number;
  /** Where the next byte is read or written; undefined for a file that has no positions. */
  position: number | undefined;
  readonly appends: boolean;
}

export class LuaSystem {
  readonly #printer: ScriptPrinter;
  readonly #files = new Map<number, OpenFile>();
  #engine: EngineExports | undefined;
  #memory = new DataView(new ArrayBuffer(0));
  #variables: readonly Buffer[] | undefined;

  constructor(printer: ScriptPrinter) {
    this.#printer = printer;
  }

  /** To be called before the engine runs. */
  set engine(engine: EngineExports) {
    this.#engine = engine;
  }

  /** The engine's memory as it is now: it moves when it grows. */
  get memory(): DataView {
    const { buffer } = this.#engine!.memory;
    if (this.#memory.buffer !== buffer) this.#memory = new DataView(buffer);
    return this.#memory;
  }

  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#engine!.memory.buffer, at, length);
  }

  /** Closes the files that the script has left open. */
  close(): void {
    for (const { fd } of this.#files.values()) closeSync(fd);
    this.#files.clear();
  }

  /** What WebAssembly is to be given. */
  get imports(): WasmImports {
    const call = (work: () => unknown): number => {
      try {
        const result = work();
        return typeof result === 'number' ? result : 0;
      } catch (error) {
        return -errnoOf((error as NodeJS.ErrnoException).code);
      }
    };
    const wasi = (work: () => void): number => -call(work);
    return {
      env: {
        abort() {
          throw new LuaAbort();
        },
        exit(status: number) {
          throw new LuaExit(String(status));
        },
        invoke_vii: (index: number, first: number, second: number) => this.#invoke(index, first, second),
        _emscripten_throw_longjmp() {
          throw LONGJMP;
        },
        emscripten_resize_heap: (bytes: number) => this.#grow(bytes >>> 0),
        system: () => 0,
        emscripten_date_now: () => Date.now(),
        _emscripten_get_now_is_monotonic: () => 1,
        _tzset_js() {},
        _localtime_js: (seconds: bigint, at: number) => writeTime(this.memory, at, Number(seconds), TIMES.localTime),
        _gmtime_js: (seconds: bigint, at: number) => writeTime(this.memory, at, Number(seconds), TIMES.gmTime),
        _mktime_js: (at: number) => BigInt(readTime(this.memory, at)),
        strftime: (into: number, room: number, format: number, time: number) =>
          this.#strftime(into, room, format, time),
        __syscall_openat: (_directory: number, path: number, flags: number, mode: number) =>
          call(() => this.#open(this.#path(path), flags, mode === 0 ? 0 : this.memory.getUint32(mode, true))),
        __syscall_unlinkat: (_directory: number, path: number, flags: number) =>
          call(() => (flags & AT_REMOVEDIR ? rmdirSync : unlinkSync)(this.#path(path))),
        __syscall_rmdir: (path: number) => call(() => rmdirSync(this.#path(path))),
        __syscall_renameat: (_from: number, path: number, _to: number, other: number) =>
          call(() => renameSync(this.#path(path), this.#path(other))),
        // Asked whether a name for a temporary file is free.
        __syscall_readlinkat: (_directory: number, path: number) => call(() => this.#exists(path)),
        __syscall_fcntl64: () => -errnoOf('ENOSYS'),
        __syscall_ioctl: () => -errnoOf('ENOTTY'),
        __syscall_dup3: () => -errnoOf('ENOSYS'),
      },
      wasi_snapshot_preview1: {
        fd_write: (fd: number, list: number, count: number, written: number) =>
          wasi(() =>
            this.memory.setUint32(
              written,
              this.#each(list, count, (bytes) => this.#write(fd, bytes)),
              true,
            ),
          ),
        fd_read: (fd: number, list: number, count: number, read: number) =>
          wasi(() =>
            this.memory.setUint32(
              read,
              this.#each(list, count, (bytes) => this.#read(fd, bytes)),
              true,
            ),
          ),
        fd_seek: (fd: number, offset: bigint, whence: number, position: number) =>
          wasi(() => this.memory.setBigUint64(position, BigInt(this.#seek(fd, Number(offset), whence)), true)),
        fd_close: (fd: number) => wasi(() => this.#close(fd)),
        environ_sizes_get: (count: number, size: number) =>
          wasi(() => {
            const variables = this.#environment();
            this.memory.setUint32(count, variables.length, true);
            this.memory.setUint32(
              size,
              variables.reduce((sum, { length }) => sum + length + 1, 0),
              true,
            );
          }),
        environ_get: (pointers: number, into: number) => wasi(() => this.#copyEnvironment(pointers, into)),
      },
    };
  }

  /** Calls a function of the engine's, where `longjmp` may end it: as Emscripten's own code does it. */
  #invoke(index: number, first: number, second: number): void {
    const engine = this.#engine!;
    const stack = engine.stackSave();
    try {
      (engine.__indirect_function_table.get(index) as (first: number, second: number) => void)(first, second);
    } catch (error) {
      engine.stackRestore(stack);
      if (error !== LONGJMP) throw error;
      engine.setThrew(1, 0);
    }
  }

  /** @returns 1 if there are so many bytes now */
  #grow(bytes: number): number {
    const { memory } = this.#engine!;
    const has = memory.buffer.byteLength;
    if (bytes > MAX_MEMORY_BYTES) return 0;
    const wanted = Math.min(MAX_MEMORY_BYTES, Math.max(bytes, has + GROWTH_BYTES));
    try {
      memory.grow(Math.ceil((wanted - has) / PAGE_BYTES));
      return 1;
    } catch {
      return 0;
    }
  }

  /** @returns the error of a name that is taken, by what is no link; that of one that is free is thrown */
  #exists(path: number): number {
    lstatSync(this.#path(path));
    return -errnoOf('EINVAL');
  }

  #path(at: number): Buffer {
    return Buffer.from(this.#string(at));
  }

  /** A string of C's. */
  #string(at: number): Uint8Array {
    const all = new Uint8Array(this.#engine!.memory.buffer);
    return all.subarray(at, all.indexOf(0, at));
  }

  #strftime(into: number, room: number, format: number, time: number): number {
    const text = Buffer.from(
      formatTime(this.memory, time, Buffer.from(this.#string(format)).toString('latin1')),
      'latin1',
    );
    if (text.length >= room) return 0;
    this.bytes(into, room).set(text);
    this.memory.setUint8(into + text.length, 0);
    return text.length;
  }

  #open(path: Buffer, flags: number, mode: number): number {
    if (this.#files.size >= MAX_FILES) return -errnoOf('EMFILE');
    // A FIFO would wait for its other side.
    const fd = openSync(path, flags | constants.O_NONBLOCK | constants.O_NOCTTY, mode);
    const stats = fstatSync(fd);
    if (stats.isDirectory() && (flags & ACCESS_MODE) !== constants.O_RDONLY) {
      closeSync(fd);
      return -errnoOf('EISDIR');
    }
    let number = FIRST_FILE;
    while (this.#files.has(number)) number++;
    const hasPosition = stats.isFile() || stats.isBlockDevice();
    this.#files.set(number, { fd, position: hasPosition ? 0 : undefined, appends: (flags & constants.O_APPEND) !== 0 });
    return number;
  }

  #file(fd: number): OpenFile {
    const file = this.#files.get(fd);
    if (!file) throw Object.assign(new Error(), { code: fd < FIRST_FILE ? 'ESPIPE' : 'EBADF' });
    return file;
  }

  #close(fd: number): void {
    const { fd: real } = this.#file(fd);
    this.#files.delete(fd);
    closeSync(real);
  }

  /** Hands the pieces of a `struct iovec` list to `work`, as long as it takes them whole. @returns the bytes that it took */
  #each(list: number, count: number, work: (bytes: Uint8Array) => number): number {
    let total = 0;
    for (let index = 0; index < count; index++) {
      const [at, length] = [
        this.memory.getUint32(list + index * 8, true),
        this.memory.getUint32(list + index * 8 + 4, true),
      ];
      const done = work(this.bytes(at, length));
      total += done;
      if (done < length) break;
    }
    return total;
  }

  #write(fd: number, bytes: Uint8Array): number {
    if (fd === STDOUT || fd === STDERR) {
      if (bytes.length > 0) this.#printer[fd === STDOUT ? 'out' : 'error'](bytes);
      return bytes.length;
    }
    const file = this.#file(fd);
    const written = writeSync(file.fd, bytes, 0, bytes.length, file.appends ? undefined : file.position);
    if (file.position !== undefined) file.position = file.appends ? fstatSync(file.fd).size : file.position + written;
    return written;
  }

  #read(fd: number, bytes: Uint8Array): number {
    if (fd < FIRST_FILE) return 0;
    const file = this.#file(fd);
    const read = readSync(file.fd, bytes, 0, bytes.length, file.position ?? null);
    if (file.position !== undefined) file.position += read;
    return read;
  }

  #seek(fd: number, offset: number, whence: number): number {
    const file = this.#file(fd);
    if (file.position === undefined) throw Object.assign(new Error(), { code: 'ESPIPE' });
    const from = [0, file.position, whence === 2 ? fstatSync(file.fd).size : 0][whence] ?? 0;
    if (from + offset < 0) throw Object.assign(new Error(), { code: 'EINVAL' });
    file.position = from + offset;
    return file.position;
  }

  #environment(): readonly Buffer[] {
    this.#variables ??= Object.entries(process.env).map(([name, value]) => Buffer.from(`${name}=${value}`));
    return this.#variables;
  }

  #copyEnvironment(pointers: number, into: number): void {
    let at = into;
    for (const [index, variable] of this.#environment().entries()) {
      this.memory.setUint32(pointers + index * 4, at, true);
      this.bytes(at, variable.length).set(variable);
      this.memory.setUint8(at + variable.length, 0);
      at += variable.length + 1;
    }
  }
}
