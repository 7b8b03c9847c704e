/** C's types as the checker sees them, read from BTF. Pure. */
import {
  BTF_KIND_ARRAY,
  BTF_KIND_ENUM,
  BTF_KIND_ENUM64,
  BTF_KIND_FUNC_PROTO,
  BTF_KIND_FWD,
  BTF_KIND_INT,
  BTF_KIND_PTR,
  BTF_KIND_STRUCT,
  BTF_KIND_TYPEDEF,
  BTF_KIND_UNION,
  type Btf,
} from '../btf/btf.js';
import { typeName, typeSize } from '../btf/type-name.js';

/** A type in a BTF: the kernel's or a module's. */
export interface TypeRef {
  readonly btf: Btf;
  readonly id: number;
}

export type Bytes = 1 | 2 | 4 | 8;

export interface IntegerType {
  readonly kind: 'integer';
  readonly name: string;
  readonly bytes: Bytes;
  readonly isSigned: boolean;
  readonly isBool: boolean;
  readonly isChar: boolean;
  /** `__be16` and its like: the bytes are in network order, and the value is what they say. */
  readonly isBigEndian: boolean;
  readonly enumOf: TypeRef | undefined;
}

export interface PointerType {
  readonly kind: 'pointer';
  readonly name: string;
  /** What it points to. Asked for when it is needed: types refer to each other. */
  readonly to: () => CType;
}

/** A struct or a union. */
export interface StructType {
  readonly kind: 'struct';
  readonly name: string;
  readonly ref: TypeRef;
  /** Undefined for one that is declared only. */
  readonly bytes: number | undefined;
}

export interface ArrayType {
  readonly kind: 'array';
  readonly name: string;
  readonly ref: TypeRef;
  readonly element: () => CType;
  readonly length: number;
  readonly bytes: number;
}

/** Without a value: `void`, functions, and what BTF has no integer for. */
export interface OpaqueType {
  readonly kind: 'opaque';
  readonly name: string;
  readonly isFunction: boolean;
  readonly bytes: number | undefined;
}

export type CType = IntegerType | PointerType | StructType | ArrayType | OpaqueType;

const BTF_INT_SIGNED = 1;
const BTF_INT_CHAR = 2;
const BTF_INT_BOOL = 4;
const BIG_ENDIAN = /^__be(16|32|64)$/;

export function integer(name: string, bytes: Bytes, isSigned: boolean): IntegerType {
  return {
    ...{ kind: 'integer', name, bytes, isSigned, isBool: name === 'bool' || name === '_Bool' },
    ...{ isChar: name === 'char', isBigEndian: BIG_ENDIAN.test(name), enumOf: undefined },
  };
}

export const INT = integer('int', 4, true);
export const UNSIGNED_INT = integer('unsigned int', 4, false);
export const LONG = integer('long', 8, true);
export const UNSIGNED_LONG = integer('unsigned long', 8, false);
export const VOID: OpaqueType = { kind: 'opaque', name: 'void', isFunction: false, bytes: undefined };

export function pointerTo(type: CType): PointerType {
  return { kind: 'pointer', name: type.name.endsWith('*') ? `${type.name}*` : `${type.name} *`, to: () => type };
}

/** The size of a value in bytes, as C's `sizeof` has it; undefined for a type without one. */
export function sizeOf(type: CType): number | undefined {
  return type.kind === 'pointer' ? 8 : type.bytes;
}

/** What a type of BTF is, behind typedefs and qualifiers. */
export function readType({ btf, id }: TypeRef): CType {
  const type = btf.resolve(id);
  const name = typeName(btf, id);
  switch (btf.kind(type)) {
    case BTF_KIND_INT:
      return readInteger(btf, id, type, name);
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64: {
      const bytes = btf.sizeOrType(type);
      if (!isBytes(bytes)) return { kind: 'opaque', name, isFunction: false, bytes };
      return { ...integer(name, bytes, btf.kindFlag(type)), enumOf: { btf, id: type } };
    }
    case BTF_KIND_PTR:
      return { kind: 'pointer', name, to: () => readType({ btf, id: btf.sizeOrType(type) }) };
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
      return { kind: 'struct', name, ref: { btf, id: type }, bytes: btf.sizeOrType(type) };
    case BTF_KIND_FWD:
      return { kind: 'struct', name, ref: { btf, id: type }, bytes: undefined };
    case BTF_KIND_ARRAY: {
      const element = { btf, id: btf.tail(type, 0) };
      const bytes = typeSize(btf, type) ?? 0;
      return {
        kind: 'array',
        name,
        ref: { btf, id: type },
        element: () => readType(element),
        length: btf.tail(type, 2),
        bytes,
      };
    }
    default: {
      const isFunction = btf.kind(type) === BTF_KIND_FUNC_PROTO;
      return { kind: 'opaque', name, isFunction, bytes: type === 0 || isFunction ? undefined : typeSize(btf, type) };
    }
  }
}

function readInteger(btf: Btf, id: number, type: number, name: string): CType {
  const bytes = btf.sizeOrType(type);
  if (!isBytes(bytes)) return { kind: 'opaque', name, isFunction: false, bytes };
  const encoding = (btf.tail(type, 0) >>> 24) & 15;
  return {
    ...integer(name, bytes, (encoding & BTF_INT_SIGNED) !== 0),
    isBool: (encoding & BTF_INT_BOOL) !== 0,
    isChar: (encoding & BTF_INT_CHAR) !== 0 || btf.name(type) === 'char',
    isBigEndian: isBigEndian(btf, id),
  };
}

/** Whether one of the typedefs that lead to a type is that of a number in network order. */
function isBigEndian(btf: Btf, id: number): boolean {
  const end = btf.resolve(id);
  for (let type = id; type !== end; type = btf.sizeOrType(type)) {
    if (btf.kind(type) === BTF_KIND_TYPEDEF && BIG_ENDIAN.test(btf.name(type))) return true;
  }
  return false;
}

function isBytes(bytes: number): bytes is Bytes {
  return bytes === 1 || bytes === 2 || bytes === 4 || bytes === 8;
}

export const isFunctionPointer = (type: CType): boolean => {
  if (type.kind !== 'pointer') return false;
  const to = type.to();
  return to.kind === 'opaque' && to.isFunction;
};

/** Whether a value is a string: an array of characters. */
export function isText(type: CType): type is ArrayType {
  if (type.kind !== 'array' || type.length === 0) return false;
  const element = type.element();
  return element.kind === 'integer' && element.isChar;
}

/** Whether a pointer leads to a string. */
export function pointsToText(type: CType): boolean {
  if (type.kind !== 'pointer') return false;
  const to = type.to();
  return to.kind === 'integer' && to.isChar;
}
