import { expect, test } from 'vitest';
import { findColorChoice, hasColor } from './color.js';

const terminal = { isTTY: true };

test.each([
  ['auto', terminal, {}, true],
  ['auto', {}, {}, false],
  ['auto', { isTTY: false }, { TERM: 'xterm' }, false],
  ['auto', terminal, { NO_COLOR: '1' }, false],
  ['auto', terminal, { NO_COLOR: '' }, true],
  ['auto', terminal, { TERM: 'dumb' }, false],
  ['always', {}, { NO_COLOR: '1' }, true],
  ['never', terminal, {}, false],
] as const)('hasColor: %s, %j, %j', (choice, stream, env, expected) => {
  expect(hasColor(choice, stream, env)).toBe(expected);
});

test.each([
  ['-m 1', 'auto'],
  ['-m 1 --color never', 'never'],
  ['--color=always doctor', 'always'],
  ['--color always --color=never', 'never'],
  ['--color sometimes', 'auto'],
  ['--color', 'auto'],
])('findColorChoice: %s', (line, expected) => {
  expect(findColorChoice(line.split(' '))).toBe(expected);
});
