/** Packages that the project's scripts need: installed on Debian and its kin, named on other distributions. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { loadDistribution } from './distribution.js';
import { ScriptError } from './script-error.js';

/** Packages for guests: the emulator, its init, and tools to unpack a kernel. */
export const GUEST_PACKAGES = [
  'qemu-system-x86',
  'busybox-static',
  'kmod',
  'xz-utils',
  'zstd',
  'debian-archive-keyring',
];
/** Packages that compile and load BPF programs. */
export const BUILD_PACKAGES = ['clang', 'libbpf-dev', 'linux-libc-dev', 'libbpf1'];
/** Packages for the traffic of the demo and the tests. tcpdump brings libpcap, whose package has a name for each release. */
export const TRAFFIC_PACKAGES = ['iproute2', 'iputils-ping', 'nftables', 'procps', 'tcpdump', 'util-linux'];

/** Packages with which tests and listings read and change the kernel's state, and read what outputs write. */
export const TEST_PACKAGES = ['bpftool', 'iptables', 'ethtool', 'protobuf-compiler', 'python3', 'sudo', 'tshark'];

/**
 * Packages of the unit tests: a reader of recordings that is independent of ours, one of Protocol Buffers, what a process
 * opens, and Wireshark with the versions of Lua that it may have.
 */
export const UNIT_PACKAGES = ['python3', 'protobuf-compiler', 'strace', 'tshark', 'lua5.2', 'lua5.4'];

/** Packages that pages are opened with. */
export const BROWSER_PACKAGES = ['chromium'];

/** Packages that the benchmark compares with, and that make its traffic. */
export const BENCH_PACKAGES = ['bpftool', 'bpftrace', 'iperf3', 'procps'];

/**
 * The names of a Debian package elsewhere, and a program or file that shows that it is installed.
 * @typedef {{ fedora: string, arch: string, shows: string }} Counterpart
 */

/** @type {Record<string, Counterpart>} */
const COUNTERPARTS = {
  'qemu-system-x86': { fedora: 'qemu-system-x86-core', arch: 'qemu-system-x86', shows: 'qemu-system-x86_64' },
  'busybox-static': { fedora: 'busybox', arch: 'busybox', shows: 'busybox' },
  kmod: { fedora: 'kmod', arch: 'kmod', shows: 'depmod' },
  'xz-utils': { fedora: 'xz', arch: 'xz', shows: 'xz' },
  zstd: { fedora: 'zstd', arch: 'zstd', shows: 'zstd' },
  'debian-archive-keyring': {
    ...{ fedora: 'debian-keyring', arch: 'debian-archive-keyring' },
    shows: '/usr/share/keyrings/debian-archive-keyring.gpg',
  },
  clang: { fedora: 'clang', arch: 'clang', shows: 'clang' },
  'libbpf-dev': { fedora: 'libbpf-devel', arch: 'libbpf', shows: '/usr/include/bpf/bpf_helpers.h' },
  'linux-libc-dev': { fedora: 'kernel-headers', arch: 'linux-api-headers', shows: '/usr/include/linux/bpf.h' },
  tcpdump: { fedora: 'tcpdump', arch: 'tcpdump', shows: 'tcpdump' },
  libbpf1: { fedora: 'libbpf', arch: 'libbpf', shows: 'libbpf.so.1' },
  iproute2: { fedora: 'iproute iproute-tc', arch: 'iproute2', shows: 'ip' },
  'iputils-ping': { fedora: 'iputils', arch: 'iputils', shows: 'ping' },
  procps: { fedora: 'procps-ng', arch: 'procps-ng', shows: 'pgrep' },
  'util-linux': { fedora: 'util-linux', arch: 'util-linux', shows: 'setpriv' },
  bpftool: { fedora: 'bpftool', arch: 'bpf', shows: 'bpftool' },
  nftables: { fedora: 'nftables', arch: 'nftables', shows: 'nft' },
  iptables: { fedora: 'iptables-nft iptables-legacy', arch: 'iptables', shows: 'iptables' },
  ethtool: { fedora: 'ethtool', arch: 'ethtool', shows: 'ethtool' },
  python3: { fedora: 'python3', arch: 'python', shows: 'python3' },
  'protobuf-compiler': { fedora: 'protobuf-compiler', arch: 'protobuf', shows: 'protoc' },
  sudo: { fedora: 'sudo', arch: 'sudo', shows: 'sudo' },
  'lua5.2': { fedora: 'compat-lua', arch: 'lua52', shows: 'lua5.2' },
  'lua5.4': { fedora: 'lua', arch: 'lua', shows: 'lua5.4' },
  strace: { fedora: 'strace', arch: 'strace', shows: 'strace' },
  chromium: { fedora: 'chromium', arch: 'chromium', shows: 'chromium' },
  bpftrace: { fedora: 'bpftrace', arch: 'bpftrace', shows: 'bpftrace' },
  tshark: { fedora: 'wireshark-cli', arch: 'wireshark-cli', shows: 'tshark' },
  iperf3: { fedora: 'iperf3', arch: 'iperf3', shows: 'iperf3' },
};
/** Guests run Debian's kernels: the programs that fetch and unpack them come in packages of the same names. */
const FETCHES_KERNELS = { names: ['apt', 'dpkg'], programs: ['apt-get', 'dpkg-deb'] };
/** Programs that Ubuntu has in packages of other names, at least in some releases. @type {Record<string, string>} */
const ON_UBUNTU = { bpftool: 'linux-tools-common linux-tools-generic' };

/**
 * Installs the packages of the list that are missing, as root or through sudo. On a distribution without apt it looks
 * for what they bring, and says what to install.
 * @param {string[]} names as Debian calls them
 */
export function ensurePackages(names) {
  const distribution = loadDistribution();
  if (distribution.family === 'debian') {
    const missing = names.filter((name) => !isInstalled(name));
    if (missing.length > 0) install(distribution, missing);
    return;
  }
  const missing = names.filter((name) => !isThere(COUNTERPARTS[name]?.shows ?? name));
  const lacksApt = names.includes('debian-archive-keyring') && !FETCHES_KERNELS.programs.every(isThere);
  if (missing.length > 0 || lacksApt) throw new ScriptError(describeMissing(distribution, missing, lacksApt));
}

/**
 * What a person does about packages that are missing where these scripts install none.
 * @param {import('./distribution.js').Distribution} distribution
 * @param {readonly string[]} missing as Debian calls them
 * @param {boolean} lacksApt whether what fetches kernels for guests is missing too
 */
export function describeMissing({ name, family }, missing, lacksApt) {
  const begin = `this is ${name}, and only on Debian and Ubuntu are missing packages installed by themselves.`;
  const more = lacksApt ? FETCHES_KERNELS.names : [];
  if (family === 'fedora' || family === 'arch') {
    const theirs = missing.flatMap((one) => (COUNTERPARTS[one]?.[family] ?? one).split(' '));
    const all = [...new Set([...theirs, ...more])].join(' ');
    return `${begin} As root, run:\n  ${family === 'fedora' ? 'dnf install' : 'pacman -S --needed'} ${all}`;
  }
  const lines = missing.map((one) => `\n  ${COUNTERPARTS[one]?.shows ?? one}, which Debian has in ${one}`);
  const kernels = lacksApt ? `\n  ${FETCHES_KERNELS.programs.join(' and ')}, which fetch kernels for guests` : '';
  return `${begin} Install what has:${lines.join('')}${kernels}`;
}

/**
 * @param {import('./distribution.js').Distribution} distribution
 * @param {readonly string[]} missing
 */
function install({ name }, missing) {
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo'];
  if (!isThere('apt-get')) {
    throw new ScriptError(`these packages are missing, and there is no apt-get to install them: ${missing.join(' ')}`);
  }
  if (asRoot.length > 0 && !isThere('sudo')) {
    throw new ScriptError(`packages are missing, and there is no sudo to install them; as root, run: ${command}`);
  }
  process.stderr.write(`setup: installing packages of ${name}: ${missing.join(' ')}\n`);
  const run = (/** @type {string[]} */ args) => {
    const [program = '', ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args];
    // apt's output goes to stderr: stdout is for the script's own.
    return spawnSync(program, rest, { stdio: ['inherit', 2, 2] }).status === 0;
  };
  if (!run(['update']) || !run(['install', '-y', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0', ...missing])) {
    const unknown = missing.filter((one) => spawnSync('apt-cache', ['show', one]).status !== 0);
    throw new ScriptError(`${describeUnknown(name, unknown)}; try by hand, as root: ${command}`);
  }
}

/**
 * @param {string} distribution
 * @param {readonly string[]} unknown packages that its apt does not know
 */
export function describeUnknown(distribution, unknown) {
  const failed = 'the packages could not be installed';
  if (unknown.length === 0) return `${failed}: what apt-get said is above`;
  const hints = unknown.flatMap((one) => (ON_UBUNTU[one] ? [`Ubuntu has ${one} in ${ON_UBUNTU[one]}`] : []));
  const old = unknown.every((one) => ON_UBUNTU[one]) ? [] : ['Debian 12 or Ubuntu 24.04 or later is needed'];
  return `${failed}: ${distribution} has no ${unknown.join(', ')} (${[...hints, ...old].join('; ')})`;
}

/** @param {string} name */
function isInstalled(name) {
  // Another package may contain it.
  if (ON_UBUNTU[name] && isThere(name)) return true;
  const query = spawnSync('dpkg', ['--status', name], { encoding: 'utf8' });
  return /^Status: .* installed$/m.test(query.stdout ?? '');
}

/** @param {string} what a program, a file's path or a shared library */
function isThere(what) {
  if (what.startsWith('/')) return existsSync(what);
  if (what.includes('.so.')) {
    const { stdout } = spawnSync('ldconfig', ['-p'], { encoding: 'utf8', env: { PATH: searchPath().join(delimiter) } });
    return (stdout ?? '').includes(`${what} `);
  }
  return searchPath().some((dir) => {
    try {
      accessSync(join(dir, what), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The directories of programs, those for administrators included, which are not in every user's PATH. */
function searchPath() {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/bin', '/bin'].filter(Boolean);
}
