/** Names of kernel addresses. */
import type { SymbolWriter } from '../base/event.js';
import { createSymbolWriter } from '../base/symbol-writer.js';
import { loadKernelBtf } from './btf.js';
import { readSymbols } from './functions.js';

/**
 * A writer of kernel addresses as `name+0x10`, from `/proc/kallsyms`. An address that no symbol covers is written as a
 * number, and so are all addresses if this process may not see them. Symbols of modules that are loaded later are not
 * known.
 */
export function loadSymbolWriter(): SymbolWriter {
  return createSymbolWriter(readSymbols());
}

/** Whether programs can write the name of an address (`bpf_snprintf`). Linux 5.13+. */
export function kernelNamesAddresses(): boolean {
  return loadKernelBtf().findString('BPF_FUNC_snprintf').length > 0;
}
