/** Run by `npm pack` and `npm publish`: what is packed is what the sources make. */
import { ensureBuilt } from './setup/built.js';
import { ensureNodeModules } from './setup/node-modules.js';
import { runScript } from './setup/run.js';
import { root } from './setup.js';

await runScript('prepack', () => {
  ensureNodeModules(root);
  ensureBuilt(root);
  return 0;
});
