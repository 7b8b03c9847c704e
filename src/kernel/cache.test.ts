import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadCached, storeCached } from './cache.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-cache-'));
  vi.stubEnv('IPFT_CACHE', dir);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true });
});

test('loadCached: gives what was kept with the same key', () => {
  storeCached('kind', 'key', { a: [1] });
  expect(loadCached('kind', 'key')).toEqual({ a: [1] });
  expect(loadCached('kind', 'other')).toBeUndefined();
});

test('loadCached: does not wait for a FIFO, and storing replaces it', () => {
  execFileSync('mkfifo', ['-m', '600', join(dir, 'kind.json')]);
  expect(loadCached('kind', 'key')).toBeUndefined();
  storeCached('kind', 'key', 1);
  expect(loadCached('kind', 'key')).toBe(1);
});

test.each([
  '',
  '{',
  '[]',
  'null',
  '\0'.repeat(100),
  `{"format":1,"key":"key","value":${'['.repeat(100_000)}${']'.repeat(100_000)},"x":`,
  `{"format":1,"key":"key","value":"${'x'.repeat(9 << 20)}"}`,
])('loadCached: damaged content is not there', (content) => {
  writeFileSync(join(dir, 'kind.json'), content, { mode: 0o600 });
  expect(loadCached('kind', 'key')).toBeUndefined();
});

const file = () => join(dir, 'kind.json');

test.each([
  ['others may write the file', () => chmodSync(file(), 0o622)],
  ['others may write the directory', () => chmodSync(dir, 0o722)],
  [
    'it has another form',
    () => writeFileSync(file(), readFileSync(file(), 'utf8').replace('"format":1', '"format":0')),
  ],
  ['it is cut off', () => writeFileSync(file(), readFileSync(file()).subarray(0, -1))],
  [
    'a link leads to it',
    () => {
      renameSync(file(), join(dir, 'elsewhere'));
      symlinkSync('elsewhere', file());
    },
  ],
])('loadCached: what is kept is not used where %s', (_, change) => {
  storeCached('kind', 'key', 1);
  expect(loadCached('kind', 'key')).toBe(1);
  change();
  expect(loadCached('kind', 'key')).toBeUndefined();
});
