/**
 * `npm run bench`: what tracing costs, as ratios to floors and peers that are measured in the same guest. Prints a table;
 * with --write keeps the numbers in bench/results.json and renders docs/performance.md and its plot anew.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SUITES } from '../scripts/guest/kernel.js';
import { BENCH_PACKAGES, BROWSER_PACKAGES, ensurePackages, GUEST_PACKAGES } from '../scripts/setup/packages.js';
import { runScript } from '../scripts/setup/run.js';
import { ScriptError } from '../scripts/setup/script-error.js';
import { root, setUp } from '../scripts/setup.js';
import { compileFloors } from './floors.js';
import { page } from './page.js';
import { keepResults, loadResults, renderTable } from './report.js';

const HELP = `usage: npm run bench -- [options]

Measures in QEMU guests, one at a time, and pages in a browser here. A whole run takes about half an hour for each kernel.

  --kernel LABEL   ${Object.keys(SUITES).join(', ')}; may be given again (default 6.12)
  --only CASE      cost, fields, filter, snapshot, expressions, throughput, user, rate, start or page; may be given again (default all)
  --runs N         of each figure (default 5)
  --json           print rows and curves as JSON
  --write          keep the numbers in bench/results.json, and render docs/performance.md
  --render         measure nothing, and render docs/performance.md from bench/results.json
`;

/** In a guest whose clock counts instructions, and in one with the machine's clock. */
const BY_INSTRUCTIONS = ['cost', 'fields', 'filter', 'snapshot', 'expressions'];
const BY_CLOCK = ['user', 'start', 'rate', 'throughput'];
/** Here, once for all kernels. */
const IN_BROWSER = ['page'];
const CASES = [...BY_INSTRUCTIONS, ...BY_CLOCK, ...IN_BROWSER];

await runScript('bench', async () => {
  const options = parse();
  if (options === undefined) return 0;
  if (options.render) {
    keepResults(root, { rows: [], curves: [] });
    return 0;
  }
  setUp();
  const before = loadResults(root);
  const work = mkdtempSync(join(tmpdir(), 'ipft-bench-'));
  try {
    /** @type {{ rows: import('./rows.js').Row[], curves: import('./rows.js').Curve[] }} */
    const found = { rows: [], curves: [] };
    const keep = (/** @type {typeof found} */ fresh) => {
      found.rows.push(...fresh.rows);
      found.curves.push(...fresh.curves);
      // At once: the next guest may fail.
      if (options.write) keepResults(root, fresh);
    };
    if (IN_BROWSER.some((name) => options.only.includes(name))) {
      ensurePackages(BROWSER_PACKAGES);
      const note = (/** @type {string} */ text) => process.stderr.write(`bench: ${text}\n`);
      keep({ rows: await page({ runs: options.runs, work, note }), curves: [] });
    }
    const groups = /** @type {const} */ ([
      [BY_INSTRUCTIONS, ['--icount', '--cpus', '1']],
      [BY_CLOCK, ['--cpus', '2']],
    ]);
    const inGuests = groups
      .map(([cases, flags]) => ({ chosen: cases.filter((name) => options.only.includes(name)), flags: [...flags] }))
      .filter(({ chosen }) => chosen.length > 0);
    if (inGuests.length > 0) await prepareGuests(work);
    for (const kernel of options.kernels)
      for (const { chosen, flags } of inGuests) keep(measure(kernel, chosen, flags, options.runs, work));
    process.stdout.write(options.json ? `${JSON.stringify(found)}\n` : renderTable(found.rows, before.rows));
    return 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});

/** Makes what guests measure beside ipft. @param {string} work */
async function prepareGuests(work) {
  // There is no dist/ before it was set up.
  const { loadExtension } = await import('../dist/fields/c/extension.js');
  const { loadModuleSkeleton } = await import('../dist/fields/c/skeleton.js');
  const { EXTENSIONS } = await import('./members.js');
  ensurePackages([...GUEST_PACKAGES, ...BENCH_PACKAGES]);
  compileFloors(work);
  for (const { name, text } of [{ name: 'skeleton', text: loadModuleSkeleton() }, ...EXTENSIONS]) {
    const source = join(work, `${name}.c`);
    writeFileSync(source, text);
    // Here: where the clock counts instructions, a compiler takes an hour of it.
    const { objects } = await loadExtension([source]);
    writeFileSync(join(work, `${name}.o`), objects[0]?.bytes ?? '');
  }
}

function parse() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        kernel: { type: 'string', multiple: true, default: ['6.12'] },
        only: { type: 'string', multiple: true, default: CASES },
        runs: { type: 'string', default: '5' },
        json: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        render: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }));
  } catch (error) {
    throw new ScriptError(`${/** @type {Error} */ (error).message} (see npm run bench -- --help)`, 2);
  }
  if (values.help) {
    process.stdout.write(HELP);
    return undefined;
  }
  for (const kernel of values.kernel) {
    if (!Object.hasOwn(SUITES, kernel)) {
      throw new ScriptError(`no kernel '${kernel}': there are ${Object.keys(SUITES).join(', ')}`, 2);
    }
  }
  for (const name of values.only) {
    if (!CASES.includes(name)) throw new ScriptError(`no case '${name}': there are ${CASES.join(', ')}`, 2);
  }
  const runs = Number(values.runs);
  if (!/^\d+$/.test(values.runs) || runs < 1 || runs > 100) {
    throw new ScriptError(`--runs needs a number from 1 to 100, not '${values.runs}'`, 2);
  }
  return { ...values, kernels: values.kernel, runs };
}

/**
 * @param {string} kernel
 * @param {string[]} cases
 * @param {string[]} flags of scripts/vm
 * @param {number} runs
 * @param {string} work
 * @returns {{ rows: import('./rows.js').Row[], curves: import('./rows.js').Curve[] }}
 */
function measure(kernel, cases, flags, runs, work) {
  const out = mkdtempSync(join(work, 'out-'));
  const command = ['node', join(root, 'bench/guest.js'), out, work, String(runs), ...cases];
  const vm = [...flags, '--memory', '3G', '--timeout', '5000', '--out', out, kernel, '--', ...command];
  const { status } = spawnSync(join(root, 'scripts/vm'), vm, { cwd: root, stdio: ['ignore', 2, 2] });
  const file = join(out, 'bench.json');
  if (status !== 0 || !existsSync(file)) throw new ScriptError(`measuring ${cases.join(', ')} on ${kernel} failed`);
  return JSON.parse(readFileSync(file, 'utf8'));
}
