/**
 * The examples of extensions, with what they say of themselves at the top of their file in TypeScript: a sentence, and the
 * same as an expression, in options of `ipft`. docs/extension.md lists them, and the tests trace with them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ScriptError } from './setup/script-error.js';

const FOLDER = fileURLToPath(new URL('../examples/extensions/', import.meta.url));
/** An option that stands in such a comment, with its value in quotes. */
const OPTION = /(?<![\w-])(--show|--where|-r) '([^']+)'/g;

/**
 * @typedef {object} Example
 * @property {string} name as of `NAME.bpf.c` and `NAME.ts`
 * @property {string} summary what it shows
 * @property {{ option: string, value: string }[]} options
 */

/** @returns {Example[]} in the order of their names */
export function readExamples() {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => {
      const [summary = '', ...lines] = (/^(?:\/\/.*\n)+/.exec(readFileSync(join(FOLDER, file), 'utf8'))?.[0] ?? '')
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(/^\/\/ ?/, ''));
      const options = [
        ...lines
          .join('\n')
          .replaceAll(/\n +(?=[^ -])/g, ' ')
          .matchAll(OPTION),
      ].map(([, option = '', value = '']) => ({ option, value }));
      if (!lines[0]?.startsWith('As an expression:') || options.length === 0)
        throw new ScriptError(`examples/extensions/${file} does not say at its top how it is written as an expression`);
      return { name: file.replace(/\.ts$/, ''), summary, options };
    });
}
