/**
 * `npm test`: the unit tests, those in a browser, on object files, on the package and on guests here, then the tests in a guest with
 * Linux 6.12. `npm test -- unit`, `browser`, `objects`, `package`, `guest` or `vm [KERNEL…]` runs a part, `all KERNEL…` all in other
 * guests; `vm` alone is for all kernels. Prints a line for each file of tests as it ends, details of what failed, and at
 * the end the line `N passed, N failed, N skipped`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKernel, SUITES } from './guest/kernel.js';
import { packAndInstall } from './package.js';
import { BROWSER_PACKAGES, ensurePackages, GUEST_PACKAGES, TEST_PACKAGES, UNIT_PACKAGES } from './setup/packages.js';
import { runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';
import { root, setUp } from './setup.js';
import { addReport, diedOfEmulation, RunOutput } from './testing/output.js';

/** Every change must pass the tests in a guest with this kernel, which has all mechanisms. */
const DEFAULT_KERNELS = ['6.12'];
const HOST_PROJECTS = ['unit', 'browser', 'objects', 'package', 'guest'];
/** Projects that need the package that `npm pack` makes. */
const PACKED = ['package', 'vm-package'];
/** Projects that run in guests, one each, on every kernel or on one of them: see vitest.config.ts. */
const GUEST_PROJECTS = [
  { project: 'vm', everywhere: true },
  { project: 'vm-same', everywhere: false },
  { project: 'vm-docs', everywhere: false },
  { project: 'vm-package', everywhere: false },
];
/** Longest first, so that jobs that run side by side end at about the same time. */
const LONGEST_FIRST = ['vm-same', 'vm', 'vm-docs', 'unit', 'browser', 'objects', 'vm-package', 'guest', 'package'];
/** The time limit ends guests that hang. */
const GUEST_OPTIONS = ['--timeout', '3600', '--memory', '3G', '--cpus', '2'];
/** Each guest, and each project that runs here, keeps one CPU busy. */
const AT_A_TIME = Math.max(1, Math.min(2, availableParallelism()));
/** No test uses a network, and tests start Node thousands of times: reading these certificates takes it most of a start. */
const WITHOUT_NETWORK = { NODE_EXTRA_CA_CERTS: undefined };
const VITEST = join(root, 'node_modules/.bin/vitest');
const FILE_REPORTER = join(root, 'scripts/testing/file-reporter.js');

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
  /** @type {import('./testing/output.js').Total} */
  const total = { passed: 0, failed: 0, skipped: 0, names: [] };
  const out = mkdtempSync(join(tmpdir(), 'ipft-test-'));
  try {
    const jobs = chooseJobs(part, kernels);
    process.env['IPFT_PACKAGE'] = join(out, 'packed');
    const pack = packOnce(join(out, 'packed'));
    const work = async () => {
      for (let job = jobs.shift(); job; job = jobs.shift()) await runProject(job, out, total, pack);
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
  const names = total.names.map((name) => `failed: ${name.replace(root, '')}\n`).join('');
  process.stdout.write(`\n${names}${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
});

/**
 * @typedef {{ project: string, label: string, kernel?: string }} Job label: for people; kernel: if it runs in a guest
 * @param {string} part @param {string[]} kernels
 * @returns {Job[]}
 */
function chooseJobs(part, kernels) {
  /** @type {Job[]} */
  const jobs = HOST_PROJECTS.filter((project) => part === 'all' || part === project).map((project) => ({
    project,
    label: project,
  }));
  const inGuests = part === 'all' || part === 'vm';
  if (inGuests || part === 'guest') ensurePackages([...GUEST_PACKAGES, ...TEST_PACKAGES]);
  if (part === 'all' || part === 'unit') ensurePackages(UNIT_PACKAGES);
  if (part === 'all' || part === 'browser') ensurePackages(BROWSER_PACKAGES);
  if (part === 'guest') DEFAULT_KERNELS.forEach(loadKernel);
  if (inGuests) {
    // The newest kernels have the most tests.
    const named = kernels.length > 0 ? kernels : part === 'vm' ? Object.keys(SUITES) : DEFAULT_KERNELS;
    const chosen = [...named].reverse();
    for (const kernel of new Set([...chosen, ...DEFAULT_KERNELS])) loadKernel(kernel);
    const one = chosen.find((kernel) => DEFAULT_KERNELS.includes(kernel)) ?? chosen[0] ?? '';
    for (const { project, everywhere } of GUEST_PROJECTS) {
      for (const kernel of everywhere ? chosen : [one]) jobs.push({ project, kernel, label: `${project} ${kernel}` });
    }
  }
  return jobs.sort((a, b) => LONGEST_FIRST.indexOf(a.project) - LONGEST_FIRST.indexOf(b.project));
}

/** @param {string} dir @returns {() => Promise<void>} packs when it is called first */
function packOnce(dir) {
  /** @type {Promise<void> | undefined} */
  let packing;
  return () => {
    if (packing === undefined) {
      mkdirSync(dir);
      packing = packAndInstall(root, dir);
    }
    return packing;
  };
}

/**
 * Runs a project, and counts its report. A guest that died of an error of the emulator is reported, and started again
 * once: the error says nothing about the tests.
 * @param {Job} job
 * @param {string} out
 * @param {import('./testing/output.js').Total} total
 * @param {() => Promise<void>} pack
 */
async function runProject(job, out, total, pack) {
  const begin = performance.now();
  try {
    if (PACKED.includes(job.project)) await pack();
  } catch (error) {
    addReport(total, job.label, undefined);
    process.stdout.write(`${job.label}: failed: ${/** @type {Error} */ (error).message}\n`);
    return;
  }
  let run = await runOnce(job, join(out, job.label.replace(' ', '-')));
  if (run.report === undefined && diedOfEmulation(run.status, run.printed)) {
    const why = 'the emulation of the guest failed (int3, in code that the kernel patched), and it begins again';
    process.stdout.write(`${run.printed}${job.label}: ${why}\n`);
    run = await runOnce(job, join(out, `${job.label.replace(' ', '-')}-again`));
  }
  const { status, printed, report } = run;
  addReport(total, job.label, report);
  const seconds = Math.round((performance.now() - begin) / 1000);
  const failed = status !== 0 || report === undefined;
  // Printed at once, so that the output of jobs that run side by side is not mixed.
  const details = failed ? `\n${printed}\n` : '';
  process.stdout.write(`${details}${job.label}: ${failed ? 'failed, details are above' : 'done'}, ${seconds} s\n`);
}

/**
 * @param {Job} job
 * @param {string} out a directory of its own, to be made: guests don't see what others write
 * @returns {Promise<{ status: number | null, printed: string, report: string | undefined }>}
 */
async function runOnce({ project, label, kernel }, out) {
  mkdirSync(out);
  const report = join(out, 'report.json');
  const reporters = ['--reporter=default', `--reporter=${FILE_REPORTER}`, '--reporter=json'];
  const command = [VITEST, 'run', '--project', project, ...reporters, `--outputFile.json=${report}`];
  const guest = [join(root, 'scripts/vm'), ...GUEST_OPTIONS, '--out', out, kernel ?? '', '--'];
  const [program = '', ...args] = kernel === undefined ? command : [...guest, ...command];
  const env = { ...process.env, ...WITHOUT_NETWORK };
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const output = new RunOutput((line) => process.stdout.write(`${label}: ${line}\n`));
  for (const name of /** @type {const} */ (['stdout', 'stderr'])) {
    child[name].setEncoding('utf8').on('data', (text) => output.take(name, text));
  }
  const status = await new Promise((resolve) => child.on('close', resolve));
  output.end();
  const text = existsSync(report) ? readFileSync(report, 'utf8') : undefined;
  return { status, printed: output.kept, report: text };
}
