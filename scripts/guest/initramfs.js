/** The guest's initial file system: busybox, the modules that reach the host's root, and two short scripts. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ScriptError } from '../setup/script-error.js';
import { writeCpio } from './cpio.js';
import { cacheDirectory } from './kernel.js';

const DIRECTORY = 0o040755;
const PROGRAM = 0o100755;
const FILE = 0o100644;
const MODULES = ['virtio_pci', '9pnet_virtio', '9p', 'overlay', 'virtio_console'];
const BUSYBOX = '/bin/busybox';

/**
 * The part that all runs of a kernel share, kept in the cache under a hash of its content.
 * @param {import('./kernel.js').Kernel} kernel
 * @returns {Buffer}
 */
export function loadInitramfs(kernel) {
  const init = readFileSync(new URL('init.sh', import.meta.url));
  const start = readFileSync(new URL('start.sh', import.meta.url));
  const busybox = readFileSync(BUSYBOX);
  const hash = createHash('sha256').update(kernel.version).update(init).update(start).update(busybox).digest('hex');
  const dir = join(cacheDirectory(), 'initramfs');
  const file = join(dir, `${kernel.label}-${hash.slice(0, 16)}.cpio`);
  if (existsSync(file)) return readFileSync(file);

  const archive = writeCpio([
    ...['bin', 'modules', 'proc', 'sys', 'dev', 'host', 'overlay'].map((path) => ({ path, mode: DIRECTORY })),
    { path: 'init', mode: PROGRAM, data: init },
    { path: 'start.sh', mode: FILE, data: start },
    { path: 'bin/busybox', mode: PROGRAM, data: busybox },
    ...moduleFiles(kernel).map((path, index) => ({
      path: `modules/${String(index).padStart(2, '0')}-${basename(path).replace(/\.(xz|zst)$/, '')}`,
      mode: FILE,
      data: readModule(path),
    })),
  ]);
  mkdirSync(dir, { recursive: true });
  const partial = `${file}.${process.pid}`;
  writeFileSync(partial, archive);
  renameSync(partial, file);
  return archive;
}

/**
 * The part of one run; the kernel unpacks concatenated archives one after the other.
 * @param {{ settings: string, command: string }} scripts
 */
export function runArchive({ settings, command }) {
  return writeCpio([
    { path: 'settings.sh', mode: FILE, data: Buffer.from(settings) },
    { path: 'command.sh', mode: FILE, data: Buffer.from(command) },
  ]);
}

/**
 * The modules that the guest needs before it sees its disk, each after those that it needs.
 * @param {import('./kernel.js').Kernel} kernel
 */
function moduleFiles(kernel) {
  const dir = join(kernel.modules, kernel.version);
  const index = readFileSync(join(dir, 'modules.dep'), 'utf8');
  const dependencies = new Map(
    index.split('\n').map((line) => {
      const [path = '', needs = ''] = line.split(':');
      return /** @type {const} */ ([path, needs.trim().split(' ').filter(Boolean)]);
    }),
  );
  const byName = new Map([...dependencies.keys()].map((path) => [basename(path).replace(/\.ko.*$/, ''), path]));
  /** @type {Set<string>} */
  const files = new Set();
  const add = (/** @type {string} */ path) => {
    for (const need of dependencies.get(path) ?? []) add(need);
    files.add(path);
  };
  for (const name of MODULES) {
    const path = byName.get(name); // absent: built into this kernel
    if (path) add(path);
  }
  return [...files].map((path) => join(dir, path));
}

/** @param {string} path */
function readModule(path) {
  if (path.endsWith('.ko')) return readFileSync(path);
  const program = path.endsWith('.xz') ? 'xz' : 'zstd';
  const result = spawnSync(program, ['-dcq', path], { maxBuffer: 1 << 28 });
  if (result.status !== 0) throw new ScriptError(`unpacking ${path} failed: ${result.error?.message ?? result.stderr}`);
  return result.stdout;
}
