import { expect, test } from 'vitest';
import { IpftError, VerifierError } from '../../base/errors.js';
import type { ExtensionCheck } from '../../capture/check.js';
import { describeChecks } from './check.js';

test('describeChecks: a line for each backend, two where the tracers differ', () => {
  const log = '; x = 1;\n1: (b7) r1 = 1\ncombined stack size of 2 calls is 528. Too large\nprocessed 9 insns';
  const refused = new VerifierError('the extension x.c', 'the verifier refuses it', log);
  const checks: ExtensionCheck[] = [
    { backend: 'fentry-multi', tracer: 'function', result: 'linked', why: "this kernel can't" },
    { backend: 'fentry-multi', tracer: 'function_graph', result: 'linked', why: "this kernel can't" },
    { backend: 'kprobe', tracer: 'function', result: 'verified' },
    { backend: 'ftrace', tracer: 'function', result: 'verified' },
    { backend: 'ftrace', tracer: 'function_graph', result: 'refused', problem: refused },
  ];
  expect(describeChecks(checks)).toEqual([
    "fentry-multi: links; the verifier could not be asked: this kernel can't",
    'kprobe: links, and the verifier accepts it',
    'ftrace -t function: links, and the verifier accepts it',
    'ftrace -t function_graph: refused: combined stack size of 2 calls is 528. Too large',
  ]);
  const linking: ExtensionCheck = {
    backend: 'kprobe',
    tracer: 'function',
    result: 'refused',
    problem: new IpftError('LOAD', 'no\x1b'),
  };
  expect(describeChecks([linking, { backend: 'ftrace', tracer: 'function', result: 'linked' }])).toEqual([
    'kprobe: refused: no\\x1b',
    'ftrace: links',
  ]);
});
