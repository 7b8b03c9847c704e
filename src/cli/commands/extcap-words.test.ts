import { describe, expect, test } from 'vitest';
import { UsageError } from '../../base/errors.js';
import { EXTCAP_TAKES } from '../option-table.js';
import { parseCommandLine } from '../options.js';
import { formatConfig } from './extcap-words.js';

const parse = (...args: string[]) => parseCommandLine(['extcap', ...args]);
const said = (...args: string[]) => {
  const request = parse(...args);
  return request.action === 'print' ? request.text : request.action;
};

/** A sentence of extcap: a word, and elements in braces. */
const SENTENCE = /^(extcap|interface|dlt|arg|value)( \{[a-z]+=[^{}\n]+\}|\{[a-z]+=[^{}\n]+\})+$/;

describe('extcap', () => {
  test.each([
    [['--extcap-interfaces', '--extcap-version=4.0']],
    [['--extcap-dlts', '--extcap-interface', 'ipft']],
    [['--extcap-config', '--extcap-interface', 'ipft', '--via', 'ssh:root@h']],
  ])('answers %j with sentences', (args) => {
    const lines = said(...args).split('\n');
    expect(lines.pop()).toBe('');
    for (const line of lines) expect(line).toMatch(SENTENCE);
  });

  test('the dialog has only options that a capture takes; the way that was set up stands first', () => {
    const config = formatConfig({ kind: 'ssh', host: 'h' });
    const calls = [...config.matchAll(/\{call=(--[a-z-]+)\}/g)].map(([, call]) => call);
    const taken: readonly (string | undefined)[] = [...EXTCAP_TAKES, '--expression', '--via'];
    expect(calls.filter((call) => !taken.includes(call))).toEqual([]);
    expect(/\{value=([^}]+)\}.*\{default=true\}/.exec(config)?.[1]).toBe('ssh:h');
  });

  test('a capture filter: nothing where it is right, else one line', () => {
    const check = (filter: string) => said('--extcap-interface', 'ipft', '--extcap-capture-filter', filter);
    for (const filter of ['', ' ', 'tcp port 80', 'not\nicmp']) expect(check(filter)).toBe('');
    for (const filter of ['tcp prt 8', 'host nowhere', '(tcp', 'tcp\nand\n', '-x'])
      expect(check(filter)).toMatch(/^.+\n$/);
  });

  const capture = (...args: string[]) => parse('--capture', '--fifo', '/f', '--extcap-interface', 'ipft', ...args);

  test('a capture: an expression can not close the parentheses that it stands in', () => {
    for (const [expression, filter] of [
      ['icmp) or (tcp', 'port 80'],
      ['tcp', 'port 80) or (icmp'],
      ['((tcp)', 'port 80'],
    ])
      expect(() => capture('--expression', expression!, '--extcap-capture-filter', filter!)).toThrow('parentheses');
    capture('--expression', '(tcp) or (udp)', '--extcap-capture-filter', 'port (80 or 443)');
  });

  test('a capture: expression and filter must both match; what the dialog leaves empty is not said', () => {
    const request = capture(
      ...['--expression', 'tcp or udp', '--extcap-capture-filter', 'port 80', '--regex', '-x', '--mark', '', '--once'],
      ...['--fields', 'tuple,dev', '--netns', "it's\n", '--comm', ''],
    );
    if (request.action !== 'capture') throw new Error(request.action);
    const { trace, args, fifo } = request;
    expect(fifo).toBe('/f');
    expect(trace).toMatchObject({ output: 'pcapng', once: true, command: undefined });
    const { packets, snaplen, fields } = trace.plan;
    expect(packets).toMatchObject({ expression: '(tcp or udp) and (port 80)', mark: undefined, netns: ["it's\n"] });
    expect(packets.processes).toBeUndefined();
    expect(snaplen).toBe(256);
    expect(fields.builtin).toEqual(['tuple', 'dev']);
    // Another ipft that is given these makes the same plan.
    const again = parse('--fifo', '-', '--capture', ...args);
    if (again.action !== 'capture') throw new Error(again.action);
    expect(again.trace.plan).toEqual(trace.plan);
    expect(again.args).toEqual(args);
  });

  test.each([
    ['no packets', [], /which packets/],
    ['an option that runs something', ['-e', 'x.o', '--expression', 'tcp'], /does not take --extension/],
    ['a file to write to', ['--output-file', '/x', '--expression', 'tcp'], /does not take --output-file/],
    ['an option of another version', ['--colour-of-lanes', 'red', '--expression', 'tcp'], /unknown option/],
    ['a value of another version', ['--snaplen', '99999', '--expression', 'tcp'], /--snaplen/],
    ['a second pipe', ['--fif', '/g', '--expression', 'tcp'], /--fifo is given twice/],
    ['operands', ['x', '--expression', 'tcp'], /too many arguments/],
    ['another interface', ['--extcap-interface', 'eth0\n', '--expression', 'tcp'], /there is no interface 'eth0\\x0a'/],
    ['a host that is an option', ['--via', 'ssh:-oProxyCommand=id', '--expression', 'tcp'], /the name of a host/],
  ])('refuses %s', (_, args, message) => {
    expect(() => capture(...args)).toThrow(UsageError);
    expect(() => capture(...args)).toThrow(message);
  });

  test('as root for a user it goes on to no other machine', () => {
    const args = ['--capture', '--fifo', '-', '--via', 'ssh:h', '--expression', 'tcp'];
    expect(() => parse(...args)).toThrow(/does not go with --fifo -/);
  });

  test('without anything to answer it says who calls it', () => {
    expect(() => parse()).toThrow(/what Wireshark calls/);
    expect(() => parse('--capture', '--expression', 'tcp')).toThrow(/--fifo PATH/);
  });
});
