/** The output for many packets, and for none: summary, folding, choosing, names of places. */
import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IPFT, Network, splitJson, Tracing, traceWhile } from './harness.js';

let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
});
afterAll(() => network?.[Symbol.dispose]());

const FEW = ['-r', '^(ip_output|ip_rcv|icmp_rcv|udp_rcv)$', '--follow'];
const AT_TERMINAL = ['sh', '-c', 'exec script -qec "$*" /dev/null', 'sh', process.execPath, IPFT];
const separators = (text: string) => text.split('\n').filter((line) => line.startsWith('==='));
/** Pings, which are answered, and datagrams, which are dropped since nobody listens. */
const send = (mark: number, pings: number, datagrams: number) => {
  network.ping(mark, { count: pings, more: ['-i', '0.05'] });
  for (let i = 0; i < datagrams; i++) network.sendInVain('10.11.0.2', mark, 10);
};

test('-o aggregate: a summary, and one line for a packet that took the path of another one', async () => {
  const result = await traceWhile(['-m', '51', '--fold', 'path', ...FEW], () => send(51, 10, 3));
  expect(result.status).toBe(0);
  const [rest = '', summary = ''] = result.stdout.split('\n\n');
  expect(summary).toMatch(
    /^13 journeys, 39 events: 3 dropped, 10 consumed\nDropped:\n {4}3 {2}\S.* in __udp4_lib_rcv\+0x/,
  );
  expect(summary).toMatch(/^Slowest: journey \d+ \(\d+\.\d{3}us\), journey/m);
  expect(separators(rest)).toHaveLength(13);
  expect(separators(rest).filter((line) => / 3 events, as journey (1|11), at \d+$/.test(line))).toHaveLength(11);
  expect(rest.split('\n').filter((line) => /^\d/.test(line))).toHaveLength(6);
});

test('-o aggregate: a packet is printed when its journey has ended; with --sort begin all are at the end', async () => {
  using early = new Tracing(['-m', '52', ...FEW]);
  using late = new Tracing(['-m', '52', '--sort', 'begin', ...FEW]);
  await Promise.all([early.ready(), late.ready()]);
  network.ping(52, { count: 2 });
  await early.until(() => separators(early.stdout).length === 2, 'both packets are printed');
  expect(early.process.exitCode).toBeNull();
  expect(late.stdout).toBe('');
  const [first, last] = [await early.stop(), await late.stop()];
  expect(first.stdout.replaceAll(/\d+/g, '')).toBe(last.stdout.replaceAll(/\d+/g, ''));
});

test('--only and --slower choose packets, and --count counts those', async () => {
  using tracing = new Tracing(['-m', '53', '-o', 'json', '--only', 'dropped', '--count', '2', ...FEW]);
  await tracing.ready();
  send(53, 3, 1);
  expect(tracing.process.exitCode).toBeNull();
  send(53, 1, 1);
  const { status, stdout } = await tracing.ended();
  const { journeys, events } = splitJson(stdout);
  expect(status).toBe(0);
  expect(journeys).toMatchObject([{ outcome: 'dropped' }, { outcome: 'dropped' }]);
  expect(new Set(events.map((event) => event['journey']))).toEqual(new Set(journeys.map(({ journey }) => journey)));
  expect(events).toHaveLength(6);

  const slow = await traceWhile(['-m', '53', '--slower', '1m', ...FEW], () => send(53, 2, 0));
  expect(slow).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Timestamp.*\n$/) });
  expect(slow.stderr).toContain('2 journeys: 2 consumed');
});

test('a network namespace is shown with its name, also when it has gone', async () => {
  const [here, there] = [network.here, network.there].map((name) => `${statSync(`/run/netns/${name}`).ino} (${name})`);
  const text = await traceWhile(['-m', '54', ...FEW], () => send(54, 1, 0));
  expect(text.stdout.match(/\[.*\]/g)).toEqual([`[${here}]`, `[${there} veth-b]`, `[${there} veth-b]`]);
  // The status line on the terminal tells when the packet has been read: only then the namespace is removed.
  using gone = new Tracing(
    ['-m', '54', '-o', 'paths', '--color', 'never', '-r', '^icmp_rcv$'],
    { TERM: 'xterm' },
    AT_TERMINAL,
  );
  await gone.ready();
  const exec = (...args: string[]) => execFileSync('ip', ['netns', 'exec', 'ipft-test-short', ...args]);
  execFileSync('ip', ['netns', 'add', 'ipft-test-short']);
  const inode = statSync('/run/netns/ipft-test-short').ino;
  exec('ip', 'link', 'set', 'lo', 'up');
  exec('ping', '-q', '-c', '1', '-m', '54', '127.0.0.1');
  await gone.until(() => /Got [1-9]/.test(gone.stdout), 'the packet is read');
  execFileSync('ip', ['netns', 'del', 'ipft-test-short']);
  process.kill(gone.readyPid, 'SIGINT');
  expect((await gone.ended()).stdout).toContain(`    netns ${inode} (ipft-test-short)\r\n`);
});

test('a rule that matches no packet is told of', async () => {
  const rule =
    'table inet ipft_38 { chain sent { type filter hook output priority raw; ip daddr 10.99.0.1 counter meta mark set 0x38; }; }';
  network.exec('nft', rule);
  const result = await traceWhile(['-m', '0x38', ...FEW], () => network.ping(0, { count: 1 }));
  network.exec('nft', 'delete table inet ipft_38');
  expect(result.stderr).toContain(
    `  the rule of nftables in inet ipft_38 sent, in the namespace ${network.here}, has matched no packet since it was made\n`,
  );
});

test('at a terminal, a trace without events says what was seen before it ends', async () => {
  using tracing = new Tracing(['-m', '55', '-r', '^icmp_rcv$'], { TERM: 'xterm' }, AT_TERMINAL);
  const said = ['no packet with mark 0x37 was seen', 'no packet at all passed the traced function: was anything sent?'];
  const count = () => said.map((words) => tracing.stdout.split(words).length - 1);
  await tracing.ready();
  await tracing.until(() => count().every((times) => times > 0), 'what was seen');
  process.kill(tracing.readyPid, 'SIGINT');
  await tracing.ended();
  expect(count()).toEqual([2, 2]);
});
