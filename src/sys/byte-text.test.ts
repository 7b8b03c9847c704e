import { expect, test } from 'vitest';
import { decodeBytes, encodeBytes, loadEnvironment, restoreArguments } from './byte-text.js';

test('bytes that are no UTF-8 are kept, and text is as ever', () => {
  for (const text of ['', 'plain', 'é', '€ and 😀', '\ufffd']) {
    expect(decodeBytes(Buffer.from(text))).toBe(text);
    expect(encodeBytes(text).toString('utf8')).toBe(text);
  }
  // Any byte alone, a character that is cut off, one that is too long, a half of a pair, and some beside text.
  for (const hex of ['ff', '80', 'c3', 'e282', 'f09f98', 'c080', 'edb280', '61ff62c3a9fe', 'efbfbdff', 'c3c3a9']) {
    const bytes = Buffer.from(hex, 'hex');
    expect(encodeBytes(decodeBytes(bytes)).toString('hex')).toBe(hex);
  }
  expect(decodeBytes(Buffer.from('61ffc3a9', 'hex'))).toBe('a\udcffé');
});

test('arguments are found at the end of the command line', () => {
  const commandLine = Buffer.from('node\0--flag\0ipft.js\0--\0ls\0\xff\0\0', 'latin1');
  expect(restoreArguments(['--', 'ls', '\ufffd', ''], commandLine)).toEqual(['--', 'ls', '\udcff', '']);
  expect(restoreArguments([], commandLine)).toEqual([]);
});

test('loadEnvironment: variables have all their bytes; what was changed since stays so', () => {
  const given = { BAD: 'a\ufffd', GOOD: 'é=', CHANGED: 'new\ufffd', '\ufffd': 'b', ADDED: '\ufffd' };
  const initial = Buffer.from('BAD=a\xff\0GOOD=\xc3\xa9=\0CHANGED=\xfe\0\xfd=b\0GONE=\xff\0', 'latin1');
  const expected = { BAD: 'a\udcff', GOOD: 'é=', CHANGED: 'new\ufffd', '\udcfd': 'b', ADDED: '\ufffd' };
  expect(loadEnvironment(given, () => initial)).toEqual(expected);
});
