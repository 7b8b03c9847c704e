/**
 * Fields without C, in instructions, for a guest whose clock counts them: what a member costs an event by `--show` and by
 * an extension in TypeScript, beside one in C with BPF_CORE_READ; how long compiling 64 of them takes, beside loading the
 * programs; and how long `ipft types` takes. Costs of members are means of all calls, of which a quarter come before the
 * packet is known to be one of TCP, and read nothing.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needsHelper } from '../../dist/capture/load.js';
import { KernelTypes } from '../../dist/expression/kernel-types.js';
import { loadExtension } from '../../dist/fields/c/extension.js';
import { readShow, showSource } from '../../dist/fields/expression/show.js';
import { combineFields, loadFields, NO_FIELDS } from '../../dist/fields/field-set.js';
import { typescriptSource } from '../../dist/fields/typescript/source.js';
import { compileExpression } from '../../dist/filter/pcap/expression.js';
import { pcapFilter } from '../../dist/filter/pcap/pcap-filter.js';
import { kernelTypeSource } from '../../dist/kernel/type-source.js';
import { compileWithLibpcap } from '../../dist/sys/libpcap.js';
import { countRuns } from '../attached.js';
import { EXTENSIONS, showText, typescriptText } from '../members.js';
import { median, row } from '../rows.js';
import { layVeth } from '../veth.js';
import { measureProgram } from './fields.js';

const IPFT = fileURLToPath(new URL('../../bin/ipft.js', import.meta.url));
const COMPILING = fileURLToPath(new URL('../compiling.js', import.meta.url));
const [ONE, EIGHT, BEHIND] = EXTENSIONS;

/**
 * @param {import('../guest.js').Context} context
 * @returns {Promise<import('../rows.js').Row[]>}
 */
export async function expressions(context) {
  const work = mkdtempSync(join(tmpdir(), 'ipft-bench-'));
  try {
    // What takes programs away goes on in the kernel for a while: the times come first.
    const times = [...measureTypes(context, work), ...measureCompiling(context)];
    return [...(await measureMembers(context, work)), ...times];
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @param {import('../guest.js').Context} context @param {string} work */
async function measureMembers({ backends, floors, runs, note }, work) {
  layVeth();
  countRuns();
  const types = new KernelTypes(kernelTypeSource());
  const goal = needsHelper(NO_FIELDS) ? '≤ 1' : '≤ 0.33';
  // With a mark alone, of any packet, programs would read by helpers on all kernels.
  const packets = pcapFilter({ outer: compileExpression('tcp', compileWithLibpcap) });
  /** @type {Record<'C' | '--show' | 'TypeScript', (which: typeof ONE) => Promise<import('../../dist/fields/field-set.js').EventFields>>} */
  const ways = {
    C: async ({ name }) => combineFields([await loadExtension([join(floors, `${name}.o`)])]),
    '--show': ({ expressions }) =>
      loadFields([showSource(readShow([showText(expressions)], '--show'), '--show', () => types)]),
    TypeScript: ({ name, expressions }) => {
      const file = join(work, `${name}.ts`);
      writeFileSync(file, typescriptText(expressions));
      return loadFields([typescriptSource(file, () => types, {})]);
    },
  };
  const rows = [];
  for (const backend of backends) {
    const without = median(await measureProgram(backend, NO_FIELDS, runs, packets));
    const costs = /** @type {Record<keyof typeof ways, { first: number[], more: number[], behind: number[] }>} */ ({});
    for (const way of /** @type {const} */ (['C', '--show', 'TypeScript'])) {
      const measure = async (/** @type {typeof ONE} */ which) =>
        await measureProgram(backend, await ways[way](which), runs, packets);
      const one = await measure(ONE);
      const eight = await measure(EIGHT);
      const behind = await measure(BEHIND);
      costs[way] = {
        first: one.map((cost) => cost - without),
        more: eight.map((cost) => (cost - median(one)) / (EIGHT.expressions.length - 1)),
        behind: behind.map((cost) => cost - without),
      };
      note(`${backend.name} members, ${way}: ${Object.values(costs[way]).map((all) => Math.round(median(all)))}`);
    }
    const about = { kernel: release(), backend: backend.name, unit: 'instructions', against: 'C, BPF_CORE_READ' };
    for (const way of /** @type {const} */ (['--show', 'TypeScript'])) {
      const [its, c] = [costs[way], costs.C];
      rows.push(row({ ...about, what: `the first field, a member of the skb, ${way}` }, its.first, c.first));
      rows.push(row({ ...about, what: `each further field, a member of the skb, ${way}`, goal }, its.more, c.more));
      rows.push(row({ ...about, what: `the first field, skb->dev->mtu, ${way}` }, its.behind, c.behind));
    }
  }
  return rows;
}

/** Each time in a process of its own, since that of a user compiles once. @param {import('../guest.js').Context} context */
function measureCompiling({ runs, note }) {
  return /** @type {const} */ (['show', 'typescript']).map((way) => {
    const found = Array.from({ length: runs }, () =>
      JSON.parse(execFileSync(process.execPath, [COMPILING, way], { encoding: 'utf8' })),
    );
    note(`compiling, ${way}: ${JSON.stringify(found)}`);
    const what = `compiling 64 fields, ${way === 'show' ? '--show' : 'TypeScript'}`;
    return row(
      { what, kernel: release(), unit: 'instructions', against: 'loading the programs', goal: '≤ 0.3' },
      found.map(({ compiling }) => compiling),
      found.map(({ loading }) => loading),
    );
  });
}

/** @param {import('../guest.js').Context} context @param {string} work */
function measureTypes({ runs, note }, work) {
  const time = (/** @type {string[]} */ ...args) => {
    const begin = performance.now();
    execFileSync(process.execPath, [IPFT, ...args], { stdio: 'ignore' });
    return (performance.now() - begin) / 1000;
  };
  const measure = (/** @type {string[]} */ ...args) => Array.from({ length: runs }, () => time(...args));
  // The first ones read files that the next ones find in memory.
  time('--version');
  time('types', '-o', join(work, 'types.d.ts'));
  const version = measure('--version');
  const types = measure('types', '-o', join(work, 'types.d.ts'));
  note(`ipft types: ${types}, ipft --version: ${version}`);
  const about = { what: 'ipft types', kernel: release(), unit: 's' };
  return [
    row({ ...about, against: 'wanted', goal: '≤ 1' }, types, [5]),
    row({ ...about, against: 'ipft --version' }, types, version),
  ];
}
