/** In a guest: `node guest.js OUT FLOORS RUNS CASE…` writes the rows and curves that the cases find to OUT/bench.json. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { raiseLimits } from '../dist/capture/process.js';
import { BACKENDS, probeBackend } from '../dist/probes/backends.js';
import { cost } from './cases/cost.js';
import { expressions } from './cases/expressions.js';
import { fields } from './cases/fields.js';
import { filter } from './cases/filter.js';
import { rate } from './cases/rate.js';
import { snapshot } from './cases/snapshot.js';
import { start } from './cases/start.js';
import { throughput } from './cases/throughput.js';
import { user } from './cases/user.js';

/**
 * @typedef {object} Context
 * @property {import('../dist/probes/backend.js').Backend[]} backends those to be measured here, best first
 * @property {string} floors where the programs of the floors are
 * @property {number} runs
 * @property {(text: string) => void} note says how far it is
 */

const CASES = { cost, expressions, fields, filter, rate, snapshot, start, throughput, user };
/** Trampolines one by one take long to release, and are chosen by nobody. */
const MEASURED = ['fentry-multi', 'kprobe-multi', 'kprobe'];

const [out = '', floors = '', runs = '', ...names] = process.argv.slice(2);
raiseLimits();
const able = [];
for (const backend of BACKENDS) {
  if (MEASURED.includes(backend.name) && (await probeBackend(backend, 'function')).available) able.push(backend);
}
// kprobes one by one are measured where there is nothing better.
const backends = able.some(({ oneByOne }) => !oneByOne) ? able.filter(({ oneByOne }) => !oneByOne) : able;
const begin = performance.now();
const note = (/** @type {string} */ text) =>
  process.stderr.write(`bench: ${Math.round((performance.now() - begin) / 1000)} s: ${text}\n`);
const rows = [];
const curves = [];
for (const name of names) {
  const found = await CASES[/** @type {keyof typeof CASES} */ (name)]({ backends, floors, runs: Number(runs), note });
  rows.push(...(Array.isArray(found) ? found : found.rows));
  curves.push(...(Array.isArray(found) ? [] : found.curves));
}
writeFileSync(join(out, 'bench.json'), JSON.stringify({ rows, curves }));
