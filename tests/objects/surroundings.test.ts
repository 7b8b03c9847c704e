/** The surroundings of the process: limits that are too low even for Node, and closed descriptors. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const IPFT = fileURLToPath(new URL('../../bin/ipft.js', import.meta.url));

/** @param line what a shell does first; `"$@"` is the command */
function run(line: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('sh', ['-c', line, 'sh', IPFT, ...args], { encoding: 'utf8' });
}

test.each([
  ['n', '20', 'open files', 64],
  ['s', '100', 'the stack, in KiB,', 256],
  ['d', '100000', 'data, in KiB,', 400_000],
  ['v', '900000', 'virtual memory, in KiB,', 1_200_000],
  ['t', '1', 'processor time, in seconds,', 10],
])('a limit that is too low is named, with the remedy: ulimit -%s %s', (limit, value, what, needed) => {
  expect(run(`ulimit -${limit} ${value}; exec "$@"`, '--version')).toEqual(
    expect.objectContaining({
      status: 1,
      stdout: '',
      stderr: `ipft: the limit of ${what} (ulimit -${limit}) is ${value}, and ${needed} are needed\n      raise it: ulimit -${limit} ${needed}\n`,
    }),
  );
});

test('what is printed to a stdout that is closed is lost, and the status says so', () => {
  const { status, stderr } = run('exec "$@" >&-', '--version');
  expect(stderr).toBe(
    'ipft: writing to stdout: EBADF: bad file descriptor, write\n      --output-file names another place\n',
  );
  expect(status).toBe(1);
  expect(run('exec "$@" >&- 2>&- <&-', '--version').status).toBe(1);
  expect(run('exec "$@" <&- 2>&-', '--version')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d/) });
  expect(run('exec "$@" >/dev/null', '--version')).toMatchObject({ status: 0, stderr: '' });
});
