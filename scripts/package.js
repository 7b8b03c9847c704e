/** The package as users get it, for the tests: packed, and installed into an empty prefix. */
import { execFile } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ScriptError } from './setup/script-error.js';

/** Where in `dir` things are. @param {string} dir */
export const packageFiles = (dir) => ({
  tarball: join(dir, 'ipft.tgz'),
  prefix: join(dir, 'prefix'),
  ipft: join(dir, 'prefix/bin/ipft'),
  modules: join(dir, 'prefix/lib/node_modules'),
});

/**
 * Packs and installs. koffi comes from npm's cache where it is there; afterwards it is, so that a guest, which has no
 * network, can install too.
 * @param {string} root of the repository
 * @param {string} dir where to
 */
export async function packAndInstall(root, dir) {
  const { tarball, prefix } = packageFiles(dir);
  const packed = await npm(root, ['pack', '--silent', '--pack-destination', dir]);
  renameSync(join(dir, packed.trim()), tarball);
  await npm(dir, ['install', '--global', '--prefix', prefix, '--prefer-offline', '--no-audit', '--no-fund', tarball]);
}

/** @param {string} cwd @param {string[]} args */
async function npm(cwd, args) {
  try {
    return (await promisify(execFile)('npm', args, { cwd, encoding: 'utf8' })).stdout;
  } catch (error) {
    const { message, stderr = '' } = /** @type {Error & { stderr?: string }} */ (error);
    throw new ScriptError(`npm ${args[0]} failed: ${stderr || message}`);
  }
}
