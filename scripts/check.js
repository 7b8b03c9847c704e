/** `npm run check`: format and lint, types, the import table, the listings in the docs, and their links. Prints what is wrong. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { checkDocs } from './check-docs.js';
import { checkLayers } from './check-layers.js';
import { renderDocuments } from './docs.js';
import { runScript } from './setup/run.js';
import { root, setUp } from './setup.js';

await runScript('check', async () => {
  setUp();

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
  await renderDocuments((path) => {
    console.error(`${path}: its listings are not what the program prints now (npm run docs renders them)`);
    failed.push(path);
  });
  const stale = checkDocs();
  for (const problem of stale) console.error(problem);
  if (stale.length > 0) failed.push('docs');
  console.error(failed.length === 0 ? 'check: all is well' : `check: failed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
});
