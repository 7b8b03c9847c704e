/**
 * `node compiling.js show|typescript`: compiles 64 fields, and loads the programs with them, once and in a process of its
 * own, as that of a user. Prints how long both took as JSON, in nanoseconds.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { raiseLimits } from '../dist/capture/process.js';
import { KernelTypes } from '../dist/expression/kernel-types.js';
import { readShow, showSource } from '../dist/fields/expression/show.js';
import { combineFields } from '../dist/fields/field-set.js';
import { typescriptSource } from '../dist/fields/typescript/source.js';
import { compileExpression } from '../dist/filter/pcap/expression.js';
import { pcapFilter } from '../dist/filter/pcap/pcap-filter.js';
import { loadKernelBtf } from '../dist/kernel/btf.js';
import { kernelTypeSource } from '../dist/kernel/type-source.js';
import { chooseBackend } from '../dist/probes/backends.js';
import { compileWithLibpcap } from '../dist/sys/libpcap.js';
import { timeLoading } from './attached.js';
import { PART } from './cases/filter.js';
import { SIXTY_FOUR, showText, typescriptText } from './members.js';

const [way = ''] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'ipft-fields-'));
try {
  raiseLimits();
  const { backend } = await chooseBackend('function');
  // Every start reads it, with fields and without.
  loadKernelBtf();
  const types = () => new KernelTypes(kernelTypeSource());
  const file = join(work, 'fields.ts');
  writeFileSync(file, typescriptText(SIXTY_FOUR));
  const begin = process.hrtime.bigint();
  const source =
    way === 'show'
      ? showSource(readShow([showText(SIXTY_FOUR)], '--show'), '--show', types)
      : typescriptSource(file, types, {});
  const set = await source.load();
  const before = since(begin);
  let within = 0;
  // The object is made while loading: only then is known how the programs read memory.
  const compile = (/** @type {boolean} */ byHelper) => {
    const begin = process.hrtime.bigint();
    const object = /** @type {NonNullable<typeof set.compile>} */ (set.compile)(byHelper);
    within += since(begin);
    return object;
  };
  const fields = combineFields([{ ...set, compile }]);
  const packets = pcapFilter({ outer: compileExpression('tcp', compileWithLibpcap) });
  // As `ipft tcp` has them: journeys with their packets and processes.
  const options = () => ({ fields, packets, snaplen: 96, findGroup: () => undefined });
  const whole = await timeLoading(backend, options, backend.oneByOne ? PART : undefined);
  process.stdout.write(JSON.stringify({ compiling: before + within, loading: whole - within }));
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** @param {bigint} begin @returns {number} nanoseconds */
function since(begin) {
  return Number(process.hrtime.bigint() - begin);
}
