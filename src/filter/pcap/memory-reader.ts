/** How a compiled filter reads the skb and its packet: without helpers where the kernel can, else with one. Pure. */

import { type DirectReads, WINDOW_BYTES } from '../../btf/direct-reads.js';
import type { Assembler, Label, Register, Size } from '../../bytecode/assembler.js';
import { BASE, BEGINNING, COPY, IS_TAGGED, PACKET, SCRATCH, SKB, TAG_BYTES } from './frame.js';

/** How many bytes of the packet are kept on the stack: a load from there is one instruction, one from the packet eight. */
const BEGINNING_BYTES = 16;
/** Bytes of Ethernet's addresses, and the end of the VLAN tag that may be put back behind them. */
export const ADDRESSES_BYTES = 12;
export const TAG_END = 16;

/**
 * Writes the instructions that read. Unless it says otherwise, each loses r0 to r5, and puts a value into `to` in host
 * order. Offsets in the packet count from BASE.
 */
export interface MemoryReader {
  /** Where bytes 12 to 15 of a packet with Ethernet's header are on the stack. */
  readonly typeAt: number;
  /** Makes the members of the skb within `WINDOW_BYTES` from here readable by `loadMember`. */
  openSkb(from: number): void;
  /** Loads a member after `openSkb`, before any other call. Loses nothing. */
  loadMember(size: Size, to: Register, offset: number): void;
  /** Whether `loadMember` can load so many bytes. */
  canLoad(size: Size, offset: number): boolean;
  /** Reads any member of the skb. */
  readMember(size: Size, to: Register, offset: number): void;
  /** Reads 8 bytes of the kernel's memory at the address in a register, into the same. */
  readAddress(register: Register): void;
  /** Makes the packet readable. Its address is in PACKET, which then belongs to the reader, and in BASE. */
  openPacket(hasEthernet: boolean): void;
  /** A VLAN tag was put at `typeAt`, and BASE moved. */
  openTagged(): void;
  /** Reads bytes at an offset that is known, and within the packet. */
  readAt(size: 1 | 2 | 4, to: Register, offset: number): void;
  /** Reads bytes at the offset in r1, which is within the packet. */
  readAtRegister(size: 1 | 2 | 4, to: Register): void;
  /**
   * How many bytes behind the offset of `readAtRegister` are readable by `readNear`, until another call of the reader
   * that is not `readNear`, nor `readAt` where `keepsNear` says so.
   */
  readonly nearBytes: number;
  /** Whether `readAt` leaves `readNear` as it was. */
  keepsNear(size: 1 | 2 | 4, offset: number): boolean;
  /** Reads bytes at a distance from where `readAtRegister` read last. Loses r1. */
  readNear(size: 1 | 2 | 4, to: Register, distance: number): void;
}

/** Makes a number in network order one of the machine. */
export function toHostOrder(asm: Assembler, size: 1 | 2 | 4, register: Register): void {
  if (size > 1) asm.swap(register, size === 2 ? 16 : 32);
}

/**
 * Loads a number in network order from the stack. The verifier wants such loads aligned: others are made of smaller
 * ones. `by` is lost.
 */
export function loadFromStack(asm: Assembler, size: 1 | 2 | 4, to: Register, at: number, by: Register): void {
  if (at % size === 0) {
    asm.load(size, to, 'r10', at);
    toHostOrder(asm, size, to);
    return;
  }
  const half = at % 2 === 0 && size === 4 ? 2 : 1;
  asm.load(half, to, 'r10', at);
  toHostOrder(asm, half, to);
  for (let next = half; next < size; next += half) {
    asm.load(half, by, 'r10', at + next);
    toHostOrder(asm, half, by);
    asm.alu32('lsh', to, half * 8);
    asm.alu32('or', to, by);
  }
}

/**
 * Reads through pointers that the kernel lets programs read without a helper; a pointer that leads nowhere reads 0.
 * Requires Linux 6.2, and 6.4 to be safe.
 */
export class DirectReader implements MemoryReader {
  readonly typeAt = BEGINNING;
  readonly nearBytes = 8;
  readonly #asm: Assembler;
  readonly #types: DirectReads;
  #windowFrom = 0;
  #hasEthernet = false;

  constructor(asm: Assembler, types: DirectReads) {
    this.#asm = asm;
    this.#types = types;
  }

  openSkb(from: number): void {
    this.#windowFrom = from;
    this.#asm.load(8, 'r1', 'r10', SKB);
    this.#asm.alu('add', 'r1', from);
    this.#cast(this.#types.window);
  }

  loadMember(size: Size, to: Register, offset: number): void {
    this.#asm.load(size, to, 'r0', offset - this.#windowFrom);
  }

  canLoad(size: Size, offset: number): boolean {
    return offset >= this.#windowFrom && offset + size <= this.#windowFrom + WINDOW_BYTES;
  }

  readMember(size: Size, to: Register, offset: number): void {
    this.#asm.load(8, 'r1', 'r10', SKB);
    this.#asm.alu('add', 'r1', offset);
    this.#cast(this.#types.word);
    this.#asm.load(size, to, 'r0', 0);
  }

  readAddress(register: Register): void {
    if (register !== 'r1') this.#asm.mov('r1', register);
    this.#cast(this.#types.word);
    this.#asm.load(8, register, 'r0', 0);
  }

  openPacket(hasEthernet: boolean): void {
    const asm = this.#asm;
    this.#hasEthernet = hasEthernet;
    asm.store(8, 'r10', BASE, PACKET);
    asm.mov('r1', PACKET);
    this.#cast(this.#types.window);
    asm.mov(PACKET, 'r0');
    for (let at = 0; at < BEGINNING_BYTES; at += 8) {
      asm.load(8, 'r1', PACKET, this.#beginning + at);
      asm.store(8, 'r10', BEGINNING + at, 'r1');
    }
  }

  openTagged(): void {
    const asm = this.#asm;
    asm.load(8, 'r1', 'r10', BASE);
    this.#cast(this.#types.window);
    asm.mov(PACKET, 'r0');
    asm.load(4, 'r1', PACKET, TAG_END);
    asm.store(4, 'r10', BEGINNING + TAG_BYTES, 'r1');
    asm.load(8, 'r1', PACKET, TAG_END + 4);
    asm.store(8, 'r10', BEGINNING + 8, 'r1');
  }

  /** Where the bytes that are on the stack begin in the packet: with Ethernet's type, or with IP's header. */
  get #beginning(): number {
    return this.#hasEthernet ? ADDRESSES_BYTES : 0;
  }

  keepsNear(size: 1 | 2 | 4, offset: number): boolean {
    const at = offset - this.#beginning;
    return at >= 0 && at + size <= BEGINNING_BYTES;
  }

  readAt(size: 1 | 2 | 4, to: Register, offset: number): void {
    const asm = this.#asm;
    const at = offset - this.#beginning;
    const end = offset + size;
    if (this.keepsNear(size, offset)) {
      loadFromStack(asm, size, to, BEGINNING + at, 'r1');
      return;
    }
    if (at < 0 && end > ADDRESSES_BYTES) {
      this.#readAcross(to, offset, end);
      return;
    }
    if (at < 0) {
      this.#openAddresses();
      asm.load(size, to, 'r0', offset);
    } else if (end <= WINDOW_BYTES) {
      asm.load(size, to, PACKET, offset);
    } else {
      asm.load(8, 'r1', 'r10', BASE);
      asm.alu('add', 'r1', offset);
      this.#cast(this.#types.word);
      asm.load(size, to, 'r0', 0);
    }
    toHostOrder(asm, size, to);
  }

  /** Reads bytes of which the first are Ethernet's addresses, which stand before a tag that was put back. */
  #readAcross(to: Register, offset: number, end: number): void {
    const asm = this.#asm;
    asm.mov32(to, 0);
    for (let at = offset; at < end; at++) {
      asm.alu32('lsh', to, 8);
      if (at < ADDRESSES_BYTES) {
        this.#openAddresses();
        asm.load(1, 'r1', 'r0', at);
      } else {
        asm.load(1, 'r1', 'r10', BEGINNING + at - ADDRESSES_BYTES);
      }
      asm.alu32('or', to, 'r1');
    }
  }

  /** r0: the packet's first byte, whether there is a tag or not. */
  #openAddresses(): void {
    const asm = this.#asm;
    asm.load(8, 'r1', 'r10', BASE);
    asm.load(4, 'r2', 'r10', IS_TAGGED);
    asm.alu('mul', 'r2', TAG_BYTES);
    asm.alu('add', 'r1', 'r2');
    this.#cast(this.#types.window);
  }

  readAtRegister(size: 1 | 2 | 4, to: Register): void {
    const asm = this.#asm;
    asm.load(8, 'r2', 'r10', BASE);
    asm.alu('add', 'r1', 'r2');
    this.#cast(this.#types.word);
    this.readNear(size, to, 0);
  }

  readNear(size: 1 | 2 | 4, to: Register, distance: number): void {
    this.#asm.load(size, to, 'r0', distance);
    toHostOrder(this.#asm, size, to);
  }

  /** r0: r1 as a pointer to a struct that may be read. */
  #cast(type: number): void {
    this.#asm.mov32('r2', type);
    this.#asm.callKernel(this.#types.cast);
  }
}

const BPF_FUNC_probe_read_kernel = 113;
/** How much of the packet is copied to the stack at once. */
const COPIED_BYTES = 64;
/** Ethernet's header begins here, so that what is behind its 14 bytes is aligned. */
const ETHERNET_SHIFT = 2;

/** Copies memory to the stack with bpf_probe_read_kernel. Requires Linux 5.5. */
export class CopyingReader implements MemoryReader {
  readonly nearBytes = 8;
  readonly #asm: Assembler;
  readonly #reject: Label;
  readonly #copied: number;
  #windowFrom = 0;
  #copyAt = COPY;

  /**
   * @param reject where to go if memory can't be read
   * @param prefix how many of the packet's first bytes are read at known offsets
   */
  constructor(asm: Assembler, reject: Label, prefix: number) {
    this.#asm = asm;
    this.#reject = reject;
    // Two headers of IP, and Ethernet's, are looked at in any case.
    this.#copied = Math.min(COPIED_BYTES, Math.max(prefix, LEAST_COPIED));
  }

  get typeAt(): number {
    return this.#copyAt + ADDRESSES_BYTES;
  }

  openSkb(from: number): void {
    // From a multiple of 8 on, so that members are as aligned as they are in the skb.
    this.#windowFrom = from - (from % 8);
    this.#asm.load(8, 'r3', 'r10', SKB);
    this.#asm.alu('add', 'r3', this.#windowFrom);
    this.#copy(COPY, WINDOW_BYTES + 8);
  }

  loadMember(size: Size, to: Register, offset: number): void {
    this.#asm.load(size, to, 'r10', COPY + offset - this.#windowFrom);
  }

  canLoad(size: Size, offset: number): boolean {
    const end = this.#windowFrom + WINDOW_BYTES + 8;
    return offset % size === 0 && offset >= this.#windowFrom && offset + size <= end;
  }

  readMember(size: Size, to: Register, offset: number): void {
    this.#asm.load(8, 'r3', 'r10', SKB);
    this.#asm.alu('add', 'r3', offset);
    this.#copy(SCRATCH, size);
    this.#asm.load(size, to, 'r10', SCRATCH);
  }

  readAddress(register: Register): void {
    this.#asm.mov('r3', register);
    this.#copy(SCRATCH, 8);
    this.#asm.load(8, register, 'r10', SCRATCH);
  }

  openPacket(hasEthernet: boolean): void {
    this.#copyAt = COPY + (hasEthernet ? ETHERNET_SHIFT : 0);
    this.#asm.store(8, 'r10', BASE, PACKET);
    this.#asm.mov('r3', PACKET);
    // Beyond the packet there is struct skb_shared_info: it can always be read.
    this.#copy(this.#copyAt, this.#copied);
  }

  openTagged(): void {
    this.#asm.load(8, 'r3', 'r10', BASE);
    this.#asm.alu('add', 'r3', TAG_END);
    this.#copy(this.#copyAt + TAG_END, this.#copied - TAG_END);
  }

  readAt(size: 1 | 2 | 4, to: Register, offset: number): void {
    if (this.keepsNear(size, offset)) {
      loadFromStack(this.#asm, size, to, this.#copyAt + offset, 'r1');
    } else {
      this.#asm.mov32('r1', offset);
      this.readAtRegister(size, to);
    }
  }

  readAtRegister(size: 1 | 2 | 4, to: Register): void {
    const asm = this.#asm;
    asm.load(8, 'r3', 'r10', BASE);
    asm.alu('add', 'r3', 'r1');
    this.#copy(SCRATCH, this.nearBytes);
    this.readNear(size, to, 0);
  }

  keepsNear(size: 1 | 2 | 4, offset: number): boolean {
    return offset + size <= this.#copied;
  }

  readNear(size: 1 | 2 | 4, to: Register, distance: number): void {
    loadFromStack(this.#asm, size, to, SCRATCH + distance, 'r1');
  }

  /** Copies from r3. */
  #copy(to: number, bytes: number): void {
    this.#asm.mov('r1', 'r10');
    this.#asm.alu('add', 'r1', to);
    this.#asm.mov32('r2', bytes);
    this.#asm.call(BPF_FUNC_probe_read_kernel);
    this.#asm.jumpIf('r0', '!=', 0, this.#reject);
  }
}

/** As much as it takes to see the kind of a packet. */
const LEAST_COPIED = 20;
