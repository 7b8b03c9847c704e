import { describe, expect, test } from 'vitest';
import { addReport, diedOfEmulation, FILE_MARK, RunOutput } from './output.js';

describe('RunOutput', () => {
  test('shows lines of files and of the guest at once, whole, and keeps the rest', () => {
    const shown: string[] = [];
    const output = new RunOutput((line) => shown.push(line));
    output.take('stdout', `${FILE_MARK}a.test.ts: 3 pas`);
    output.take('stderr', 'Error: no');
    expect(shown).toEqual([]);
    output.take('stdout', `sed, 2 s\n ✓ a.test.ts\n${FILE_MARK}b`);
    expect(shown).toEqual(['a.test.ts: 3 passed, 2 s']);
    output.take('stderr', ' such file\nvm: the guest died\n');
    expect(shown.at(-1)).toBe('vm: the guest died');
    output.end();
    expect(shown.at(-1)).toBe('b');
    expect(output.kept).toBe(' ✓ a.test.ts\nError: no such file\nvm: the guest died\n');
  });
});

describe('diedOfEmulation', () => {
  const console = '[  12.3] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI\nKernel panic - not syncing: Fatal exception';

  test('is known by the breakpoint, where the guest died', () => {
    expect(diedOfEmulation(125, console)).toBe(true);
    expect(diedOfEmulation(125, '[  12.3] int3: 0000 [#1] SMP NOPTI')).toBe(true);
  });

  test('is no other end', () => {
    expect(diedOfEmulation(1, console)).toBe(false);
    expect(diedOfEmulation(124, console)).toBe(false);
    expect(diedOfEmulation(125, 'BUG: kernel NULL pointer dereference\nOops: 0000 [#1] PREEMPT SMP')).toBe(false);
  });
});

describe('addReport', () => {
  const none = () => ({ passed: 0, failed: 0, skipped: 0, names: [] as string[] });

  test('counts tests, and names those that failed', () => {
    const total = none();
    const report = {
      ...{ numPassedTests: 5, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1, success: false },
      testResults: [
        {
          name: 'a.test.ts',
          assertionResults: [
            { status: 'passed', fullName: 'one' },
            { status: 'failed', fullName: 'two' },
          ],
        },
      ],
    };
    addReport(total, 'vm 6.12', JSON.stringify(report));
    expect(total).toEqual({ passed: 5, failed: 1, skipped: 3, names: ['vm 6.12: a.test.ts: two'] });
  });

  test('counts what ended early, or failed outside of a test, as a failure', () => {
    const total = none();
    addReport(total, 'vm sid', undefined);
    const outside = { numPassedTests: 1, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, success: false };
    addReport(total, 'unit', JSON.stringify({ ...outside, testResults: [] }));
    expect(total).toEqual({
      ...{ passed: 1, failed: 2, skipped: 0 },
      names: ['vm sid: it ended before its tests did', 'unit: it failed outside of a test'],
    });
  });
});
