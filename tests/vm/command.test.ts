/** Packets of a program that ipft runs, compared with those on the wire: none of its own is missed, none of others is shown. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Network, Tracing } from './harness.js';
import { COMPARABLE, type Compared, check, PYTHON, python, SCRIPT, Servers, Wire } from './own-packets.js';

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

test('all that it and its children send and get, with the status of the program', async () => {
  check(await compare(2000));
});
