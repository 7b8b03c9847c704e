/** Names of reasons and locations, which only the kernel knows. */

import type { SymbolWriter } from '../base/event.js';
import type { KernelNames } from '../base/record-source.js';
import { TextBuffer } from '../base/text-buffer.js';
import { loadReasonNames, type ReasonNames } from './drop-reasons.js';

/** @param symbols writes locations that the kernel side did not name; undefined if it names all */
export function createKernelNames(symbols: SymbolWriter | undefined): KernelNames {
  return { reason: nameReason, symbol: createAddressNames(symbols) };
}

/** The names are read when the first packet is dropped, since reading takes a while. */
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
