/** `ipft types`: the running kernel's structs as TypeScript's types, for an editor. */
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { release } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { causedBy, IpftError, UsageError } from '../../base/errors.js';
import { printable, quote } from '../../base/printable.js';
import { findNearest } from '../../base/suggest.js';
import { FIRST_LINE, formatDeclarations, listStructs, type TypeSource } from '../../fields/typescript/declarations.js';
import { listModulesWithBtf, loadKernelBtf, loadModuleBtf } from '../../kernel/btf.js';

export interface TypesOptions {
  /** Structs besides those that packets lead to. */
  readonly structs: readonly string[];
  /** A file, or a folder; undefined: this folder. */
  readonly path: string | undefined;
}

const FILE = 'ipft-env.d.ts';
const CONFIG = 'tsconfig.json';
/** The compiler options that an extension is checked with. A browser's names are not there to be taken by mistake. */
const CONFIG_TEXT = `{
  "compilerOptions": {
    "target": "es2023",
    "lib": ["es2023"],
    "module": "preserve",
    "types": [],
    "allowJs": true,
    "strict": true,
    "noEmit": true
  }
}
`;
/** The module whose structs an skb leads to by an address without a type. */
const CONNTRACK = 'nf_conntrack';
const { O_WRONLY, O_CREAT, O_EXCL, O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

/** Writes the files. @returns what to print @throws UsageError for a struct that there is not; IpftError */
export function writeTypes({ structs, path = '.' }: TypesOptions): string {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? path.endsWith('/');
  const file = isFolder ? join(path, FILE) : path;
  if (!file.endsWith('.d.ts')) {
    throw new UsageError(
      `${printable(file)} must end in .d.ts, or be a folder that there is`,
      `as in: ipft types -o ${FILE}`,
    );
  }
  const kernel = release();
  const sources = loadSources(structs);
  const { text, count, missing } = formatDeclarations(sources, structs, kernel);
  if (missing.length > 0) throw explainMissing(missing, sources);
  if (existsSync(file) && !isOurs(file)) {
    throw new IpftError(
      'OUTPUT_FILE',
      `${printable(file)} is there, and was not made by ipft types`,
      'name another file with -o',
    );
  }
  write(file, text);
  const lines = [`${printable(file)} has ${count} structs of Linux ${kernel}`];
  if (isFolder) lines.push(writeConfig(path));
  return `${lines.join('\n')}\n`;
}

/** The kernel proper and connection tracking; where structs are named that neither has, all modules. */
function loadSources(structs: readonly string[]): TypeSource[] {
  const vmlinux = loadKernelBtf();
  const sources: TypeSource[] = [{ btf: vmlinux, module: undefined }];
  const add = (module: string) => {
    const btf = loadModuleBtf(module, vmlinux);
    if (!('problem' in btf)) sources.push({ btf, module });
  };
  const modules = listModulesWithBtf();
  if (modules.includes(CONNTRACK)) add(CONNTRACK);
  const isThere = (name: string) => sources.some(({ btf }) => listStructs(btf, [name]).size > 0);
  if (structs.some((name) => !isThere(name))) for (const module of modules) if (module !== CONNTRACK) add(module);
  return sources;
}

function explainMissing(missing: readonly string[], sources: readonly TypeSource[]): UsageError {
  const [first = ''] = missing;
  const names = sources.flatMap(({ btf }) => [...listStructs(btf).keys()]);
  const near = findNearest(first, names);
  return new UsageError(
    `neither the kernel nor a loaded module has ${missing.map((name) => `a struct ${quote(name)}`).join(' or ')}`,
    near === undefined ? 'a module must be loaded for its types to be known (Linux 5.11)' : `${near}?`,
  );
}

/** Lets editors know of the file, where no project does already. */
function writeConfig(folder: string): string {
  const config = join(folder, CONFIG);
  for (let dir = resolve(folder); ; dir = dirname(dir)) {
    const there = ['tsconfig.json', 'jsconfig.json'].map((name) => join(dir, name)).find((one) => existsSync(one));
    if (there !== undefined) return `${printable(there)} is there already: its files must include this one`;
    if (dir === dirname(dir)) break;
  }
  write(config, CONFIG_TEXT);
  return `${printable(config)} tells editors of it`;
}

/** Whether a file was made here. */
function isOurs(path: string): boolean {
  return attempt('reading', path, () => {
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    try {
      const head = Buffer.alloc(FIRST_LINE.length);
      readSync(fd, head);
      return head.toString('latin1') === FIRST_LINE;
    } finally {
      closeSync(fd);
    }
  });
}

/** Puts a whole file in the place of what is there. */
function write(path: string, text: string): void {
  attempt('writing', path, () => {
    const made = `${path}.${process.pid}.new`;
    const fd = openSync(made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, 0o644);
    try {
      writeFileSync(fd, text);
      renameSync(made, path);
    } catch (error) {
      rmSync(made, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  });
}

function attempt<T>(doing: string, path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const { message } = error as Error;
    throw causedBy(
      new IpftError('OUTPUT_FILE', `${doing} ${printable(path)}: ${message}`, 'name another place with -o'),
      error,
    );
  }
}
