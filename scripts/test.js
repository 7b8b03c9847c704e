/**
 * `npm test`: the unit tests, those on object files and on the package here, then the tests in a guest with Linux 6.12.
 * `npm test -- unit`, `objects`, `package` or `vm [KERNEL…]` runs a part, `all KERNEL…` all in other guests; `vm` alone is for all
 * kernels. Ends with the line `N passed, N failed, N skipped`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKernel, SUITES } from './guest/kernel.js';
import { packAndInstall } from './package.js';
import { ensurePackages, GUEST_PACKAGES, TEST_PACKAGES } from './setup/packages.js';
import { runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';
import { root, setUp } from './setup.js';

/** The guest that has every mechanism of the tests that every change must pass. */
const DEFAULT_KERNELS = ['6.12'];
const HOST_PROJECTS = ['unit', 'objects', 'package'];
/** A guest each, on every kernel or on one of them: see vitest.config.ts. */
const GUEST_PROJECTS = [
  { project: 'vm', everywhere: true },
  { project: 'vm-same', everywhere: false },
  { project: 'vm-docs', everywhere: false },
  { project: 'vm-package', everywhere: false },
  { project: 'vm-lockdown', everywhere: true },
];
/** A guest takes seconds for what takes a tenth of it elsewhere. */
const GUEST_OPTIONS = ['--timeout', '1700', '--memory', '3G', '--cpus', '2'];
/** Each guest, and each project that runs here, keeps one CPU busy. */
const AT_A_TIME = Math.max(1, Math.min(2, availableParallelism()));
const VITEST = join(root, 'node_modules/.bin/vitest');

await runScript('test', async () => {
  const [part = 'all', ...kernels] = process.argv.slice(2);
  if (!['all', ...HOST_PROJECTS, 'vm'].includes(part)) {
    throw new ScriptError(`no part '${part}': there are ${HOST_PROJECTS.join(', ')} and vm`, 2);
  }
  for (const kernel of kernels) {
    if (Object.hasOwn(SUITES, kernel)) continue;
    throw new ScriptError(`no kernel '${kernel}': there are ${Object.keys(SUITES).join(', ')}`, 2);
  }
  setUp();
  const total = { passed: 0, failed: 0, skipped: 0 };
  const out = mkdtempSync(join(tmpdir(), 'ipft-test-'));
  try {
    if (part !== 'unit' && part !== 'objects') {
      process.env['IPFT_PACKAGE'] = join(out, 'package');
      mkdirSync(join(out, 'package'));
      packAndInstall(root, join(out, 'package'));
    }
    if (part === 'all' || part === 'unit') {
      const report = join(out, 'unit.json');
      spawnSync(VITEST, vitestArguments('unit', report), { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
      addReport(total, report);
    }
    /** @type {{ project: string, label?: string }[]} */
    const jobs = [];
    if (part === 'all' || part === 'vm') {
      ensurePackages([...GUEST_PACKAGES, ...TEST_PACKAGES]);
      // The newest have the most to test: begun first, the guests end at about the same time.
      const named = kernels.length > 0 ? kernels : part === 'vm' ? Object.keys(SUITES) : DEFAULT_KERNELS;
      const chosen = [...named].reverse();
      for (const label of chosen) loadKernel(label);
      const one = chosen.find((label) => DEFAULT_KERNELS.includes(label)) ?? chosen[0] ?? '';
      for (const { project, everywhere } of GUEST_PROJECTS) {
        for (const label of everywhere ? chosen : [one]) jobs.push({ project, label });
      }
    }
    for (const project of ['objects', 'package']) if (part === 'all' || part === project) jobs.push({ project });
    const work = async () => {
      for (let job = jobs.shift(); job; job = jobs.shift()) {
        const report = join(out, `${job.project}-${job.label ?? 'here'}.json`);
        await runProject(job.project, job.label, report);
        addReport(total, report);
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
});

/**
 * Runs a project, and shows what it printed when it has ended: two at a time would get mixed up.
 * @param {string} project
 * @param {string | undefined} label of the kernel, if it runs in a guest
 * @param {string} report the file that vitest writes
 */
async function runProject(project, label, report) {
  const begin = performance.now();
  // The report has a directory of its own: guests don't see what others write.
  const out = `${report}.out`;
  mkdirSync(out);
  const written = join(out, 'report.json');
  const command = [VITEST, ...vitestArguments(project, written)];
  const guest = [join(root, 'scripts/vm'), ...GUEST_OPTIONS, '--out', out, label ?? '', '--'];
  const [program = '', ...args] = label === undefined ? command : [...guest, ...command];
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  /** @type {Buffer[]} */
  const printed = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => printed.push(data));
  await new Promise((resolve) => child.on('close', resolve));
  const seconds = Math.round((performance.now() - begin) / 1000);
  process.stdout.write(
    `\ntest: ${project} ${label === undefined ? 'here' : `in a guest with Linux ${label}`}, ${seconds} s\n`,
  );
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
