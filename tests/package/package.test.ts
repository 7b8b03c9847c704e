/** The tarball of `npm pack` and the installation by `npm install -g`: sizes, files, and a first run. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packAndInstall, packageFiles } from '../../scripts/package.js';
import { parseElf } from '../../src/bytecode/elf.js';
import { unpackObjects } from '../../src/sys/own-objects.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MACHINES = ['x64', 'arm64'];
/** The largest sizes that users are to download and store, in bytes: docs/architecture.md has them. */
const MAX_PACKED = 2_000_000;
const MAX_INSTALLED = 10_000_000;

/**
 * An empty directory outside of this repository, so that a file that the package lacks is not found here by accident.
 */
const scratch = mkdtempSync(join(tmpdir(), 'ipft-package-test-'));
/** `npm test` has packed already, for the guest too. */
const dir = process.env['IPFT_PACKAGE'] ?? scratch;
const { tarball, prefix, ipft, modules } = packageFiles(dir);
const installed = join(modules, 'ipft');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

beforeAll(async () => {
  if (dir === scratch) await packAndInstall(ROOT, dir);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const files = (path: string) => readdirSync(path, { recursive: true, encoding: 'utf8' });
const run = (program: string, ...args: string[]) => spawnSync(program, args, { cwd: scratch, encoding: 'utf8' });

test('is small, packed and installed with all that it needs', () => {
  expect(statSync(tarball).size).toBeLessThan(MAX_PACKED);
  // The size on the disk, as du counts it.
  const blocks = files(prefix).reduce((sum, name) => sum + lstatSync(join(prefix, name)).blocks, 0);
  expect(blocks * 512).toBeLessThan(MAX_INSTALLED);
});

test('holds what is needed at run time and to write extensions, and nothing of the workshop', () => {
  const names = files(installed).filter((name) => !name.startsWith('node_modules'));
  for (const name of [
    'bin/ipft.js',
    'dist/cli/ipft.js',
    'dist/cli/LICENSE.commander',
    'dist/index.js',
    'dist/index.d.ts',
    'dist/extension.js',
    'dist/extension.d.ts',
    'dist/fields/typescript/thread.js',
    'dist/fields/typescript/LICENSE.babel',
    'dist/page-server/page-server.js',
    'dist/sys/link-child.js',
    'dist/lua/lua.wasm.br',
    'dist/lua/LICENSE.lua',
    'dist/lua/LICENSE.wasmoon',
    'examples/scripts/gso.lua',
    'bpf/LICENSE',
    'bpf/include/ipft/extension.h',
    'examples/extensions/skb-len.bpf.c',
    'LICENSE',
    'README.md',
    'docs/extension.md',
    'examples/recordings/gateway.ipft',
    'examples/library/drop.test.ts',
    'examples/library/service.test.ts',
    'man/ipft.1',
  ]) {
    expect(names).toContain(name);
  }
  // They would be a tenth of what is downloaded.
  expect(names.filter((name) => name.endsWith('.png'))).toEqual([]);
  expect(
    names.filter((name) =>
      /^(?!examples).*\.test\.|\.map$|\.sources$|^(src|scripts|tests|bench|node_modules)\//.test(name),
    ),
  ).toEqual([]);
  expect(names.filter((name) => name.startsWith('dist/cli/')).sort()).toEqual([
    'dist/cli/LICENSE.commander',
    'dist/cli/ipft.js',
  ]);
  // The library's own declarations are all that its users' compilers read.
  const declared = names.filter((name) => /^dist\/.*\.d\.ts$/.test(name)).map((name) => name.split('/')[1]);
  expect([...new Set(declared)].sort()).toEqual(['base', 'extension.d.ts', 'index.d.ts', 'library']);
  // koffi, and its library for this machine: for glibc and for musl.
  expect(readdirSync(join(installed, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
    '@koromix',
    'koffi',
  ]);
  expect(readdirSync(join(installed, 'node_modules/@koromix'))).toEqual([`koffi-linux-${process.arch}`]);
});

test('brings its manual page to where man looks', () => {
  const page = readFileSync(join(prefix, 'share/man/man1/ipft.1'), 'utf8');
  expect(page).toBe(readFileSync(join(ROOT, 'man/ipft.1'), 'utf8'));
});

test('has the same BPF objects for each machine, with BTF and without DWARF', () => {
  const dir = new URL(`file://${join(installed, 'dist/bpf')}/`);
  const objects = readdirSync(dir).flatMap((name) => [...unpackObjects(new URL(name, dir))]);
  const [first, second] = MACHINES.map((machine) =>
    objects.flatMap(([name]) => (name.startsWith(`${machine}/`) ? name.slice(machine.length) : [])),
  );
  expect(first).toEqual(second);
  expect(first?.length).toBeGreaterThan(10);
  for (const [name, bytes] of objects) {
    const sections = parseElf(bytes).sections.map((section) => section.name);
    expect(sections, name).toContain('.BTF');
    expect(
      sections.filter((section) => section.startsWith('.debug')),
      name,
    ).toEqual([]);
    // The verifier shows lines of source from there.
    if (!name.includes('license')) expect(sections, name).toContain('.BTF.ext');
  }
});

test('runs through the link that npm makes', () => {
  expect(lstatSync(ipft).isSymbolicLink()).toBe(true);
  expect(run(ipft, '--version')).toMatchObject({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  expect(run(ipft, '--help').stdout).toContain('--mark');
  expect(run(ipft, '--gen', 'bpf-module-header').stdout).toBe(
    readFileSync(join(ROOT, 'bpf/include/ipft/extension.h'), 'utf8'),
  );
  const wrong = run(ipft, '--no-such-option');
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).not.toMatch(/^\s+at /m);
});

test('is found by its name as a library', () => {
  symlinkSync(modules, join(scratch, 'node_modules'));
  const script = 'import("ipft").then((ipft) => console.log(typeof ipft.IpftError))';
  expect(run(process.execPath, '-e', script)).toMatchObject({ status: 0, stdout: 'function\n', stderr: '' });
});

test('has an example of the library that is a project of its own: its runner finds its tests', () => {
  const project = join(scratch, 'project');
  cpSync(join(installed, 'examples/library'), project, { recursive: true });
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(installed, join(project, 'node_modules/ipft'));
  symlinkSync(join(ROOT, 'node_modules/vitest'), join(project, 'node_modules/vitest'));
  const list = ['node_modules/vitest/vitest.mjs', 'list'];
  const { status, stdout, stderr } = spawnSync(process.execPath, list, { cwd: project, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const files = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[0]);
  expect(files.sort()).toEqual(['drop.test.ts', 'drop.test.ts', 'service.test.ts']);
});

test('offers ipft/extension to an extension that is tested by itself', () => {
  const script =
    'import("ipft/extension").then(({ extension, tcp }) => console.log(extension({ fields: {} }), typeof tcp))';
  expect(run(process.execPath, '-e', script)).toMatchObject({
    status: 0,
    stdout: '{ fields: {} } function\n',
    stderr: '',
  });
});

test('says which Node it needs, and needs the one that package.json names', () => {
  const as = (version: string) => {
    const claim = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
    return run(process.execPath, '--import', `data:text/javascript,${encodeURIComponent(claim)}`, ipft, '--version');
  };
  const oldest = String(manifest.engines.node).replace('>=', '');
  const [major = 0, minor = 0] = oldest.split('.').map(Number);
  for (const version of [`${major}.${minor}.0`, `${major}.${minor + 1}.0`, `${major + 1}.0.0`]) {
    expect(as(version), version).toMatchObject({ status: 0, stderr: '' });
  }
  for (const version of [`${major}.${minor - 1}.5`, `${major - 1}.99.0`, '12.22.12']) {
    const { status, stdout, stderr } = as(version);
    expect([status, stdout], version).toEqual([1, '']);
    expect(stderr).toContain(`this is Node ${version} (${process.execPath}), and ${oldest} or later is needed`);
    expect(stderr.trimEnd().split('\n')).toHaveLength(2);
  }
});

test('says that a part is missing when it is, without a stack', () => {
  for (const part of ['@koromix', 'koffi', '../dist']) {
    const copy = join(scratch, 'incomplete');
    cpSync(installed, copy, { recursive: true });
    rmSync(join(copy, 'node_modules', part), { recursive: true });
    const { status, stderr } = run(join(copy, 'bin/ipft.js'), '--version');
    expect(status, part).toBe(1);
    expect(stderr, part).toMatch(/^ipft: a part is missing: .*\n {6}install ipft again, .*\n$/);
    rmSync(copy, { recursive: true });
  }
});

test('leaves nothing behind when it is uninstalled', () => {
  const copy = join(scratch, 'uninstall');
  cpSync(prefix, copy, { recursive: true, verbatimSymlinks: true });
  expect(run(join(copy, 'bin/ipft'), '--version').status).toBe(0);
  expect(run('npm', 'uninstall', '--global', '--prefix', copy, 'ipft').status).toBe(0);
  expect(
    files(copy).filter((name) => !lstatSync(join(copy, name)).isDirectory() && !name.endsWith('.package-lock.json')),
  ).toEqual([]);
});
