/**
 * What the options of a trace may be. The command line and the library call these: they read options in their own ways and
 * name them as their users do, but one rule holds for each.
 */
import { UsageError } from '../base/errors.js';
import { PAGE_SIZE } from '../capture/session.js';

export interface Bounds {
  readonly least: number;
  readonly most: number;
}

export const MAX_U32 = 0xffffffff;
export const DEFAULT_RING_BYTES = 16 << 20;
export const RING_BYTES: Bounds = { least: PAGE_SIZE, most: 1 << 30 };
export const SAMPLE_PERIOD: Bounds = { least: 1, most: MAX_U32 };
export const DEFAULT_COMPILE_SECONDS = 60;
export const COMPILE_SECONDS: Bounds = { least: 1, most: 86400 };

/**
 * @param option as it is named in messages
 * @param value NaN for what is no number
 * @param given what was said, as it is shown
 * @param noun what a number is called where it could be something else
 */
export function checkInteger(
  option: string,
  value: number,
  { least, most }: Bounds,
  given: string,
  noun = 'a number',
): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${option} needs ${noun} from ${least} to ${most}, not ${given}`);
}

/** A ring's size in bytes: the kernel wants a power of two and whole pages. `units` says what may stand behind it. */
export function checkRingSize(option: string, size: number, given: string, units = ''): number {
  const { least, most } = RING_BYTES;
  if (size >= least && size <= most && Number.isInteger(Math.log2(size))) return size;
  throw new UsageError(`${option} needs a power of two from ${least} to ${most} bytes${units}, not ${given}`);
}

/**
 * Which marks may be looked for.
 * @param names what the options are called
 * @param example how a mark 0 is said with a mask
 * @returns warnings
 */
export function checkMark(
  { mark, mask }: { readonly mark: number | undefined; readonly mask: number },
  names: { readonly mark: string; readonly mask: string },
  example: string,
): string[] {
  if (mask === 0) throw new UsageError(`${names.mask} 0 compares nothing: every packet would match`);
  if (mark === 0 && mask === MAX_U32) {
    throw new UsageError(`${names.mark} 0 would match every packet without a mark`, `a mask allows it: ${example}`);
  }
  if (mark === undefined || (mark & ~mask) === 0) return [];
  return [`${names.mark} has bits that ${names.mask} leaves out; they are ignored`];
}
