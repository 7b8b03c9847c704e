/** Unsigned 64-bit numbers, as two halves, divided by 10^9: digits in groups, or seconds and nanoseconds. */

const BILLION = 1e9;

/** The quotient. */
export function billions(low: number, high: number): number {
  // As a double the number is exact to 2^11 at most: this is the quotient, or one beside it.
  const quotient = Math.floor((high * 0x100000000 + low) / BILLION);
  const rest = belowBillion(low, quotient);
  return rest < 0 ? quotient - 1 : rest >= BILLION ? quotient + 1 : quotient;
}

/** What is left: so little that the lower half is all of it. @param quotient as `billions` gives it */
export function belowBillion(low: number, quotient: number): number {
  return ((low | 0) - Math.imul(quotient, BILLION)) | 0;
}
