/**
 * The package on a machine that has Node, npm and libbpf and nothing else of what made it: installed by npm without a
 * network, it traces. Everything here runs in a mount namespace without the repository, compilers and headers.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageFiles } from '../../scripts/package.js';
import { compiled, example, type Finished, Network, parseEvents, ROOT, run, Tracing } from './harness.js';

const MARK = 0x70;
const COMPILERS = ['clang', 'gcc', 'cc', 'g++', 'c++', 'make', 'cmake', 'ld', 'as'];

const scratch = mkdtempSync(join(tmpdir(), 'ipft-stock-test-'));
const prefix = join(scratch, 'prefix');
const ipft = join(prefix, 'bin/ipft');
const object = join(scratch, 'skb-len.bpf.o');
/** The package that `npm test` has made before the guest began. */
const { tarball } = packageFiles(process.env['IPFT_PACKAGE'] ?? '/nonexistent');

/** Runs its arguments on a bare machine. The mounts are gone with it. */
const STOCK = [
  'unshare',
  '--mount',
  'sh',
  '-ec',
  `cd /
  for file in ${findCompilers().join(' ')}; do mount --bind /dev/null "$file"; done
  mount -t tmpfs none /usr/include
  mount -t tmpfs none "$0"
  exec "$@"`,
  ROOT.replace(/\/$/, ''),
];
const stock = (...args: string[]): Finished => run(STOCK[0] ?? '', [...STOCK.slice(1), ...args]);

let network: Network;

beforeAll(() => {
  copyFileSync(compiled(example('skb-len.bpf.c')), object);
  network = new Network();
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(scratch, { recursive: true, force: true });
});

test('installs without a network, a compiler and scripts, and traces with an object file', async () => {
  // Checks that the machine is bare.
  const look = `find ${ROOT} /usr/include; for c in ${COMPILERS.join(' ')}; do $c --version; done`;
  expect(stock('sh', '-c', look).stdout).toBe(`${ROOT}\n/usr/include\n`);

  const npm = ['npm', 'install', '--global', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  const installed = stock(...npm, '--prefix', prefix, tarball);
  expect(installed.status, installed.stderr).toBe(0);

  const args = ['-m', String(MARK), '-r', '^(ip_output|icmp_rcv)$', '-e', object, '-o', 'json'];
  using tracing = new Tracing(args, {}, [...STOCK, ipft]);
  await tracing.ready();
  network.ping(MARK, { count: 3, bytes: 56 });
  const { status, stdout, stderr } = await tracing.stop();
  expect(status, stderr).toBe(0);
  const sent = parseEvents(stdout).filter((event) => event['function'] === 'ip_output');
  expect(sent.map((event) => event['len'])).toEqual([84, 84, 84]);
});

test('says what is missing for an extension in C', () => {
  const source = join(scratch, 'skb-len.bpf.c');
  copyFileSync(example('skb-len.bpf.c'), source);
  const refused = stock(ipft, '-m', '1', '-e', source);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(/can't be run\n {6}install clang/);
});

/** Those that there are, by the name of the file itself. */
function findCompilers(): string[] {
  const paths = COMPILERS.map((name) => spawnSync('sh', ['-c', 'command -v "$0"', name], { encoding: 'utf8' }).stdout);
  return [...new Set(paths.filter((path) => path !== '').map((path) => realpathSync(path.trim())))];
}
