/**
 * What each built-in field adds to an event, in instructions, for a guest whose clock counts them: the mean of all events of
 * TCP packets on their way through veth, as the kernel counts the program alone. src/base/builtin-field.ts has the figures.
 */
import { release } from 'node:os';
import { BUILTIN_NAMES } from '../../dist/base/builtin-field.js';
import { builtinSource } from '../../dist/fields/builtin/builtin.js';
import { loadFields, NO_FIELDS } from '../../dist/fields/field-set.js';
import { markFilter } from '../../dist/filter/mark.js';
import { attachOwnPrograms, countRuns } from '../attached.js';
import { row } from '../rows.js';
import { layVeth } from '../veth.js';
import { PART, turn } from './filter.js';

const ANY_PACKET = markFilter(0, 0);

/**
 * @param {import('../guest.js').Context} context
 * @returns {Promise<import('../rows.js').Row[]>}
 */
export async function fields({ backends, runs, note }) {
  layVeth();
  countRuns();
  /** @type {import('../rows.js').Row[]} */
  const rows = [];
  for (const backend of backends) {
    const without = await measureProgram(backend, NO_FIELDS, runs);
    for (const names of [...BUILTIN_NAMES.map((name) => [name]), [...BUILTIN_NAMES]]) {
      const what = `--fields ${names.length === 1 ? names[0] : 'all'}: the program`;
      const about = { kernel: release(), backend: backend.name, unit: 'instructions', against: 'without' };
      const its = await loadFields([builtinSource(names)]);
      rows.push(row({ ...about, what }, await measureProgram(backend, its, runs), without));
      note(`${backend.name} ${what}`);
    }
  }
  return rows;
}

/**
 * The program's instructions for an event of TCP packets that has fields, in as many runs.
 * @param {import('../guest.js').Context['backends'][0]} backend
 * @param {import('../../dist/fields/field-set.js').EventFields} its
 * @param {number} runs
 * @param {import('../../dist/filter/packet-filter.js').PacketFilter} packets
 */
export async function measureProgram(backend, its, runs, packets = ANY_PACKET) {
  const attached = await attachOwnPrograms(backend, { packets, fields: its }, { functions: 'plain', only: PART });
  turn('tcp');
  const found = [];
  for (let run = 0; run < runs; run++) {
    attached.empty();
    const before = attached.count();
    turn('tcp');
    const after = attached.count();
    found.push((after.ns - before.ns) / (after.runs - before.runs));
  }
  await attached.release();
  return found;
}
