/** `ipft extcap --capture` as a process: its pipe, and the process that it has captures made by. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  createReadStream,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const IPFT = fileURLToPath(new URL('../../bin/ipft.js', import.meta.url));

let dir: string;
let fifo: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-extcap-'));
  fifo = join(dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const capture = (path: string, ...more: string[]) => [
  ...[IPFT, 'extcap', '--via', 'ssh:me@host', '--capture', '--fifo', path, '--extcap-interface', 'ipft'],
  ...['--expression', "tcp and not port '22'\n", ...more],
];
const env = () => ({ ...process.env, PATH: `${dir}${delimiter}${process.env['PATH']}` });

/** Has a script in the place of ssh, which notes its process and its last argument, as a shell takes it apart. */
function putSsh(script: string): void {
  const text = `#!/bin/sh\necho $$ > ${dir}/pid\nfor last; do :; done\neval "set -- $last"\nprintf '%s\\n' "$@" > ${dir}/words\n${script}\n`;
  writeFileSync(join(dir, 'ssh'), text, { mode: 0o755 });
}

function start(): { child: ChildProcess; ended: Promise<number | null>; said: () => string } {
  const child = spawn(process.execPath, capture(fifo), { env: env(), stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.on('data', (data) => {
    text += data;
  });
  return { child, ended: new Promise((resolve) => child.on('close', resolve)), said: () => text };
}

const isAlive = (pid: string) => existsSync(`/proc/${pid.trim()}`);
const pid = () => readFileSync(join(dir, 'pid'), 'utf8');

test('what the other process writes comes into the pipe; it gets the same words, and its end is the end', async () => {
  putSsh('head -c 3000000 /dev/zero | tr "\\0" x');
  const { ended, said } = start();
  let bytes = 0;
  for await (const chunk of createReadStream(fifo)) bytes += (chunk as Buffer).length;
  expect([await ended, said()]).toEqual([0, '']);
  expect(bytes).toBe(3_000_000);
  expect(readFileSync(join(dir, 'words'), 'utf8')).toBe(
    [
      ...['ipft', 'extcap', '--fifo', '-', '--capture', '--via=sudo', '--extcap-interface=ipft', '--mask=0xffffffff'],
      ...['--tracer=function', "--expression=tcp and not port '22'\n", ''],
    ].join('\n'),
  );
});

test.each(['a closed pipe', 'SIGTERM'])('%s ends both', async (how) => {
  putSsh('echo packets; exec sleep 1000');
  const { child, ended, said } = start();
  // A process, since Node would not close what it waits for.
  const reader = spawn('cat', [fifo], { stdio: ['ignore', 'pipe', 'ignore'] });
  await new Promise((resolve) => reader.stdout.once('data', resolve));
  (how === 'SIGTERM' ? child : reader).kill('SIGTERM');
  expect([await ended, said()]).toEqual([0, '']);
  await vi.waitUntil(() => !isAlive(pid()));
});

test('that the other process fails, or is not there, is told with what to do', async () => {
  putSsh('echo "ssh: no such host" >&2; exit 255');
  const first = start();
  createReadStream(fifo).resume();
  expect(await first.ended).toBe(1);
  expect(first.said()).toMatch(
    /^ssh: no such host\nipft: capturing needs root: ssh ended with status 255\n {6}try it: ssh/,
  );
  // A descriptor for both ways is a reader, too.
  const both = openSync(fifo, 'r+');
  const { stderr } = spawnSync(process.execPath, capture(fifo), {
    env: { ...env(), PATH: '/nowhere' },
    encoding: 'utf8',
  });
  closeSync(both);
  expect(stderr).toMatch(/^ipft: capturing needs root: running ssh: spawn ssh ENOENT\n/);
});

test('nothing but a pipe is opened, and nothing is made', () => {
  const file = join(dir, 'file');
  writeFileSync(file, 'kept');
  const link = join(dir, 'link');
  symlinkSync(fifo, link);
  for (const path of [join(dir, 'none'), file, link, dir, '/dev/null']) {
    const { status, stderr } = spawnSync(process.execPath, capture(path), { env: env(), encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^ipft: opening the pipe .+ \(--fifo\): /);
    expect(stderr).not.toMatch(/^\s+at /m);
  }
  expect(readFileSync(file, 'utf8')).toBe('kept');
  expect(existsSync(join(dir, 'none'))).toBe(false);
});

test('a pipe that nobody reads is waited for until a signal comes', async () => {
  const { child, ended } = start();
  await vi.waitUntil(() => readFileSync(`/proc/${child.pid}/comm`, 'utf8').startsWith('ipft'));
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test('the reader of a command line that is not understood is let go', async () => {
  const args = capture(fifo, '--of-another-version');
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let bytes = 0;
  for await (const chunk of createReadStream(fifo)) bytes += (chunk as Buffer).length;
  expect([bytes, await ended]).toEqual([0, 2]);
});
