/** The packaged extensions, which are known by their names. */

import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../../base/errors.js';
import { PACKAGE_ROOT } from '../../base/package-root.js';
import { printable } from '../../base/printable.js';

const DIRECTORY = new URL('examples/extensions/', PACKAGE_ROOT);
const SUFFIX = '.bpf.c';

/** The names of the examples, sorted; empty where the package has none. */
export function loadExampleNames(): string[] {
  try {
    const files = readdirSync(DIRECTORY).filter((file) => file.endsWith(SUFFIX));
    return files.map((file) => file.slice(0, -SUFFIX.length)).sort();
  } catch {
    return [];
  }
}

/**
 * The path of an extension's file. A word without slash and dot that is no file names an example.
 * @throws UsageError for a word that is neither
 */
export function locateExtension(path: string): string {
  return locateExample(path, '.c (C source) or .o (BPF object)');
}

/** The same for files of more kinds. @param suffixes what a path may end in, for messages */
export function locateExample(path: string, suffixes: string): string {
  if (/[/.]/.test(path) || path === '' || existsSync(path)) return path;
  const names = loadExampleNames();
  if (names.includes(path)) return fileURLToPath(new URL(`${path}${SUFFIX}`, DIRECTORY));
  throw new UsageError(
    `the extension ${printable(path)} must end in ${suffixes}, or be the name of an example`,
    `the examples are ${names.join(', ')}`,
  );
}

/** The example whose name a missing file has: `five-tuple` for `five-tuple.bpf.c`. */
export function exampleLike(path: string): string | undefined {
  return loadExampleNames().find((name) => path === `${name}${SUFFIX}` || path.endsWith(`/${name}${SUFFIX}`));
}
