/** Names in the paths and comparisons, short enough for a page. */
import { formatFunction, formatNetns } from '../../format.js';
import type { Label } from '../../trace/paths.js';
import type { Trace } from '../../trace/trace.js';

/** Longer names are cut: nobody reads on, and a page of them would be slow. */
const MAX_CHARACTERS = 200;

export function cut(text: string): string {
  return text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
}

export function nameOf({ functions }: Trace, label: Label | undefined): string {
  const named = label && functions[label.fn];
  return named ? cut(formatFunction(named)) : '?';
}

/** The namespace of a place, `namespace gw`. */
export function namespaceOf({ places }: Trace, place: number): string {
  const known = places[place];
  return known && known.netns !== 0 ? `namespace ${cut(formatNetns(known))}` : 'namespace unknown';
}

/** Nanoseconds with three digits, `12.3 µs`: for pictures. */
export function formatShort(ns: number): string {
  const [value, unit] =
    ns < 1000 ? [ns, 'ns'] : ns < 1e6 ? [ns / 1e3, 'µs'] : ns < 1e9 ? [ns / 1e6, 'ms'] : [ns / 1e9, 's'];
  return `${value < 1000 ? Number(value.toPrecision(3)) : Math.round(value)} ${unit}`;
}

/** A part in per cent, `99.97 %`; never 100 % if it is not all, nor 0 % if it is something. */
export function formatShare(count: number, all: number): string {
  if (count === all) return '100 %';
  const percent = (100 * count) / Math.max(1, all);
  if (percent > 99.99) return '> 99.99 %';
  if (percent < 0.01) return '< 0.01 %';
  return `${percent.toFixed(percent > 99 || percent < 1 ? 2 : percent < 10 ? 1 : 0)} %`;
}

/** The lines that a text takes where so many characters have room: words that are longer are broken. */
export function countLines(text: string, characters: number): number {
  let [lines, free] = [1, characters];
  for (const { length } of text.split(' ')) {
    if (free < characters && length > free) [lines, free] = [lines + 1, characters];
    const more = Math.ceil(Math.max(0, length - free) / characters);
    lines += more;
    free += more * characters - length - 1;
  }
  return lines;
}
