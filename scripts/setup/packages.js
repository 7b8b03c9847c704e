/** Debian packages that the project's scripts need, and installing those that are missing. */
import { spawnSync } from 'node:child_process';
import { ScriptError } from './script-error.js';

/** What a guest needs on the host: the emulator, its init, and tools to unpack a kernel. */
export const GUEST_PACKAGES = [
  'qemu-system-x86',
  'busybox-static',
  'kmod',
  'xz-utils',
  'zstd',
  'debian-archive-keyring',
];
/** What compiles BPF programs and loads them. */
export const BUILD_PACKAGES = ['clang', 'libbpf-dev', 'linux-libc-dev', 'libbpf1'];
/** What makes the traffic of the demo and the tests. */
export const TRAFFIC_PACKAGES = ['iproute2', 'iputils-ping', 'procps', 'util-linux'];

/** What the tests ask about the kernel's state, and change in it. */
export const TEST_PACKAGES = ['bpftool', 'nftables', 'iptables', 'ethtool', 'python3'];

/** What the benchmark compares with, and what makes its traffic. */
export const BENCH_PACKAGES = ['bpftool', 'bpftrace', 'iperf3', 'procps'];

/**
 * Installs the packages of the list that are missing, as root or through sudo.
 * @param {string[]} names
 */
export function ensurePackages(names) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo'];
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (spawnSync('apt-get', ['--version']).error) {
    throw new ScriptError(`these packages are missing, and there is no apt-get to install them: ${missing.join(' ')}`);
  }
  if (asRoot.length > 0 && spawnSync('sudo', ['--version']).error) {
    throw new ScriptError(`packages are missing, and there is no sudo to install them; as root, run: ${command}`);
  }
  process.stderr.write(`setup: installing Debian packages: ${missing.join(' ')}\n`);
  const run = (/** @type {string[]} */ args) => {
    const [program = '', ...rest] = [...asRoot, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-qq', ...args];
    // apt's output goes to stderr: stdout belongs to what the script is for.
    return spawnSync(program, rest, { stdio: ['inherit', 2, 2] }).status === 0;
  };
  if (!run(['update']) || !run(['install', '-y', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0', ...missing])) {
    throw new ScriptError(`the packages could not be installed; try by hand: ${command}`);
  }
}

/** @param {string} name */
function isInstalled(name) {
  const query = spawnSync('dpkg', ['--status', name], { encoding: 'utf8' });
  return /^Status: .* installed$/m.test(query.stdout ?? '');
}
