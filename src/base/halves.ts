/**
 * Converts between bigints of 64 bits and their halves, which are plain numbers. Each step of bigint arithmetic
 * allocates: a shift and a mask for each half take three times as long as memory that is written as a bigint and read
 * as halves.
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
