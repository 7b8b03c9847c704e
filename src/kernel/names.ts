/** Names that only the kernel knows, for what is said of how a journey ended. */

import type { SymbolWriter } from '../base/event.js';
import type { KernelNames } from '../base/record-source.js';
import { TextBuffer } from '../base/text-buffer.js';
import { loadReasonNames, type ReasonNames } from '../kernel/drop-reasons.js';

/** @param symbols names addresses that the kernel did not name itself; nothing if it always does */
export function createKernelNames(symbols: SymbolWriter | undefined): KernelNames {
  return { reason: nameReason, symbol: createAddressNames(symbols) };
}

/** Most traces begin before any packet is dropped: the names are read for the first one that is. */
function nameReason(reason: number): string | undefined {
  reasonNames ??= loadReasonNames();
  return reasonNames(reason);
}

let reasonNames: ReasonNames | undefined;

function createAddressNames(write: SymbolWriter | undefined): (address: bigint) => string | undefined {
  const text = new TextBuffer(256);
  return (address) => {
    if (!write) return undefined;
    write(text, Number(address & 0xffffffffn), Number(address >> 32n));
    const name = text.takeText();
    return name.startsWith('0x') ? undefined : name;
  };
}
