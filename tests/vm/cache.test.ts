/** What is kept for the next start is used when it is surely right; src/kernel/cache.test.ts damages the files. */
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Candidates, loadCandidates } from '../../src/probes/candidates.js';
import { IPFT, run, traceWhile } from './harness.js';
import { KERNEL } from './kernels.js';

const cache = mkdtempSync(join(tmpdir(), 'ipft-cache-'));
const kept = (kind: string) => join(cache, `${kind}.json`);
const list = () => run(process.execPath, [IPFT, '-l'], { IPFT_CACHE: cache });
const read = (kind: string) => JSON.parse(readFileSync(kept(kind), 'utf8'));
/** Puts another name in the place of one that is kept. */
const disguise = () =>
  writeFileSync(kept('functions'), readFileSync(kept('functions'), 'utf8').replace('"ip_rcv"', '"ip_disguised"'));

/** What a start finds out, in this process. */
const find = () => loadCandidates();
const namesIn = ({ modules }: Candidates) => modules.flatMap(({ functions }) => functions.map(({ name }) => name));

/** What the first start keeps: each test has a copy of it. */
const first = mkdtempSync(join(tmpdir(), 'ipft-cache-'));
let whole: Candidates;

beforeAll(() => {
  rmSync(cache, { recursive: true });
  vi.stubEnv('IPFT_CACHE', cache);
  whole = find();
  expect(namesIn(whole)).toContain('ip_rcv');
  cpSync(cache, first, { recursive: true });
});

beforeEach(() => {
  rmSync(cache, { recursive: true, force: true });
  cpSync(first, cache, { recursive: true });
  chmodSync(cache, 0o700);
});

afterAll(() => {
  vi.unstubAllEnvs();
  for (const dir of [cache, first]) rmSync(dir, { recursive: true, force: true });
});

test('the functions are kept for this user alone, and taken from there', () => {
  rmSync(cache, { recursive: true });
  const listed = list().stdout;
  expect(listed).toContain(' ip_rcv\t');
  expect(statSync(cache).mode & 0o777).toBe(0o700);
  expect(statSync(kept('functions')).mode & 0o777).toBe(0o600);
  expect(find()).toEqual(whole);
  disguise();
  const again = list().stdout;
  expect(again).toContain(' ip_disguised\t');
  // The others are the same.
  expect(again.split('\n').filter((row) => !row.includes(' ip_disguised\t'))).toEqual(
    listed.split('\n').filter((row) => !row.includes(' ip_rcv\t')),
  );
});

test('nothing is kept where that is not wanted', () => {
  rmSync(cache, { recursive: true });
  // Its own: the guest's shows what comes and goes in that of the machine.
  const temporary = mkdtempSync(join(tmpdir(), 'ipft-cache-'));
  expect(run(process.execPath, [IPFT, '-l'], { IPFT_CACHE: '', TMPDIR: temporary }).stdout).toContain(' ip_rcv\t');
  expect(readdirSync(temporary)).toEqual([]);
  rmSync(temporary, { recursive: true });
});

test.each([
  [
    'for another kernel',
    () => writeFileSync(kept('functions'), JSON.stringify({ ...read('functions'), key: 'other' })),
  ],
  [
    'of another shape',
    () => writeFileSync(kept('functions'), JSON.stringify({ ...read('functions'), value: { modules: 1 } })),
  ],
])('what is kept is not used, and made anew, when it is %s', (_, damage) => {
  damage();
  expect(find()).toEqual(whole);
  expect(read('functions').value.modules[0][0]).toBe('vmlinux');
});

test('a module that comes or goes makes it anew', () => {
  // Another test may have loaded it.
  run('modprobe', ['-r', 'dummy']);
  whole = find();
  disguise();
  expect(run('modprobe', ['dummy', 'numdummies=0']).status).toBe(0);
  const loaded = find();
  expect(namesIn(loaded)).not.toContain('ip_disguised');
  if (KERNEL.hasModuleBtf) expect(namesIn(loaded)).toContain('dummy_xmit');
  run('modprobe', ['-r', 'dummy']);
  expect(find()).toEqual(whole);
});

test.runIf(KERNEL.methods.includes('kprobe-multi function'))(
  'addresses are kept, and names are taken where they are wrong',
  async () => {
    const args = ['-m', '0xbeef', '-b', 'kprobe-multi', '-r', '^(ip_rcv|icmp_rcv|ip_output)$', '-o', 'json'];
    const trace = () =>
      traceWhile(
        args,
        () => {
          run('sysctl', ['-qw', 'net.ipv4.fwmark_reflect=1']);
          run('ping', ['-q', '-c', '1', '-m', String(0xbeef), '127.0.0.1']);
        },
        { IPFT_CACHE: cache },
      );
    const functions = (stdout: string) => [...stdout.matchAll(/"function":"(\w+)"/g)].map(([, name]) => name);
    const first = functions((await trace()).stdout);
    expect(first).toContain('icmp_rcv');
    const addresses = read('addresses').value;
    expect(Object.keys(addresses)).toEqual(expect.arrayContaining(['vmlinux:ip_rcv', 'vmlinux:icmp_rcv']));
    for (const name of ['ip_rcv', 'icmp_rcv', 'ip_output']) {
      const line = readFileSync('/proc/kallsyms', 'latin1')
        .split('\n')
        .find((one) => one.endsWith(` ${name}`));
      expect(line?.split(' ')[0]).toBe(addresses[`vmlinux:${name}`]);
    }
    // That it is used shows when two names have changed places: who can write there is trusted.
    const swap = {
      ...addresses,
      'vmlinux:ip_rcv': addresses['vmlinux:icmp_rcv'],
      'vmlinux:icmp_rcv': addresses['vmlinux:ip_rcv'],
    };
    writeFileSync(kept('addresses'), JSON.stringify({ ...read('addresses'), value: swap }));
    const swapped = first.map((name) => (name === 'ip_rcv' ? 'icmp_rcv' : name === 'icmp_rcv' ? 'ip_rcv' : name));
    expect(functions((await trace()).stdout)).toEqual(swapped);
    const wrong = Object.fromEntries(Object.keys(addresses).map((name) => [name, 'ffffffff80000001']));
    writeFileSync(kept('addresses'), JSON.stringify({ ...read('addresses'), value: wrong }));
    expect(functions((await trace()).stdout)).toEqual(first);
    expect(read('addresses').value).toEqual(addresses);
  },
);
