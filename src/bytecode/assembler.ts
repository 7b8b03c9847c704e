/**
 * Writes BPF instructions. Pure: the same calls give the same bytes on every machine.
 *
 * Source of the format: `linux/bpf.h` and `Documentation/bpf/standardization/instruction-set.rst` of the kernel.
 *
 *     instruction  opcode u8, registers u8 (destination: bits 0-3, source: 4-7), offset s16, immediate s32; little-endian
 */

/** r0: results of calls; r1 to r5: arguments, lost in a call; r6 to r9: kept; r10: the end of the stack, read-only. */
export type Register = 'r0' | 'r1' | 'r2' | 'r3' | 'r4' | 'r5' | 'r6' | 'r7' | 'r8' | 'r9' | 'r10';
/** A register, or a number of 32 bits. Operations of 64 bits extend its sign. */
export type Operand = Register | number;
/** In bytes. */
export type Size = 1 | 2 | 4 | 8;
export type Operation = keyof typeof OPERATIONS;
export type Condition = keyof typeof CONDITIONS;

const OPERATIONS = {
  ...{ add: 0x00, sub: 0x10, mul: 0x20, div: 0x30, or: 0x40, and: 0x50 },
  ...{ lsh: 0x60, rsh: 0x70, mod: 0x90, xor: 0xa0, mov: 0xb0, arsh: 0xc0 },
} as const;
/** `s` compares signed numbers; `set` asks whether any bit is set in both. */
const CONDITIONS = {
  ...{ '==': 0x10, '>': 0x20, '>=': 0x30, set: 0x40, '!=': 0x50, 's>': 0x60, 's>=': 0x70 },
  ...{ '<': 0xa0, '<=': 0xb0, 's<': 0xc0, 's<=': 0xd0 },
} as const;
const SIZES: Record<Size, number> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };

const BPF_LD = 0x00;
const BPF_LDX = 0x01;
const BPF_ST = 0x02;
const BPF_STX = 0x03;
const BPF_ALU = 0x04;
const BPF_JMP = 0x05;
const BPF_JMP32 = 0x06;
const BPF_ALU64 = 0x07;
const BPF_IMM = 0x00;
const BPF_MEM = 0x60;
/** The second operand is a register. */
const BPF_X = 0x08;
const BPF_NEG = 0x80;
const BPF_END = 0xd0;
/** With BPF_END: to big-endian. */
const BPF_TO_BE = 0x08;
const BPF_CALL = 0x80;
const BPF_EXIT = 0x90;
/** The source of a call of a function of the same program: r1. */
const BPF_PSEUDO_CALL = 'r1';
/** The source of a call whose immediate is the BTF id of a kernel function. */
const BPF_PSEUDO_KFUNC_CALL = 2;
export const INSTRUCTION_BYTES = 8;
const MAX_JUMP = 0x7fff;

/** A place in the code that jumps lead to, forward or back. */
export class Label {
  /** The index of the instruction; undefined until it is placed. */
  at: number | undefined;
}

export interface FunctionCall {
  /** The index of the instruction. */
  readonly at: number;
  readonly name: string;
}

/** A jump leads farther than 32,767 instructions. */
export class JumpTooFarError extends RangeError {}

/** Collects instructions; jumps get their offsets in `finish`. Registers and numbers are told apart by their types. */
export class Assembler {
  readonly #words: number[] = [];
  readonly #jumps: { readonly at: number; readonly to: Label }[] = [];
  readonly #calls: FunctionCall[] = [];

  /** The number of instructions. */
  get length(): number {
    return this.#words.length / 2;
  }

  /** Places a label before the next instruction. */
  place(label: Label): void {
    if (label.at !== undefined) throw new Error('a label can be placed only once');
    label.at = this.length;
  }

  /** `to = to OPERATION by`, of 64 bits. */
  alu(operation: Operation, to: Register, by: Operand): void {
    this.#operate(BPF_ALU64, OPERATIONS[operation], to, by);
  }

  /** The same of 32 bits; the upper half of `to` becomes 0. */
  alu32(operation: Operation, to: Register, by: Operand): void {
    this.#operate(BPF_ALU, OPERATIONS[operation], to, by);
  }

  mov(to: Register, from: Operand): void {
    this.alu('mov', to, from);
  }

  mov32(to: Register, from: Operand): void {
    this.alu32('mov', to, from);
  }

  negate(to: Register): void {
    this.#emit(BPF_ALU64 | BPF_NEG, to);
  }

  negate32(to: Register): void {
    this.#emit(BPF_ALU | BPF_NEG, to);
  }

  /** Makes host order of network order, or the other way round; bits beyond become 0. */
  swap(to: Register, bits: 16 | 32 | 64): void {
    this.#emit(BPF_ALU | BPF_END | BPF_TO_BE, to, 'r0', 0, bits);
  }

  /** A number of 64 bits: two instructions. */
  mov64(to: Register, value: bigint): void {
    this.#emit(BPF_LD | BPF_IMM | SIZES[8], to, 'r0', 0, Number(BigInt.asIntN(32, value)));
    this.#emit(0, 'r0', 'r0', 0, Number(BigInt.asIntN(32, value >> 32n)));
  }

  /** `to = *(size *)(base + offset)`; the bits beyond become 0. */
  load(size: Size, to: Register, base: Register, offset: number): void {
    this.#emit(BPF_LDX | BPF_MEM | SIZES[size], to, base, offset);
  }

  /** `*(size *)(base + offset) = from` */
  store(size: Size, base: Register, offset: number, from: Operand): void {
    if (typeof from === 'number') this.#emit(BPF_ST | BPF_MEM | SIZES[size], base, 'r0', offset, from);
    else this.#emit(BPF_STX | BPF_MEM | SIZES[size], base, from, offset);
  }

  /** Jumps if `left CONDITION right`, of 64 bits. */
  jumpIf(left: Register, condition: Condition, right: Operand, label: Label): void {
    this.#compare(BPF_JMP, left, condition, right, label);
  }

  /** Jumps if `left CONDITION right`, of the lower halves. Requires Linux 5.1. */
  jumpIf32(left: Register, condition: Condition, right: Operand, label: Label): void {
    this.#compare(BPF_JMP32, left, condition, right, label);
  }

  goto(label: Label): void {
    this.#jumps.push({ at: this.length, to: label });
    this.#emit(BPF_JMP);
  }

  /** Calls a helper. @param id a `BPF_FUNC_…` */
  call(id: number): void {
    this.#emit(BPF_JMP | BPF_CALL, 'r0', 'r0', 0, id);
  }

  /** Calls a kernel function. @param btfId its id in the BTF of the kernel */
  callKernel(btfId: number): void {
    this.#words.push(BPF_JMP | BPF_CALL | (BPF_PSEUDO_KFUNC_CALL << 12), btfId);
  }

  /** Calls a function that another object defines: the linker finds it by its name. */
  callFunction(name: string): void {
    this.#calls.push({ at: this.length, name });
    this.#emit(BPF_JMP | BPF_CALL, 'r0', BPF_PSEUDO_CALL, 0, -1);
  }

  /** The calls of functions that are defined elsewhere: the index of the instruction, and the name. */
  get functionCalls(): readonly FunctionCall[] {
    return this.#calls;
  }

  exit(): void {
    this.#emit(BPF_JMP | BPF_EXIT);
  }

  /** The instructions as bytes. @throws JumpTooFarError */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.length * INSTRUCTION_BYTES);
    const view = new DataView(bytes.buffer);
    for (const [index, word] of this.#words.entries()) view.setUint32(index * 4, word, true);
    for (const { at, to } of this.#jumps) {
      if (to.at === undefined) throw new Error('a jump leads to a label that was not placed');
      const distance = to.at - at - 1;
      if (Math.abs(distance) > MAX_JUMP) throw new JumpTooFarError(`a jump of ${distance} instructions`);
      view.setInt16(at * INSTRUCTION_BYTES + 2, distance, true);
    }
    return bytes;
  }

  #operate(kind: number, operation: number, to: Register, by: Operand): void {
    if (typeof by === 'number') this.#emit(kind | operation, to, 'r0', 0, by);
    else this.#emit(kind | operation | BPF_X, to, by);
  }

  #compare(kind: number, left: Register, condition: Condition, right: Operand, label: Label): void {
    this.#jumps.push({ at: this.length, to: label });
    this.#operate(kind, CONDITIONS[condition], left, right);
  }

  #emit(opcode: number, to: Register = 'r0', from: Register = 'r0', offset = 0, immediate = 0): void {
    if (offset < -0x8000 || offset > MAX_JUMP) throw new RangeError(`an offset of ${offset}`);
    if (immediate < -0x80000000 || immediate > 0xffffffff) throw new RangeError(`an immediate of ${immediate}`);
    const registers = numberOf(to) | (numberOf(from) << 4);
    this.#words.push((opcode | (registers << 8) | (offset << 16)) >>> 0, immediate >>> 0);
  }
}

function numberOf(register: Register): number {
  return Number(register.slice(1));
}
