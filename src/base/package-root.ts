/**
 * The directory of the package, which holds `package.json`, `bpf/`, `dist/` and `examples/`. It is the same from here, from
 * `dist/base/` and from the command line's one file, `dist/cli/ipft.js`: so no other module of src/ looks for a file by
 * its own path.
 */
export const PACKAGE_ROOT = new URL('../../', import.meta.url);
