/** Built-in fields in the library and in recordings: the same on all kernels. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { trace } from '../../dist/index.js';
import { compiled, extension, ipft, Network, parseEvents, ROOT, recordWhile } from './harness.js';

const MARK = 57;

let network: Network;
let dir: string;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  dir = mkdtempSync(join(tmpdir(), 'ipft-builtin-'));
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

const indexOf = (device: string) => Number(network.exec('cat', `/sys/class/net/${device}/ifindex`));

test('the library has typed values of them, in a trace and in its recording; another reader has them, too', async () => {
  const file = join(dir, 'library.ipft');
  const options = {
    builtin: ['tuple', 'dev', 'ct'],
    fields: { saddr: 'string', sport: 'number', ifindex: 'number' },
  } as const;
  const session = await trace({ mark: MARK, functions: /^dev_hard_start_xmit$/, ...options });
  await session.record(file);
  const { port } = network.send('udp', '10.11.0.2', MARK, 10);
  await session.stop();
  const [journey] = await session.allJourneys();
  expect(journey?.events[0]?.fields).toEqual({ saddr: '10.11.0.1', sport: port, ifindex: indexOf('veth-a') });
  expect(session.fields.map(({ name, type }) => [name, type])).toEqual(Object.entries(options.fields));
  const [event] = parseEvents(ipft('show', file, '-o', 'json').stdout);
  expect(event).toMatchObject({ proto: 'udp', saddr: '10.11.0.1', sport: port, dport: 4711, dev: 'veth-a' });
  const reader = execFileSync('python3', [join(ROOT, 'tests/recording/reader.py'), file], { encoding: 'utf8' });
  expect(parseEvents(reader)[0]).toMatchObject({ ifindex: indexOf('veth-a') });
});

test('a recording has them with those of an extension, and shows them as the trace would', async () => {
  const file = join(dir, 'with-extension.ipft');
  const args = ['-m', String(MARK), '-r', '^ip_finish_output$', '--fields', 'dev,tuple', '--fields', 'sock'];
  const recorded = await recordWhile(file, [...args, '-e', compiled(extension('kinds.bpf.c'))], () =>
    network.ping(MARK, { count: 1 }),
  );
  expect(recorded.status).toBe(0);
  expect(parseEvents(ipft('show', file, '-o', 'json').stdout)).toMatchObject([
    { dev: 'veth-a', proto: 'icmp', saddr: '10.11.0.1', family: 'inet', len: 84, mark: '0x39' },
  ]);
  const text = ipft('show', file).stdout;
  expect(text).toContain('dev: veth-a ifindex: ');
  expect(text).toMatch(/proto: icmp saddr: 10\.11\.0\.1 sport: 0 daddr: 10\.11\.0\.2 dport: 0 cookie: /);
  expect(readFileSync(file).subarray(1, 5).toString()).toBe('IPFT');
});
