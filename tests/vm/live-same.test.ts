/** `-o live`: lines as events come, at a terminal and elsewhere. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IPFT, ipft, Network, recordWhile, Tracing, traceWhile } from './harness.js';

let network: Network;
let dir: string;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  dir = mkdtempSync(join(tmpdir(), 'ipft-live-'));
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

const FEW = ['-r', '^(ip_output|ip_finish_output2|dev_hard_start_xmit|ip_rcv|ip_rcv_core|icmp_rcv)$'];
const ECHO = [
  'icmp[icmptype] == icmp-echo',
  '--netns',
  'ipft-test-here',
  '--netns',
  'ipft-test-there',
  '-o',
  'live',
  ...FEW,
];
/** The lines without what differs each time. */
const shapeOf = (lines: readonly string[]) =>
  lines
    .filter((line) => !line.startsWith('-- '))
    .map((line) =>
      line
        .replace(/^ *\d+\.\d{6} (#\d+) +(\d+ )?/, '$1 ')
        .replace(/\d+\.\dus/g, 'TIME')
        .replace(/\+0x\w+/, '+0x0')
        .replace(/\[\d+\]/, '[PID]')
        .replace(/id \d+/, 'id N')
        .replace(/, gap possible: .* meanwhile/, '')
        .replace(/ +/g, ' '),
    );

test('without returns: events, what the packet is, and what became of it; no colours where there is no terminal', async () => {
  const { status, stdout } = await traceWhile([...ECHO, '--width', '200'], () => network.ping(1, { count: 1 }));
  expect(status).toBe(0);
  expect(stdout).not.toContain('\x1b');
  const packet = '10.11.0.1 > 10.11.0.2: ICMP echo request, id N, seq 1, length 64';
  expect(shapeOf(stdout.trimEnd().split('\n'))).toEqual([
    ' TIME PKT CPU WHERE LAYER MODULE FUNCTION',
    `#1 * ${packet}`,
    '#1 ipft-test-here ip vmlinux ip_output',
    '#1 ipft-test-here/veth-a ip vmlinux ip_finish_output2',
    '#1 ipft-test-here/veth-a device vmlinux dev_hard_start_xmit',
    '#1 ipft-test-there/veth-b ip vmlinux ip_rcv',
    '#1 ipft-test-there/veth-b ip vmlinux ip_rcv_core',
    '#1 ipft-test-there/veth-b icmp vmlinux icmp_rcv',
    `#1 = consumed in icmp_rcv+0x0 after TIME, 6 events, by ping[PID]: ${packet}`,
  ]);
});

test('with returns, as a recording shows it: calls within calls, and those without on one line', async () => {
  const file = join(dir, 'graph.ipft');
  const asked = ECHO.filter((word) => !['-o', 'live'].includes(word));
  await recordWhile(file, ['-t', 'function_graph', ...asked], () => network.ping(2, { count: 1 }));
  const { status, stdout } = ipft('show', file, '-o', 'live');
  expect(status).toBe(0);
  const lines = stdout.trimEnd().split('\n');
  // A name that has no room is not cut.
  expect(lines.filter((line) => line.length > 80 && !/ freed$/.test(line))).toEqual([]);
  const begin = lines[0]!.indexOf('FUNCTION');
  const shown = lines.map((line) => line.slice(begin).replace(/\d+\.\dus/, 'TIME'));
  expect(shown).toContainEqual(expect.stringMatching(/^ +ip_rcv_core\(\) TIME$/));
  expect(shown.filter((call) => /[{}]/.test(call)).map((call) => call.trim())).toEqual(
    expect.arrayContaining(['ip_output() {', 'ip_rcv() {', '} ip_output TIME freed']),
  );
});

/** A line of an event or a journey, as it is seen. */
const LINE = /^ *\d+\.\d{6} #/;
const seen = (text: string) =>
  stripVTControlCharacters(text)
    .split('\r\n')
    .map((line) => line.replace(/^.*\r/, ''))
    .filter((line) => LINE.test(line));

test('at a terminal of 80 columns: no line is longer, lines come before the end, and the width is followed', async () => {
  const [tty, shell] = [join(dir, 'tty'), join(dir, 'shell')];
  writeFileSync(shell, `tty > ${tty}\nstty cols 80\nexec "$@"\n`);
  using tracing = new Tracing(
    ['-m', '3', '-o', 'live', '--follow', ...FEW.map((word) => `'${word}'`)],
    { TERM: 'xterm', NO_COLOR: '' },
    ['sh', '-c', 'exec script -qec "$*" /dev/null', 'sh', 'sh', shell, process.execPath, IPFT],
  );
  await tracing.ready();
  const ends = () => tracing.stdout.split('consumed in').length - 1;
  network.ping(3, { count: 1 });
  await tracing.until(() => ends() === 1, 'the end of the first packet');
  expect(tracing.process.exitCode).toBeNull();
  const first = tracing.stdout;
  execFileSync('stty', ['-F', readFileSync(tty, 'latin1').trim(), 'cols', '120']);
  network.ping(3, { count: 1 });
  await tracing.until(() => ends() === 2, 'the end of the second packet');
  process.kill(tracing.readyPid, 'SIGINT');
  const { stdout } = await tracing.ended();
  expect(first).toContain('\x1b[33m#1');
  expect(seen(first).length).toBeGreaterThan(6);
  expect(seen(first).filter((line) => line.length > 80)).toEqual([]);
  expect(seen(first).join('\n')).not.toContain('vmlinux');
  const later = seen(stdout.slice(first.length));
  expect(later).toContainEqual(expect.stringMatching(/#2 .* vmlinux +ip_rcv$/));
});
