import { expect, test } from 'vitest';
import { wrap } from './wrap.js';

test.each([
  ['a short line', 20, 4, 'a short line'],
  ['exactly ten', 11, 4, 'exactly ten'],
  ['one two three', 7, 2, 'one two\n  three'],
  ['one two three', 6, 2, 'one\n  two\n  three'],
  ['a_word_that_is_too_long here', 6, 2, 'a_word_that_is_too_long\n  here'],
  ['never broken', Number.POSITIVE_INFINITY, 2, 'never broken'],
  ['', 6, 2, ''],
])('wrap: %j to %d', (text, room, indent, expected) => {
  expect(wrap(text, room, indent)).toBe(expected);
});
