/** An extension in C, from its files to a set of fields. */
import { statSync } from 'node:fs';
import { extname } from 'node:path';
import { IPFT_DATA_SIZE } from '../../abi/layout.js';
import { causedBy, ExtensionError, ParseError } from '../../base/errors.js';
import { printable } from '../../base/printable.js';
import { type Btf, parseBtf } from '../../btf/btf.js';
import { countFunction } from '../../bytecode/code-cost.js';
import { type ElfObject, type ElfSymbol, parseElf, sectionBytes } from '../../bytecode/elf.js';
import { hasEventStruct, parseEventStruct } from '../event-struct.js';
import { readExtensionFile } from '../extension-file.js';
import type { FieldSet } from '../field-set.js';
import { type CompileOptions, compileExtension } from './compile.js';
import { exampleLike, locateExtension } from './examples.js';
import { checkLicense, hideLicense } from './license.js';
import { checkNeeds, findDefinitions, OWN_PREFIX } from './linkage.js';
import { adaptModule, checkModule, findModule, SIGNATURE } from './module-function.js';

/** One file of an extension, as a BPF object. */
export interface ExtensionObject {
  /** The path that the user gave. */
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Whether it was compiled just now, so that it can't be damaged. */
  readonly compiled: boolean;
}

/** The tracer's own section. */
const OWN_SECTION = '.rodata.ipft';

/** How many bytes of a record belong to an extension: a multiple of 8, and never less than `module()` may write. */
export function moduleBytes(structBytes: number): number {
  return Math.max(IPFT_DATA_SIZE, Math.ceil(structBytes / 8) * 8);
}

/**
 * Compiles `.c` files, reads `.o` files, and checks that together they are an extension: exactly one has `module`, and
 * exactly one the event struct.
 * @param given paths that end so, or names of examples
 * @throws UsageError, ExtensionError
 */
export async function loadExtension(given: readonly string[], options: CompileOptions = {}): Promise<FieldSet> {
  const paths = given.map(locateExtension);
  checkDistinct(paths);
  const objects: ExtensionObject[] = [];
  for (const path of paths) {
    // A source is read here, too, for a better message than the compiler's.
    const file = readExtensionFile(path, hintOfExample);
    const compiled = extname(path) === '.c';
    objects.push({ path, compiled, bytes: compiled ? await compileExtension(path, options) : file });
  }
  return parseExtension(objects);
}

function hintOfExample(path: string): string | undefined {
  const example = exampleLike(path);
  return example === undefined ? undefined : `the packaged example is called ${example}: -e ${example}`;
}

/** The linker would report every symbol of a file that is given twice. */
function checkDistinct(paths: readonly string[]): void {
  const known = new Map<string, string>();
  for (const path of paths) {
    const key = identityOf(path);
    const other = known.get(key);
    if (other !== undefined) {
      const again = other === path ? 'twice' : `as ${printable(other)} and as ${printable(path)}`;
      throw new ExtensionError(`the extension ${printable(other)} is given ${again}`, 'each file once is enough');
    }
    known.set(key, path);
  }
}

/** An identity that all paths of a file share. */
function identityOf(path: string): string {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    // The error comes when the file is read.
    return path;
  }
}

/** A parsed object. */
interface ParsedObject {
  readonly path: string;
  readonly elf: ElfObject;
  readonly btf: Btf;
  readonly btfAt: number;
  readonly btfBytes: Uint8Array;
  readonly hasLicense: boolean;
  /** A copy, which may be edited. */
  readonly bytes: Uint8Array;
  readonly compiled: boolean;
  readonly module: ElfSymbol | undefined;
  readonly madeByGcc: boolean;
}

/**
 * Reads an extension's objects.
 * @throws ExtensionError if one is no BPF object or has no BTF, or if they don't have what an extension needs
 */
export function parseExtension(objects: readonly ExtensionObject[]): FieldSet {
  const parsed = objects.map((object) => about(object.path, () => parseObject(object)));
  const label = `the extension ${objects.map(({ path }) => printable(path)).join(', ')}`;
  const main = onlyOne(parsed, ({ module }) => module !== undefined, {
    none: new ExtensionError(`${label}: it defines no function module`, `define: ${SIGNATURE}`),
    several: (paths) => new ExtensionError(`${label}: module is defined in ${paths}, and must be in one file only`),
  });
  about(main.path, () => checkModule(main.elf, main.btf, main.module!));
  const declaring =
    parsed.length === 1
      ? main
      : onlyOne(parsed, ({ btf }) => hasEventStruct(btf), {
          none: new ExtensionError(`${label}: there is no __ipft_event_struct`, 'declare it in one of the files'),
          several: (paths) =>
            new ExtensionError(`${label}: __ipft_event_struct is declared in ${paths}, and must be in one file only`),
        });
  const layout = about(declaring.path, () => parseEventStruct(declaring.btf));
  return { label, layout, btf: declaring.btfBytes, dataBytes: moduleBytes(layout.sizeBytes), ...linkedParts(parsed) };
}

/** What of a set of fields an object makes that has `module` and says nothing of its events. */
export type ModuleParts = Omit<FieldSet, 'label' | 'layout' | 'computed'>;

/**
 * Reads an object whose `module` writes bytes that something else gives a meaning: no event struct is looked for.
 * @throws ExtensionError if it is no BPF object, has no BTF, or has not what an extension needs
 */
export function parseModule(object: ExtensionObject): ModuleParts {
  const parsed = about(object.path, () => parseObject(object));
  about(object.path, () => {
    if (!parsed.module) throw new ExtensionError('it defines no function module', `define: ${SIGNATURE}`);
    checkModule(parsed.elf, parsed.btf, parsed.module);
  });
  return { btf: parsed.btfBytes, dataBytes: moduleBytes(0), ...linkedParts([parsed]) };
}

/** What is to be linked in. @throws ExtensionError if an object needs what none of them has */
function linkedParts(parsed: readonly ParsedObject[]): Omit<ModuleParts, 'btf' | 'dataBytes'> {
  const definitions = findDefinitions(parsed);
  for (const object of parsed) about(object.path, () => checkNeeds(object, definitions));
  // The first license becomes the program's. All of them are compatible with the GPL.
  const licensed = parsed.filter(({ hasLicense }) => hasLicense);
  for (const [index, object] of licensed.slice(1).entries()) {
    hideLicense(object.bytes, object.elf, object.btf, object.btfAt, index % 10);
  }
  return {
    part: 'module',
    cost: countFunction(parsed, 'module'),
    objects: parsed.map(({ path, bytes, compiled, elf, btf, module }) => ({
      ...{ name: printable(path), compiled },
      bytes: module ? about(path, () => adaptModule(bytes, elf, btf, module)) : bytes,
    })),
    hasLicense: licensed.length > 0,
    declaresRdonlyCast: parsed.some(({ elf }) => elf.symbols.some(({ name }) => name === 'bpf_rdonly_cast')),
    // libbpf's linker refuses most objects of gcc.
    linkHint: parsed.some(({ madeByGcc }) => madeByGcc) ? CLANG_HINT : undefined,
  };
}

function parseObject({ path, bytes, compiled }: ExtensionObject): ParsedObject {
  const elf = parseElf(bytes);
  const section = elf.sections.find(({ name }) => name === '.BTF');
  if (!section || section.length === 0) {
    throw compiled
      ? new ExtensionError('the source declares nothing: it has no module and no event struct', `define: ${SIGNATURE}`)
      : new ExtensionError(
          'the object has no BTF, which tells what its events look like',
          isMadeByGcc(bytes, elf) ? CLANG_HINT : 'compile it with -g',
        );
  }
  const btfBytes = bytes.subarray(section.offset, section.offset + section.length);
  const btf = parseBtf(btfBytes);
  for (const symbol of elf.symbols) {
    if (symbol.defined && symbol.binding !== 'local' && symbol.name.startsWith(OWN_PREFIX)) {
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
  return {
    ...{ path, elf, btf, btfBytes, hasLicense, compiled },
    btfAt: section.offset,
    bytes: new Uint8Array(bytes),
    module: findModule(elf),
    madeByGcc: isMadeByGcc(bytes, elf),
  };
}

/** The hint for an object of gcc that can't be used. */
const CLANG_HINT = 'it was made by gcc: compile it with clang -target bpf -O2 -g';

function isMadeByGcc(bytes: Uint8Array, elf: ElfObject): boolean {
  const comment = sectionBytes(bytes, elf, '.comment');
  return comment !== undefined && Buffer.from(comment).includes('GCC:');
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

/** Adds the file's path to an error. */
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
