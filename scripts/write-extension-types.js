/** `write-extension-types.js DIST`: the declarations of `ipft/extension`, for projects that ipft is installed in. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';

await runScript('build', async () => {
  const dist = process.argv[2];
  if (dist === undefined) throw new ScriptError('write-extension-types.js needs the path of dist/', 2);
  /** @type {typeof import('../src/fields/typescript/api.js')} */
  const { API, OPEN_TYPES } = await import(pathToFileURL(join(dist, 'fields/typescript/api.js')).href);
  writeFileSync(join(dist, 'extension.d.ts'), `${API}${OPEN_TYPES}`);
  return 0;
});
