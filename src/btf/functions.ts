/** Functions in BTF, found by their parameters or their names. */
import {
  BTF_KIND_FUNC_PROTO,
  BTF_KIND_PTR,
  BTF_KIND_STRUCT,
  BTF_KIND_TYPEDEF,
  BTF_KIND_UNION,
  type Btf,
} from './btf.js';

/** A function with a parameter of the wanted type. */
export interface FunctionTaking {
  readonly name: string;
  /** Its BTF id. */
  readonly id: number;
  /** Position of its first parameter of that type, counted from 0. */
  readonly position: number;
  /** The number of parameters, without the `...` of a variadic function. */
  readonly parameters: number;
  readonly isVariadic: boolean;
  /** Whether it returns a struct or union, not a pointer to one. */
  readonly returnsStruct: boolean;
  /** Whether a struct or union by value stands before that parameter: it may take several registers. */
  readonly structBefore: boolean;
}

/**
 * The functions of a BTF (not of its base) that take a pointer to a struct, in the order of their ids.
 * @param structName for example `sk_buff`
 */
export function findFunctionsTaking(btf: Btf, structName: string): FunctionTaking[] {
  const isStruct = (id: number) => {
    const kind = btf.kind(btf.resolve(id));
    return kind === BTF_KIND_STRUCT || kind === BTF_KIND_UNION;
  };
  const found: FunctionTaking[] = [];
  btf.forEachFunctionTaking(structName, (id, position) => {
    const proto = btf.sizeOrType(id);
    const count = btf.vlen(proto);
    const parameter = (index: number) => btf.tail(proto, index * 2 + 1);
    const isVariadic = parameter(count - 1) === 0;
    let structBefore = false;
    for (let before = 0; before < position; before++) structBefore ||= isStruct(parameter(before));
    found.push({
      ...{ name: btf.name(id), id, position, structBefore, isVariadic },
      parameters: isVariadic ? count - 1 : count,
      returnsStruct: isStruct(btf.sizeOrType(proto)),
    });
  });
  return found;
}

/** The id of the first of a BTF's own functions with a name. */
export function findFunction(btf: Btf, name: string): number | undefined {
  return findFunctions(btf, [name]).get(name);
}

/** The ids of a BTF's own functions with these names, found in one pass: the first of each name. */
export function findFunctions(btf: Btf, names: readonly string[]): Map<string, number> {
  // Most names that are not there are ruled out by a search in the strings, which is fast.
  const offsets = new Map(names.flatMap((name) => btf.findString(name).map((offset) => [offset, name] as const)));
  const found = new Map<string, number>();
  for (const [offset, id] of btf.findFunctions([...offsets.keys()])) found.set(offsets.get(offset)!, id);
  return found;
}

/**
 * The number of arguments that a tracepoint hands to its programs; 0 if there is no such tracepoint. The kernel has a
 * typedef `btf_trace_NAME` of a function with these arguments, behind a pointer of the kernel's own.
 */
export function countTracepointArguments(btf: Btf, tracepoint: string): number {
  const names = btf.findString(`btf_trace_${tracepoint}`);
  for (let id = btf.firstId; names.length > 0 && id < btf.endId; id++) {
    if (btf.kind(id) !== BTF_KIND_TYPEDEF || !names.includes(btf.nameOffset(id))) continue;
    const pointer = btf.resolve(id);
    const proto = btf.kind(pointer) === BTF_KIND_PTR ? btf.resolve(btf.sizeOrType(pointer)) : 0;
    return btf.kind(proto) === BTF_KIND_FUNC_PROTO ? Math.max(0, btf.vlen(proto) - 1) : 0;
  }
  return 0;
}
