/**
 * 64-bit numbers as their two halves of 32 bits, which are plain numbers. The arithmetic of bigints makes a new one at
 * each step: a shift and a mask for each half take three times as long as memory that is written as one and read as two.
 */

/** Little-endian, as the machines are that BPF programs are built for here. */
const whole = new BigUint64Array(1);
const halves = new Uint32Array(whole.buffer);

/** The unsigned number of two halves, of which only the low 32 bits count. */
export function join(low: number, high: number): bigint {
  halves[0] = low;
  halves[1] = high;
  return whole[0]!;
}

/** Bits 0 to 31 of a number, unsigned. */
export function lowHalf(value: bigint): number {
  whole[0] = value;
  return halves[0]!;
}

/** Bits 32 to 63 of a number, unsigned. */
export function highHalf(value: bigint): number {
  whole[0] = value;
  return halves[1]!;
}
