/** The npm packages that package-lock.json names. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ScriptError } from './script-error.js';

/**
 * Installs them unless they are what the lock file says.
 * @param {string} root of the repository
 */
export function ensureNodeModules(root) {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const stamp = join(root, 'node_modules/.ipft-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  process.stderr.write('setup: installing npm packages\n');
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (result.status !== 0) throw new ScriptError('npm ci failed; its messages are above');
  writeFileSync(stamp, lock);
}
