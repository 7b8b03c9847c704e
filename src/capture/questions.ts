/**
 * What the programs ask at an event of a followed packet only where it is wanted: see enum ipft_switch_constant of
 * `bpf/abi/config.h`. Pure.
 */
import { IPFT_SNAPSHOTS_PLACEHOLDER, IPFT_WHO_PLACEHOLDER } from '../abi/layout.js';
import { changeInstructions, immediateAt, opcodeAt, setImmediate32, setOpcode } from '../bytecode/instructions.js';

/** Of 64 bits without a sign. */
const BPF_JMP_JGT_K = 0x25;
const BPF_JMP_JGE_K = 0x35;
const BPF_JMP_JLT_K = 0xa5;
const BPF_JMP_JLE_K = 0xb5;

/** Jumps that compare with a placeholder, or with one less: the compiler chooses. They ask whether, or whether not. */
const JUMPS: readonly { readonly opcode: number; readonly less: number; readonly ifWanted: boolean }[] = [
  { opcode: BPF_JMP_JGE_K, less: 0, ifWanted: true },
  { opcode: BPF_JMP_JGT_K, less: 1, ifWanted: true },
  { opcode: BPF_JMP_JLT_K, less: 0, ifWanted: false },
  { opcode: BPF_JMP_JLE_K, less: 1, ifWanted: false },
];

/** A copy of a BPF object whose programs take snapshots, or do nothing for them. */
export function switchSnapshots(object: Uint8Array, areTaken: boolean): Uint8Array {
  return answer(object, IPFT_SNAPSHOTS_PLACEHOLDER, areTaken);
}

/** A copy of a BPF object whose programs tell which processes packets belong to, or do nothing for that. */
export function switchWho(object: Uint8Array, isTold: boolean): Uint8Array {
  return answer(object, IPFT_WHO_PLACEHOLDER, isTold);
}

function answer(object: Uint8Array, placeholder: number, isWanted: boolean): Uint8Array {
  return changeInstructions(object, (view, at) => {
    const [opcode, immediate] = [opcodeAt(view, at), immediateAt(view, at)];
    const jump = JUMPS.find((one) => one.opcode === opcode && one.less + immediate === placeholder);
    if (!jump) return;
    // Any number is at least 0, and none is below.
    setOpcode(view, at, jump.ifWanted === isWanted ? BPF_JMP_JGE_K : BPF_JMP_JLT_K);
    setImmediate32(view, at, 0);
  });
}
