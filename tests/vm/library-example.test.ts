/** examples/library, as a project of its own: its runner runs its tests, which trace. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './harness.js';

test('examples/library: its tests pass', () => {
  for (const module of ['veth', 'nf_tables']) execFileSync('modprobe', [module]);
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const dir = mkdtempSync(join(tmpdir(), 'ipft-test-'));
  try {
    cpSync(join(ROOT, 'examples/library'), dir, { recursive: true });
    mkdirSync(join(dir, 'node_modules'));
    symlinkSync(ROOT, join(dir, 'node_modules/ipft'));
    symlinkSync(join(ROOT, 'node_modules/vitest'), join(dir, 'node_modules/vitest'));
    const report = execFileSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json'], {
      cwd: dir,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    expect(JSON.parse(report)).toMatchObject({ numPassedTests: 3, numFailedTests: 0, numPendingTests: 0 });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
