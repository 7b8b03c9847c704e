/** `shrink-modules.js DIST`: takes blanks and line breaks out of the modules below DIST, a third of their size. Names stay. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minifySync } from 'rolldown/utils';
import { runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';

const OPTIONS = { module: true, compress: false, mangle: false, codegen: { removeWhitespace: true } };

await runScript('build', async () => {
  const dist = process.argv[2];
  if (dist === undefined) throw new ScriptError('shrink-modules.js needs the path of dist/', 2);
  const names = readdirSync(dist, { recursive: true, encoding: 'utf8' });
  // What lies in cli/ is bundled, and small already.
  for (const name of names.filter((path) => path.endsWith('.js') && !path.startsWith('cli/'))) {
    const path = join(dist, name);
    const { code, errors } = minifySync(name, readFileSync(path, 'utf8'), OPTIONS);
    if (errors.length > 0) throw new ScriptError(`${name} can't be made smaller: ${errors[0]?.message}`);
    writeFileSync(path, code);
  }
  return 0;
});
