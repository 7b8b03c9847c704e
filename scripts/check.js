/** `npm run check`: format and lint, types, and the import table. Prints what is wrong and fails. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkLayers } from './check-layers.js';
import { ensureNodeModules } from './setup/node-modules.js';

const root = fileURLToPath(new URL('..', import.meta.url));
ensureNodeModules(root);

const failed = [];
for (const [what, program, ...args] of [
  ['format and lint', 'biome', 'check', '--error-on-warnings', '.'],
  ['types', 'tsc', '-p', 'tsconfig.check.json'],
]) {
  const result = spawnSync(join(root, 'node_modules/.bin', program ?? ''), args, { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) failed.push(what);
}
const problems = checkLayers();
for (const problem of problems) console.error(problem);
if (problems.length > 0) failed.push('layers');
console.error(failed.length === 0 ? 'check: all is well' : `check: failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
