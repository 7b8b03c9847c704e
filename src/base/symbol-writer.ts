/** Writes the names of kernel addresses. Pure. */
import type { SymbolWriter } from './event.js';
import { printable } from './printable.js';
import { encode, type Fragment } from './text-buffer.js';

/** The largest distance of an address from its symbol: symbols have no end, and there are gaps between them. */
const LARGEST_SYMBOL_BYTES = 1 << 20;
/** The upper half of the lowest kernel address. Below are the offsets of per-CPU variables, which are no addresses. */
const LOWEST_HIGH = 0x80000000;
/** `ADDRESS TYPE `, with the 16 digits of 64 bits. */
const NAME_AT = 16 + 3;

/**
 * Symbols are more than a hundred thousand, and few are ever named: only addresses are parsed beforehand.
 * @param text content of `/proc/kallsyms`: lines of `ADDRESS TYPE NAME` and `ADDRESS TYPE NAME\t[MODULE]`
 */
export function createSymbolWriter(text: string): SymbolWriter {
  const { baseHigh, baseLow, offsets, lines } = parseSymbols(text);
  const names = new Map<number, Fragment>();
  const nameOf = (index: number) => {
    let name = names.get(index);
    if (name === undefined) {
      const [, letters = ''] =
        /^([^\t\n]+)/.exec(text.slice(lines[index]! + NAME_AT, endOfLine(text, lines[index]!))) ?? [];
      name = encode(printable(letters).replace(/["\\]/g, '?'));
      names.set(index, name);
    }
    return name;
  };
  return (out, low, high) => {
    const offset = (high - baseHigh) * 0x100000000 + (low - baseLow);
    const index = findLast(offsets, offset);
    const begin = offsets[index];
    if (begin === undefined || offset - begin > LARGEST_SYMBOL_BYTES) {
      out.hex64(low, high);
      return;
    }
    out.bytes(nameOf(index));
    if (offset === begin) return;
    out.byte(PLUS);
    out.hex64(offset - begin, 0);
  };
}

interface Symbols {
  /** The first symbol's address. All others are less than 2^53 away. */
  readonly baseHigh: number;
  readonly baseLow: number;
  /**
   * The distance of each symbol from the first, ascending; of several symbols at one address, the first line counts.
   */
  readonly offsets: Float64Array;
  /** The offset of each symbol's line in the text. */
  readonly lines: Uint32Array;
}

function parseSymbols(text: string): Symbols {
  const offsets: number[] = [];
  const lines: number[] = [];
  let [baseHigh, baseLow] = [0, 0];
  for (let begin = 0; begin < text.length; begin = endOfLine(text, begin) + 1) {
    const high = parseHex(text, begin);
    const low = parseHex(text, begin + 8);
    if (!(high >= LOWEST_HIGH && low >= 0)) continue;
    if (lines.length === 0) [baseHigh, baseLow] = [high, low];
    offsets.push((high - baseHigh) * 0x100000000 + (low - baseLow));
    lines.push(begin);
  }
  // The symbols of modules come behind the kernel's.
  const order = [...lines.keys()].sort((a, b) => offsets[a]! - offsets[b]! || a - b);
  const chosen = order.filter((line, index) => offsets[order[index - 1] ?? -1] !== offsets[line]);
  return {
    ...{ baseHigh, baseLow },
    offsets: Float64Array.from(chosen, (one) => offsets[one]!),
    lines: Uint32Array.from(chosen, (one) => lines[one]!),
  };
}

function endOfLine(text: string, begin: number): number {
  const end = text.indexOf('\n', begin);
  return end < 0 ? text.length : end;
}

/** Parses eight digits; NaN for any other text. */
function parseHex(text: string, begin: number): number {
  let value = 0;
  for (let at = begin; at < begin + 8; at++) {
    const code = text.charCodeAt(at);
    const digit = code >= LETTER_A ? code - LETTER_A + 10 : code - DIGIT_0;
    if (!(digit >= 0 && digit < 16)) return Number.NaN;
    value = value * 16 + digit;
  }
  return value;
}

/** The index of the last value that is not above `wanted`, or -1. */
function findLast(sorted: Float64Array, wanted: number): number {
  let begin = 0;
  let end = sorted.length;
  while (begin < end) {
    const middle = (begin + end) >> 1;
    if (sorted[middle]! <= wanted) begin = middle + 1;
    else end = middle;
  }
  return begin - 1;
}

const PLUS = 0x2b;
const DIGIT_0 = 0x30;
const LETTER_A = 0x61;
