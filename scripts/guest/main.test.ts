import { describe, expect, test } from 'vitest';
import { parseArguments } from './main.js';
import { describeConsole } from './qemu.js';

describe('parseArguments', () => {
  test('takes options before and behind the kernel, and none of the command', () => {
    expect(parseArguments(['--memory', '3G', '6.12', '--console', '--', 'ls', '--tty'])).toMatchObject({
      ...{ kernel: '6.12', memory: '3G', console: true, cpus: 2, kvm: false },
      command: ['ls', '--tty'],
    });
    expect(parseArguments(['sid', 'ls', '--', '-l'])).toMatchObject({ kernel: 'sid', command: ['ls', '--', '-l'] });
  });

  test('counts instructions on one CPU, since kernels panic on more', () => {
    expect(parseArguments(['--icount', '6.12', 'true'])).toMatchObject({ icount: true, cpus: 1 });
    expect(parseArguments(['--icount', '--cpus', '1', '6.12', 'true'])).toMatchObject({ cpus: 1 });
    expect(() => parseArguments(['--cpus', '2', '--icount', '6.12', 'true'])).toThrow(
      '--icount works with one CPU only, not with --cpus 2: kernels panic',
    );
    expect(() => parseArguments(['--icount', '--kvm', '6.12', 'true'])).toThrow('--icount needs emulation');
  });

  test.each([
    [[], 'name a kernel'],
    [['7.9'], "no kernel '7.9': there are 5.10"],
    [['--cpus', '0', '6.12'], "--cpus needs a number from 1 to 2000000, not '0'"],
    [['--no-such', '6.12'], "no option '--no-such'"],
    [['--memory'], '--memory needs a value'],
  ])('%j: %s', (args, message) => {
    expect(() => parseArguments(args)).toThrow(message);
  });
});

describe('describeConsole', () => {
  test('shows the end, and how much it leaves out', () => {
    const said = Array.from({ length: 200 }, (_, index) => `line ${index}\r\n`).join('');
    const lines = describeConsole(said).split('\n');
    expect(lines[0]).toBe('vm: 80 lines of the console are left out (--console shows all)');
    expect(lines.slice(1, -1)).toEqual(Array.from({ length: 120 }, (_, index) => `line ${index + 80}`));
    expect(describeConsole('Kernel panic\r\n')).toBe('Kernel panic\n');
  });

  test('says so where there is nothing', () => {
    expect(describeConsole('\r\n')).toBe('vm: the console of the guest shows nothing\n');
  });
});
