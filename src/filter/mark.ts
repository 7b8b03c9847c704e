/** Packets by their mark. The instructions that compare it hold it: see enum ipft_mark_constant of `bpf/abi/config.h`. */

import { IPFT_ANY_MARK_PLACEHOLDER, IPFT_MARK_PLACEHOLDER, IPFT_MASK_PLACEHOLDER } from '../abi/layout.js';
import { changeInstructions, immediateAt, opcodeAt, setImmediate32 } from '../bytecode/instructions.js';
import type { PacketFilter, WantedMark } from './packet-filter.js';

/** Packets whose mark, under the mask, equals this mark under the mask. */
export function markFilter(mark: number, mask: number): PacketFilter {
  return { mark: { value: (mark & mask) >>> 0, mask } };
}

const BPF_ALU64_AND_K = 0x57;
const BPF_ALU64_XOR_K = 0xa7;
const BPF_ALU64_MOV_K = 0xb7;

/** A copy of a BPF object with the mark in its programs. */
export function setMark(object: Uint8Array, { value, mask }: WantedMark): Uint8Array {
  return changeInstructions(object, (view, at) => {
    const opcode = opcodeAt(view, at);
    const immediate = immediateAt(view, at);
    if (opcode === BPF_ALU64_AND_K && immediate === IPFT_MASK_PLACEHOLDER) setImmediate32(view, at, mask);
    if (opcode === BPF_ALU64_MOV_K && immediate === IPFT_ANY_MARK_PLACEHOLDER)
      setImmediate32(view, at, mask === 0 ? 1 : 0);
    if (opcode === BPF_ALU64_XOR_K && immediate === IPFT_MARK_PLACEHOLDER) setImmediate32(view, at, value);
  });
}
