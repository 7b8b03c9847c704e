import { closeSync, mkdtempSync, openSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SystemCallError } from '../base/errors.js';
import { type Caller, findCaller } from './caller.js';
import { ignoreSignal } from './libc.js';
import { type ProgramOptions, startProgram } from './program.js';

const isRoot = process.geteuid?.() === 0;
const NOBODY: Caller = {
  uid: 65534,
  gid: 65534,
  groups: [65534, 7, 1000],
  variables: { HOME: '/nowhere', USER: 'nobody' },
};

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-program-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs a program until it ends. @returns its end, and its stdout */
async function run(argv: readonly string[], options: Partial<ProgramOptions> = {}) {
  const path = join(dir, 'stdout');
  const program = startProgram(argv, { environment: process.env, stdout: openSync(path, 'w'), ...options });
  const end = await program.ended;
  return { ...end, pid: program.pid, stdout: readFileSync(path, 'utf8') };
}

const fieldsOf = (status: string) =>
  new Map(status.split('\n').map((line) => line.split(/:\s+/) as [string, string | undefined]));

test('startProgram: the status, or the signal, is told; arguments and environment are as given', async () => {
  expect(await run(['sh', '-c', 'exit 77'])).toMatchObject({ exitCode: 77, signal: undefined });
  expect(await run(['sh', '-c', 'kill -9 $$'])).toMatchObject({ exitCode: undefined, signal: 9 });
  const { stdout } = await run(['printf', '%s|', 'a b', '', 'é', '$X']);
  expect(stdout).toBe('a b||é|$X|');
  expect((await run(['env'], { environment: { A: '1', B: 'é' } })).stdout).toBe('A=1\nB=é\n');
  // Bytes that are no UTF-8.
  const bytes = ['sh', '-c', 'printf %s "$0$A" | od -An -tx1', 'é\udcff'];
  expect((await run(bytes, { environment: { A: '\udcfe' } })).stdout).toBe(' c3 a9 ff fe\n');
});

test('startProgram: it is in the same process group, and only what is to be ignored is ignored', async () => {
  ignoreSignal(constants.signals.SIGWINCH);
  const status = fieldsOf((await run(['cat', '/proc/self/status'], { ignoredSignals: ['SIGWINCH'] })).stdout);
  expect(status.get('SigIgn')).toBe('0000000008000000');
  expect(status.get('SigBlk')).toBe('0000000000000000');
  const group = (stat: string) => stat.slice(stat.lastIndexOf(')')).split(' ')[3];
  expect(group((await run(['cat', '/proc/self/stat'])).stdout)).toBe(group(readFileSync('/proc/self/stat', 'utf8')));
});

test('startProgram: it has the descriptors of this process, but no others', async () => {
  const other = openSync(join(dir, 'other'), 'w');
  const list = ['sh', '-c', 'ls -l /proc/$$/fd | grep -o "[0-9]* -> .*" | sort'];
  const { stdout } = await run(list, { stdin: openSync('/dev/zero', 'r'), stderr: openSync('/dev/null', 'w') });
  expect(stdout).toMatch(`0 -> /dev/zero\n1 -> ${join(dir, 'stdout')}\n2 -> /dev/null\n`);
  expect(stdout).not.toContain(join(dir, 'other'));
  // In the place of a terminal, or of what the tests were started with.
  const own = readlinkSync('/proc/self/fd/0');
  expect((await run(list)).stdout).toContain(`0 -> ${own}\n`);
  closeSync(other);
});

test('startProgram: what is not there or can not be executed is an error with its number', async () => {
  const text = join(dir, 'text');
  writeFileSync(text, 'no program', { mode: 0o755 });
  const plain = join(dir, 'plain');
  writeFileSync(plain, '#!/bin/sh\n', { mode: 0o644 });
  const { ENOENT, EACCES, ENOEXEC } = constants.errno;
  for (const [name, errno] of [
    ['ipft-no-such-program', ENOENT],
    ['', ENOENT],
    [plain, EACCES],
    [dir, EACCES],
    [text, ENOEXEC],
  ] as const) {
    expect(() => startProgram([name], { environment: process.env })).toThrow(
      expect.objectContaining<Partial<SystemCallError>>({ call: 'posix_spawn', errno }),
    );
  }
});

test.skipIf(!isRoot)(
  'startProgram: as a user it has that user alone, all groups and no capability; this thread stays root',
  async () => {
    const before = readFileSync('/proc/thread-self/status', 'utf8');
    const { stdout } = await run(['cat', '/proc/self/status'], { user: NOBODY });
    const status = fieldsOf(stdout);
    expect(status.get('Uid')).toBe('65534\t65534\t65534\t65534');
    expect(status.get('Gid')).toBe('65534\t65534\t65534\t65534');
    expect(status.get('Groups')?.trim()).toBe('7 1000 65534');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(status.get(set)).toBe('0000000000000000');
    expect(status.get('CapBnd')).toBe(fieldsOf(before).get('CapBnd'));
    const after = readFileSync('/proc/thread-self/status', 'utf8');
    const own = (text: string) => text.split('\n').filter((line) => /^(Uid|Gid|Groups|Cap\w+):/.test(line));
    expect(own(after)).toEqual(own(before));
    expect((await run(['sh', '-c', 'echo $HOME $USER'], { user: NOBODY })).stdout).toBe('/nowhere nobody\n');
    expect(() => startProgram(['/root/ipft-no-such'], { environment: {}, user: NOBODY })).toThrow('EACCES');
    expect(process.geteuid?.()).toBe(0);
  },
);

test.skipIf(!isRoot)('findCaller: sudo tells the user, and the system the groups and the home', () => {
  const [name, , uid, gid, , home, shell] = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith('daemon:'))!
    .split(':');
  const caller = findCaller({ SUDO_UID: uid, SUDO_GID: gid });
  expect(caller).toMatchObject({ uid: Number(uid), gid: Number(gid) });
  expect(caller?.groups).toContain(Number(gid));
  expect(caller?.variables).toEqual({ HOME: home, USER: name, LOGNAME: name, SHELL: shell });
  expect(findCaller({ SUDO_UID: '4000000', SUDO_GID: '4000001' })).toEqual({
    ...{ uid: 4_000_000, gid: 4_000_001, groups: [4_000_001], variables: {} },
  });
  for (const SUDO_UID of ['0', '', '-1', '1x', undefined])
    expect(findCaller({ SUDO_UID, SUDO_GID: '1' })).toBeUndefined();
});
