/** The package as users get it, for the tests: packed, and installed into an empty prefix. */
import { spawnSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
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
export function packAndInstall(root, dir) {
  const { tarball, prefix } = packageFiles(dir);
  const packed = npm(root, ['pack', '--silent', '--pack-destination', dir]);
  renameSync(join(dir, packed.trim()), tarball);
  npm(dir, ['install', '--global', '--prefix', prefix, '--prefer-offline', '--no-audit', '--no-fund', tarball]);
}

/** @param {string} cwd @param {string[]} args */
function npm(cwd, args) {
  const { error, status, stdout, stderr } = spawnSync('npm', args, { cwd, encoding: 'utf8' });
  if (error) throw new ScriptError(`npm can't be run: ${error.message}`);
  if (status !== 0) throw new ScriptError(`npm ${args[0]} failed:\n${stderr}`);
  return stdout;
}
