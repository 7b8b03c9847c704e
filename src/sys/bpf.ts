/**
 * Commands of bpf(2) that the tracer gives itself: newer mechanisms than the installed libbpf knows, and many functions
 * in one call. Layouts and numbers: `union bpf_attr` and others in `linux/bpf.h`.
 */
import { SystemCallError } from '../base/errors.js';
import { Descriptor } from './descriptor.js';
import { errnoName } from './errno.js';
import { addressOf, bpf } from './libc.js';

const BPF_MAP_LOOKUP_ELEM = 1;
const BPF_PROG_LOAD = 5;
const BPF_OBJ_GET_INFO_BY_FD = 15;
const BPF_LINK_CREATE = 28;
export const BPF_PROG_TYPE_KPROBE = 2;
export const BPF_TRACE_KPROBE_MULTI = 42;

/** What goes into one kprobe.multi link. */
export interface KprobeMulti {
  /** Functions by symbol name: addresses would have to lie exactly where the kernel's own table has them. */
  readonly names: readonly string[];
  /** What `bpf_get_attach_cookie` returns at each. */
  readonly cookies: readonly number[];
}

/**
 * Attaches a program to many functions in one link. Requires Linux 5.18 and CONFIG_FPROBE.
 * @param programFd a kprobe program loaded with BPF_TRACE_KPROBE_MULTI
 * @returns the link, or a negative errno: ESRCH if a name is unknown or can't be hooked, EOPNOTSUPP without FPROBE
 */
export function linkKprobeMulti(programFd: number, { names, cookies }: KprobeMulti): Descriptor | number {
  // One block for all names: a buffer for each would be thousands.
  const text = Buffer.from(`${names.join('\0')}\0`);
  const pointers = new BigUint64Array(names.length);
  let at = addressOf(text);
  for (const [index, name] of names.entries()) {
    pointers[index] = at;
    at += BigInt(Buffer.byteLength(name) + 1);
  }
  const cookieValues = BigUint64Array.from(cookies, BigInt);
  const attr = Buffer.alloc(48);
  attr.writeUInt32LE(programFd, 0);
  attr.writeUInt32LE(BPF_TRACE_KPROBE_MULTI, 8);
  attr.writeUInt32LE(names.length, 20);
  attr.writeBigUInt64LE(addressOf(new Uint8Array(pointers.buffer)), 24);
  attr.writeBigUInt64LE(addressOf(new Uint8Array(cookieValues.buffer)), 40);
  const result = bpf(BPF_LINK_CREATE, attr);
  keepAlive(text, pointers, cookieValues);
  return result < 0 ? result : new Descriptor(result);
}

/**
 * Loads the smallest program of a type, `return 0`.
 * @returns the program, or a negative errno
 */
export function loadEmptyProgram(type: number, expectedAttachType = 0): Descriptor | number {
  const instructions = Buffer.from('b700000000000000' + '9500000000000000', 'hex'); // r0 = 0; exit
  const license = Buffer.from('GPL\0');
  const attr = Buffer.alloc(72);
  attr.writeUInt32LE(type, 0);
  attr.writeUInt32LE(instructions.length / 8, 4);
  attr.writeBigUInt64LE(addressOf(instructions), 8);
  attr.writeBigUInt64LE(addressOf(license), 16);
  attr.writeUInt32LE(expectedAttachType, 68);
  const result = bpf(BPF_PROG_LOAD, attr);
  keepAlive(instructions, license);
  return result < 0 ? result : new Descriptor(result);
}

/**
 * Whether a kprobe.multi link can be made, asked with a list of names that can't be read.
 * @returns the errno: EFAULT if the kernel went as far as reading the names, that is, if it can
 */
export function probeKprobeMulti(programFd: number): number {
  const attr = Buffer.alloc(48);
  attr.writeUInt32LE(programFd, 0);
  attr.writeUInt32LE(BPF_TRACE_KPROBE_MULTI, 8);
  attr.writeUInt32LE(1, 20);
  attr.writeBigUInt64LE(8n, 24);
  const result = bpf(BPF_LINK_CREATE, attr);
  if (result >= 0) new Descriptor(result)[Symbol.dispose]();
  return result < 0 ? -result : 0;
}

/**
 * The value of an array map's only entry; for a per-CPU map the values of all possible CPUs, one after the other.
 * @param size of what is returned, in bytes
 */
export function readMapEntry(mapFd: number, size: number): DataView {
  const key = Buffer.alloc(4);
  const value = new Uint8Array(size);
  const attr = Buffer.alloc(32);
  attr.writeUInt32LE(mapFd, 0);
  attr.writeBigUInt64LE(addressOf(key), 8);
  attr.writeBigUInt64LE(addressOf(value), 16);
  const result = bpf(BPF_MAP_LOOKUP_ELEM, attr);
  keepAlive(key);
  if (result < 0) throw new SystemCallError('bpf(BPF_MAP_LOOKUP_ELEM)', -result, errnoName(-result));
  return new DataView(value.buffer);
}

/** `bpf_prog_info.recursion_misses`: runs that the kernel left out. Linux 5.12+, 0 before. */
export function readProgramMisses(programFd: number): bigint {
  return readInfo(programFd, 232).getBigUint64(208, true);
}

/** `bpf_link_info.kprobe_multi.missed`: hits that did not reach the program. Linux 6.7+, 0 before. */
export function readLinkMisses(linkFd: number): bigint {
  return readInfo(linkFd, 64).getBigUint64(32, true);
}

/** What the kernel does not fill in stays 0. */
function readInfo(fd: number, size: number): DataView {
  const info = new Uint8Array(size);
  const attr = Buffer.alloc(16);
  attr.writeUInt32LE(fd, 0);
  attr.writeUInt32LE(size, 4);
  attr.writeBigUInt64LE(addressOf(info), 8);
  const result = bpf(BPF_OBJ_GET_INFO_BY_FD, attr);
  if (result < 0) throw new SystemCallError('bpf(BPF_OBJ_GET_INFO_BY_FD)', -result, errnoName(-result));
  return new DataView(info.buffer);
}

/** Buffers that a system call reads through a bare address must not be collected before it returns. */
function keepAlive(...buffers: unknown[]): void {
  held = buffers;
}

let held: unknown[] = [];
void held;
