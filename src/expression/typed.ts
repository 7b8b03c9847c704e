/** Expressions whose types are known, as the checker hands them to the code generator. Pure. */
import type { ArrayType, CType, IntegerType, PointerType, StructType } from './types.js';

/** Headers of a packet, by the function that finds each. The numbers are those of `bpf/core/find-header.h`. */
export const HEADERS = {
  eth: { number: 0, struct: 'ethhdr' },
  ip4: { number: 1, struct: 'iphdr' },
  ip6: { number: 2, struct: 'ipv6hdr' },
  tcp: { number: 3, struct: 'tcphdr' },
  udp: { number: 4, struct: 'udphdr' },
  icmp: { number: 5, struct: 'icmphdr' },
  icmp6: { number: 6, struct: 'icmp6hdr' },
} as const;
export type Header = keyof typeof HEADERS;

/** Numbers that the program asks the kernel for. */
export type Fact = 'cpu' | 'now' | 'pid' | 'func';

/** Somewhere in the kernel's memory. */
export interface Place {
  readonly base: Base;
  /** In bytes from there. */
  readonly offset: number;
  /** Of a bit-field: its first bit behind `offset`, and its width. */
  readonly bits?: { readonly first: number; readonly width: number } | undefined;
}

export type Base =
  /** The packet's `struct sk_buff`, which is there. */
  | { readonly kind: 'skb' }
  /** The packet's header, if it has one. */
  | { readonly kind: 'header'; readonly header: Header }
  /** Where a pointer leads; NULL has no value. */
  | { readonly kind: 'pointer'; readonly value: Typed }
  /** An element of an array at a place; an index beyond the array has no value. */
  | {
      readonly kind: 'element';
      readonly array: Place;
      readonly index: Typed;
      readonly stride: number;
      readonly length: number;
    };

export type Comparison = '<' | '<=' | '>' | '>=' | '==' | '!=';
/** Of integers of one type, both sides. */
export type Arithmetic = '*' | '/' | '%' | '+' | '-' | '<<' | '>>' | '&' | '^' | '|';

/** A value that fits a register: an integer or a pointer. What can't be had makes the whole expression absent. */
export type Typed =
  /** `value`: as its type has it, negative where the type is signed. */
  | { readonly op: 'constant'; readonly type: IntegerType | PointerType; readonly value: bigint }
  | { readonly op: 'read'; readonly type: IntegerType | PointerType; readonly place: Place }
  /** Where a place is. */
  | { readonly op: 'address'; readonly type: PointerType; readonly place: Place }
  | { readonly op: 'fact'; readonly type: IntegerType | PointerType; readonly fact: Fact }
  /** Argument n of the traced function. */
  | { readonly op: 'argument'; readonly type: IntegerType; readonly index: number }
  /** The same bits as another type: cut or extended as C does. */
  | { readonly op: 'convert'; readonly type: IntegerType | PointerType; readonly of: Typed }
  /** The bytes in reverse order. */
  | { readonly op: 'swap'; readonly type: IntegerType; readonly of: Typed }
  | { readonly op: 'negate' | 'invert'; readonly type: IntegerType; readonly of: Typed }
  /** Both sides have the type of the whole; the right side of a shift has a type of its own. */
  | {
      readonly op: 'arithmetic';
      readonly type: IntegerType | PointerType;
      readonly operator: Arithmetic;
      readonly left: Typed;
      readonly right: Typed;
    }
  /** 0 or 1. Both sides have the same type. */
  | {
      readonly op: 'compare';
      readonly type: IntegerType;
      readonly operator: Comparison;
      readonly left: Typed;
      readonly right: Typed;
    }
  | { readonly op: 'not'; readonly type: IntegerType; readonly of: Typed }
  | { readonly op: 'and' | 'or'; readonly type: IntegerType; readonly left: Typed; readonly right: Typed }
  /** Whether bytes are these. `text`: whether the place is a pointer to a string, which may end anywhere. */
  | { readonly op: 'equal'; readonly type: IntegerType; readonly of: Bytes; readonly bytes: Uint8Array }
  | {
      readonly op: 'conditional';
      readonly type: IntegerType | PointerType;
      readonly condition: Typed;
      readonly then: Typed;
      readonly otherwise: Typed;
    }
  | { readonly op: 'coalesce'; readonly type: IntegerType | PointerType; readonly left: Typed; readonly right: Typed }
  | { readonly op: 'absent'; readonly type: IntegerType | PointerType };

/** What bytes are compared, or shown. */
export type Bytes =
  | { readonly kind: 'place'; readonly place: Place }
  /** A string that a pointer leads to. */
  | { readonly kind: 'string'; readonly pointer: Typed }
  /** The name of the running task: 16 bytes. */
  | { readonly kind: 'comm' };

/** What an expression is: a number or a pointer; or bytes that don't fit a register. */
export type Value =
  | { readonly kind: 'scalar'; readonly typed: Typed }
  /** A struct or an array. */
  | { readonly kind: 'composite'; readonly type: StructType | ArrayType; readonly place: Place }
  | { readonly kind: 'comm' }
  /** A text in quotes. */
  | { readonly kind: 'text'; readonly text: string }
  /** Bytes of an address: `ip("…")`, `mac("…")`. */
  | { readonly kind: 'literal'; readonly bytes: Uint8Array; readonly of: 'ipv4' | 'ipv6' | 'mac' }
  /** A value that is shown as an address. */
  | {
      readonly kind: 'formatted';
      readonly format: 'ipv4' | 'ip' | 'mac';
      readonly bytes: number;
      readonly place: Place;
    };

export type ScalarType = IntegerType | PointerType;
export const isScalar = (type: CType): type is ScalarType => type.kind === 'integer' || type.kind === 'pointer';
