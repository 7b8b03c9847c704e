import { expect, test } from 'vitest';
import { findHint, findSourceLine, findVerdict, summarizeVerifierLog } from './verifier-log.js';

test('summarizeVerifierLog: the C line, the last lines and the verdict; the rest counted', () => {
  const log = [
    'func#0 @0',
    ...Array.from({ length: 40 }, (_, index) => `${index}: (bf) r1 = r2`),
    '; *(__u64 *)(data + 4096) = 1; @ x.bpf.c:17',
    ...Array.from({ length: 10 }, (_, index) => `${40 + index}: (bf) r1 = r2`),
    'invalid access to memory, mem_size=88 off=4120 size=8',
    'processed 60 insns (limit 1000000) max_states_per_insn 0 total_states 5',
    '',
  ].join('\n');
  const lines = summarizeVerifierLog(log).split('\n');
  expect(lines[0]).toBe('  (46 lines before)');
  expect(lines[1]).toBe('  ; *(__u64 *)(data + 4096) = 1; @ x.bpf.c:17');
  expect(lines.at(-1)).toBe('  invalid access to memory, mem_size=88 off=4120 size=8');
  expect(lines).toHaveLength(8);
});

test('summarizeVerifierLog: a short log is whole, control characters are not', () => {
  expect(summarizeVerifierLog('; x\nR1 invalid \x1b[2J\n')).toBe('  ; x\n  R1 invalid \\x1b[2J');
  expect(summarizeVerifierLog('')).toBe('');
});

test('findSourceLine: the last one, with its place since Linux 6.10', () => {
  const lines = [
    '; int a = 1; @ x.bpf.c:3',
    '0: (b7) r1 = 1',
    '; *(__u64 *)(data + 4096) = 1; @ x.bpf.c:17',
    '1: (7b) *(u64 *)(r3 +4096) = r1',
  ];
  expect(findSourceLine(lines.join('\n'))).toEqual({ text: '*(__u64 *)(data + 4096) = 1;', file: 'x.bpf.c', line: 17 });
  expect(findSourceLine('; *(__u64 *)(data + 4096) = 1;\n1: (7b) x')).toEqual({ text: '*(__u64 *)(data + 4096) = 1;' });
  expect(findSourceLine('combined stack size of 2 calls is 528. Too large')).toBeUndefined();
});

test('findVerdict: what stands behind the last instruction', () => {
  const log =
    '; x = 1;\n1: (7b) *(u64 *)(r3 +4096) = r1\ninvalid access to memory\nR3 min value is outside\nprocessed 60 insns';
  expect(findVerdict(log)).toBe('invalid access to memory; R3 min value is outside');
  expect(findVerdict('combined stack size of 2 calls is 528. Too large\n')).toBe(
    'combined stack size of 2 calls is 528. Too large',
  );
  expect(findVerdict('')).toBeUndefined();
});

test('findHint: what stands in the way, where the log names it', () => {
  expect(findHint('combined stack size of 2 calls is 528. Too large')).toMatch(/at least 320 bytes of stack/);
  expect(findHint('unrecognized bpf_ld_imm64 insn')).toMatch(/Linux 5.13/);
  expect(findHint("number of funcs in func_info doesn't match number of subprogs")).toMatch(/Linux 5.13/);
  expect(findHint('invalid func unknown#181')).toMatch(/lacks the helper #181/);
  expect(findHint('program of this type cannot use helper bpf_x#7')).toMatch(/lacks the helper bpf_x#7/);
  expect(findHint('invalid access to memory')).toBeUndefined();
});
