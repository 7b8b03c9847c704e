/** Executes an extension's files: the one that is given, and those that it imports. */
import { readFileSync, statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, isAbsolute, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { causedBy } from '../../../base/errors.js';
import { createExtensionModule } from './placeholders.js';
import { lineOf, Problem, type Source, type Span } from './problem.js';
import { DEFAULT, type Import, readModule } from './syntax.js';
import { type Module, World } from './world.js';

/** By what an extension imports what this package offers. */
const EXTENSION_MODULE = 'ipft/extension';
const SUFFIX = /\.(ts|mts|js|mjs)$/;
const MAX_FILE_BYTES = 4 << 20;
const MAX_FILES = 200;
const REASONS: Partial<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
};

/** A module that was executed. */
export interface Executed {
  readonly module: Module;
  readonly exports: Readonly<Record<string, unknown>>;
}

interface Loaded extends Executed {
  isDone: boolean;
}

export class Linker {
  readonly world = new World();
  readonly #loaded = new Map<string, Loaded>();
  readonly #extension = createExtensionModule();

  /** @throws Problem */
  async load(path: string, by?: { source: Source; at: Span }): Promise<Executed> {
    const known = this.#loaded.get(path);
    if (known?.isDone) return known;
    if (known) {
      throw new Problem(
        'the files import each other in a circle',
        'move what both need into a third one',
        by?.source,
        by?.at,
      );
    }
    if (this.#loaded.size >= MAX_FILES)
      throw new Problem(`it imports more than ${MAX_FILES} files`, undefined, by?.source, by?.at);
    const syntax = readModule({ path, text: readText(path, by) });
    const module: Module = { syntax, scope: {} };
    const loaded: Loaded = { module, exports: {}, isDone: false };
    this.#loaded.set(path, loaded);
    this.world.modules.push(module);
    const imported: unknown[] = [];
    for (const one of syntax.imports) imported.push(await this.#import(one, syntax));
    const { scope } = await this.#execute(module, imported);
    module.scope = scope;
    for (const [name, local] of syntax.exports)
      Object.defineProperty(loaded.exports, name, { get: () => scope[local], enumerable: true });
    loaded.isDone = true;
    return loaded;
  }

  async #import({ from, at, names }: Import, source: Source & { path: string }): Promise<unknown> {
    const found = await this.#find(from, at, source);
    const module = 'exports' in found ? found.exports : found.other;
    const types = 'exports' in found ? found.types : undefined;
    for (const { imported, at: place } of names) {
      if (imported === '*' && from === EXTENSION_MODULE) {
        throw new Problem(
          'import * is not taken of ipft/extension',
          "write: import { extension } from 'ipft/extension'",
          source,
          place,
        );
      }
      if (imported === '*' || types?.has(imported)) continue;
      const isThere = typeof module === 'object' || typeof module === 'function' ? imported in (module ?? {}) : false;
      if (!isThere) throw new Problem(`${from} exports no ${imported}`, undefined, source, place);
    }
    return module;
  }

  async #find(
    from: string,
    at: Span,
    source: Source,
  ): Promise<{ exports: unknown; types: ReadonlySet<string> } | { other: unknown }> {
    if (from === EXTENSION_MODULE) return { other: this.#extension };
    const isPath = /^(\.{0,2}\/|file:)/.test(from);
    if (isPath) {
      const path = from.startsWith('file:')
        ? fileURLToPath(from)
        : isAbsolute(from)
          ? from
          : resolve(dirname(source.path), from);
      if (path.endsWith('.json')) return { other: { default: JSON.parse(readText(path, { source, at })) as unknown } };
      const { module, exports } = await this.load(findFile(path), { source, at });
      return { exports, types: module.syntax.exportedTypes };
    }
    try {
      if (isBuiltin(from)) return { other: (await import(from)) as unknown };
      return { other: (await import(pathToFileURL(createRequire(source.path).resolve(from)).href)) as unknown };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const reason = code === 'MODULE_NOT_FOUND' ? 'there is no such package' : message.split('\n')[0];
      const hint = 'a file is named by its path, as ./helpers.ts';
      throw causedBy(new Problem(`importing ${from}: ${reason}`, hint, source, at), error);
    }
  }

  async #execute(module: Module, imported: readonly unknown[]): Promise<{ scope: Record<string, unknown> }> {
    const { path, code, imports, bindings, exports } = module.syntax;
    const heads = imports.map(({ names }, index) => bindImport(names, index));
    const shown = [...bindings.keys(), ...(exports.get('default') === DEFAULT ? [DEFAULT] : [])];
    const scope = `{${shown.map((name) => `get ${name}(){return ${name}}`).join(',')}}`;
    const isAnonymous = shown.includes(DEFAULT);
    const head = `(async function(__ipft_imports){'use strict';${isAnonymous ? `let ${DEFAULT};` : ''}${heads.join('')}`;
    try {
      const script = new Script(`${head}${code}\n;return{scope:${scope}}})`, {
        filename: path,
        columnOffset: -head.length,
      });
      const run = script.runInThisContext() as (
        imports: readonly unknown[],
      ) => Promise<{ scope: Record<string, unknown> }>;
      return await run(imported);
    } catch (error) {
      throw this.explain(error, module.syntax);
    }
  }

  /** An error of the user's code, with the place in the user's files. */
  explain(error: unknown, fallback: Source): Problem {
    if (error instanceof Problem) return error;
    const isError = error instanceof Error || (typeof error === 'object' && error !== null && 'stack' in error);
    const { message, stack, name } = (isError ? error : { message: String(error) }) as Partial<Error>;
    const text = `it throws ${name === undefined || name === 'Error' ? '' : `${name}: `}${String(message).split('\n')[0]}`;
    for (const { syntax } of this.world.modules) {
      const at = String(stack ?? '').split(`${syntax.path}:`)[1];
      const [, line, column] = /^(\d+)(?::(\d+))?/.exec(at ?? '') ?? [];
      if (line === undefined) continue;
      const start = offsetOf(syntax.text, Number(line), Number(column ?? 1));
      return new Problem(text, undefined, syntax, { start, end: start });
    }
    return new Problem(text, undefined, fallback);
  }
}

function bindImport(names: Import['names'], index: number): string {
  return names
    .map(({ imported, local }) => {
      if (imported === '*') return `const ${local}=__ipft_imports[${index}];`;
      return `const ${local}=__ipft_imports[${index}][${JSON.stringify(imported)}];`;
    })
    .join('');
}

/** The file that a path of an import names: TypeScript's compiler has users write the .js that is made of a .ts. */
function findFile(path: string): string {
  const isFile = (one: string) => statSync(one, { throwIfNoEntry: false })?.isFile() ?? false;
  if (isFile(path)) return path;
  const others = [path.replace(/\.(m?)js$/, '.$1ts'), ...(SUFFIX.test(path) ? [] : [`${path}.ts`, `${path}.js`])];
  return others.find(isFile) ?? path;
}

function readText(path: string, by: { source: Source; at: Span } | undefined): string {
  const refuse = (why: string) =>
    new Problem(`${by ? 'importing' : 'reading'} ${path}: ${why}`, undefined, by?.source, by?.at);
  try {
    const stats = statSync(path);
    if (!stats.isFile()) throw refuse(stats.isDirectory() ? 'it is a folder' : 'it is no regular file');
    if (stats.size > MAX_FILE_BYTES) throw refuse('it is larger than any extension (4M)');
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    if (error instanceof Problem) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw causedBy(refuse(REASONS[code ?? ''] ?? message), error);
  }
}

function offsetOf(text: string, line: number, column: number): number {
  let offset = 0;
  for (let at = 1; at < line; at++) offset = text.indexOf('\n', offset) + 1;
  return Math.max(0, Math.min(text.length, offset + column - 1));
}

/** For the thread's messages. */
export function describeProblem(problem: Problem) {
  const { message, hint, source, span } = problem;
  const place = source && span ? lineOf(source.text, span.start) : undefined;
  return {
    ...{ message, hint, file: source?.path, line: place?.line, column: place?.column },
    ...{ from: span?.start, to: span?.end },
  };
}
