/** Sets of path numbers as text, `1-3,7`: short enough for an address, and people can type it. */

/** More numbers than this are none that somebody chose. */
const MAX_RANGES = 1000;

/** A set of numbers, as ranges; both ends belong to them. */
export type Ranges = readonly (readonly [from: number, to: number])[];

/** The ranges that a text names; `7-` has no end. What is no number is left out. */
export function parseRanges(text: string): Ranges {
  const ranges: (readonly [number, number])[] = [];
  for (const [, from, dash, to] of text.matchAll(/(\d+)(-)?(\d+)?/g)) {
    if (ranges.length === MAX_RANGES) break;
    ranges.push([Number(from), dash === undefined ? Number(from) : Number(to ?? Number.POSITIVE_INFINITY)]);
  }
  return ranges;
}

export function isInRanges(ranges: Ranges, number: number): boolean {
  return ranges.some(([from, to]) => number >= from && number <= to);
}

/** The text of some numbers, in any order. */
export function formatRanges(numbers: Iterable<number>): string {
  const parts: string[] = [];
  const sorted = [...numbers].sort((a, b) => a - b);
  for (let at = 0; at < sorted.length; at++) {
    const from = sorted[at]!;
    let to = from;
    for (; sorted[at + 1] === to || sorted[at + 1] === to + 1; at++) to = sorted[at + 1]!;
    parts.push(from === to ? String(from) : `${from}-${to}`);
  }
  return parts.join(',');
}
