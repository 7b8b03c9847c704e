/** Numbers on the command line. */
import { UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';

/**
 * An unsigned 32-bit number, decimal or `0x…`.
 * @param option for the message
 */
export function parseUnsigned32(option: string, text: string): number {
  const value = /^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 0xffffffff) return value;
  throw new UsageError(`${option} needs a number of at most 32 bits, decimal or 0x…, not '${printable(text)}'`);
}

/** A decimal number from 1 to `max`. */
export function parseCount(option: string, text: string, max: number): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= max) return value;
  throw new UsageError(`${option} needs a number from 1 to ${max}, not '${printable(text)}'`);
}

const MAX_RING_BYTES = 1 << 30;

/** A size in bytes, or with K or M behind it: a power of two and a multiple of the page. */
export function parseRingSize(option: string, text: string, pageSize: number): number {
  const [, digits, unit = ''] = /^([0-9]+)([KkMm]?)$/.exec(text) ?? [];
  const scale = { '': 1, K: 1024, M: 1 << 20 }[unit.toUpperCase()] ?? Number.NaN;
  const size = digits === undefined ? Number.NaN : Number(digits) * scale;
  if (size >= pageSize && size <= MAX_RING_BYTES && Number.isInteger(Math.log2(size))) return size;
  throw new UsageError(
    `${option} needs a power of two from ${pageSize} to ${MAX_RING_BYTES} bytes (K and M may stand behind the number), not '${printable(text)}'`,
  );
}

/** A size in bytes, or with K, M or G behind it. */
export function parseSize(option: string, text: string): number {
  const [, digits, unit = ''] = /^([0-9]+)([KkMmGg]?)$/.exec(text) ?? [];
  const scale = { '': 1, K: 1024, M: 1 << 20, G: 1 << 30 }[unit.toUpperCase()] ?? Number.NaN;
  const size = digits === undefined ? Number.NaN : Number(digits) * scale;
  if (size >= 1 && size <= Number.MAX_SAFE_INTEGER) return size;
  throw new UsageError(`${option} needs a number of bytes (K, M and G may stand behind it), not '${printable(text)}'`);
}

/** What a timer of Node can wait, in milliseconds: some 24 days. */
const MAX_DURATION_MS = 2 ** 31 - 1;
const DURATION_UNITS: Record<string, number> = { ms: 1, '': 1000, s: 1000, m: 60_000, h: 3_600_000 };

/** A time, in milliseconds: a number of seconds, or with ms, s, m or h behind it. */
export function parseDuration(option: string, text: string): number {
  const [, digits, unit = ''] = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const duration = Math.round(Number(digits) * DURATION_UNITS[unit]!);
  if (duration >= 1 && duration <= MAX_DURATION_MS) return duration;
  throw new UsageError(
    `${option} needs a time from 1ms to 24 days, as 500ms, 10s, 2m or 1h (a number alone is seconds), not '${printable(text)}'`,
  );
}

const NS_UNITS: Record<string, number> = { ns: 1, us: 1e3, ms: 1e6, '': 1e9, s: 1e9, m: 60e9, h: 3600e9 };

/** A short time, in nanoseconds: a number of seconds, or with ns, us, ms, s, m or h behind it. */
export function parseNanoseconds(option: string, text: string): number {
  const [, digits, unit = ''] = /^([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s|m|h)?$/.exec(text) ?? [];
  const time = Math.round(Number(digits) * NS_UNITS[unit]!);
  if (time <= Number.MAX_SAFE_INTEGER) return time;
  throw new UsageError(
    `${option} needs a time, as 500us, 20ms or 1.5s (a number alone is seconds), not '${printable(text)}'`,
  );
}
