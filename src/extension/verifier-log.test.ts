import { expect, test } from 'vitest';
import { summarizeVerifierLog } from './verifier-log.js';

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
