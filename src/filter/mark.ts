/** Packets by their mark. The instructions that compare it hold it: see enum ipft_mark_constant of `bpf/abi/config.h`. */

import {
  IPFT_ASKS_FOR_MARK,
  IPFT_ASKS_FOR_PROCESS,
  IPFT_ASKS_NO_MARK,
  IPFT_MARK_PLACEHOLDER,
  IPFT_MARK_QUESTION_PLACEHOLDER,
  IPFT_MASK_PLACEHOLDER,
} from '../abi/layout.js';
import { changeInstructions, immediateAt, opcodeAt, setImmediate32 } from '../bytecode/instructions.js';
import type { PacketFilter } from './packet-filter.js';

/** Packets whose mark, under the mask, equals this mark under the mask. */
export function markFilter(mark: number, mask: number): PacketFilter {
  return { mark: { value: (mark & mask) >>> 0, mask } };
}

const BPF_ALU64_AND_K = 0x57;
const BPF_ALU64_XOR_K = 0xa7;
const BPF_ALU64_MOV_K = 0xb7;

/** A copy of a BPF object whose programs ask first for the mark of a filter, or for what else most packets are known by. */
export function setMark(
  object: Uint8Array,
  filter: Pick<PacketFilter, 'mark' | 'processes' | 'connections'>,
): Uint8Array {
  const { value, mask } = filter.mark;
  const question = firstQuestion(filter);
  return changeInstructions(object, (view, at) => {
    const opcode = opcodeAt(view, at);
    const immediate = immediateAt(view, at);
    if (opcode === BPF_ALU64_AND_K && immediate === IPFT_MASK_PLACEHOLDER) setImmediate32(view, at, mask);
    if (opcode === BPF_ALU64_MOV_K && immediate === IPFT_MARK_QUESTION_PLACEHOLDER) setImmediate32(view, at, question);
    if (opcode === BPF_ALU64_XOR_K && immediate === IPFT_MARK_PLACEHOLDER) setImmediate32(view, at, value);
  });
}

/** enum ipft_mark_question. */
function firstQuestion({
  mark,
  processes,
  connections,
}: Pick<PacketFilter, 'mark' | 'processes' | 'connections'>): number {
  if (mark.mask !== 0) return IPFT_ASKS_FOR_MARK;
  const isAlone = processes && !processes.withNeighbours && !connections;
  return isAlone ? IPFT_ASKS_FOR_PROCESS : IPFT_ASKS_NO_MARK;
}
