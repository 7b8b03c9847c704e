/**
 * Division of unsigned 64-bit numbers, given as two halves, by 10^9: into groups of digits, or seconds and nanoseconds.
 */

const BILLION = 1e9;

/** The quotient. */
export function billions(low: number, high: number): number {
  // A double holds the number to within 2^11: the result is the quotient or a neighbour of it.
  const quotient = Math.floor((high * 0x100000000 + low) / BILLION);
  const rest = belowBillion(low, quotient);
  return rest < 0 ? quotient - 1 : rest >= BILLION ? quotient + 1 : quotient;
}

/** The remainder, which the lower half determines. @param quotient as `billions` returns it */
export function belowBillion(low: number, quotient: number): number {
  return ((low | 0) - Math.imul(quotient, BILLION)) | 0;
}
