/**
 * `npm test`: the unit tests and those on object files here, then the tests in a guest with Linux 6.12.
 * `npm test -- unit`, `objects` or `vm [KERNEL…]` runs a part, `all KERNEL…` all in other guests; `vm` alone is for all
 * kernels. Ends with the line `N passed, N failed, N skipped`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKernel, SUITES } from './guest/kernel.js';
import { ensurePackages, GUEST_PACKAGES, TEST_PACKAGES } from './setup/packages.js';
import { runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';
import { root, setUp } from './setup.js';

/** The guest that has every mechanism of the tests that every change must pass. */
const DEFAULT_KERNELS = ['6.12'];
/** A guest each: see vitest.config.ts. */
const GUEST_PROJECTS = ['vm', 'vm-docs', 'vm-lockdown'];
/** A guest takes seconds for what takes a tenth of it elsewhere. */
const GUEST_OPTIONS = ['--timeout', '1700', '--memory', '3G', '--cpus', '2'];
/** Each guest keeps one CPU busy. */
const GUESTS_AT_A_TIME = Math.max(1, Math.min(2, availableParallelism()));
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
      // The newest have the most to test: begun first, the guests end at about the same time.
      const named = kernels.length > 0 ? kernels : part === 'vm' ? Object.keys(SUITES) : DEFAULT_KERNELS;
      const chosen = [...named].reverse();
      for (const label of chosen) loadKernel(label);
      const jobs = GUEST_PROJECTS.flatMap((project) => chosen.map((label) => ({ project, label })));
      const work = async () => {
        for (let job = jobs.shift(); job; job = jobs.shift()) {
          const report = join(out, `${job.label}-${job.project}.json`);
          await testInGuest(job.label, job.project, report);
          addReport(total, report);
        }
      };
      await Promise.all(Array.from({ length: GUESTS_AT_A_TIME }, work));
    }
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
});

/**
 * Runs a project in a guest, and shows what it printed when it has ended: two at a time would get mixed up.
 * @param {string} label of the kernel
 * @param {string} project
 * @param {string} report the file that vitest writes
 */
async function testInGuest(label, project, report) {
  const begin = performance.now();
  // The report has a directory of its own: guests don't see what others write.
  const out = `${report}.out`;
  mkdirSync(out);
  const written = join(out, 'report.json');
  const command = [VITEST, ...vitestArguments(project, written)];
  const guest = spawn(join(root, 'scripts/vm'), [...GUEST_OPTIONS, '--out', out, label, '--', ...command], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  /** @type {Buffer[]} */
  const printed = [];
  for (const stream of [guest.stdout, guest.stderr]) stream.on('data', (data) => printed.push(data));
  await new Promise((resolve) => guest.on('close', resolve));
  const seconds = Math.round((performance.now() - begin) / 1000);
  process.stdout.write(`\ntest: ${project} in a guest with Linux ${label}, ${seconds} s\n`);
  process.stdout.write(Buffer.concat(printed));
  if (existsSync(written)) renameSync(written, report);
}

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
