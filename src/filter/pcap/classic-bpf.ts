/**
 * Classic BPF, which libpcap compiles expressions to. Pure.
 *
 * Source of the format: `struct bpf_insn` of `pcap/bpf.h`:
 *
 *     instruction  code u16, jt u8, jf u8 (instructions that a jump skips if it is true, false), k u32
 */

export interface ClassicInstruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export const CLASSIC_BYTES = 8;
/** Words of memory that a program has. */
export const MEMORY_WORDS = 16;

/** Classes. */
export const LD = 0x00;
export const LDX = 0x01;
export const ST = 0x02;
export const STX = 0x03;
export const ALU = 0x04;
export const JMP = 0x05;
export const RET = 0x06;
export const MISC = 0x07;

/** Modes of loads. */
export const IMM = 0x00;
export const ABS = 0x20;
export const IND = 0x40;
export const MEM = 0x60;
export const LEN = 0x80;
export const MSH = 0xa0;

/** The code for a jump without a condition; `k` instructions are skipped. */
export const JA = 0x05;
/** Offsets from here on are no bytes of the packet: they ask the kernel for facts, as the direction. */
const FIRST_ANCILLARY = 0xfffff000;

export const classOf = (code: number) => code & 0x07;
export const modeOf = (code: number) => code & 0xe0;
/** The operation of ALU, the condition of JMP, MISC's kind. */
export const operationOf = (code: number) => code & 0xf0;
/** Whether the second operand is X, not k. */
export const usesX = (code: number) => (code & 0x08) !== 0;
/** The size of a load, in bytes. */
export const sizeOf = (code: number): 1 | 2 | 4 => ((code & 0x18) === 0x10 ? 1 : (code & 0x18) === 0x08 ? 2 : 4);

export function parseClassic(bytes: Uint8Array): ClassicInstruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / CLASSIC_BYTES) }, (_, index) => {
    const at = index * CLASSIC_BYTES;
    return {
      ...{ code: view.getUint16(at, true), jt: view.getUint8(at + 2), jf: view.getUint8(at + 3) },
      k: view.getUint32(at + 4, true),
    };
  });
}

/** Something that an skb can't answer, or that the kernel does not run. */
export type Unfit = 'ancillary' | 'loop' | 'malformed';

/** Looks for what can't be translated. */
export function findUnfit(program: readonly ClassicInstruction[]): Unfit | undefined {
  for (const [index, { code, k }] of program.entries()) {
    if (code === JA && (k | 0) < 0) return 'loop';
    if (targetsOf(program, index).some((target) => target >= program.length)) return 'malformed';
    const loads = classOf(code) === LD || classOf(code) === LDX;
    if (loads && [ABS, IND, MSH].includes(modeOf(code)) && k >= FIRST_ANCILLARY) return 'ancillary';
    const isMemory = (loads && modeOf(code) === MEM) || classOf(code) === ST || classOf(code) === STX;
    if (isMemory && k >= MEMORY_WORDS) return 'malformed';
  }
  return undefined;
}

/** Where an instruction leads to; nowhere at the end of the program. */
export function targetsOf(program: readonly ClassicInstruction[], index: number): number[] {
  const { code, jt, jf, k } = program[index]!;
  if (classOf(code) === RET) return [];
  if (code === JA) return [index + 1 + k];
  if (classOf(code) !== JMP) return [index + 1];
  return jt === jf ? [index + 1 + jt] : [index + 1 + jt, index + 1 + jf];
}

/** Whether a program returns 0 for every packet, as far as that can be seen without running it. */
export function rejectsAll(program: readonly ClassicInstruction[]): boolean {
  const reached = new Set([0]);
  for (const index of program.keys()) {
    if (!reached.has(index)) continue;
    const { code, k } = program[index]!;
    if (classOf(code) === RET && !(code === RET && k === 0)) return false;
    for (const target of targetsOf(program, index)) reached.add(target);
  }
  return true;
}
