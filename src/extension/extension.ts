/** An extension from its files to what the tracer needs of it. */
import { readFileSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { causedBy, ExtensionError, ParseError, UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { BTF_KIND_FUNC, BTF_KIND_FUNC_PROTO, BTF_KIND_INT, BTF_KIND_PTR, type Btf, parseBtf } from '../btf/btf.js';
import { type CompileOptions, compileExtension } from './compile.js';
import { type ElfObject, type ElfSymbol, parseElf } from './elf.js';
import { type EventStruct, hasEventStruct, parseEventStruct } from './event-struct.js';
import { checkLicense, hideLicense } from './license.js';

/** One file of an extension, as a BPF object. */
export interface ExtensionObject {
  /** As the user gave it. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Whether it was compiled just now: then nothing in it can be damaged. */
  readonly compiled: boolean;
}

export interface Extension {
  /** For people: its file, or its files. */
  readonly label: string;
  /** To be linked with a backend's object. */
  readonly objects: readonly ExtensionObject[];
  readonly eventStruct: EventStruct;
  /** Whether one of the objects brings a `license` section. */
  readonly hasLicense: boolean;
  /** Whether one of the objects declares the kfunc that the tracer would use too. */
  readonly declaresRdonlyCast: boolean;
}

/** Room that `module()` always has: IPFT_DATA_SIZE of `bpf/event.h`. */
const LEAST_DATA_BYTES = 64;
/** Names that belong to the tracer. */
const OWN_PREFIX = 'ipft_';
const OWN_SECTION = '.rodata.ipft';
const SIGNATURE = '__hidden int module(void *ctx, struct sk_buff *skb, __u8 data[64])';
const STV_HIDDEN = 2;

/** How many bytes of a record an extension's data take: a multiple of 8, and never less than `module()` may write. */
export function dataBytes({ eventStruct }: Extension): number {
  return Math.max(LEAST_DATA_BYTES, Math.ceil(eventStruct.sizeBytes / 8) * 8);
}

/** @throws UsageError for a file that is neither `.c` nor `.o` */
export function checkSuffix(path: string): void {
  const suffix = extname(path);
  if (suffix === '.c' || suffix === '.o') return;
  const hint = suffix === '.lua' ? 'Lua scripts are not supported; an extension in BPF C does the same' : undefined;
  throw new UsageError(`the extension ${printable(path)} must end in .c (C source) or .o (BPF object)`, hint);
}

/**
 * Compiles `.c` files, reads `.o` files, and checks that together they are an extension: exactly one has `module`, and
 * exactly one the event struct.
 * @throws UsageError, ExtensionError
 */
export async function loadExtension(paths: readonly string[], options: CompileOptions = {}): Promise<Extension> {
  for (const path of paths) checkSuffix(path);
  const objects: ExtensionObject[] = [];
  for (const path of paths) {
    const file = readExtensionFile(path);
    const compiled = extname(path) === '.c';
    objects.push({ path, compiled, bytes: compiled ? await compileExtension(path, options) : file });
  }
  return parseExtension(objects);
}

/** Reads the file, be it source or object: that it can't be read is best said by us. */
function readExtensionFile(path: string): Uint8Array {
  const reading = `reading the extension ${printable(path)}`;
  try {
    // A pipe would keep us waiting for ever.
    if (!statSync(path).isFile()) throw new ExtensionError(`${reading}: it is no regular file`);
    return readFileSync(path);
  } catch (error) {
    if (error instanceof ExtensionError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = { ENOENT: 'no such file', EACCES: 'permission denied' }[code ?? ''];
    throw causedBy(new ExtensionError(`${reading}: ${reason ?? code ?? message}`), error);
  }
}

/** An object that was looked at. */
interface ParsedObject {
  readonly path: string;
  readonly elf: ElfObject;
  readonly btf: Btf;
  readonly btfAt: number;
  readonly hasLicense: boolean;
  /** A copy of its own, which may be edited. */
  readonly bytes: Uint8Array;
  readonly compiled: boolean;
  readonly module: ElfSymbol | undefined;
}

/**
 * Reads an extension's objects.
 * @throws ExtensionError if one is no BPF object or has no BTF, or if they don't have what an extension needs
 */
export function parseExtension(objects: readonly ExtensionObject[]): Extension {
  const parsed = objects.map((object) => about(object.path, () => parseObject(object)));
  const label = `the extension ${objects.map(({ path }) => printable(path)).join(', ')}`;
  const main = onlyOne(parsed, ({ module }) => module !== undefined, {
    none: new ExtensionError(`${label}: it defines no function module`, `define: ${SIGNATURE}`),
    several: (paths) => new ExtensionError(`${label}: module is defined in ${paths}, and must be in one file only`),
  });
  about(main.path, () => checkModule(main));
  const declaring =
    parsed.length === 1
      ? main
      : onlyOne(parsed, ({ btf }) => hasEventStruct(btf), {
          none: new ExtensionError(`${label}: there is no __ipft_event_struct`, 'declare it in one of the files'),
          several: (paths) =>
            new ExtensionError(`${label}: __ipft_event_struct is declared in ${paths}, and must be in one file only`),
        });
  const eventStruct = about(declaring.path, () => parseEventStruct(declaring.btf));
  // The first license stays, and stands for the program; it is as good as any other of those that are allowed.
  const licensed = parsed.filter(({ hasLicense }) => hasLicense);
  for (const [index, object] of licensed.slice(1).entries()) {
    hideLicense(object.bytes, object.elf, object.btf, object.btfAt, index % 10);
  }
  return {
    label,
    objects: parsed.map(({ path, bytes, compiled }) => ({ path, bytes, compiled })),
    eventStruct,
    hasLicense: licensed.length > 0,
    declaresRdonlyCast: parsed.some(({ elf }) => elf.symbols.some(({ name }) => name === 'bpf_rdonly_cast')),
  };
}

function parseObject({ path, bytes, compiled }: ExtensionObject): ParsedObject {
  const elf = parseElf(bytes);
  const section = elf.sections.find(({ name }) => name === '.BTF');
  if (!section || section.length === 0) {
    throw compiled
      ? new ExtensionError('the source declares nothing: it has no module and no event struct', `define: ${SIGNATURE}`)
      : new ExtensionError('the object has no BTF, which tells what its events look like', 'compile it with -g');
  }
  const btf = parseBtf(bytes.subarray(section.offset, section.offset + section.length));
  for (const symbol of elf.symbols) {
    if (symbol.defined && symbol.binding === 'global' && symbol.name.startsWith(OWN_PREFIX)) {
      throw new ExtensionError(
        `it defines ${printable(symbol.name)}: names that begin with ${OWN_PREFIX} are the tracer's`,
        'rename it, or make it static',
      );
    }
  }
  const ownSection = elf.sections.find(({ name }) => name.startsWith(OWN_SECTION));
  if (ownSection)
    throw new ExtensionError(`it has a section ${printable(ownSection.name)}: those are the tracer's`, 'rename it');
  const hasLicense = checkLicense(bytes, elf);
  const module = elf.symbols.find(({ name, defined }) => defined && name === 'module');
  return { path, elf, btf, btfAt: section.offset, hasLicense, bytes: new Uint8Array(bytes), compiled, module };
}

/** Looks at `module` before the linker does: what does not fit is told in the author's terms. */
function checkModule({ btf, bytes, module }: ParsedObject): void {
  if (module === undefined) return;
  if (module.kind !== 'function') throw new ExtensionError('module is no function', `define: ${SIGNATURE}`);
  if (module.binding === 'local') {
    throw new ExtensionError("its function module is static: the tracer can't call it", `define: ${SIGNATURE}`);
  }
  const names = new Set(btf.findString('module'));
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) !== BTF_KIND_FUNC || !names.has(btf.nameOffset(id))) continue;
    const proto = btf.sizeOrType(id);
    const fits =
      btf.kind(proto) === BTF_KIND_FUNC_PROTO &&
      btf.vlen(proto) === 3 &&
      [1, 3, 5].every((word) => btf.kind(btf.resolve(btf.tail(proto, word))) === BTF_KIND_PTR) &&
      btf.kind(btf.resolve(btf.sizeOrType(proto))) === BTF_KIND_INT;
    if (!fits)
      throw new ExtensionError('its function module has other parameters, or returns no int', `define: ${SIGNATURE}`);
  }
  // Not hidden, it would be checked by itself, for any arguments: no module() can pass that.
  bytes[module.at + 5] = (bytes[module.at + 5]! & ~3) | STV_HIDDEN;
}

function onlyOne(
  objects: readonly ParsedObject[],
  test: (object: ParsedObject) => boolean,
  errors: { none: ExtensionError; several: (paths: string) => ExtensionError },
): ParsedObject {
  const found = objects.filter(test);
  if (found.length > 1) throw errors.several(found.map(({ path }) => printable(path)).join(' and '));
  if (!found[0]) throw errors.none;
  return found[0];
}

/** Says of which file an error speaks. */
function about<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ParseError) {
      throw causedBy(
        new ExtensionError(`the extension ${printable(path)} is no sound BPF object: ${error.message}`),
        error,
      );
    }
    if (error instanceof ExtensionError) {
      throw causedBy(
        new ExtensionError(`the extension ${printable(path)}: ${error.message}`, error.hint, error.log),
        error,
      );
    }
    throw error;
  }
}
