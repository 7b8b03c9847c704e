/**
 * Translates what libpcap has compiled into a function that asks an skb. Pure: the same programs and the same layout
 * give the same bytes.
 *
 * A packet is what libpcap would capture, as far as it lies in the linear part of the skb: what lies beyond, in pages,
 * can't be read, and an expression that reads it does not match, as if the capture were that short.
 */

import type { DirectReads } from '../../btf/direct-reads.js';
import { Assembler, type Condition, Label, type Operation, type Register } from '../../bytecode/assembler.js';
import * as classic from './classic-bpf.js';
import { A, BASE, IS_TAGGED, LENGTH, LIMIT, MEMORY, SKB, X } from './frame.js';
import { ETHERNET_BYTES, IPV4_BYTES, type LateFields, writeIsWritten, writeSearch } from './headers.js';
import { CopyingReader, DirectReader, type MemoryReader, TAG_END } from './memory-reader.js';
import type { DeviceLayout, SkbLayout } from './skb-layout.js';
import { writeTunnelSearch } from './tunnels.js';

type Program = readonly classic.ClassicInstruction[];

/** An expression, compiled. */
export interface Programs {
  /** For packets with Ethernet's header. */
  readonly ethernet: Program;
  /** For packets that begin with IP's. */
  readonly ip: Program;
}

export interface Translation {
  /** What the packet has to be; undefined: anything. */
  readonly outer?: Programs | undefined;
  /** What the packet within a tunnel has to be; undefined: anything, or there is none. */
  readonly inner?: (Programs & { readonly device: DeviceLayout }) | undefined;
  readonly layout: SkbLayout;
  /** Undefined: the packet is read with a helper. */
  readonly direct: DirectReads | undefined;
}

/**
 * The code of `int f(struct sk_buff *skb)`: 1 for a packet that matches, else 0.
 * @throws JumpTooFarError if it is too long
 */
export function translate({ outer, inner, layout, direct }: Translation): Uint8Array {
  const asm = new Assembler();
  const [reject, isFound, isWanted] = [new Label(), new Label(), new Label()];
  asm.store(8, 'r10', SKB, 'r1');
  const prepare = ({ ethernet, ip }: Programs, accept?: Label, acceptIp?: Label) => {
    const prefix = Math.max(readPrefix(ethernet), readPrefix(ip));
    const reader = direct ? new DirectReader(asm, direct) : new CopyingReader(asm, reject, prefix);
    const finding = { asm, layout, reader, reject };
    return {
      finding,
      whenEthernet: () => new Body({ ...finding, accept, program: ethernet, isEthernet: true }).write(),
      whenIp: () => new Body({ ...finding, accept: acceptIp, program: ip, isEthernet: false }).write(),
    };
  };
  if (outer) {
    const { finding, whenEthernet, whenIp } = prepare(outer, inner && isWanted, isFound);
    writeSearch(finding, whenEthernet, whenIp);
    if (!classic.rejectsAll(outer.ip)) {
      asm.place(isFound);
      writeIsWritten(finding, lateFieldsOf(outer.ip));
      if (inner) asm.goto(isWanted);
      else writeReturn(asm, 1);
    }
  }
  // The verifier refuses instructions that nothing leads to.
  const isReached = !outer || !(classic.rejectsAll(outer.ethernet) && classic.rejectsAll(outer.ip));
  if (inner && isReached) {
    const { finding, whenEthernet, whenIp } = prepare(inner);
    asm.place(isWanted);
    const about = { device: inner.device, late: lateFieldsOf(inner.ip) };
    writeTunnelSearch(finding, about, whenEthernet, whenIp);
  }
  asm.place(reject);
  writeReturn(asm, 0);
  return asm.finish();
}

function writeReturn(asm: Assembler, value: 0 | 1): void {
  asm.mov32('r0', value);
  asm.exit();
}

/** How many of the packet's first bytes a program reads at known offsets. */
function readPrefix(program: Program): number {
  const ends = program.map(({ code, k }) => (isAbsolute(code) ? k + classic.sizeOf(code) : isMsh(code) ? k + 1 : 0));
  return Math.max(0, ...ends);
}

/** The bytes that IP writes last: of IPv4 the length and the checksum, of IPv6 the length. */
const LATE_IPV4 = [
  [2, 4],
  [10, 12],
] as const;
const LATE_IPV6 = [[4, 6]] as const;

/** Whether a program reads such bytes, or may: where it computes an offset that is not that of the header behind IP's. */
function lateFieldsOf(program: Program): LateFields {
  const readsX = program.some(({ code }) => isLoad(code) && classic.modeOf(code) === classic.IND);
  const isComputed = readsX && program.some(({ code }) => setsX(code) && !isMsh(code));
  const reads = (ranges: readonly (readonly [number, number])[]) =>
    isComputed ||
    program.some(({ code, k }) =>
      ranges.some(([from, to]) => isAbsolute(code) && k < to && k + classic.sizeOf(code) > from),
    );
  return { ipv4: reads(LATE_IPV4), ipv6: reads(LATE_IPV6) };
}

const isLoad = (code: number) => classic.classOf(code) === classic.LD;
const setsX = (code: number) =>
  classic.classOf(code) === classic.LDX ||
  (classic.classOf(code) === classic.MISC && !(classic.operationOf(code) & TXA));
const isAbsolute = (code: number) => classic.classOf(code) === classic.LD && classic.modeOf(code) === classic.ABS;
const isMsh = (code: number) => classic.classOf(code) === classic.LDX && classic.modeOf(code) === classic.MSH;

const OPERATIONS: Readonly<Record<number, Operation>> = {
  ...{ 0: 'add', 16: 'sub', 32: 'mul', 48: 'div', 64: 'or', 80: 'and' },
  ...{ 96: 'lsh', 112: 'rsh', 144: 'mod', 160: 'xor' },
};
const NEG = 0x80;
const CONDITIONS: Record<number, Condition> = { 16: '==', 32: '>', 48: '>=', 64: 'set' };
const INVERSE: Partial<Record<Condition, Condition>> = { '==': '!=', '>': '<=', '>=': '<' };
const TXA = 0x80;
/** No packet is so long. */
const TOO_FAR = 0x7fffffff;

interface BodyOptions {
  readonly asm: Assembler;
  readonly layout: SkbLayout;
  readonly reader: MemoryReader;
  readonly reject: Label;
  /** Where to go if the packet matches; undefined: the function ends. */
  readonly accept: Label | undefined;
  readonly program: Program;
  readonly isEthernet: boolean;
}

/** What is known of a packet at an instruction. */
interface Facts {
  /** How many of its bytes are known to be readable. */
  readonly readable: number;
  /** The constant of the last indirect load, if X is what it was and the reader can read near it; else undefined. */
  readonly near: number | undefined;
}

/** What is known where two ways meet. */
function meet(one: Facts | undefined, other: Facts): Facts {
  if (one === undefined) return other;
  return {
    readable: Math.min(one.readable, other.readable),
    near: one.near === other.near ? one.near : undefined,
  };
}

/** One of libpcap's programs, for a packet that is open. Instructions that can't be reached are left out: the verifier refuses them. */
class Body {
  readonly #asm: Assembler;
  readonly #layout: SkbLayout;
  readonly #reader: MemoryReader;
  readonly #reject: Label;
  readonly #accept: Label | undefined;
  readonly #program: Program;
  readonly #isEthernet: boolean;
  readonly #labels: readonly Label[];
  /** By instruction; undefined if it can't be reached. */
  readonly #facts: (Facts | undefined)[];

  constructor({ asm, layout, reader, reject, accept, program, isEthernet }: BodyOptions) {
    this.#asm = asm;
    this.#layout = layout;
    this.#reader = reader;
    this.#reject = reject;
    this.#accept = accept;
    this.#program = program;
    this.#isEthernet = isEthernet;
    this.#labels = program.map(() => new Label());
    this.#facts = program.map(() => undefined);
    this.#facts[0] = { readable: isEthernet ? ETHERNET_BYTES : IPV4_BYTES, near: undefined };
  }

  write(): void {
    const asm = this.#asm;
    if (this.#program.some(({ code }) => usesLength(code))) this.#writeLength();
    asm.mov32(A, 0);
    asm.mov32(X, 0);
    for (const word of memoryOf(this.#program)) asm.store(4, 'r10', MEMORY + 4 * word, 0);
    for (const [index, instruction] of this.#program.entries()) {
      const before = this.#facts[index];
      if (before === undefined) continue;
      asm.place(this.#labels[index]!);
      const after = this.#writeOne(instruction, index, before);
      for (const target of classic.targetsOf(this.#program, index)) {
        this.#facts[target] = meet(this.#facts[target], after);
      }
    }
  }

  /** The length of the whole packet: from its first header on, with the tag that was put back. */
  #writeLength(): void {
    const asm = this.#asm;
    this.#reader.readMember(8, A, this.#layout.data);
    asm.load(8, 'r1', 'r10', BASE);
    asm.alu('sub', A, 'r1');
    this.#reader.readMember(4, 'r1', this.#layout.len);
    asm.alu('add', A, 'r1');
    asm.store(8, 'r10', LENGTH, A);
  }

  /** @returns what is known afterwards */
  #writeOne({ code, jt, jf, k }: classic.ClassicInstruction, index: number, facts: Facts): Facts {
    const asm = this.#asm;
    switch (classic.classOf(code)) {
      case classic.LD:
        return this.#writeLoad(A, code, k, facts);
      case classic.LDX:
        return { ...this.#writeLoad(X, code, k, facts), near: undefined };
      case classic.ST:
        asm.store(4, 'r10', MEMORY + 4 * k, A);
        return facts;
      case classic.STX:
        asm.store(4, 'r10', MEMORY + 4 * k, X);
        return facts;
      case classic.ALU:
        this.#writeOperation(code, k);
        return facts;
      case classic.JMP:
        this.#writeJump(code, k, index + 1 + (code === classic.JA ? k : jt), index + 1 + jf, index + 1);
        return facts;
      case classic.RET:
        if (code & 0x10) this.#returnA();
        else this.#return(k === 0 ? 0 : 1);
        return facts;
      default:
        if (classic.operationOf(code) & TXA) {
          asm.mov32(A, X);
          return facts;
        }
        asm.mov32(X, A);
        return { ...facts, near: undefined };
    }
  }

  #writeLoad(to: Register, code: number, k: number, facts: Facts): Facts {
    const asm = this.#asm;
    const size = classic.sizeOf(code);
    switch (classic.modeOf(code)) {
      case classic.IMM:
        asm.mov32(to, k);
        return facts;
      case classic.MEM:
        asm.load(4, to, 'r10', MEMORY + 4 * k);
        return facts;
      case classic.LEN:
        asm.load(4, to, 'r10', LENGTH);
        return facts;
      case classic.ABS:
        return this.#readAt(size, to, k, facts);
      case classic.MSH: {
        const next = this.#readAt(1, to, k, facts);
        asm.alu32('and', to, 0xf);
        asm.alu32('lsh', to, 2);
        return next;
      }
      default:
        return { ...facts, near: this.#readIndirect(size, to, k, facts) };
    }
  }

  /** Reads bytes at k. The packet is rejected unless they can be read. */
  #readAt(size: 1 | 2 | 4, to: Register, k: number, { readable, near }: Facts): Facts {
    const end = k + size;
    if (end > readable) this.#asm.jumpIf(LIMIT, 's<', Math.min(end, TOO_FAR), this.#reject);
    this.#reader.readAt(size, to, Math.min(k, TOO_FAR - size));
    return { readable: Math.max(end, readable), near: this.#reader.keepsNear(size, k) ? near : undefined };
  }

  /** Reads bytes at X + k. @returns what to read near next */
  #readIndirect(size: 1 | 2 | 4, to: Register, k: number, { near }: Facts): number {
    const asm = this.#asm;
    if (near !== undefined && k >= near && k + size <= near + this.#reader.nearBytes) {
      asm.mov32('r1', k + size);
      asm.alu('add', 'r1', X);
      asm.jumpIf('r1', 's>', LIMIT, this.#reject);
      this.#reader.readNear(size, to, k - near);
      return near;
    }
    asm.mov32('r1', k);
    asm.alu('add', 'r1', X);
    asm.mov('r2', 'r1');
    asm.alu('add', 'r2', size);
    asm.jumpIf('r2', 's>', LIMIT, this.#reject);
    if (this.#isEthernet && k < TAG_END) {
      // Before a tag that was put back the bytes are elsewhere. What the packet would answer is not known there.
      const isBehind = new Label();
      asm.jumpIf('r1', '>=', TAG_END, isBehind);
      asm.load(4, 'r2', 'r10', IS_TAGGED);
      asm.jumpIf('r2', '!=', 0, this.#reject);
      asm.place(isBehind);
    }
    this.#reader.readAtRegister(size, to);
    return k;
  }

  #writeOperation(code: number, k: number): void {
    const asm = this.#asm;
    const which = classic.operationOf(code);
    if (which === NEG) {
      asm.negate32(A);
      return;
    }
    const operation = OPERATIONS[which];
    if (operation === undefined) throw new Error(`classic BPF has no operation ${which}`);
    if (!classic.usesX(code)) {
      if ((operation === 'lsh' || operation === 'rsh') && k > 31) asm.mov32(A, 0);
      else if ((operation === 'div' || operation === 'mod') && k === 0) asm.goto(this.#reject);
      else asm.alu32(operation, A, k);
      return;
    }
    if (operation === 'div' || operation === 'mod') asm.jumpIf32(X, '==', 0, this.#reject);
    if (operation !== 'lsh' && operation !== 'rsh') {
      asm.alu32(operation, A, X);
      return;
    }
    const [isFar, end] = [new Label(), new Label()];
    asm.jumpIf32(X, '>', 31, isFar);
    asm.alu32(operation, A, X);
    asm.goto(end);
    asm.place(isFar);
    asm.mov32(A, 0);
    asm.place(end);
  }

  #writeJump(code: number, k: number, whenTrue: number, whenFalse: number, next: number): void {
    const asm = this.#asm;
    const [yes, no] = [this.#labels[whenTrue]!, this.#labels[whenFalse]!];
    const condition = CONDITIONS[classic.operationOf(code)];
    if (condition === undefined || whenTrue === whenFalse) {
      if (whenTrue !== next) asm.goto(yes);
      return;
    }
    const right = classic.usesX(code) ? X : k;
    const inverse = INVERSE[condition];
    if (whenTrue === next && inverse !== undefined) {
      asm.jumpIf32(A, inverse, right, no);
      return;
    }
    asm.jumpIf32(A, condition, right, yes);
    if (whenFalse !== next) asm.goto(no);
  }

  #return(value: 0 | 1): void {
    if (value === 1 && this.#accept) {
      this.#asm.goto(this.#accept);
      return;
    }
    writeReturn(this.#asm, value);
  }

  #returnA(): void {
    this.#asm.jumpIf32(A, '==', 0, this.#reject);
    this.#return(1);
  }
}

function usesLength(code: number): boolean {
  const kind = classic.classOf(code);
  return (kind === classic.LD || kind === classic.LDX) && classic.modeOf(code) === classic.LEN;
}

/** The words of memory that a program reads. */
function memoryOf(program: Program): Set<number> {
  const words = program.flatMap(({ code, k }) => {
    const kind = classic.classOf(code);
    return (kind === classic.LD || kind === classic.LDX) && classic.modeOf(code) === classic.MEM ? [k] : [];
  });
  return new Set(words);
}
