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
])('findNearest: %s', (word, choices, expected) => {
  expect(findNearest(word, choices)).toBe(expected);
});

test.each([
  ['xml', OUTPUTS],
  ['', OUTPUTS],
  ['a', OUTPUTS],
  ['bpf-module', ['bpf-module-skeleton', 'bpf-module-header']],
  ['ab', ['ax', 'ay']],
])('findNearest: nothing for %j', (word, choices) => {
  expect(findNearest(word, choices)).toBeUndefined();
});
