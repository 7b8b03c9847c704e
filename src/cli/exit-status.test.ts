import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../base/package-root.js';
import {
  EXIT_STATUSES,
  RESERVED_STATUSES,
  STATUS_ERROR,
  STATUS_INTERRUPTED,
  STATUS_WITHOUT_COMMAND,
  statusOfCommand,
} from './exit-status.js';

test('EXIT_STATUSES, RESERVED_STATUSES: each status has one meaning', () => {
  const all = [...EXIT_STATUSES, ...RESERVED_STATUSES].map(({ status }) => status);
  expect(new Set(all).size).toBe(all.length);
});

test('bin/ipft.js, which runs before anything can be imported, has the same', () => {
  const text = readFileSync(new URL('bin/ipft.js', PACKAGE_ROOT), 'utf8');
  expect(text).toContain(
    `const STATUS = { error: ${STATUS_ERROR}, interrupted: ${STATUS_INTERRUPTED}, withoutCommand: ${STATUS_WITHOUT_COMMAND} };`,
  );
  expect(text.match(/exit\(\d|exitCode = \d/g)).toBeNull();
  // The shell ends with the status of an error, too.
  expect([...text.matchAll(/\bexit (\d+)/g)].map(([, status]) => Number(status))).toEqual([
    STATUS_ERROR,
    STATUS_WITHOUT_COMMAND,
    STATUS_ERROR,
  ]);
});

test('statusOfCommand: as a shell tells it', () => {
  expect(statusOfCommand({ exitCode: 77, signal: undefined })).toBe(77);
  expect(statusOfCommand({ exitCode: undefined, signal: 9 })).toBe(137);
  // Somebody else has waited for it.
  expect(statusOfCommand({ exitCode: undefined, signal: undefined })).toBe(STATUS_WITHOUT_COMMAND);
});
