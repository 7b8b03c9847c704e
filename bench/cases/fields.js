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
    /** @param {import('../../dist/fields/field-set.js').EventFields} its */
    const measure = async (its) => {
      const attached = await attachOwnPrograms(
        backend,
        { packets: ANY_PACKET, fields: its },
        { functions: 'plain', only: PART },
      );
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
    };
    const without = await measure(NO_FIELDS);
    for (const names of [...BUILTIN_NAMES.map((name) => [name]), [...BUILTIN_NAMES]]) {
      const what = `--fields ${names.length === 1 ? names[0] : 'all'}: the program`;
      const about = { kernel: release(), backend: backend.name, unit: 'instructions', against: 'without' };
      rows.push(row({ ...about, what }, await measure(await loadFields([builtinSource(names)])), without));
      note(`${backend.name} ${what}`);
    }
  }
  return rows;
}
