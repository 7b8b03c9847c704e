/** Members of structs, as BTF has them. Pure. */
import { BTF_KIND_STRUCT, BTF_KIND_UNION, type Btf } from '../btf/btf.js';
import type { TypeRef } from './types.js';

/** A member of a struct, with its type. */
export interface FoundMember {
  readonly type: TypeRef;
  /** From the beginning of the struct, in bits. */
  readonly offsetBits: number;
  /** The width of a bit-field; 0 for another member. */
  readonly bits: number;
}

/** Anonymous structs and unions within each other. */
const MAX_DEPTH = 16;

/** Calls back for the members of a struct that have a name, those of anonymous structs in it included. */
export function forEachMember(
  btf: Btf,
  id: number,
  take: (name: string, member: FoundMember) => void,
  depth = 0,
  begin = 0,
): void {
  if (depth > MAX_DEPTH) return;
  const hasBits = btf.kindFlag(id);
  for (let index = 0; index < btf.vlen(id); index++) {
    const name = btf.string(btf.tail(id, index * 3));
    const type = btf.tail(id, index * 3 + 1);
    const position = btf.tail(id, index * 3 + 2);
    const offsetBits = begin + (hasBits ? position & 0xffffff : position);
    if (name !== '') {
      take(name, { type: { btf, id: type }, offsetBits, bits: hasBits ? position >>> 24 : 0 });
      continue;
    }
    const inner = btf.resolve(type);
    if (btf.kind(inner) !== BTF_KIND_STRUCT && btf.kind(inner) !== BTF_KIND_UNION) continue;
    forEachMember(btf, inner, take, depth + 1, offsetBits);
  }
}
