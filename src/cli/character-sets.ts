/** Sets of characters that Perl's regular expressions have names for, as ranges of UTF-16 code units. */

/** The first and the last code unit. */
export type Range = readonly [number, number];

const LAST = 0xffff;

const POSIX: Record<string, readonly Range[]> = {
  alpha: ranges('AZaz'),
  digit: ranges('09'),
  alnum: ranges('09AZaz'),
  upper: ranges('AZ'),
  lower: ranges('az'),
  space: ranges('\t\r  '),
  blank: ranges('\t\t  '),
  cntrl: ranges('\0\x1f\x7f\x7f'),
  graph: ranges('!~'),
  print: ranges(' ~'),
  punct: ranges('!/:@[`{~'),
  xdigit: ranges('09AFaf'),
  word: ranges('09AZ__az'),
};

/** `\h` */
export const SPACES: Range[] = [
  ...ranges('\t\t  \xa0\xa0\u1680\u1680\u180e\u180e\u2000\u200a'),
  ...ranges('\u202f\u202f\u205f\u205f\u3000\u3000'),
];
/** The ends of lines: `\R`, and what `\V` excludes. */
export const VERTICAL_SPACES: Range[] = ranges('\n\r\x85\x85\u2028\u2029');

/** Ranges from pairs of characters. */
function ranges(pairs: string): Range[] {
  return Array.from({ length: pairs.length / 2 }, (_, index) => [
    pairs.charCodeAt(index * 2),
    pairs.charCodeAt(index * 2 + 1),
  ]);
}

/** The set `[:NAME:]`. */
export function posixSet(name: string): readonly Range[] | undefined {
  return Object.hasOwn(POSIX, name) ? POSIX[name] : undefined;
}

/** The set `\p{NAME}` of Unicode; undefined for an unknown name. */
export function propertySet(name: string): Range[] | undefined {
  let pattern: RegExp;
  if (!/^\w+(?:=\w+)?$/.test(name)) return undefined;
  try {
    pattern = new RegExp(`^\\p{${name}}$`, 'u');
  } catch {
    return undefined;
  }
  const found: [number, number][] = [];
  for (let code = 0; code <= LAST; code++) {
    if (!pattern.test(String.fromCharCode(code))) continue;
    const last = found.at(-1);
    if (last?.[1] === code - 1) last[1] = code;
    else found.push([code, code]);
  }
  return found;
}

/** All characters outside of these ranges. */
export function complement(given: readonly Range[]): Range[] {
  const left: Range[] = [];
  let next = 0;
  for (const [from, to] of [...given].sort(([a], [b]) => a - b)) {
    if (from > next) left.push([next, from - 1]);
    next = Math.max(next, to + 1);
  }
  if (next <= LAST) left.push([next, LAST]);
  return left;
}
