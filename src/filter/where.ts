/** Packets of which a condition over the kernel's structs is true. Pure. */
import { UnsupportedFeatureError } from '../base/errors.js';
import { quote } from '../base/printable.js';
import { findDirectReads } from '../btf/direct-reads.js';
import { compileCondition } from '../expression/fields.js';
import type { KernelTypes } from '../expression/kernel-types.js';
import { parseExpression } from '../expression/parse.js';
import { withPlace } from '../expression/place.js';
import type { Condition } from './packet-filter.js';

/** What `bpf/core/filter.h` leaves it. */
const STACK_BYTES = 256;

/**
 * Compiles a condition.
 * @param name what it is to its user, as `--where`
 * @throws ExpressionError if it can't be used with this kernel's types
 */
export function compileWhere(text: string, name: string, types: KernelTypes): Condition {
  const compiled = withPlace(text, name, () => {
    const about = { functionName: 'ipft_is_where', sourceFile: name, stackBytes: STACK_BYTES };
    return compileCondition({ expression: parseExpression(text), text, line: 1 }, types, about);
  });
  return {
    needsHeaders: compiled.needsHeaders,
    compile(vmlinux, byHelper) {
      const direct = byHelper ? undefined : findDirectReads(vmlinux);
      if (!byHelper && !direct) {
        throw new UnsupportedFeatureError('bpf_rdonly_cast', 'this kernel lacks what programs read memory with');
      }
      return { name: `${name} ${quote(text)}`, bytes: compiled.createObject(direct) };
    },
    cost: (vmlinux, byHelper) => compiled.cost(byHelper ? undefined : findDirectReads(vmlinux)),
  };
}
