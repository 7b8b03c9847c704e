/** Command lines that end before anything of the kernel is asked: what they say, where, and with which status. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const IPFT = fileURLToPath(new URL('../../bin/ipft.js', import.meta.url));
/** What every colour begins with. */
const COLOR = '\x1b[';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-refusals-'));
  // As it is called where it is installed.
  mkdirSync(join(dir, 'bin'));
  symlinkSync(IPFT, join(dir, 'bin/ipft'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const spawned = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(program, args, {
    env: { ...process.env, PATH: `${dir}/bin${delimiter}${process.env['PATH']}`, TERM: 'xterm', ...env },
    encoding: 'utf8',
  });
const ipft = (...args: string[]) => spawned(process.execPath, [IPFT, ...args]);
/** Runs a line in bash, where `ipft` is on the path. */
const bash = (line: string) => spawned('bash', ['-c', line]);
/** The same at a terminal of its own; all that is written is in `stdout`. */
const atTerminal = (line: string, env: NodeJS.ProcessEnv = {}) => spawned('script', ['-qec', line, '/dev/null'], env);

test.each([
  [['--netns', 'nowhere'], "there is no network namespace 'nowhere'"],
  [['--dev', 'eth0@nowhere'], "there is no network namespace 'nowhere'"],
  [['--dev', 'a/b'], '--dev needs the name of an interface'],
  [['icmp', '--connection', '--snaplen', '0'], '--connection needs --snaplen'],
  [['-b', 'kprobe', '-t', 'function_graph', '-m', '1'], 'sees no returns'],
])('%j is refused in a sentence', (args, message) => {
  const { status, stdout, stderr } = ipft(...args);
  expect({ status, stdout }, stderr).toEqual({ status: 2, stdout: '' });
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/^ +at |bug:/m);
});

test('where a program was to run, the status is that of what runs programs', () => {
  const missing = ipft('--', 'ipft-no-such');
  expect(missing).toMatchObject({ status: 127, stderr: 'ipft: starting ipft-no-such: there is no such program\n' });
  expect(ipft('--no-such-option', '--', 'true').status).toBe(125);
  expect(ipft('host', 'and', '--', 'true').status).toBe(125);
  expect(ipft('--').status).toBe(125);
  expect(bash('ulimit -n 32; ipft -- true').status).toBe(125);
});

test('a capture of Wireshark: no filter, and an option of another version', () => {
  const capture = ['extcap', '--fifo', '-', '--capture', '--extcap-interface=ipft'];
  for (const [options, message] of [
    [[], 'it is not said which packets to trace'],
    [['--expression=icmp', '--snaplen=99999'], '--snaplen'],
  ] as const) {
    const { status, stderr } = ipft(...capture, ...options);
    expect(status, stderr).toBe(2);
    expect(stderr).toContain(message);
  }
});

describe('at a terminal', () => {
  test('ipft alone says what it is, and what to try, also where nobody reads it at a terminal', () => {
    const result = atTerminal('ipft', { NO_COLOR: '1' });
    expect(result.status).toBe(2);
    for (const command of ['ipft doctor', "ipft -l -r '^ip_'", "ipft 'host 10.0.0.5 and tcp port 5432'"]) {
      expect(result.stdout).toContain(`\r\n  ${command} `);
    }
    expect(result.stdout.trimEnd().split('\n').length).toBeLessThan(10);
    const piped = bash('ipft');
    expect(piped.status).toBe(2);
    expect(piped.stdout).toBe('');
    expect(piped.stderr).toContain('\n  ipft doctor ');
    expect(piped.stderr).not.toContain('\x1b');
  });

  test('errors are red, and broken between words', () => {
    const said = "--fold 'nver' is unknown: there are auto, same, path, never (did you mean never?)";
    expect(atTerminal('ipft --fold nver').stdout).toBe(
      `\x1b[31;1mipft:\x1b[0m ${said.replace('mean never', 'mean\r\n      never')}\r\n`,
    );
    expect(bash('ipft --fold nver').stderr).toContain(said);
    expect(bash('ipft --fold nver').stderr).not.toContain(COLOR);
  });
});

test.each(['ipft --help | head -1', 'ipft completion bash | head -1'])('a reader that has seen enough: %s', (line) => {
  const result = bash(`${line}; echo "\${PIPESTATUS[0]}"`);
  const [first, status, ...rest] = result.stdout.trimEnd().split('\n');
  expect(first).not.toBe('');
  expect([status, ...rest]).toEqual(['0']);
  expect(result.stderr).not.toMatch(/EPIPE|bug:|Error/);
});
