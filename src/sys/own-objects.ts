/** The BPF objects that belong to this package. */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { causedBy, IpftError, UnsupportedFeatureError } from '../base/errors.js';
import type { NamedObject } from '../base/named-object.js';
import { PACKAGE_ROOT } from '../base/package-root.js';

/** Built by `npm run build`, compressed; below dist/ both for the compiled sources and for those run by the tests. */
const OBJECTS = new URL(`dist/bpf/${process.arch}/`, PACKAGE_ROOT);

/** Reads one of the built BPF objects. @throws IpftError `NOT_BUILT` */
export function loadOwnObject(name: string): NamedObject {
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    throw new UnsupportedFeatureError('machine', `there are no BPF programs for this machine (${process.arch})`);
  }
  try {
    return { name, bytes: brotliDecompressSync(readFileSync(new URL(`${name}.br`, OBJECTS))) };
  } catch (error) {
    throw causedBy(
      new IpftError(
        'NOT_BUILT',
        `reading the BPF program ${name}: ${(error as Error).message}`,
        'the package is incomplete: install it again (in a clone, npm run build makes them)',
      ),
      error,
    );
  }
}
