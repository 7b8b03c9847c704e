/** Extensions, whatever they are written in: the table of their kinds, by the suffixes of their files. */
import { extname } from 'node:path';
import { UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import type { KernelTypes } from '../expression/kernel-types.js';
import type { CompileOptions } from './c/compile.js';
import { locateExample } from './c/examples.js';
import { loadExtension as loadC } from './c/extension.js';
import type { FieldSet, FieldSource } from './field-set.js';
import { loadScript } from './lua/script.js';
import type { ScriptPrinter } from './printer.js';
import { loadTypeScriptFields } from './typescript/source.js';
import { MODULE_SUFFIXES } from './typescript/suffix.js';

/** How an extension is loaded. Each kind takes what it needs. */
export interface ExtensionOptions extends CompileOptions {
  /** The types of the running kernel, for an extension that is compiled by them. */
  readonly types?: (() => KernelTypes) | undefined;
  /** Takes what a script prints. Default: nobody. */
  readonly printer?: ScriptPrinter | undefined;
}

interface ExtensionKind {
  /** The suffixes of its files, and what they are. */
  readonly suffixes: Readonly<Record<string, string>>;
  /** What a file is, in messages. */
  readonly noun: string;
  /** What several files are: one extension, or the last one counts, or that is an error with this hint. */
  readonly several: 'join' | 'last' | { readonly hint: string };
  /** @throws UsageError, ExtensionError */
  load(paths: readonly string[], options: ExtensionOptions): Promise<FieldSet>;
}

const KINDS = {
  c: {
    suffixes: { '.c': 'C source', '.o': 'BPF object' },
    noun: 'in C',
    several: 'join',
    load: (paths, options) => loadC(paths, options),
  },
  lua: {
    suffixes: { '.lua': 'Lua script' },
    noun: 'a script in Lua',
    several: 'last',
    load: async (paths, { printer }) => loadScript(paths.at(-1)!, printer),
  },
  typescript: {
    suffixes: MODULE_SUFFIXES,
    noun: 'a module',
    several: { hint: 'a module imports what it needs; built-in fields go with it: --fields' },
    load: async ([path = ''], { types, signal, onOutput }) => {
      if (!types) throw new Error('a module needs the types of the kernel');
      return await loadTypeScriptFields(path, types, { signal, onOutput });
    },
  },
} satisfies Record<string, ExtensionKind>;

export type ExtensionKindName = keyof typeof KINDS;

/** All suffixes, as messages list them: `.c (C source), .o (BPF object) or .lua (Lua script)`. */
const SUFFIXES = listWords(
  Object.values<ExtensionKind>(KINDS).flatMap(({ suffixes }) =>
    Object.entries(suffixes).map(([suffix, what]) => `${suffix} (${what})`),
  ),
);

/** A file whose kind was given with it, whatever its suffix. */
export class KnownFile {
  readonly path: string;
  readonly kind: ExtensionKindName;

  constructor(path: string, kind: ExtensionKindName) {
    this.path = path;
    this.kind = kind;
  }
}

/** The files of one extension. */
export interface ExtensionFiles {
  /** Empty for none. */
  readonly paths: readonly string[];
  readonly kind: ExtensionKindName;
}

/**
 * Finds out what kind of extension files are.
 * @param given paths, or names of examples
 * @throws UsageError for a file of no kind, and for files of several
 */
export function chooseExtension(given: readonly (string | KnownFile)[]): ExtensionFiles {
  const files = given.map((file) => (typeof file === 'string' ? new KnownFile(file, kindOf(file)) : file));
  const kind = files.at(-1)?.kind ?? 'c';
  const { noun, several }: ExtensionKind = KINDS[kind];
  const other = files.find((file) => file.kind !== kind);
  if (other) {
    throw new UsageError(
      `the extension ${printable(files.at(-1)!.path)} is ${noun}, and ${printable(other.path)} is ${KINDS[other.kind].noun}`,
      'an extension is either; built-in fields go with both: --fields',
    );
  }
  if (typeof several === 'object' && files.length > 1) {
    throw new UsageError(`the extension ${printable(files.at(-1)!.path)} is given with another file`, several.hint);
  }
  return { kind, paths: files.map(({ path }) => path).slice(several === 'last' ? -1 : 0) };
}

/** @throws UsageError for a file of no kind, and no example */
function kindOf(path: string): ExtensionKindName {
  if (path.endsWith('.d.ts')) {
    throw new UsageError(
      `the extension ${printable(path)} has declarations only`,
      'they are for the editor: give the module itself',
    );
  }
  const suffix = extname(locateExample(path, SUFFIXES));
  for (const [name, { suffixes }] of Object.entries<ExtensionKind>(KINDS)) {
    if (Object.hasOwn(suffixes, suffix)) return name as ExtensionKindName;
  }
  throw new UsageError(`the extension ${printable(path)} must end in ${SUFFIXES}`);
}

/** `a, b or c` */
function listWords(words: readonly string[]): string {
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** The fields of an extension. @throws UsageError, ExtensionError */
export async function loadExtension(
  { kind, paths }: ExtensionFiles,
  options: ExtensionOptions = {},
): Promise<FieldSet> {
  return await KINDS[kind].load(paths, options);
}

/** The same as a source. */
export function extensionSource(files: ExtensionFiles, options: ExtensionOptions): FieldSource {
  return { load: () => loadExtension(files, options) };
}
