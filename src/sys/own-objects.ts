/** The BPF objects that belong to this package. */
import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';
import { causedBy, IpftError, UnsupportedFeatureError } from '../base/errors.js';
import type { NamedObject } from '../base/named-object.js';
import { PACKAGE_ROOT } from '../base/package-root.js';

/** Built by `npm run build`, compressed; below dist/ both for the compiled sources and for those run by the tests. */
const OBJECTS = new URL('dist/bpf/', PACKAGE_ROOT);
const NEWLINE = 10;
/** `ipft_find_header()`, for the code that is made of expressions. */
export const FIND_HEADER = 'find-header.bpf.o';

/**
 * The file that an object is in, without its suffix: that of its source. Two sources that differ in what a kfunc takes are nearly
 * the same, and take half as much in one file: those of kprobe-session-ctx are in that of kprobe-session.
 */
export function fileOf(object: string): string {
  return object.replace(/^.*\//, '').replace(/(-ctx)?\..*/, '');
}

/**
 * All objects that are in a file, for all machines: `x64/kprobe.bpf.o`.
 * @param file a line of JSON with their names and sizes, then the objects one behind the other, all compressed
 */
export function unpackObjects(file: URL): ReadonlyMap<string, Uint8Array> {
  const whole = brotliDecompressSync(readFileSync(file));
  let at = whole.indexOf(NEWLINE) + 1;
  const sizes = Object.entries(JSON.parse(whole.toString('utf8', 0, at)) as Record<string, number>);
  const objects = new Map<string, Uint8Array>();
  for (const [name, size] of sizes) {
    objects.set(name, whole.subarray(at, at + size));
    at += size;
  }
  return objects;
}

/** Reads one of the built BPF objects. @throws IpftError `NOT_BUILT` */
export function loadOwnObject(name: string): NamedObject {
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    throw new UnsupportedFeatureError('machine', `there are no BPF programs for this machine (${process.arch})`);
  }
  try {
    const bytes = unpackObjects(new URL(`${fileOf(name)}.br`, OBJECTS)).get(`${process.arch}/${name}`);
    if (bytes === undefined) throw new Error('it is not among those of its file');
    // A copy: it keeps the others from staying in memory with it.
    return { name, bytes: Uint8Array.from(bytes) };
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
