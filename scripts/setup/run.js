/** The frame of a script: its errors are messages, not stacks. */
import { ScriptError } from './script-error.js';

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
