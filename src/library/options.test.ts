import { expect, test } from 'vitest';
import { UsageError } from '../base/errors.js';
import { checkCommandOptions, checkOptions } from './options.js';

test('checkOptions: the mark is enough', () => {
  expect(checkOptions({ mark: 0xdeadbeef })).toMatchObject({
    plan: {
      ...{ packets: { mark: 0xdeadbeef, mask: 0xffffffff }, follow: false },
      probes: { tracer: 'function', backend: undefined, samplePeriod: 1 },
      fields: { extension: { kind: 'c', paths: [] }, builtin: [], compileTimeoutSeconds: 60 },
      until: { count: undefined, durationMs: undefined },
      limits: { ringSizeBytes: 16 << 20, ringIsGiven: false, raiseLimits: true },
    },
    maxEvents: 100_000,
  });
});

test('checkOptions: bits of the mark that the mask leaves out are a warning', () => {
  expect(checkOptions({ mark: 3, mask: 1 }).plan).toMatchObject({
    packets: { mark: 3, mask: 1 },
    warnings: ['the option mark has bits that the option mask leaves out; they are ignored'],
  });
  expect(checkOptions({ mark: 1, mask: 1 }).plan.warnings).toEqual([]);
});

test.each([/rcv/g, /rcv/y, /rcv/gy])('checkOptions: %s forgets where it matched last', (functions) => {
  functions.lastIndex = 5;
  const regExp = checkOptions({ mark: 1, functions }).plan.probes.functionPattern!.regExp;
  expect([regExp.test('ip_rcv'), regExp.test('ip_rcv'), regExp.lastIndex]).toEqual([true, true, 0]);
});

test('checkOptions: other flags of a pattern stay', () => {
  expect(checkOptions({ mark: 1, modules: /^VETH/i }).plan.probes.modulePattern).toEqual({
    regExp: /^VETH/i,
    text: '^VETH',
  });
});

test.each([
  [undefined, /needs an object/],
  [{}, /mark is missing/],
  [{ mark: 1, msak: 1 }, /'msak' is unknown/],
  [{ mark: '1' }, /mark needs an integer from 0 to 4294967295, not '1'/],
  [{ mark: -1 }, /mark needs/],
  [{ mark: 0 }, /every packet without a mark/],
  [{ mark: 1, mask: 0 }, /compares nothing/],
  [{ mark: 1, functions: 'ip_' }, /regular expression, not 'ip_'/],
  [{ mark: 1, tracer: 'graph' }, /one of function, function_graph/],
  [{ mark: 1, backend: 'fentry' }, /one of fentry-multi/],
  [{ mark: 1, tracer: 'function_graph', backend: 'kprobe' }, /sees no returns/],
  [{ mark: 1, extension: 'x.txt' }, /must end in .c/],
  [{ mark: 1, extension: [1] }, /path of a file/],
  [{ mark: 1, fields: { len: 'number' } }, /needs an extension, built-in fields or expressions/],
  [{ mark: 1, builtin: ['tuple', 'tpc'] }, /builtin needs one of tuple, .*, not 'tpc'/],
  [{ mark: 1, builtin: 4 }, /builtin/],
  [{ mark: 1, extension: 'x.o', fields: { len: 'int' } }, /no schema/],
  [{ mark: 1, extension: 'x.o', fields: ['number'] }, /no schema/],
  [{ mark: 1, extension: 'x.o', fields: { bytes: ['number', 'number'] } }, /no schema/],
  [{ mark: 1, ringSizeBytes: 5000 }, /power of two/],
  [{ mark: 1, maxEvents: 0 }, /maxEvents needs/],
  [{ mark: 1, samplePeriod: 1.5 }, /samplePeriod needs/],
  [{ mark: 1, snaplen: -1 }, /snaplen needs an integer from 0 to 1024/],
  [{ mark: 1, follow: 1 }, /true or false/],
  [{ mark: 1, raiseLimits: 'no' }, /true or false/],
  [{ mark: 1, signal: {} }, /AbortSignal/],
  [{ pid: '1' }, /pid needs an integer from 1 to 4194304, not '1'/],
  [{ pid: [1, 0] }, /pid needs an integer/],
  [{ pidTree: true }, /pidTree needs the option pid/],
  [
    { withNeighbours: true, mark: 1 },
    /withNeighbours needs a program, or the option pid, the option comm, .* or the option cgroup/,
  ],
  [{ withNeighbours: 1, pid: 1 }, /withNeighbours needs true or false, not 1/],
  [{ comm: '' }, /comm needs a name/],
  [{ comm: Array(65).fill('a') }, /comm takes 64 names at most/],
  [{ cgroup: 5 }, /the option cgroup needs a name, not 5/],
  [{ unit: [''] }, /the option unit needs a name/],
  [{ pod: 'web' }, /the option pod needs NAMESPACE\/NAME, as default\/web-0, not 'web'/],
  [{ container: Array(65).fill('a') }, /container takes 64 names at most/],
  [{ command: true }, /'command' is unknown/],
])('checkOptions: %j is refused', (options, message) => {
  expect(() => checkOptions(options)).toThrow(UsageError);
  expect(() => checkOptions(options)).toThrow(message);
});

test('checkCommandOptions: a program is enough', () => {
  expect(checkCommandOptions(['ping', '-c', '1'], {})).toMatchObject({
    command: { argv: ['ping', '-c', '1'], settleMs: 200, asRoot: false },
    plan: { packets: { mark: undefined, processes: { command: true, pids: [] } }, follow: true, snaplen: 96 },
    environment: process.env,
  });
  const options = { env: { A: '1', B: undefined }, settleMs: 0, asRoot: true, expression: 'tcp' };
  expect(checkCommandOptions(['x'], options)).toMatchObject({
    command: { argv: ['x'], settleMs: 0, asRoot: true },
    plan: { packets: { expression: 'tcp', processes: { command: true } } },
    environment: { A: '1' },
  });
});

test.each([
  [undefined, {}, /the words of a program/],
  [[], {}, /the words of a program/],
  ['ping', {}, /the words of a program/],
  [['ping', 1], {}, /the words of a program/],
  [['ping\0'], {}, /without NUL/],
  [['x'], null, /needs an object with options/],
  [['x'], { settleMS: 1 }, /'settleMS' is unknown/],
  [['x'], { command: true }, /'command' is unknown/],
  [['x'], { settleMs: -1 }, /settleMs needs an integer from 0 to/],
  [['x'], { settleMs: '1' }, /settleMs needs an integer/],
  [['x'], { asRoot: 1 }, /asRoot needs true or false/],
  [['x'], { env: 'A=1' }, /env needs an object of strings/],
  [['x'], { env: { A: 1 } }, /env needs strings without NUL, and names without =: not 'A'/],
  [['x'], { env: { 'A=B': '1' } }, /not 'A=B'/],
  [['x'], { mark: -1 }, /mark needs/],
])('checkCommandOptions: %j, %j', (argv, options, message) => {
  expect(() => checkCommandOptions(argv, options)).toThrow(UsageError);
  expect(() => checkCommandOptions(argv, options)).toThrow(message);
});
