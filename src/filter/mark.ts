/** Packets by their mark. The instructions that compare it hold it: see enum ipft_mark_constant of `bpf/abi/config.h`. */

import { IPFT_ANY_MARK_PLACEHOLDER, IPFT_MARK_PLACEHOLDER, IPFT_MASK_PLACEHOLDER } from '../abi/layout.js';
import { parseElf } from '../bytecode/elf.js';
import type { PacketFilter, WantedMark } from './packet-filter.js';

/** Packets whose mark, under the mask, equals this mark under the mask. */
export function markFilter(mark: number, mask: number): PacketFilter {
  return { mark: { value: (mark & mask) >>> 0, mask } };
}

/** A BPF instruction: opcode u8, registers u8, offset s16, immediate s32. */
const INSTRUCTION_BYTES = 8;
const BPF_ALU64_AND_K = 0x57;
const BPF_ALU64_XOR_K = 0xa7;
const BPF_ALU64_MOV_K = 0xb7;

/** A copy of a BPF object with the mark in its programs. */
export function setMark(object: Uint8Array, { value, mask }: WantedMark): Uint8Array {
  const bytes = Uint8Array.from(object);
  const view = new DataView(bytes.buffer);
  const { sections, symbols } = parseElf(bytes);
  const withCode = new Set(
    symbols.filter(({ kind, defined }) => defined && kind === 'function').map(({ section }) => section),
  );
  for (const index of withCode) {
    const section = sections[index];
    if (!section) continue;
    const end = section.offset + section.length - (section.length % INSTRUCTION_BYTES);
    for (let at = section.offset; at < end; at += INSTRUCTION_BYTES) {
      const opcode = bytes[at];
      const immediate = view.getUint32(at + 4, true);
      if (opcode === BPF_ALU64_AND_K && immediate === IPFT_MASK_PLACEHOLDER) view.setUint32(at + 4, mask, true);
      if (opcode === BPF_ALU64_MOV_K && immediate === IPFT_ANY_MARK_PLACEHOLDER)
        view.setUint32(at + 4, mask === 0 ? 1 : 0, true);
      if (opcode === BPF_ALU64_XOR_K && immediate === IPFT_MARK_PLACEHOLDER) view.setUint32(at + 4, value, true);
    }
  }
  return bytes;
}
