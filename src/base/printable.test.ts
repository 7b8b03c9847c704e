import { expect, test } from 'vitest';
import { isUnseen, jsonString, printable } from './printable.js';

const UNSEEN = [0, 0x1b, 0x1f, 0x7f, 0x80, 0x9b, 0x9f, 0x61c, 0x200e, 0x200f, 0x2028, 0x202a, 0x202e, 0x2066, 0x2069];
const SEEN = [0x20, 0x7e, 0xa0, 0x61b, 0x61d, 0x200d, 0x2010, 0x2027, 0x202f, 0x2065, 0x206a, 0xfffd];

test('printable, jsonString, isUnseen: escape the same characters', () => {
  // No expectation for each of them: these alone would take a second.
  const wrong: number[] = [];
  for (let code = 0; code <= 0xffff; code++) {
    const character = String.fromCharCode(code);
    const isSurrogate = code >= 0xd800 && code <= 0xdfff;
    const json = jsonString(character);
    if ((printable(character) !== character) !== isUnseen(code)) wrong.push(code);
    if (!isSurrogate && JSON.parse(json) !== character) wrong.push(code);
    if (isUnseen(code) && !/^"[ -~]+"$/.test(json)) wrong.push(code);
  }
  expect(wrong).toEqual([]);
  expect(UNSEEN.filter(isUnseen)).toEqual(UNSEEN);
  expect(SEEN.filter(isUnseen)).toEqual([]);
});

test('printable: shows what was there', () => {
  expect(printable('a\x1b[m\u009b\u202eb\n')).toBe('a\\x1b[m\\x9b\\u202eb\\x0a');
  expect(printable('a\tb\n\u2028', { multiline: true })).toBe('a\tb\n\\u2028');
});

test('printable: no control character reaches a terminal; lines and tabs stay only where they are asked for', () => {
  expect(printable('a\x1b[31mb\x00\x7f\x9b\u00a0ü')).toBe('a\\x1b[31mb\\x00\\x7f\\x9b\u00a0ü');
  expect(printable('one\n\ttwo\r')).toBe('one\\x0a\\x09two\\x0d');
  expect(printable('one\n\ttwo\r\x0b', { multiline: true })).toBe('one\n\ttwo\\x0d\\x0b');
});
