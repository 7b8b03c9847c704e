/** `npm run build`: TypeScript to dist/, BPF C to dist/bpf/MACHINE/ for each machine that is supported. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';

/** Machines as Node calls them, and as libbpf's headers do. */
const MACHINES = { x64: 'x86', arm64: 'arm64' };
/** Each source is built in each of these ways: see IPFT_MARK_BY_HELPER in bpf/body.bpf.h. */
const VARIANTS = { '': [], '.by-helper': ['-DIPFT_MARK_BY_HELPER'] };
/** Where Debian keeps asm/types.h, which `-target bpf` does not search; it is the same for both machines. */
const ASM_HEADERS = ['/usr/include/x86_64-linux-gnu', '/usr/include/aarch64-linux-gnu'];

/** @param {string} root of the repository */
export function build(root) {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', root], { stdio: ['ignore', 2, 2] });
  const include = ASM_HEADERS.filter((path) => existsSync(path)).flatMap((path) => ['-idirafter', path]);
  for (const [machine, define] of Object.entries(MACHINES)) {
    const dir = join('dist/bpf', machine);
    mkdirSync(join(root, dir), { recursive: true });
    for (const source of readdirSync(join(root, 'bpf')).filter((name) => name.endsWith('.bpf.c'))) {
      const warnings = ['-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter'];
      for (const [variant, flags] of Object.entries(VARIANTS)) {
        const object = join(dir, source.replace(/\.bpf\.c$/, `${variant}.bpf.o`));
        const args = ['-target', 'bpf', '-O2', '-g', ...warnings, `-D__TARGET_ARCH_${define}`, ...flags, ...include];
        execFileSync('clang', [...args, '-c', join('bpf', source), '-o', object], {
          cwd: root,
          stdio: ['ignore', 2, 2],
        });
      }
    }
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) build(fileURLToPath(new URL('..', import.meta.url)));
