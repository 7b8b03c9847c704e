import { expect, test } from 'vitest';
import { printable } from './printable.js';

test('printable: no control character reaches a terminal; lines and tabs stay only where they are asked for', () => {
  expect(printable('a\x1b[31mb\x00\x7f\x9b\u00a0ü')).toBe('a\\x1b[31mb\\x00\\x7f\\x9b\u00a0ü');
  expect(printable('one\n\ttwo\r')).toBe('one\\x0a\\x09two\\x0d');
  expect(printable('one\n\ttwo\r\x0b', { multiline: true })).toBe('one\n\ttwo\\x0d\\x0b');
});
