import { expect, test } from 'vitest';
import { findNearest } from './suggest.js';

const OUTPUTS = ['aggregate', 'json', 'paths'];

test.each([
  ['jsno', OUTPUTS, 'json'],
  ['JSON', OUTPUTS, 'json'],
  ['agregate', OUTPUTS, 'aggregate'],
  ['agg', OUTPUTS, 'aggregate'],
  ['funtion', ['function', 'function_graph'], 'function'],
  ['graph', ['function', 'function_graph'], 'function_graph'],
  ['funtion_grahp', ['function', 'function_graph'], 'function_graph'],
  ['skeleton', ['bpf-module-skeleton', 'bpf-module-header'], 'bpf-module-skeleton'],
  ['docter', ['check', 'doctor', 'completion'], 'doctor'],
  ['kprobe-mult', ['kprobe-multi', 'kprobe'], 'kprobe-multi'],
  ['ag', OUTPUTS, 'aggregate'],
  // Neighbours that are swapped are one slip, at either end.
  ['bacd', ['bacdxx', 'abcd'], 'abcd'],
  ['abdc', ['abdcxx', 'abcd'], 'abcd'],
  // A letter that is missing, too many, or another, wherever it stands.
  ['bcde', ['bcdexx', 'abcde'], 'abcde'],
  ['abcdef', ['abcdefxx', 'abcde'], 'abcde'],
  ['xbcde', ['xbcdexx', 'abcde'], 'abcde'],
  ['abcdx', ['abcdxxx', 'abcde'], 'abcde'],
  // Three slips in a word that is long enough.
  ['abcdefgh', ['abcdexyz'], 'abcdexyz'],
])('findNearest: %s', (word, choices, expected) => {
  expect(findNearest(word, choices)).toBe(expected);
});

test.each([
  ['xml', OUTPUTS],
  ['', OUTPUTS],
  ['a', OUTPUTS],
  ['bpf-module', ['bpf-module-skeleton', 'bpf-module-header']],
  ['ab', ['ax', 'ay']],
  ['abcdefghij', ['abcdefwxyz']],
  ['abcde', ['abxyz']],
  ['abc', ['acbx', 'acby']],
])('findNearest: nothing for %j', (word, choices) => {
  expect(findNearest(word, choices)).toBeUndefined();
});
