/** The frame of a script: its errors are messages, not stacks. */
import { realpathSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { ScriptError } from './script-error.js';

/**
 * Whether a module is the script that node was started with, be it through a link.
 * @param {string} url the module's `import.meta.url`
 */
export function isMain(url) {
  return argv[1] !== undefined && realpathSync(argv[1]) === fileURLToPath(url);
}

/**
 * @param {string} name of the script, for messages
 * @param {() => Promise<number> | number} body gives the exit status
 */
export async function runScript(name, body) {
  try {
    process.exitCode = await body();
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    process.stderr.write(`${name}: ${error.message}\n`);
    process.exitCode = error.status;
  }
}
