/**
 * `shrink-objects.js DIST`: makes of each DIST/bpf/MACHINE/NAME.bpf.o a NAME.bpf.o.br, a seventh as large. clang writes
 * debugging information of two kinds; only BTF is used by the kernel and by libbpf, whose linker leaves the other out.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';

const EXTENSION = '.bpf.o';

await runScript('build', async () => {
  const dist = process.argv[2];
  if (dist === undefined) throw new ScriptError('shrink-objects.js needs the path of dist/', 2);
  /** @type {typeof import('../src/sys/libbpf.js')} */
  const { linkObjects } = await import(pathToFileURL(resolve(dist, 'sys/libbpf.js')).href);
  const objects = readdirSync(join(dist, 'bpf'), { recursive: true, encoding: 'utf8' });
  for (const name of objects.filter((path) => path.endsWith(EXTENSION))) {
    const path = join(dist, 'bpf', name);
    let linked;
    try {
      linked = linkObjects([{ name, bytes: readFileSync(path) }]);
    } catch (error) {
      const { message, hint } = /** @type {import('../src/base/errors.js').IpftError} */ (error);
      throw new ScriptError(hint === undefined ? message : `${message}; ${hint}`);
    }
    writeFileSync(`${path}.br`, brotliCompressSync(linked));
    rmSync(path);
  }
  return 0;
});
