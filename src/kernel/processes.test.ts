import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { UsageError } from '../base/errors.js';
import { checkProcess } from './processes.js';

test('checkProcess: a process, none, and a thread of one', () => {
  checkProcess(process.pid);
  // More than any kernel gives.
  expect(() => checkProcess(2 ** 22 + 1)).toThrow(new UsageError('there is no process 4194305'));
  const thread = readdirSync('/proc/self/task').find((id) => Number(id) !== process.pid);
  expect(() => checkProcess(Number(thread))).toThrow(`${thread} is a thread of the process ${process.pid}`);
});
