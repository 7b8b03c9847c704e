/**
 * `shrink-objects.js DIST`: makes of DIST/bpf/MACHINE/NAME.bpf.o and NAME.VARIANT.bpf.o of all machines one DIST/bpf/NAME.br,
 * a fourteenth as large: they are much alike. src/sys/own-objects.ts reads it, and says which objects are in one file. clang writes debugging information of two kinds;
 * only BTF is used by the kernel and by libbpf, whose linker leaves the other out.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';

const EXTENSION = '.bpf.o';
/** As far as brotli looks back: over all objects of a file. */
const PARAMS = { params: { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS } };

await runScript('build', async () => {
  const dist = process.argv[2];
  if (dist === undefined) throw new ScriptError('shrink-objects.js needs the path of dist/', 2);
  /** @type {typeof import('../src/sys/libbpf.js')} */
  const { linkObjects } = await import(pathToFileURL(resolve(dist, 'sys/libbpf.js')).href);
  /** @type {typeof import('../src/sys/own-objects.js')} */
  const { fileOf } = await import(pathToFileURL(resolve(dist, 'sys/own-objects.js')).href);
  const bpf = join(dist, 'bpf');
  const names = readdirSync(bpf, { recursive: true, encoding: 'utf8' });
  /** @type {Map<string, { name: string, bytes: Uint8Array }[]>} */
  const files = new Map();
  for (const name of names.filter((path) => path.endsWith(EXTENSION)).sort()) {
    let bytes;
    try {
      bytes = linkObjects([{ name, bytes: readFileSync(join(bpf, name)) }]);
    } catch (error) {
      const { message, hint } = /** @type {import('../src/base/errors.js').IpftError} */ (error);
      throw new ScriptError(hint === undefined ? message : `${message}; ${hint}`);
    }
    const file = fileOf(name);
    files.set(file, [...(files.get(file) ?? []), { name, bytes }]);
  }
  for (const machine of new Set(names.map((name) => name.split('/')[0] ?? '')))
    rmSync(join(bpf, machine), { recursive: true });
  for (const [file, objects] of files) {
    const sizes = Object.fromEntries(objects.map(({ name, bytes }) => [name, bytes.length]));
    const whole = Buffer.concat([Buffer.from(`${JSON.stringify(sizes)}\n`), ...objects.map(({ bytes }) => bytes)]);
    writeFileSync(join(bpf, `${file}.br`), brotliCompressSync(whole, PARAMS));
  }
  return 0;
});
