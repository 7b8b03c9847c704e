/** Packets of a program that ipft runs, compared with those on the wire: none of its own is missed, none of others is shown. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Network, ROOT, Tracing, until } from './harness.js';
import { CHOOSES_FIRST, HAS_ALL_TESTS } from './kernels.js';
import { COMPARABLE, type Compared, check, PYTHON, python, SCRIPT, Servers, start, Wire } from './own-packets.js';

let network: Network;
let directory: string;
const servers = new Servers();

beforeAll(async () => {
  for (const module of ['veth', 'nf_tables']) execFileSync('modprobe', [module]);
  network = new Network();
  directory = mkdtempSync(join(tmpdir(), 'ipft-command-'));
  network.exec('sysctl', '-qw', 'net.ipv4.ping_group_range=0 0');
  await servers.start([network.here, network.there]);
});
afterAll(() => {
  servers[Symbol.dispose]();
  if (directory) rmSync(directory, { recursive: true, force: true });
  network?.[Symbol.dispose]();
});

/** @param firstPort of the TCP ports of another process, which talks with the same servers */
async function compare(firstPort: number): Promise<Compared> {
  const wire = await Wire.capture(network.here);
  const result = join(directory, 'trace.json');
  const talk = ['ip', 'netns', 'exec', network.here, PYTHON, '-IS', SCRIPT, 'talk', '0'];
  // What the kernel closes is answered.
  const args = [...COMPARABLE, '--output-file', result, '--settle', '3s', '--', ...talk];
  using tracing = new Tracing(args);
  await tracing.ready();
  const other = python(network.here, 'talk', String(firstPort));
  const [{ status, stdout, stderr }] = await Promise.all([tracing.ended(), other.ended]);
  expect([0, 125]).toContain(status);
  // What ipft says of the machine it says in any case.
  if (status === 0) expect(stderr.replace(/^ipft: warning: modules whose functions .*\n/, '')).toBe('');
  return wire.compare(stdout, { status, json: readFileSync(result, 'utf8') });
}

// Of a process that is there before, processes.test.ts has the same on all kernels, and the birth of a program, too.
test.runIf(HAS_ALL_TESTS)('all that it and its children send and get, with the status of the program', async () => {
  check(await compare(2000));
});

/** Sends to addresses, and waits until the kernel has asked for the last of them three times. */
const NEEDY = ['bash', '-c', 'for a; do echo > /dev/udp/$a/9; done; sleep 3.5', 'needy'];
/** The last of each is nobody's. */
const OWN = ['10.11.0.3', 'fd11::3', '10.11.0.5', 'fd11::5'];
const OTHERS = ['10.11.0.4', 'fd11::4', '10.11.0.6', 'fd11::6'];

/** Packets that ask for the neighbours with these addresses, and the answers. */
function about(addresses: readonly string[], lines: readonly string[]): string[] {
  const asked = /who-has (\S+) tell|Reply (\S+) is-at|who has (\S+),|tgt is (\S+),/;
  return lines.filter((line) => addresses.includes(asked.exec(line)?.slice(1).join('') ?? '')).sort();
}

/** Traces a program while another one needs other neighbours. */
async function compareNeighbours(...options: string[]): Promise<Compared> {
  network.exec('ip', 'neigh', 'flush', 'dev', 'veth-a');
  const wire = await Wire.capture(network.here);
  const result = join(directory, 'neighbours.json');
  const needy = ['ip', 'netns', 'exec', network.here, ...NEEDY, ...OWN];
  using tracing = new Tracing([...COMPARABLE, '--output-file', result, ...options, '--', ...needy]);
  await tracing.ready();
  const other = start(network.here, ...NEEDY, ...OTHERS);
  const [{ status }] = await Promise.all([tracing.ended(), other.ended]);
  expect([0, 125]).toContain(status);
  return wire.compare('none\nnone\nnone', { status, json: readFileSync(result, 'utf8') });
}

const TITLE = 'with --with-neighbours: what the kernel asks since its packets wait, and the answers; else none of it';
test.runIf(CHOOSES_FIRST)(TITLE, async () => {
  for (const host of [3, 4]) {
    execFileSync('ip', ['-n', network.there, 'addr', 'add', `10.11.0.${host}/24`, 'dev', 'veth-b']);
    execFileSync('ip', ['-n', network.there, 'addr', 'add', `fd11::${host}/64`, 'dev', 'veth-b', 'nodad']);
  }
  const { isWhole, shown, gaps, all } = await compareNeighbours('--with-neighbours');
  const onWire = about(OWN, all);
  if (isWhole) expect(about(OWN, shown)).toEqual(onWire);
  else expect(onWire).toEqual(expect.arrayContaining(about(OWN, shown)));
  for (const line of about(OTHERS, shown)) expect(gaps).toContain(line);
  // Each address was asked for, one of each kind in vain, and the others answer.
  for (const addresses of [OWN, OTHERS]) expect(about(addresses, all).length).toBeGreaterThanOrEqual(8);
  const kinds = [
    /who-has 10.11.0.3/,
    /Reply 10.11.0.3/,
    /who has fd11::3/,
    /tgt is fd11::3/,
    /who-has .*5/,
    /who has .*5/,
  ];
  if (isWhole) for (const kind of kinds) expect(shown).toContainEqual(expect.stringMatching(kind));

  // Without the option nothing in the kernel looks at neighbours.
  if (!HAS_ALL_TESTS) return;
  const without = await compareNeighbours();
  expect(about(OWN, without.all).length).toBeGreaterThanOrEqual(8);
  for (const line of about([...OWN, ...OTHERS], without.shown)) expect(without.gaps).toContain(line);
});

// What they are put together from is told on all kernels: journeys.test.ts.
test.runIf(HAS_ALL_TESTS)('all fragments of what another machine answers it', async () => {
  const script = join(ROOT, 'tests/vm/fragments.py');
  const mac = network.exec('cat', '/sys/class/net/veth-a/address').trim();
  const server = start(network.there, PYTHON, '-IS', script, 'serve', 'veth-b', mac);
  await until(() => server.output() !== '', 'the server listens');
  const wire = await Wire.capture(network.here);
  const result = join(directory, 'fragments.json');
  const asking = ['ip', 'netns', 'exec', network.here, PYTHON, '-IS', script, 'ask', '5'];
  using tracing = new Tracing([...COMPARABLE, '--output-file', result, '--', ...asking]);
  await tracing.ready();
  const other = start(network.here, PYTHON, '-IS', script, 'ask', '5');
  const [{ status, stdout }] = await Promise.all([tracing.ended(), other.ended]);
  server.child.kill('SIGKILL');
  expect([0, 125]).toContain(status);
  await wire.quiet();
  const { isWhole, shown, gaps, all } = wire.compare('none\nnone\nnone', {
    status,
    json: readFileSync(result, 'utf8'),
  });
  const ofIds = (ids: string, lines: readonly string[]) => {
    const own = new Set(ids.trim().split('\n'));
    return lines.filter((line) => own.has(/frag \(id (\d+)/.exec(line)?.[1] ?? '')).sort();
  };
  // Each of ten answers has three fragments.
  for (const ids of [stdout, other.output()]) expect(ofIds(ids, all)).toHaveLength(30);
  if (isWhole) expect(ofIds(stdout, shown)).toEqual(ofIds(stdout, all));
  expect(ofIds(stdout, shown).filter((line) => !line.includes('offset 0,')).length).toBeGreaterThanOrEqual(15);
  for (const line of ofIds(other.output(), shown)) expect(gaps).toContain(line);
});
