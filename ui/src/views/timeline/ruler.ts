/** The marks of the time ruler. */
import { formatNumber } from '../../format.js';
import { lengthOf, type Span } from './scale.js';

export interface Tick {
  readonly time: number;
  readonly text: string;
}

export interface Ruler {
  /** What is added to the ticks' texts, as text; undefined: nothing. */
  readonly base: string | undefined;
  readonly ticks: readonly Tick[];
}

const UNITS: readonly (readonly [ns: number, name: string])[] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
  [1, 'ns'],
];

/**
 * Ticks at round times. A short span late in the trace has a base, and ticks that count from it: `5.1234 s` and `+20 ns`
 * are read more easily than `5.123400020 s`.
 * @param width of the ruler, in pixels
 * @param apart the least distance of two ticks, in pixels
 */
export function rulerOf(span: Span, width: number, apart: number): Ruler {
  const length = lengthOf(span);
  if (!(length > 0) || !(width > 0)) return { base: undefined, ticks: [] };
  const step = roundStep((length / width) * apart);
  const block = Math.max(10 ** Math.ceil(Math.log10(length)), step * 10);
  const base = Math.max(0, Math.floor(span.from / block) * block);
  const [unit, name] = unitOf(block / 10);
  const decimals = Math.max(0, Math.round(Math.log10(unit)) - Math.floor(Math.log10(step) + 1e-9));
  const ticks: Tick[] = [];
  const sign = base > 0 ? '+' : '';
  for (let count = Math.ceil((span.from - base) / step); ; count++) {
    const offset = count * step;
    if (base + offset > span.until) break;
    const value = formatNumber(offset / unit, decimals);
    ticks.push({ time: base + offset, text: `${sign}${value} ${name}` });
  }
  return { base: base > 0 ? formatBase(base, block) : undefined, ticks };
}

/** 1, 2 or 5 of some power of ten, whole nanoseconds. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10;
  return step * power;
}

function unitOf(ns: number): readonly [ns: number, name: string] {
  return UNITS.find(([unit]) => unit <= ns) ?? [1, 'ns'];
}

/** Seconds, with as many digits as it has. */
function formatBase(base: number, block: number): string {
  const digits = Math.min(9, Math.max(0, 9 - Math.floor(Math.log10(block) + 1e-9)));
  const seconds = Math.floor(base / 1e9);
  const rest = String(base - seconds * 1e9)
    .padStart(9, '0')
    .slice(0, digits);
  return `${formatNumber(seconds)}${rest === '' ? '' : `.${rest}`} s`;
}
