/** `npm run build`: TypeScript to dist/, BPF C to dist/bpf/ for each machine that is supported. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { buildPage } from './build-page.js';
import { isMain, runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';

/** Machines as Node calls them, and as libbpf's headers do. */
const MACHINES = { x64: 'x86', arm64: 'arm64' };
/**
 * A line of a source's head comment, for an object that is made of it besides: what stands between the source's name and
 * `.bpf.o`, and flags. IPFT_BY_HELPER: see bpf/core/journey.bpf.h; IPFT_WITH_CALLS: see IPFT_FUNCTION there;
 * IPFT_SESSION_TAKES_CTX: see bpf/core/session.h.
 */
const BUILD = /^ \* build: (\S+) (.+)$/gm;
const EMPTY = Buffer.alloc(0);
const BUNDLE = 'ipft.js';
/** The declarations of src/cli/main.ts that bin/ipft.js needs. */
const BUNDLE_TYPES =
  'export interface Signals {\n' +
  '  readonly ignored: readonly string[];\n' +
  '  take(handler: ((name: string) => void) | undefined): boolean;\n' +
  '}\n' +
  'export declare function main(given: readonly string[], signals?: Signals, commandLine?: Uint8Array): Promise<number>;\n';
const PAGE_SERVER = 'page-server.js';
/** The thread that executes extensions in TypeScript: the parser is in its file. */
const THREAD = 'fields/typescript/thread';
/** Made for `npm run docs`, and not shipped. */
const MAN_PAGE = '.man-page.js';
const MAN_PAGE_TYPES =
  'export declare function formatManPage(version: string): string;\n' +
  'type ExitStatuses = readonly { readonly status: number; readonly summary: string }[];\n' +
  'export declare const EXIT_STATUSES: ExitStatuses, RESERVED_STATUSES: ExitStatuses;\n';
/** Where Debian keeps asm/types.h, which `-target bpf` does not search; it is the same for both machines. */
const ASM_HEADERS = ['/usr/include/x86_64-linux-gnu', '/usr/include/aarch64-linux-gnu'];

/** @param {string} root of the repository */
export function build(root) {
  // Built in a directory beside dist/ and renamed: a process that runs from dist/ meanwhile sees the old build or the
  // new one.
  const made = join(root, `dist.${process.pid}`);
  try {
    const tsc = join(root, 'node_modules/.bin/tsc');
    // What users read of it are the declarations.
    compile(root, tsc, ['-p', root, '--outDir', made, '--removeComments', '--declaration', 'false']);
    compile(root, tsc, ['-p', root, '--outDir', made, '--emitDeclarationOnly']);
    bundle(root, made);
    makePage(root, made);
    addLua(root, made);
    for (const [machine, define] of Object.entries(MACHINES)) {
      const dir = join(made, 'bpf', machine);
      mkdirSync(dir, { recursive: true });
      for (const source of findPrograms(root)) {
        const name = basename(source, '.bpf.c');
        const builds = [...readFileSync(join(root, source), 'utf8').matchAll(BUILD)];
        for (const [, variant = '', flags = ''] of [[], ...builds]) {
          const args = [...bpfFlags(root, define), ...flags.split(' ').filter(Boolean), '-c', source];
          compile(root, 'clang', [...args, '-o', join(dir, `${name}${variant}.bpf.o`)]);
        }
      }
    }
    compile(root, process.execPath, [join(root, 'scripts/shrink-objects.js'), made]);
    compile(root, process.execPath, [join(root, 'scripts/shrink-modules.js'), made]);
    rmSync(join(root, 'dist'), { recursive: true, force: true });
    renameSync(made, join(root, 'dist'));
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

/**
 * What clang makes all programs with.
 * @param {string} root of the repository
 * @param {string} machine as libbpf's headers call it
 */
export function bpfFlags(root, machine) {
  return [
    ...['-target', 'bpf', '-mcpu=v3', '-O2', '-g', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter'],
    `-D__TARGET_ARCH_${machine}`,
    // The objects are the same wherever they are built.
    `-ffile-prefix-map=${root.replace(/\/$/, '')}=.`,
    ...ASM_HEADERS.filter((path) => existsSync(path)).flatMap((path) => ['-idirafter', path]),
  ];
}

/** Sources of objects, wherever they lie in bpf/: the objects lie side by side. @param {string} root */
function findPrograms(root) {
  const names = readdirSync(join(root, 'bpf'), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.bpf.c')).map((name) => join('bpf', name));
}

/**
 * Makes one file of all modules that the command line loads: Node takes longer to find a few dozen files than to read
 * them; and one of those that the page's server loads. They lie as deep as src/base/package-root.ts, so that the package's files are
 * found from there. Of their folders nothing else is kept.
 * @param {string} root
 * @param {string} made
 */
function bundle(root, made) {
  const options = ['--config', join(root, 'scripts/setup/bundle.js')];
  // Run in that directory, it names the modules by the same paths in every build.
  // Most of the thread's file is the parser, which nobody reads there: it takes half of its room minified.
  for (const [from, to, types, ...more] of [
    ['cli/main.js', join('cli', BUNDLE), BUNDLE_TYPES],
    ['page-server/main.js', join('page-server', PAGE_SERVER), ''],
    [`${THREAD}/main.js`, `${THREAD}.js`, '', '--minify'],
    ['cli/man-page.js', MAN_PAGE, MAN_PAGE_TYPES],
  ]) {
    compile(
      made,
      join(root, 'node_modules/.bin/rolldown'),
      [...options, '--input', from ?? '', '--file', to ?? '', ...more],
      'quiet',
    );
    if (types) writeFileSync(join(made, (to ?? '').replace(/\.js$/, '.d.ts')), types);
  }
  for (const name of readdirSync(join(made, 'page-server')))
    if (name !== PAGE_SERVER) rmSync(join(made, 'page-server', name), { recursive: true });
  for (const name of readdirSync(join(made, 'cli')))
    if (!/^ipft\.(js|d\.ts)$/.test(name)) rmSync(join(made, 'cli', name), { recursive: true });
  rmSync(join(made, THREAD), { recursive: true });
  compile(root, process.execPath, [join(root, 'scripts/write-extension-types.js'), made]);
  // The licences of the code that is bundled.
  copyFileSync(join(root, 'node_modules/commander/LICENSE'), join(made, 'cli/LICENSE.commander'));
  copyFileSync(join(root, 'node_modules/@babel/parser/LICENSE'), join(made, dirname(THREAD), 'LICENSE.babel'));
}

/**
 * Makes dist/ui/page.html of ui/.
 * @param {string} root
 * @param {string} made
 */
function makePage(root, made) {
  const script = join(made, 'page.js');
  const options = ['--config', join(root, 'scripts/setup/ui.js'), '--input', 'ui/src/main.tsx', '--file', script];
  compile(root, join(root, 'node_modules/.bin/rolldown'), options, 'quiet');
  mkdirSync(join(made, 'ui'));
  writeFileSync(join(made, 'ui/page.html'), buildPage(root, readFileSync(script, 'utf8')));
  rmSync(script);
  copyFileSync(join(root, 'node_modules/preact/LICENSE'), join(made, 'ui/LICENSE.preact'));
}

/**
 * Makes dist/lua/ of the package wasmoon, of which nothing but the engine is taken, Lua 5.4 as WebAssembly: it takes a third of its
 * room compressed.
 * @param {string} root
 * @param {string} made
 */
function addLua(root, made) {
  const dir = join(made, 'lua');
  mkdirSync(dir);
  const engine = readFileSync(join(root, 'node_modules/wasmoon/dist/glue.wasm'));
  writeFileSync(join(dir, 'lua.wasm.br'), brotliCompressSync(engine));
  copyFileSync(join(root, 'node_modules/wasmoon/LICENSE'), join(dir, 'LICENSE.wasmoon'));
  copyFileSync(join(root, 'scripts/setup/LICENSE.lua'), join(dir, 'LICENSE.lua'));
}

/**
 * @param {string} cwd
 * @param {string} program
 * @param {string[]} args
 * @param {'quiet'} [quiet] says nothing unless it fails
 */
function compile(cwd, program, args, quiet) {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    stdio: quiet ? ['ignore', 'pipe', 'pipe'] : ['ignore', 2, 2],
  });
  if (quiet && status !== 0) process.stderr.write(Buffer.concat([stdout ?? EMPTY, stderr ?? EMPTY]));
  if (error) throw new ScriptError(`building needs ${program}: ${error.message}; npm run setup installs it`);
  if (status !== 0) throw new ScriptError(`building failed: what ${program} said is above`);
}

if (isMain(import.meta.url)) {
  await runScript('build', () => {
    build(fileURLToPath(new URL('..', import.meta.url)));
    return 0;
  });
}
