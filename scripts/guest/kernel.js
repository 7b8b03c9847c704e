/** Debian kernels for guests: fetched once into the user's cache directory, never installed. */
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ScriptError } from '../setup/script-error.js';

/** The suite that each kernel comes from, whatever the machine's own is. @type {Record<string, string>} */
export const SUITES = { '5.10': 'bullseye', 6.1: 'bookworm', 6.12: 'trixie', sid: 'sid' };

/**
 * @typedef {object} Kernel
 * @property {string} label
 * @property {string} version as `uname -r` prints it
 * @property {string} image path of the bzImage
 * @property {string} modules path of the directory that is `/lib/modules` in the guest
 */

/** @returns {string} where kernels and initial file systems are kept */
export function cacheDirectory() {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ipft');
}

/**
 * The kernel of a label, fetched if the cache does not hold it.
 * @param {string} label a key of SUITES
 * @returns {Kernel}
 */
export function loadKernel(label) {
  if (process.arch !== 'x64') throw new ScriptError(`guests need an x86-64 host, this one is ${process.arch}`);
  const dir = join(cacheDirectory(), 'kernels', label);
  if (!existsSync(join(dir, 'version'))) fetchKernel(label, dir);
  const version = readFileSync(join(dir, 'version'), 'utf8').trim();
  return { label, version, image: join(dir, 'vmlinuz'), modules: join(dir, 'modules') };
}

/**
 * Downloads and unpacks through a private apt configuration, so that the machine's own stays as it is and
 * apt checks signatures and sums. The directory appears under its name only when it is whole.
 * @param {string} label
 * @param {string} dir
 */
function fetchKernel(label, dir) {
  const suite = SUITES[label] ?? '';
  process.stderr.write(`vm: fetching kernel ${label} from Debian ${suite} (once)\n`);
  const parent = join(dir, '..');
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, `.${label}-`));
  try {
    const apt = privateApt(work, suite);
    run('apt-get', [...apt, '-qq', 'update'], `reading Debian's list of packages of ${suite}`);
    const image = dependencies(apt, 'linux-image-amd64').find((name) => /^linux-image-[0-9]/.test(name));
    if (!image) throw new ScriptError(`Debian ${suite} names no linux-image for amd64`);
    // Since 7.x an image is only a shell around linux-binary-* and linux-modules-*.
    const parts = dependencies(apt, image).filter((name) => /^linux-(base|binary|modules)-[0-9]/.test(name));
    const packages = parts.length > 0 ? parts : [image];
    run(
      'apt-get',
      [...apt, '-qq', '-o', 'APT::Sandbox::User=', 'download', ...packages],
      `downloading ${packages.join(' ')}`,
      work,
    );
    for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) {
      run('dpkg-deb', ['-x', file, 'root'], `unpacking ${file}`, work);
      rmSync(join(work, file));
    }
    const version = arrange(work);
    for (const name of ['apt', 'root', 'tree']) rmSync(join(work, name), { recursive: true, force: true });
    writeFileSync(join(work, 'version'), `${version}\n`);
    rmSync(dir, { recursive: true, force: true });
    renameSync(work, dir);
    process.stderr.write(`vm: kernel ${label} is Linux ${version} (Debian ${suite})\n`);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    // Another run may have put the same kernel there meanwhile.
    if (error instanceof ScriptError || !existsSync(join(dir, 'version'))) throw error;
  }
}

/**
 * @param {string} work
 * @param {string} suite
 * @returns {string[]} options that make apt use only that suite and keep its files below `work`
 */
function privateApt(work, suite) {
  const apt = join(work, 'apt');
  for (const part of ['lists/partial', 'cache/archives/partial', 'parts'])
    mkdirSync(join(apt, part), { recursive: true });
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(join(apt, 'sources.list'), `deb [arch=amd64 signed-by=${keys}] ${archive()} ${suite} main\n`);
  writeFileSync(join(apt, 'status'), '');
  return [
    `Dir::Etc::sourcelist=${apt}/sources.list`,
    `Dir::Etc::sourceparts=${apt}/parts`,
    `Dir::Etc::preferences=/dev/null`,
    `Dir::Etc::preferencesparts=${apt}/parts`,
    `Dir::State=${apt}`,
    `Dir::State::lists=${apt}/lists`,
    `Dir::State::status=${apt}/status`,
    `Dir::Cache=${apt}/cache`,
    'Acquire::Languages=none',
    'APT::Get::List-Cleanup=false',
  ].flatMap((option) => ['-o', option]);
}

/** The Debian archive that the machine's own apt uses. */
function archive() {
  const wanted = process.env['IPFT_DEBIAN_ARCHIVE'];
  if (wanted) return wanted;
  const uris = spawnSync('apt-get', ['--print-uris', 'update'], { encoding: 'utf8' }).stdout ?? '';
  const found = /^'([^']+\/debian)\/dists\//m.exec(uris)?.[1];
  if (!found) {
    throw new ScriptError("no Debian archive found in this machine's apt settings; name one in IPFT_DEBIAN_ARCHIVE");
  }
  return found;
}

/**
 * @param {string[]} apt
 * @param {string} name
 */
function dependencies(apt, name) {
  const text = run('apt-cache', [...apt, 'depends', name], `looking up ${name}`);
  return [...text.matchAll(/^ *(?:Pre)?Depends: (\S+)/gm)].map((match) => match[1] ?? '');
}

/**
 * Puts image and modules in their places and indexes the modules.
 * @param {string} work
 * @returns {string} the kernel's version
 */
function arrange(work) {
  const root = join(work, 'root');
  const modules = ['lib/modules', 'usr/lib/modules'].map((path) => join(root, path)).find((path) => existsSync(path));
  const version = modules && readdirSync(modules)[0];
  if (!modules || !version) throw new ScriptError('the kernel package holds no modules');
  const image = [join(root, 'boot', `vmlinuz-${version}`), join(modules, version, 'vmlinuz')].find((path) =>
    existsSync(path),
  );
  if (!image) throw new ScriptError('the kernel package holds no vmlinuz');
  cpSync(image, join(work, 'vmlinuz'));
  renameSync(modules, join(work, 'modules'));
  mkdirSync(join(work, 'tree/lib'), { recursive: true });
  symlinkSync(join(work, 'modules'), join(work, 'tree/lib/modules'));
  run('/sbin/depmod', ['-b', join(work, 'tree'), version], 'indexing the modules');
  return version;
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {string} doing
 * @param {string} [cwd]
 * @returns {string} its stdout
 */
function run(program, args, doing, cwd) {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    cwd,
    maxBuffer: 1 << 28,
    env: { ...process.env, LC_ALL: 'C' },
  });
  if (result.status !== 0) {
    const reason = result.error?.message ?? result.stderr.trim().split('\n').slice(-3).join('\n  ');
    throw new ScriptError(`${doing} failed: ${reason}`);
  }
  return result.stdout;
}
