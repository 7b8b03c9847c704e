/**
 * `npm test`: the unit tests and those on object files here, then the tests in a guest. `npm test -- unit`, `objects` or
 * `vm [KERNEL…]` runs a part. Ends with the line `N passed, N failed, N skipped`.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKernel, SUITES } from './guest/kernel.js';
import { runGuest } from './guest/qemu.js';
import { ensurePackages, GUEST_PACKAGES, TEST_PACKAGES } from './setup/packages.js';
import { runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';
import { root, setUp } from './setup.js';

/** The guest that has every mechanism of the tests that every change must pass. */
const DEFAULT_KERNELS = ['6.12'];
/** A guest each: see vitest.config.ts. */
const GUEST_PROJECTS = ['vm', 'vm-lockdown'];
/** A guest takes seconds for what takes a tenth of it elsewhere. */
const GUEST_OPTIONS = { timeoutSeconds: 1500, memory: '3G', cpus: 2, threads: false, console: false };
const VITEST = join(root, 'node_modules/.bin/vitest');

await runScript('test', async () => {
  const [part = 'all', ...kernels] = process.argv.slice(2);
  if (!['all', 'unit', 'objects', 'vm'].includes(part)) {
    throw new ScriptError(`no part '${part}': there are unit, objects and vm`, 2);
  }
  for (const kernel of kernels) {
    if (Object.hasOwn(SUITES, kernel)) continue;
    throw new ScriptError(`no kernel '${kernel}': there are ${Object.keys(SUITES).join(', ')}`, 2);
  }
  setUp();
  const total = { passed: 0, failed: 0, skipped: 0 };
  const out = mkdtempSync(join(tmpdir(), 'ipft-test-'));
  try {
    for (const project of ['unit', 'objects']) {
      if (part !== 'all' && part !== project) continue;
      const report = join(out, `${project}.json`);
      spawnSync(VITEST, vitestArguments(project, report), { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
      addReport(total, report);
    }
    if (part === 'all' || part === 'vm') {
      ensurePackages([...GUEST_PACKAGES, ...TEST_PACKAGES]);
      for (const label of kernels.length > 0 ? kernels : DEFAULT_KERNELS) {
        const kernel = loadKernel(label);
        process.chdir(root);
        for (const project of GUEST_PROJECTS) {
          process.stdout.write(`\ntest: ${project} in a guest with Linux ${kernel.version}\n`);
          const report = join(out, `${label}-${project}.json`);
          const command = [VITEST, ...vitestArguments(project, report)];
          await runGuest(kernel, { ...GUEST_OPTIONS, out, command });
          addReport(total, report);
        }
      }
    }
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
});

/** @param {string} project @param {string} report */
function vitestArguments(project, report) {
  return ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
}

/**
 * A run that left no report, or failed outside of a test, counts as a failure.
 * @param {{ passed: number, failed: number, skipped: number }} total
 * @param {string} report
 */
function addReport(total, report) {
  if (!existsSync(report)) {
    total.failed++;
    return;
  }
  const result = JSON.parse(readFileSync(report, 'utf8'));
  total.passed += result.numPassedTests;
  total.failed += result.numFailedTests;
  total.skipped += result.numPendingTests + result.numTodoTests;
  if (!result.success && result.numFailedTests === 0) total.failed++;
}
