/** Names of kernel addresses. */
import type { SymbolWriter } from '../base/event.js';
import { printable } from '../base/printable.js';
import { encode } from '../base/text-buffer.js';
import { loadKernelBtf } from './btf.js';
import { readSymbols } from './functions.js';

/**
 * A writer of kernel addresses as `name+0x10`, from `/proc/kallsyms`; an address that no symbol covers, and all
 * addresses for a reader that may not see them, are shown as numbers. Symbols of modules that are loaded later are not
 * known.
 */
export function loadSymbolWriter(): SymbolWriter {
  return createSymbolWriter(readSymbols());
}

/** Whether programs can write an address as its name themselves (`bpf_snprintf`). Linux 5.13+. */
export function kernelNamesAddresses(): boolean {
  return loadKernelBtf().findString('BPF_FUNC_snprintf').length > 0;
}

/** How far behind a symbol's beginning an address may be: the symbols have no end, and there are gaps between them. */
const LARGEST_SYMBOL_BYTES = 1 << 20;
/** Below are the places of per-CPU variables within their area, which are no addresses. */
const LOWEST_ADDRESS = 1n << 63n;

/** @param text content of `/proc/kallsyms`: lines of `ADDRESS TYPE NAME` and `ADDRESS TYPE NAME\t[MODULE]` */
export function createSymbolWriter(text: string): SymbolWriter {
  const symbols = parseSymbols(text);
  // Kernel addresses differ from the first symbol's by less than 2^53.
  const base = symbols[0]?.address ?? 0n;
  const offsets = Float64Array.from(symbols, ({ address }) => Number(address - base));
  const names = symbols.map(({ name }) => encode(printable(name).replace(/["\\]/g, '?')));
  const baseHigh = Number(base >> 32n);
  const baseLow = Number(base & 0xffffffffn);
  return (out, low, high) => {
    const offset = (high - baseHigh) * 0x100000000 + (low - baseLow);
    const index = findLast(offsets, offset);
    const begin = offsets[index];
    if (begin === undefined || offset - begin > LARGEST_SYMBOL_BYTES) {
      out.hex64(low, high);
      return;
    }
    out.bytes(names[index]!);
    if (offset === begin) return;
    out.byte(PLUS);
    out.hex64(offset - begin, 0);
  };
}

/** Functions and data by address; of several at one address the first. */
function parseSymbols(text: string): { address: bigint; name: string }[] {
  const symbols: { address: bigint; name: string }[] = [];
  for (const [, digits = '', name = ''] of text.matchAll(/^([0-9a-f]+) [a-zA-Z] ([^\t\n]+)/gm)) {
    const address = BigInt(`0x${digits}`);
    if (address >= LOWEST_ADDRESS) symbols.push({ address, name });
  }
  symbols.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  return symbols.filter(({ address }, index) => symbols[index - 1]?.address !== address);
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
