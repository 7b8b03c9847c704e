import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../base/errors.js';
import { commandOf, formatRootWay, parseRootWay, quoteForShell, sudoersRule } from './root-way.js';

test('parseRootWay: what formatRootWay writes', () => {
  for (const text of ['none', 'sudo', 'pkexec', 'ssh:host', 'ssh:root@192.0.2.9', 'ssh:me@fe80::1%eth0'])
    expect(formatRootWay(parseRootWay(text))).toBe(text);
});

test('parseRootWay: a host is no option of ssh and nothing for a shell', () => {
  for (const text of ['', 'ssh', 'ssh:', 'ssh:-oProxyCommand=x', 'ssh:a b', 'ssh:a;b', 'ssh:a\nb', 'ssh:$(x)', 'su'])
    expect(() => parseRootWay(text), text).toThrow(UsageError);
});

const OWN = ['/usr/bin/node', '/opt/ipft/bin/ipft.js'];

test('commandOf: each way writes to its stdout alone', () => {
  const args = ['--expression=tcp port 80'];
  const capture = ['extcap', '--fifo', '-', '--capture'];
  expect(commandOf({ kind: 'sudo' }, OWN, args)).toEqual(['sudo', '-n', '--', ...OWN, ...capture, ...args]);
  expect(commandOf({ kind: 'pkexec' }, OWN, args)).toEqual(['pkexec', ...OWN, ...capture, ...args]);
  expect(commandOf({ kind: 'ssh', host: 'h' }, OWN, args)).toEqual([
    ...['ssh', '-T', '--', 'h'],
    "ipft extcap --fifo - --capture --via=sudo '--expression=tcp port 80'",
  ]);
});

test('quoteForShell: a shell gets the same word', () => {
  const words = fc.sample(
    fc
      .string({ unit: 'binary', maxLength: 20 })
      .filter((word) => !word.includes('\0') && Buffer.from(word).toString() === word),
    { numRuns: 200, seed: 3 },
  );
  const all = [...words, "it's", '$(id)', '`id`', '\n', '', '-n', '*', '~', '\\', '"'];
  const script = `printf '%s\\0' ${all.map(quoteForShell).join(' ')}`;
  const { stdout } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  expect(stdout.split('\0').slice(0, -1)).toEqual(all);
});

test('quoteForShell: what fish and csh understand between quotes stands outside of them', () => {
  expect(quoteForShell('^a\\.b\\')).toBe("'^a'\\\\'.b'\\\\''");
  expect(quoteForShell("not!'")).toBe("'not'\\!''\\'''");
});

test('sudoersRule: what has a meaning there is escaped', () => {
  expect(sudoersRule({ name: 'me', uid: 7 }, ['/n', '/a b/c,d*#'])).toBe(
    'me ALL=(root) NOPASSWD: /n /a\\ b/c\\,d\\*\\# extcap --fifo - --capture *',
  );
});

test('sudoersRule: a name that is more than a name has its number in its place', () => {
  for (const name of ['ALL', 'DOMAIN\\me', 'a,b', 'a b', '%wheel', '+group', 'UPPER', '7', 'me@example.com', 'a\nb'])
    expect(sudoersRule({ name, uid: 7 }, ['/n'])).toBe('#7 ALL=(root) NOPASSWD: /n extcap --fifo - --capture *');
});
