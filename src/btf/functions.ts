/** Functions in BTF, found by what they take. */
import { BTF_KIND_FUNC, BTF_KIND_FUNC_PROTO, BTF_KIND_PTR, BTF_KIND_STRUCT, type Btf } from './btf.js';

/** A function with a parameter of the wanted type. */
export interface FunctionTaking {
  readonly name: string;
  /** Its BTF id. */
  readonly id: number;
  /** Position of its first parameter of that type, counted from 0. */
  readonly position: number;
}

/**
 * The functions of a BTF (not of its base) that take a pointer to a struct, in the order of their ids.
 * @param structName for example `sk_buff`
 * @param maxPosition parameters are looked at up to here, counted from 1
 */
export function findFunctionsTaking(btf: Btf, structName: string, maxPosition: number): FunctionTaking[] {
  const isPointer = pointerTest(btf, structName);
  const found: FunctionTaking[] = [];
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) !== BTF_KIND_FUNC) continue;
    const proto = btf.sizeOrType(id);
    if (btf.kind(proto) !== BTF_KIND_FUNC_PROTO) continue;
    const count = Math.min(btf.vlen(proto), maxPosition);
    for (let position = 0; position < count; position++) {
      if (isPointer(btf.tail(proto, position * 2 + 1))) {
        found.push({ name: btf.name(id), id, position });
        break;
      }
    }
  }
  return found;
}

/** A test for "is a pointer to that struct"; remembers its answers, since a few types make up most parameters. */
function pointerTest(btf: Btf, structName: string): (id: number) => boolean {
  const names = new Set(btf.findString(structName));
  const known = new Map<number, boolean>();
  return (id) => {
    let answer = known.get(id);
    if (answer === undefined) {
      const pointer = btf.resolve(id);
      const struct = btf.kind(pointer) === BTF_KIND_PTR ? btf.resolve(btf.sizeOrType(pointer)) : 0;
      answer = btf.kind(struct) === BTF_KIND_STRUCT && names.has(btf.nameOffset(struct));
      known.set(id, answer);
    }
    return answer;
  };
}
