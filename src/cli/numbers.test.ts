import { expect, test } from 'vitest';
import { UsageError } from '../base/errors.js';
import { parseCount, parseDuration, parseNanoseconds, parseRange, parseSize, parseUnsigned32 } from './numbers.js';

/** What is no number of any kind. */
const NONE = ['', ' ', '-1', '+1', '1 ', ' 1', '1\n', '1e3', '1.', '.5', '1_000', 'NaN', 'Infinity', '١', '0x', '1x'];

test.each<[(option: string, text: string) => number, Record<string, number>, readonly string[]]>([
  [
    parseUnsigned32,
    { '0': 0, '1': 1, '4294967295': 0xffffffff, '0x0': 0, '0XfF': 255, '0xffffffff': 0xffffffff },
    ['4294967296', '0x100000000', '0x1g', 'a0x1', '1.5', '1K', '99999999999999999999'],
  ],
  [
    parseSize,
    { '1': 1, '1k': 1024, '3K': 3072, '1M': 1 << 20, '5m': 5 << 20, '2G': 2 ** 31, '9007199254740991': 2 ** 53 - 1 },
    ['0', '0K', '1T', '1KB', 'K', '1.5M', '9007199254740992', '8388608G', '0x10'],
  ],
  [
    (option: string, text: string) => parseCount(option, text, { least: 2, most: 99 }),
    { '2': 2, '99': 99 },
    ['1', '100', '2.5', '0x10', '5K'],
  ],
  [
    parseDuration,
    { '1ms': 1, '0.001': 1, '1.5': 1500, '2s': 2000, '2m': 120_000, '1h': 3_600_000, '2147483647ms': 2 ** 31 - 1 },
    ['0', '0.0004', '2147483648ms', '597h', '1us', '1S', 's', '1.5.5', '1 s'],
  ],
  [
    parseNanoseconds,
    { '0': 0, '1ns': 1, '1.5us': 1500, '20ms': 2e7, '1': 1e9, '1.5s': 1.5e9, '2m': 1.2e11, '1h': 3.6e12 },
    ['9007200', '1d', 'us', '1.5.5', '1 s'],
  ],
])('%o: what is a number of its kind, and what is not', (parse, values, refused) => {
  for (const [text, value] of Object.entries(values)) expect(parse('--option', text), text).toBe(value);
  for (const text of [...NONE, ...refused]) {
    expect(() => parse('--option', text), text).toThrow(UsageError);
    expect(() => parse('--option', text), text).toThrow(/^--option needs a /);
  }
});

test('parseUnsigned32: what was given is shown without its control characters', () => {
  expect(() => parseUnsigned32('-m', '\x1b[2J')).toThrow("not '\\x1b[2J'");
});

test.each([
  ['010', 'write 8 for that, or 10'],
  ['007', 'write 7'],
  ['09', 'write 9'],
])('%s is octal in C, and is not guessed at', (text, hint) => {
  for (const parse of [
    parseUnsigned32,
    parseSize,
    (option: string, given: string) => parseCount(option, given, { least: 1, most: 99 }),
  ]) {
    expect(() => parse('--option', text)).toThrow(`--option '${text}' begins with 0`);
    expect(() => parse('--option', text)).toThrow(expect.objectContaining({ hint }));
  }
});

test('parseRange: a number, or two', () => {
  expect(parseRange('--journey', '3')).toEqual([3, 3]);
  expect(parseRange('--journey', '7-9')).toEqual([7, 9]);
  for (const text of ['0', '9-7', '', '-3', '3-', 'a', '1-2-3', '4294967296', '1.5']) {
    expect(() => parseRange('--journey', text), text).toThrow('--journey needs numbers from 1 on');
  }
});
