/** `npm run check`: format and lint, types, the import table, the layouts, the listings in the docs, and their links. Prints what is wrong. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { renderApi } from './api.js';
import { checkDocs } from './check-docs.js';
import { checkLayers } from './check-layers.js';
import { renderDocuments, renderManPage } from './docs.js';
import { renderLayout } from './layout.js';
import { runScript } from './setup/run.js';
import { root, setUp } from './setup.js';

await runScript('check', async () => {
  setUp();

  const failed = [];
  for (const [what, program, ...args] of [
    ['format and lint', 'biome', 'check', '--error-on-warnings', '.'],
    ['types', 'tsc', '-p', 'tsconfig.check.json'],
    ['types of the page', 'tsc', '-p', 'ui/tsconfig.json'],
  ]) {
    const result = spawnSync(join(root, 'node_modules/.bin', program ?? ''), args, { cwd: root, stdio: 'inherit' });
    if (result.status !== 0) failed.push(what);
  }
  const problems = checkLayers();
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) failed.push('layers');
  await renderLayout((path) => {
    console.error(`${path}: it is not what bpf/abi/ says now (npm run layout writes it)`);
    failed.push(path);
  });
  /** @param {string} path */
  const stale = (path) => {
    console.error(`${path}: it is not what the program and its comments say now (npm run docs renders it)`);
    failed.push(path);
  };
  const undocumented = renderApi(stale);
  for (const problem of undocumented) console.error(problem);
  if (undocumented.length > 0) failed.push('API comments');
  await renderManPage(stale);
  await renderDocuments(stale);
  const misleading = checkDocs();
  for (const problem of misleading) console.error(problem);
  if (misleading.length > 0) failed.push('docs');
  console.error(failed.length === 0 ? 'check: all is well' : `check: failed: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
});
