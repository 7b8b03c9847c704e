/** Structs and their members in BTF, found by their names. */
import { BTF_KIND_STRUCT, BTF_KIND_UNION, type Btf } from './btf.js';

export interface Member {
  /** From the beginning of the struct, in bits. */
  readonly offsetBits: number;
  /** The number of bits of a bit-field; 0 for another member. */
  readonly bits: number;
}

/** The ids of the structs with these names: the first of each name. */
export function findStructs(btf: Btf, names: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const name of names) {
    const types = btf.findString(name).flatMap((offset) => btf.findTypes(offset));
    const first = types.find((id) => btf.kind(id) === BTF_KIND_STRUCT);
    if (first !== undefined) found.set(name, first);
  }
  return found;
}

/** All members of a struct by their names, those of its anonymous structs and unions included. */
export function listMembers(btf: Btf, struct: number): Map<string, Member> {
  const members = new Map<string, Member>();
  collect(btf, struct, 0, members, 0);
  return members;
}

/** The limit for anonymous structs and unions within each other. */
const MAX_DEPTH = 16;

function collect(btf: Btf, struct: number, begin: number, into: Map<string, Member>, depth: number): void {
  if (depth > MAX_DEPTH) return;
  const hasBits = btf.kindFlag(struct);
  for (let index = 0; index < btf.vlen(struct); index++) {
    const [nameOffset, type, offset] = [0, 1, 2].map((word) => btf.tail(struct, index * 3 + word)) as [
      number,
      number,
      number,
    ];
    // With bit-fields the upper 8 bits are the member's size.
    const bits = hasBits ? offset >>> 24 : 0;
    const offsetBits = begin + (hasBits ? offset & 0xffffff : offset);
    const name = btf.string(nameOffset);
    const resolved = btf.resolve(type);
    const isNested = btf.kind(resolved) === BTF_KIND_STRUCT || btf.kind(resolved) === BTF_KIND_UNION;
    if (name !== '') {
      if (!into.has(name)) into.set(name, { offsetBits, bits });
    } else if (isNested) {
      collect(btf, resolved, offsetBits, into, depth + 1);
    }
  }
}
