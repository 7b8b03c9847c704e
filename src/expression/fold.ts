/** C's arithmetic on constants. Pure. */
import type { Arithmetic, Comparison, ScalarType } from './typed.js';

/** A number as its type has it. */
export function convertValue(value: bigint, type: ScalarType): bigint {
  if (type.kind === 'pointer') return BigInt.asUintN(64, value);
  if (type.isBool) return value === 0n ? 0n : 1n;
  return type.isSigned ? BigInt.asIntN(type.bytes * 8, value) : BigInt.asUintN(type.bytes * 8, value);
}

/** The right side of a division is not 0, and of a shift within the width. */
export function foldArithmetic(operator: Arithmetic, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return left % right;
    case '<<':
      return left << right;
    case '>>':
      return left >> right;
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
  }
}

export function foldComparison(operator: Comparison, left: bigint, right: bigint): boolean {
  switch (operator) {
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
  }
}
