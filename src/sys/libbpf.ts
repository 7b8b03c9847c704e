/**
 * libbpf through koffi: static linking, CO-RE and loading are its job. Attaching is ours (`bpf.ts`).
 * Source: `bpf/libbpf.h`, version 1.0 and later.
 */
import { readFileSync, writeSync } from 'node:fs';
import koffi, { type KoffiFunc, type LibraryHandle } from 'koffi';
import { causedBy, EnvironmentError, SystemCallError } from '../base/errors.js';
import type { NamedObject } from '../base/named-object.js';
import { type ProgramImage, readFunctions } from './bpf.js';
import { EAGAIN, EINTR, errnoName } from './errno.js';
import { createMemoryFile, descriptorPath, formatVaList, withoutSignals } from './libc.js';
import { callInThread } from './thread.js';

type Pointer = unknown;

interface Functions {
  linkerNew: KoffiFunc<(file: string, options: null) => Pointer>;
  linkerAddFile: KoffiFunc<(linker: Pointer, file: string, options: null) => number>;
  linkerFinalize: KoffiFunc<(linker: Pointer) => number>;
  linkerFree: KoffiFunc<(linker: Pointer) => void>;
  objectOpenMem: KoffiFunc<(bytes: Uint8Array, length: number, options: null) => Pointer>;
  objectLoad: KoffiFunc<(object: Pointer) => number>;
  objectClose: KoffiFunc<(object: Pointer) => void>;
  objectNextProgram: KoffiFunc<(object: Pointer, previous: Pointer) => Pointer>;
  objectNextMap: KoffiFunc<(object: Pointer, previous: Pointer) => Pointer>;
  programName: KoffiFunc<(program: Pointer) => string>;
  programFd: KoffiFunc<(program: Pointer) => number>;
  objectBtfFd: KoffiFunc<(object: Pointer) => number>;
  objectBtf: KoffiFunc<(object: Pointer) => Pointer>;
  btfFindByNameKind: KoffiFunc<(btf: Pointer, name: string, kind: number) => number>;
  programSetAutoload: KoffiFunc<(program: Pointer, autoload: boolean) => number>;
  programSetType: KoffiFunc<(program: Pointer, type: number) => number>;
  programSetExpectedAttachType: KoffiFunc<(program: Pointer, type: number) => number>;
  programSetAttachTarget: KoffiFunc<(program: Pointer, programFd: number, name: string) => number>;
  programInsns: KoffiFunc<(program: Pointer) => Pointer>;
  programInsnCnt: KoffiFunc<(program: Pointer) => number>;
  programSetLogBuf: KoffiFunc<(program: Pointer, buffer: Uint8Array, size: number) => number>;
  versionString: KoffiFunc<() => string>;
  mapName: KoffiFunc<(map: Pointer) => string>;
  mapFd: KoffiFunc<(map: Pointer) => number>;
  mapReuseFd: KoffiFunc<(map: Pointer, fd: number) => number>;
  mapSetMaxEntries: KoffiFunc<(map: Pointer, entries: number) => number>;
  mapSetKeySize: KoffiFunc<(map: Pointer, bytes: number) => number>;
  mapSetInitialValue: KoffiFunc<(map: Pointer, data: Uint8Array, size: number) => number>;
}

const DECLARATIONS: Record<keyof Functions, string> = {
  linkerNew: 'void *bpf_linker__new(const char *file, void *options)',
  linkerAddFile: 'int bpf_linker__add_file(void *linker, const char *file, void *options)',
  linkerFinalize: 'int bpf_linker__finalize(void *linker)',
  linkerFree: 'void bpf_linker__free(void *linker)',
  objectOpenMem: 'void *bpf_object__open_mem(void *bytes, size_t length, void *options)',
  objectLoad: 'int bpf_object__load(void *object)',
  objectClose: 'void bpf_object__close(void *object)',
  objectNextProgram: 'void *bpf_object__next_program(void *object, void *previous)',
  objectNextMap: 'void *bpf_object__next_map(void *object, void *previous)',
  programName: 'const char *bpf_program__name(void *program)',
  programFd: 'int bpf_program__fd(void *program)',
  objectBtfFd: 'int bpf_object__btf_fd(void *object)',
  objectBtf: 'void *bpf_object__btf(void *object)',
  btfFindByNameKind: 'int btf__find_by_name_kind(void *btf, const char *name, uint kind)',
  programSetAutoload: 'int bpf_program__set_autoload(void *program, bool autoload)',
  programSetType: 'int bpf_program__set_type(void *program, int type)',
  programSetExpectedAttachType: 'int bpf_program__set_expected_attach_type(void *program, int type)',
  programSetAttachTarget: 'int bpf_program__set_attach_target(void *program, int fd, const char *name)',
  programInsns: 'void *bpf_program__insns(void *program)',
  programInsnCnt: 'size_t bpf_program__insn_cnt(void *program)',
  programSetLogBuf: 'int bpf_program__set_log_buf(void *program, void *buffer, size_t size)',
  versionString: 'const char *libbpf_version_string(void)',
  mapName: 'const char *bpf_map__name(void *map)',
  mapFd: 'int bpf_map__fd(void *map)',
  mapReuseFd: 'int bpf_map__reuse_fd(void *map, int fd)',
  mapSetMaxEntries: 'int bpf_map__set_max_entries(void *map, uint entries)',
  mapSetKeySize: 'int bpf_map__set_key_size(void *map, uint size)',
  mapSetInitialValue: 'int bpf_map__set_initial_value(void *map, void *data, size_t size)',
};

/** A message of libbpf: `level` 0 is a warning, 1 information, 2 debugging. */
export type LogTaker = (level: number, message: string) => void;

/**
 * libbpf calls back only while a taker is set. In another thread each callback would wait for the event loop, and for
 * ever if the process ends meanwhile.
 */
interface Log {
  /** Gets the messages of all threads. */
  take: LogTaker | undefined;
  /** Gets the messages of a call in this thread. */
  warnings: string[] | undefined;
  /** Sets or removes libbpf's callback. */
  update(): void;
}

let loaded: { functions: Functions; symbols: { objectLoad: unknown }; log: Log } | undefined;

/** Loads libbpf.so.1, once. @throws EnvironmentError `NO_LIBBPF` */
export function loadLibbpf(): Functions {
  return loadOnce().functions;
}

function loadOnce(): NonNullable<typeof loaded> {
  if (loaded) return loaded;
  let library: LibraryHandle;
  try {
    library = koffi.load('libbpf.so.1');
  } catch (error) {
    throw causedBy(
      new EnvironmentError(
        'NO_LIBBPF',
        `loading libbpf.so.1: ${(error as Error).message}`,
        'install libbpf 1.0 or later: the package is libbpf1 on Debian 12 and Ubuntu 24.04 or later, libbpf on Fedora, Arch and Alpine',
      ),
      error,
    );
  }
  const functions = Object.fromEntries(
    Object.entries(DECLARATIONS).map(([name, declaration]) => [name, library.func(declaration)]),
  ) as unknown as Functions;
  const type = koffi.pointer(koffi.proto('int (int level, void *format, void *args)'));
  const setPrint: KoffiFunc<(print: unknown) => void> = library.func('libbpf_set_print', 'void *', [type]);
  const print = (level: number, format: Pointer, args: Pointer) => {
    const message = formatVaList(format, args);
    if (level === 0) log.warnings?.push(message.replace(/^libbpf: /, '').trimEnd());
    log.take?.(level, message);
    return 0;
  };
  const registered = koffi.register(print, type);
  const log: Log = {
    take: undefined,
    warnings: undefined,
    update: () => void setPrint(log.take || log.warnings ? registered : null),
  };
  log.update();
  loaded = { functions, symbols: { objectLoad: library.symbol('bpf_object__load') }, log };
  return loaded;
}

/** As `v1.1`. @throws EnvironmentError `NO_LIBBPF` */
export function loadLibbpfVersion(): string {
  return loadLibbpf().versionString();
}

/** Hands all messages of libbpf from now on to `take`. The process must then end with `exitAtOnce`. */
export function setLibbpfLog(take: LogTaker): void {
  const { log } = loadOnce();
  log.take = take;
  log.update();
}

/** Runs a call of libbpf, and returns its value with the warnings that it gave. */
function withWarnings<T>(call: () => T): { value: T; warnings: string[] } {
  const { log } = loadOnce();
  const warnings: string[] = [];
  log.warnings = warnings;
  log.update();
  try {
    return { value: call(), warnings };
  } finally {
    log.warnings = undefined;
    log.update();
  }
}

/** A call of libbpf failed; `warnings` are its messages during the call. */
export class LibbpfError extends SystemCallError {
  readonly warnings: readonly string[];
  readonly doing: string;

  constructor(call: string, errno: number, warnings: readonly string[], doing: string) {
    super(call, errno, errnoName(errno), doing);
    this.warnings = warnings;
    this.doing = doing;
  }
}

/** Loading failed. */
export class LoadingError extends LibbpfError {
  /** The verifier's log, if it refused a program; otherwise empty. */
  readonly verifierLog: string;
  /** Whether libbpf had no callback: called again in the main thread, it may explain the error. */
  readonly isUnexplained: boolean;

  constructor(errno: number, warnings: readonly string[] | undefined, verifierLog: string) {
    super('bpf_object__load', errno, warnings ?? [], 'loading the BPF programs');
    this.verifierLog = verifierLog;
    this.isUnexplained = warnings === undefined && verifierLog.trim() === '';
  }
}

/** libbpf itself tries five times. */
const LOADING_TRIES = 100;

/** Creates an object's maps and loads programs, see `BpfObject.load`. */
export type Load = (object: BpfObject, wanted: ReadonlySet<string>) => Promise<void> | void;

/**
 * Loads an object while the event loop goes on, and again if loading was interrupted: signals are blocked, but a
 * debugger or the freezer of a control group can interrupt it, too.
 * @param attempt opens an object and loads it with `load`, for libbpf loads an object only once
 * @param signal ends it, also while the verifier works
 * @throws the reason of `signal`, and what `attempt` throws
 */
export async function loadUndisturbed<T>(attempt: (load: Load) => Promise<T>, signal?: AbortSignal): Promise<T> {
  let load: Load = (object, wanted) => object.loadInThread(wanted, signal);
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted();
    try {
      return await attempt(load);
    } catch (error) {
      signal?.throwIfAborted();
      if (wasInterrupted(error) && tries < LOADING_TRIES) continue;
      if (!isUnexplained(error)) throw error;
      // libbpf can explain an error only in this thread. An error with a verifier log needs no explanation.
      load = (object, wanted) => object.load(wanted);
    }
  }
}

/** Whether loading failed, with neither a verifier log nor a message of libbpf. */
function isUnexplained(error: unknown): boolean {
  if (error instanceof LoadingError) return error.isUnexplained;
  return error instanceof Error && isUnexplained(error.cause);
}

/** Whether loading was interrupted: the error says nothing about the object. */
export function wasInterrupted(error: unknown): boolean {
  if (error instanceof LibbpfError) return error.errno === EAGAIN || error.errno === EINTR;
  return error instanceof Error && error.cause instanceof LibbpfError && wasInterrupted(error.cause);
}

/**
 * Links BPF object files into one, statically: symbols that one object declares `extern` are those that another
 * defines.
 * @returns the bytes of the linked object
 * @throws LibbpfError if they don't fit together
 */
export function linkObjects(objects: readonly NamedObject[]): Uint8Array {
  const libbpf = loadLibbpf();
  using output = createMemoryFile('ipft-linked');
  const linker = libbpf.linkerNew(descriptorPath(output), null);
  if (!linker) throw new LibbpfError('bpf_linker__new', koffi.errno(), [], 'linking BPF objects');
  try {
    for (const { name, bytes } of objects) {
      using input = createMemoryFile('ipft-object');
      for (let at = 0; at < bytes.length; ) at += writeSync(input.fd, bytes, at);
      const { value, warnings } = withWarnings(() => libbpf.linkerAddFile(linker, descriptorPath(input), null));
      if (value === 0) continue;
      // libbpf names the file by its path, which says nothing to the user.
      const said = warnings.map((warning) => warning.replaceAll(descriptorPath(input), name));
      throw new LibbpfError('bpf_linker__add_file', -value, said, `linking ${name}`);
    }
    const { value, warnings } = withWarnings(() => libbpf.linkerFinalize(linker));
    if (value !== 0) throw new LibbpfError('bpf_linker__finalize', -value, warnings, 'linking BPF objects');
  } finally {
    libbpf.linkerFree(linker);
  }
  return new Uint8Array(readFileSync(descriptorPath(output)));
}

const VERIFIER_LOG_BYTES = 16 << 20;

/** A BPF object from opening to closing. Programs and maps live as long as it does, or as links hold them. */
export class BpfObject implements Disposable {
  readonly #libbpf = loadLibbpf();
  /** Kept here, since libbpf reads them until the object is loaded. */
  protected readonly bytes: Uint8Array;
  readonly #programs = new Map<string, Pointer>();
  readonly #maps = new Map<string, Pointer>();
  #object: Pointer;

  /**
   * @param bytes an ELF file for BPF
   * @throws LibbpfError if libbpf can't read it
   */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const { value, warnings } = withWarnings(() => this.#libbpf.objectOpenMem(bytes, bytes.length, null));
    if (!value) throw new LibbpfError('bpf_object__open_mem', koffi.errno(), warnings, 'opening the BPF object');
    this.#object = value;
    for (let p = this.#libbpf.objectNextProgram(value, null); p; p = this.#libbpf.objectNextProgram(value, p)) {
      this.#programs.set(this.#libbpf.programName(p), p);
    }
    for (let m = this.#libbpf.objectNextMap(value, null); m; m = this.#libbpf.objectNextMap(value, m)) {
      this.#maps.set(this.#libbpf.mapName(m), m);
    }
  }

  get programNames(): string[] {
    return [...this.#programs.keys()];
  }

  setMaxEntries(map: string, entries: number): void {
    this.#check('bpf_map__set_max_entries', this.#libbpf.mapSetMaxEntries(this.#map(map), entries));
  }

  /** @param bytes the size of the map's keys */
  setKeySize(map: string, bytes: number): void {
    this.#check('bpf_map__set_key_size', this.#libbpf.mapSetKeySize(this.#map(map), bytes));
  }

  /** Has the object use an existing map instead of its own. @param fd the map's; libbpf keeps a copy */
  reuseMap(map: string, fd: number): void {
    this.#check('bpf_map__reuse_fd', this.#libbpf.mapReuseFd(this.#map(map), fd));
  }

  /** Sets the content of a data section. @param value as long as the section */
  setInitialValue(map: string, value: Uint8Array): void {
    this.#check('bpf_map__set_initial_value', this.#libbpf.mapSetInitialValue(this.#map(map), value, value.length));
  }

  /** Sets the type of a program whose section does not tell libbpf. */
  setProgramType(program: string, type: number, expectedAttachType: number): void {
    this.#check('bpf_program__set_type', this.#libbpf.programSetType(this.#program(program), type));
    const result = this.#libbpf.programSetExpectedAttachType(this.#program(program), expectedAttachType);
    this.#check('bpf_program__set_expected_attach_type', result);
  }

  /** Sets the kernel function of a tracing program. */
  setAttachTarget(program: string, name: string): void {
    const result = this.#libbpf.programSetAttachTarget(this.#program(program), 0, name);
    this.#check('bpf_program__set_attach_target', result);
  }

  /** A copy of a program's instructions, 8 bytes each; after `load` they are those that the kernel got. */
  programInstructions(program: string): Buffer {
    const pointer = this.#program(program);
    const length = Number(this.#libbpf.programInsnCnt(pointer)) * 8;
    return Buffer.from(koffi.view(this.#libbpf.programInsns(pointer), length).slice(0));
  }

  /**
   * Creates the maps and loads programs, in this thread.
   * @param wanted names of programs; the object's others are not loaded
   * @throws LoadingError
   */
  load(wanted: ReadonlySet<string>): void {
    const log = this.#prepareLoad(wanted);
    const { value, warnings } = withWarnings(() => withoutSignals(() => this.#libbpf.objectLoad(this.#object)));
    this.#finishLoad(log, value, warnings);
  }

  /**
   * Loads in a thread of its own. The object must not be used until the promise settles.
   * @param signal interrupts loading, as soon as the kernel allows that
   * @throws LoadingError, without messages of libbpf
   */
  async loadInThread(wanted: ReadonlySet<string>, signal?: AbortSignal): Promise<void> {
    const log = this.#prepareLoad(wanted);
    const value = await callInThread(loadOnce().symbols.objectLoad, this.#object, signal);
    // No thread can be made.
    if (value === undefined) this.load(wanted);
    else this.#finishLoad(log, value, undefined);
  }

  /** Chooses the programs. @returns the buffer for the verifier's log */
  #prepareLoad(wanted: ReadonlySet<string>): Buffer {
    // One buffer for all programs: loading stops at the first one that is refused. Memory that is not written to costs
    // nothing.
    const log = Buffer.allocUnsafeSlow(VERIFIER_LOG_BYTES);
    log[0] = 0;
    for (const [name, program] of this.#programs) {
      this.#libbpf.programSetAutoload(program, wanted.has(name));
      this.#libbpf.programSetLogBuf(program, log, log.length);
    }
    return log;
  }

  #finishLoad(log: Buffer, result: number, warnings: readonly string[] | undefined): void {
    for (const program of this.#programs.values()) this.#libbpf.programSetLogBuf(program, EMPTY, 0);
    if (result === 0) return;
    throw new LoadingError(-result, warnings, log.toString('utf8', 0, Math.max(0, log.indexOf(0))));
  }

  /** The object's BTF in the kernel, after `load`; negative if it has none. The object owns it. */
  get btfFd(): number {
    return this.#libbpf.objectBtfFd(this.#object);
  }

  /** A loaded program for BPF_PROG_LOAD: its instructions and functions. */
  programImage(name: string): Pick<ProgramImage, 'instructions' | 'functions'> & { readonly instructions: Buffer } {
    const instructions = this.programInstructions(name);
    const functions = readFunctions(
      this.programFd(name),
      this.btfFd,
      instructions,
      this.#functionType(STATIC_FUNCTION),
    );
    return { instructions, ...(functions ? { functions } : {}) };
  }

  /** The BTF id of a function's type; undefined if there is no function of that name. */
  #functionType(name: string): number | undefined {
    const id = this.#libbpf.btfFindByNameKind(this.#libbpf.objectBtf(this.#object), name, BTF_KIND_FUNC);
    return id > 0 ? id : undefined;
  }

  programFd(name: string): number {
    return this.#libbpf.programFd(this.#program(name));
  }

  mapFd(name: string): number {
    return this.#libbpf.mapFd(this.#map(name));
  }

  [Symbol.dispose](): void {
    if (!this.#object) return;
    this.#libbpf.objectClose(this.#object);
    this.#object = null;
  }

  #program(name: string): Pointer {
    const program = this.#programs.get(name);
    if (!program) throw new Error(`the BPF object has no program ${name}`);
    return program;
  }

  #map(name: string): Pointer {
    const map = this.#maps.get(name);
    if (!map) throw new Error(`the BPF object has no map ${name}; it has ${[...this.#maps.keys()].join(', ')}`);
    return map;
  }

  #check(call: string, result: number): void {
    if (result !== 0) throw new LibbpfError(call, -result, [], 'preparing the BPF object');
  }
}

/**
 * A function of every object, the extension's or the one that stands for it. Hidden functions are static to the kernel.
 */
const STATIC_FUNCTION = 'module';
const BTF_KIND_FUNC = 12;
const EMPTY = new Uint8Array(0);
