/** `npm run setup`: what building and tracing need, with a line for each thing that was missing; guests and tests install the rest. */
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './setup/built.js';
import { ensureNodeModules } from './setup/node-modules.js';
import { BUILD_PACKAGES, ensurePackages, TRAFFIC_PACKAGES } from './setup/packages.js';
import { isMain, runScript } from './setup/run.js';

export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Installs and builds what is missing; free when nothing is.
 * @param {string[]} [packages] Debian packages that are wanted besides
 */
export function setUp(packages = []) {
  ensurePackages([...BUILD_PACKAGES, ...TRAFFIC_PACKAGES, ...packages]);
  ensureNodeModules(root);
  ensureBuilt(root);
}

if (isMain(import.meta.url)) {
  await runScript('setup', () => {
    setUp();
    return 0;
  });
}
