/** Snapshots of packets in the programs: see enum ipft_switch_constant of `bpf/abi/config.h`. Pure. */
import { IPFT_SNAPSHOTS_PLACEHOLDER } from '../abi/layout.js';
import { changeInstructions, immediateAt, opcodeAt, setImmediate32, setOpcode } from '../bytecode/instructions.js';

/** Of 64 bits without a sign. */
const BPF_JMP_JGT_K = 0x25;
const BPF_JMP_JGE_K = 0x35;
const BPF_JMP_JLT_K = 0xa5;
const BPF_JMP_JLE_K = 0xb5;

/** Jumps that ask whether snapshots are taken, or whether not: the compiler chooses the comparison. */
const JUMPS: readonly { readonly opcode: number; readonly immediate: number; readonly ifTaken: boolean }[] = [
  { opcode: BPF_JMP_JGE_K, immediate: IPFT_SNAPSHOTS_PLACEHOLDER, ifTaken: true },
  { opcode: BPF_JMP_JGT_K, immediate: IPFT_SNAPSHOTS_PLACEHOLDER - 1, ifTaken: true },
  { opcode: BPF_JMP_JLT_K, immediate: IPFT_SNAPSHOTS_PLACEHOLDER, ifTaken: false },
  { opcode: BPF_JMP_JLE_K, immediate: IPFT_SNAPSHOTS_PLACEHOLDER - 1, ifTaken: false },
];

/** A copy of a BPF object whose programs take snapshots, or do nothing for them. */
export function switchSnapshots(object: Uint8Array, areTaken: boolean): Uint8Array {
  return changeInstructions(object, (view, at) => {
    const [opcode, immediate] = [opcodeAt(view, at), immediateAt(view, at)];
    const jump = JUMPS.find((one) => one.opcode === opcode && one.immediate === immediate);
    if (!jump) return;
    // Any number is at least 0, and none is below.
    setOpcode(view, at, jump.ifTaken === areTaken ? BPF_JMP_JGE_K : BPF_JMP_JLT_K);
    setImmediate32(view, at, 0);
  });
}
