/** Types as C writes them. */
import {
  BTF_KIND_ARRAY,
  BTF_KIND_CONST,
  BTF_KIND_ENUM,
  BTF_KIND_ENUM64,
  BTF_KIND_FUNC_PROTO,
  BTF_KIND_FWD,
  BTF_KIND_PTR,
  BTF_KIND_RESTRICT,
  BTF_KIND_STRUCT,
  BTF_KIND_TYPE_TAG,
  BTF_KIND_UNION,
  BTF_KIND_VOLATILE,
  type Btf,
} from './btf.js';

/** The limit for pointers, arrays and qualifiers that refer to each other. */
const MAX_DEPTH = 32;

/** A type as C writes it: `unsigned int`, `__u8[16]`, `struct sk_buff *`, `union {…}`. */
export function typeName(btf: Btf, id: number, depth = 0): string {
  if (depth > MAX_DEPTH) return '…';
  const inner = () => typeName(btf, btf.sizeOrType(id), depth + 1);
  switch (btf.kind(id)) {
    case BTF_KIND_PTR: {
      const to = inner();
      return to.endsWith('*') ? `${to}*` : `${to} *`;
    }
    case BTF_KIND_ARRAY: {
      // `int[2][3]` is an array of two arrays of three: the outer dimension stands first.
      const [, element = '', dimensions = ''] =
        /^(.*?)((?:\[\d+\])*)$/s.exec(typeName(btf, btf.tail(id, 0), depth + 1)) ?? [];
      return `${element}[${btf.tail(id, 2)}]${dimensions}`;
    }
    case BTF_KIND_STRUCT:
      return tagged('struct', btf.name(id));
    case BTF_KIND_UNION:
      return tagged('union', btf.name(id));
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
      return tagged('enum', btf.name(id));
    case BTF_KIND_FWD:
      return tagged(btf.kindFlag(id) ? 'union' : 'struct', btf.name(id));
    case BTF_KIND_CONST:
      return `const ${inner()}`;
    case BTF_KIND_VOLATILE:
      return `volatile ${inner()}`;
    case BTF_KIND_RESTRICT:
    case BTF_KIND_TYPE_TAG:
      return inner();
    case BTF_KIND_FUNC_PROTO:
      return 'function';
    default:
      return btf.name(id);
  }
}

function tagged(keyword: string, name: string): string {
  return `${keyword} ${name === '' ? '{…}' : name}`;
}

/** The size of a type in bytes, through typedefs and qualifiers; undefined for a function and for `void`. */
export function typeSize(btf: Btf, id: number, depth = 0): number | undefined {
  const type = btf.resolve(id);
  switch (btf.kind(type)) {
    case BTF_KIND_PTR:
      return 8;
    case BTF_KIND_ARRAY: {
      const element = depth < MAX_DEPTH ? typeSize(btf, btf.tail(type, 0), depth + 1) : undefined;
      return element === undefined ? undefined : element * btf.tail(type, 2);
    }
    case 0:
    case BTF_KIND_FWD:
    case BTF_KIND_FUNC_PROTO:
      return undefined;
    default:
      return btf.sizeOrType(type);
  }
}
