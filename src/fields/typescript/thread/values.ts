/** Values while a function is compiled: those that are known, and expressions of the kernel side. Pure. */

import type { TextRange } from '../../../base/expression-error.js';
import type { Expression, LiteralType } from '../../../expression/ast.js';
import type { FunctionNode } from './syntax.js';
import type { Module } from './world.js';

/** A value that a function computes with. */
export type Value =
  /** A value that is known now. Integers are bigints; `type` is that of a literal as it was written. */
  | { readonly kind: 'known'; readonly value: unknown; readonly type?: LiteralType | undefined }
  /** Something that the kernel side computes. */
  | { readonly kind: 'computed'; readonly node: Expression; readonly isBoolean: boolean }
  /** An array or an object that was written within the function. */
  | { readonly kind: 'members'; readonly members: ReadonlyMap<string, Value>; readonly length: number | undefined }
  /** A function that was written within the function. */
  | { readonly kind: 'inner'; readonly node: FunctionNode; readonly module: Module; readonly names: Names };

/** Which variable a name stands for. */
export interface Names {
  readonly own: Map<string, Variable>;
  readonly outer: Names | undefined;
}

export interface Variable {
  readonly name: string;
  readonly isConstant: boolean;
  /** How many functions deep it was declared. */
  readonly level: number;
}

/** The values of variables, on one way through a function. */
export type Store = Map<Variable, Value>;

export const ABSENT: Value = { kind: 'known', value: undefined };

export function known(value: unknown): Value {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { kind: 'known', value: BigInt(value) };
  return { kind: 'known', value };
}

/** A number as a node: as C's compiler reads it, a negative one with a minus. */
export function numberNode(value: bigint, at: TextRange, type?: LiteralType): Expression | undefined {
  if (value < 0n) {
    const of = numberNode(-value, at);
    return of && value >= -(1n << 63n) ? { kind: 'unary', operator: '-', of, at } : undefined;
  }
  const fitting: LiteralType = value < 1n << 31n ? 'int' : value < 1n << 63n ? 'long' : 'unsigned long';
  return value < 1n << 64n ? { kind: 'number', value, type: type ?? fitting, at } : undefined;
}

/** C's type of a literal. */
export function literalType(raw: string, value: bigint): LiteralType | undefined {
  if (!/^0[xXbBoO]/.test(raw)) return undefined;
  if (value < 1n << 31n) return 'int';
  return value < 1n << 32n ? 'unsigned int' : value < 1n << 63n ? 'long' : 'unsigned long';
}

const BINARY: Readonly<Record<string, (left: bigint, right: bigint) => bigint | boolean>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '%': (left, right) => left % right,
  '&': (left, right) => left & right,
  '|': (left, right) => left | right,
  '^': (left, right) => left ^ right,
  '<<': (left, right) => left << right,
  '>>': (left, right) => left >> right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
};

/** Computes with integers that are known. @returns what is wrong, as text */
export function foldIntegers(operator: string, left: bigint, right: bigint): bigint | boolean | string {
  if ((operator === '/' || operator === '%') && right === 0n) return 'a division by zero';
  if ((operator === '<<' || operator === '>>') && (right < 0n || right > 63n)) return `a shift by ${right} bits`;
  const result = BINARY[operator]?.(left, right);
  if (result === undefined) return `the operator ${operator}`;
  if (typeof result === 'bigint' && (result >= 1n << 64n || result < -(1n << 63n))) return 'a number beyond 64 bits';
  return result;
}
