/** Numbers on the command line. */
import { UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { type Bounds, checkInteger, DURATION_MS, MAX_U32 } from '../trace/plan.js';

/**
 * An unsigned 32-bit number, decimal or `0x…`.
 * @param option for the message
 */
export function parseUnsigned32(option: string, text: string): number {
  refuseOctal(option, text);
  const value = /^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(text) ? Number(text) : Number.NaN;
  if (value <= MAX_U32) return value;
  throw new UsageError(`${option} needs a number of at most 32 bits, decimal or 0x…, not '${printable(text)}'`);
}

/** A decimal number within bounds. */
export function parseCount(option: string, text: string, bounds: Bounds): number {
  return checkInteger(option, readCount(option, text), bounds, quote(text));
}

/** A decimal number; NaN for any other text. @throws UsageError for a number that C takes for octal */
export function readCount(option: string, text: string): number {
  refuseOctal(option, text);
  return /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
}

/** `3` or `3-7`. */
export function parseRange(option: string, text: string): readonly [first: number, last: number] {
  const [, from = '', to = from] = /^([0-9]+)(?:-([0-9]+))?$/.exec(text) ?? [];
  const [first, last] = [readCount(option, from), readCount(option, to)];
  if (first >= 1 && last >= first && last <= MAX_U32) return [first, last];
  throw new UsageError(`${option} needs numbers from 1 on, as 3 or 7-9, not ${quote(text)}`);
}

const UNITS: Record<string, number> = { '': 1, K: 1 << 10, M: 1 << 20, G: 1 << 30 };

/** A size in bytes, or with K, M or G behind it; NaN for any other text. @throws UsageError for a number that C takes for octal */
export function readSize(option: string, text: string): number {
  const [, digits, unit = ''] = /^([0-9]+)([KkMmGg]?)$/.exec(text) ?? [];
  if (digits === undefined) return Number.NaN;
  refuseOctal(option, digits);
  return Number(digits) * UNITS[unit.toUpperCase()]!;
}

/** A size in bytes. */
export function parseSize(option: string, text: string): number {
  const size = readSize(option, text);
  if (size >= 1 && size <= Number.MAX_SAFE_INTEGER) return size;
  throw new UsageError(`${option} needs a number of bytes (K, M and G may stand behind it), not ${quote(text)}`);
}

/** ipftrace2 takes 010 for eight, as C does; others expect ten. */
function refuseOctal(option: string, text: string): void {
  if (!/^0[0-9]+$/.test(text)) return;
  const decimal = text.replace(/^0+(?=.)/, '');
  const octal = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
  throw new UsageError(
    `${option} '${text}' begins with 0, which C and ipftrace2 take for octal`,
    octal === undefined || String(octal) === decimal ? `write ${decimal}` : `write ${octal} for that, or ${decimal}`,
  );
}

const quote = (text: string) => `'${printable(text)}'`;

const DURATION_UNITS: Record<string, number> = { ms: 1, '': 1000, s: 1000, m: 60_000, h: 3_600_000 };

/** A time, in milliseconds: a number of seconds, or with ms, s, m or h behind it. */
export function parseDuration(option: string, text: string, leastMs = DURATION_MS.least): number {
  const [, digits, unit = ''] = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const duration = Math.round(Number(digits) * DURATION_UNITS[unit]!);
  if (duration >= leastMs && duration <= DURATION_MS.most) return duration;
  throw new UsageError(
    `${option} needs a time from ${leastMs}ms to 24 days, as 500ms, 10s, 2m or 1h (a number alone is seconds), not '${printable(text)}'`,
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
