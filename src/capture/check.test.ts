import { expect, test } from 'vitest';
import { IpftError } from '../base/errors.js';
import { type ExtensionCheck, findProblem } from './check.js';

const problem = new IpftError('VERIFIER', 'too much stack');
const checks = (...results: [ExtensionCheck['backend'], ExtensionCheck['tracer'], ExtensionCheck['result']][]) =>
  results.map(([backend, tracer, result]): ExtensionCheck => {
    return { backend, tracer, result, ...(result === 'refused' ? { problem } : {}) };
  });

test('findProblem: what the backend that would be taken refuses, without returns', () => {
  expect(
    findProblem(
      checks(
        ['fentry-multi', 'function', 'linked'],
        ['kprobe-multi', 'function', 'verified'],
        ['ftrace', 'function', 'refused'],
        ['ftrace', 'function_graph', 'refused'],
      ),
    ),
  ).toBeUndefined();
  expect(findProblem(checks(['kprobe-multi', 'function', 'refused'], ['ftrace', 'function', 'verified']))).toBe(
    problem,
  );
  expect(findProblem(checks(['kprobe', 'function', 'linked'], ['ftrace', 'function', 'linked']))).toBeUndefined();
});
