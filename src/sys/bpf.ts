/**
 * Commands of bpf(2) that the tracer gives itself: newer mechanisms than the installed libbpf knows, and many functions
 * in one call. Layouts and numbers: `union bpf_attr` and others in `linux/bpf.h`.
 */
import { readSync } from 'node:fs';
import { SystemCallError } from '../base/errors.js';
import { Descriptor } from './descriptor.js';
import { ENOENT, ENOSPC, errnoName } from './errno.js';
import { addressOf, bpf, bpfAsync } from './libc.js';

const BPF_MAP_CREATE = 0;
const BPF_MAP_LOOKUP_ELEM = 1;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_PROG_LOAD = 5;
const BPF_PROG_RUN = 10;
const BPF_OBJ_GET_INFO_BY_FD = 15;
const BPF_RAW_TRACEPOINT_OPEN = 17;
const BPF_BTF_GET_FD_BY_ID = 19;
const BPF_BTF_GET_NEXT_ID = 23;
const BPF_LINK_CREATE = 28;
const BPF_ENABLE_STATS = 32;
const BPF_ITER_CREATE = 33;
const BPF_STATS_RUN_TIME = 0;
const BPF_MAP_LOOKUP_BATCH = 24;
const BPF_MAP_TYPE_PERCPU_ARRAY = 6;
/** An upper bound for the kernel's NR_CPUS. */
const MAX_CPUS = 1 << 14;
const BPF_MAP_TYPE_RINGBUF = 27;
export const BPF_PROG_TYPE_KPROBE = 2;
export const BPF_PROG_TYPE_RAW_TRACEPOINT = 17;
export const BPF_PROG_TYPE_TRACING = 26;
export const BPF_TRACE_FENTRY = 24;
export const BPF_TRACE_FEXIT = 25;
const BPF_TRACE_ITER = 28;
export const BPF_PERF_EVENT = 41;
export const BPF_TRACE_KPROBE_MULTI = 42;
export const BPF_TRACE_KPROBE_SESSION = 56;
export const BPF_TRACE_FENTRY_MULTI = 59;
export const BPF_TRACE_FEXIT_MULTI = 60;
export const BPF_TRACE_FSESSION_MULTI = 61;

/** The functions of one kprobe.multi link. */
export interface KprobeMulti {
  /**
   * Functions by symbol name, or by address. Where an instruction (ENDBR) stands before a function's hook, the kernel's
   * address of the function is not that of its symbol: only addresses that a link told (`readKprobeMulti`) are surely
   * right.
   */
  readonly functions: readonly string[] | readonly bigint[];
  /** The value of `bpf_get_attach_cookie` for each function. */
  readonly cookies: readonly number[];
}

/**
 * Attaches a program to many functions in one link. Requires Linux 5.18 (BPF_TRACE_KPROBE_MULTI) or 6.10
 * (BPF_TRACE_KPROBE_SESSION), and CONFIG_FPROBE.
 * @param programFd a kprobe program loaded with that attach type
 * @returns the link, or a negative errno: ESRCH if a name is unknown or can't be hooked, EOPNOTSUPP without FPROBE
 */
export async function linkKprobeMulti(
  programFd: number,
  attachType: number,
  { functions, cookies }: KprobeMulti,
): Promise<Descriptor | number> {
  const byName = isNames(functions);
  const list = byName ? namePointers(functions) : { pointers: BigUint64Array.from(functions), needed: [] };
  const cookieValues = BigUint64Array.from(cookies, BigInt);
  const attr = Buffer.alloc(48);
  attr.writeUInt32LE(programFd, 0);
  attr.writeUInt32LE(attachType, 8);
  attr.writeUInt32LE(functions.length, 20);
  attr.writeBigUInt64LE(addressOf(new Uint8Array(list.pointers.buffer)), byName ? 24 : 32);
  attr.writeBigUInt64LE(addressOf(new Uint8Array(cookieValues.buffer)), 40);
  return await commandAsync(BPF_LINK_CREATE, attr, [list.pointers, ...list.needed, cookieValues]);
}

function isNames(functions: readonly string[] | readonly bigint[]): functions is readonly string[] {
  return typeof functions[0] === 'string';
}

/** One block for all names, not thousands of buffers. */
function namePointers(names: readonly string[]): { pointers: BigUint64Array; needed: Uint8Array[] } {
  const text = Buffer.from(`${names.join('\0')}\0`);
  const pointers = new BigUint64Array(names.length);
  let at = addressOf(text);
  for (const [index, name] of names.entries()) {
    pointers[index] = at;
    at += BigInt(Buffer.byteLength(name) + 1);
  }
  return { pointers, needed: [text] };
}

/** A value that the kernel does not write. */
const UNWRITTEN = 0xffff_ffff_ffff_ffffn;

/**
 * The address and the cookie of each function of a kprobe.multi link, by ascending address. Empty if the kernel does
 * not tell this process, or does not tell cookies (before Linux 6.9).
 * @param count the number of the link's functions
 */
export function readKprobeMulti(linkFd: number, count: number): { address: bigint; cookie: bigint }[] {
  const addresses = new BigUint64Array(count);
  const cookies = new BigUint64Array(count).fill(UNWRITTEN);
  const info = Buffer.alloc(64);
  info.writeBigUInt64LE(addressOf(new Uint8Array(addresses.buffer)), 16);
  info.writeUInt32LE(count, 24);
  info.writeBigUInt64LE(addressOf(new Uint8Array(cookies.buffer)), 40);
  if (readInfoInto(linkFd, info) < 0 || info.readUInt32LE(24) !== count) return [];
  if (addresses.includes(0n) || cookies.includes(UNWRITTEN)) return [];
  return Array.from(addresses, (address, index) => ({ address, cookie: cookies[index]! }));
}

/** The functions of one link of trampolines. */
export interface TracingMulti {
  /** Functions by their ids in the BTF that the program was loaded for. */
  readonly ids: readonly number[];
  /** The value of `bpf_get_attach_cookie` for each function. */
  readonly cookies: readonly bigint[];
}

/**
 * Attaches a program to many functions through trampolines in one link. Requires Linux 7.2.
 * @param programFd a tracing program loaded with that attach type
 * @param attachType BPF_TRACE_FENTRY_MULTI or BPF_TRACE_FSESSION_MULTI
 * @returns the link, or a negative errno: EINVAL if one of the functions can't be hooked
 */
export async function linkTracingMulti(
  programFd: number,
  attachType: number,
  { ids, cookies }: TracingMulti,
): Promise<Descriptor | number> {
  const idValues = Uint32Array.from(ids);
  const cookieValues = BigUint64Array.from(cookies);
  const attr = Buffer.alloc(64);
  attr.writeUInt32LE(programFd, 0);
  attr.writeUInt32LE(attachType, 8);
  attr.writeBigUInt64LE(addressOf(new Uint8Array(idValues.buffer)), 16);
  attr.writeBigUInt64LE(addressOf(new Uint8Array(cookieValues.buffer)), 24);
  attr.writeUInt32LE(ids.length, 32);
  return await commandAsync(BPF_LINK_CREATE, attr, [idValues, cookieValues]);
}

/**
 * Attaches a tracing program to the function that it was loaded for. Requires Linux 5.5.
 * @returns the link, or a negative errno
 */
export async function linkTrampoline(programFd: number): Promise<Descriptor | number> {
  const attr = Buffer.alloc(16);
  attr.writeUInt32LE(programFd, 8);
  return await commandAsync(BPF_RAW_TRACEPOINT_OPEN, attr, []);
}

/**
 * Attaches a program to a tracepoint.
 * @param programFd a raw tracepoint program
 * @returns the link, or a negative errno: ENOENT if there is no such tracepoint, EINVAL if the program reads more
 * arguments than it has
 */
export async function openRawTracepoint(programFd: number, name: string): Promise<Descriptor | number> {
  const text = Buffer.from(`${name}\0`);
  const attr = Buffer.alloc(16);
  attr.writeBigUInt64LE(addressOf(text), 0);
  attr.writeUInt32LE(programFd, 8);
  return await commandAsync(BPF_RAW_TRACEPOINT_OPEN, attr, [text]);
}

/**
 * Attaches a program to a perf event. Requires Linux 5.15; before, `PERF_EVENT_IOC_SET_BPF` does it.
 * @param cookie the value of `bpf_get_attach_cookie`
 * @returns the link, which keeps the event; or a negative errno
 */
export async function linkPerfEvent(programFd: number, eventFd: number, cookie: number): Promise<Descriptor | number> {
  const attr = Buffer.alloc(24);
  attr.writeUInt32LE(programFd, 0);
  attr.writeUInt32LE(eventFd, 4);
  attr.writeUInt32LE(BPF_PERF_EVENT, 8);
  attr.writeBigUInt64LE(BigInt(cookie), 16);
  return await commandAsync(BPF_LINK_CREATE, attr, []);
}

/**
 * Runs an iterator's program for all that it iterates over, in this thread. Requires Linux 5.8.
 * @throws SystemCallError
 */
export function runIterator(programFd: number): void {
  const doing = 'looking at what the kernel has';
  const attr = Buffer.alloc(64);
  attr.writeUInt32LE(programFd, 0);
  attr.writeUInt32LE(BPF_TRACE_ITER, 8);
  using link = new Descriptor(checked('bpf(BPF_LINK_CREATE)', bpf(BPF_LINK_CREATE, attr), doing));
  attr.fill(0);
  attr.writeUInt32LE(link.fd, 0);
  using iterator = new Descriptor(checked('bpf(BPF_ITER_CREATE)', bpf(BPF_ITER_CREATE, attr.subarray(0, 8)), doing));
  // The program writes nothing. The kernel makes a pause after a million objects.
  for (;;) {
    try {
      if (readSync(iterator.fd, Buffer.alloc(8)) === 0) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}

/**
 * Runs a raw tracepoint's program once, in this thread and without arguments. Requires Linux 5.10.
 * @throws SystemCallError
 */
export function runProgram(programFd: number): void {
  const attr = Buffer.alloc(72);
  attr.writeUInt32LE(programFd, 0);
  checked('bpf(BPF_PROG_RUN)', bpf(BPF_PROG_RUN, attr));
}

/** @throws SystemCallError for a negative errno */
function checked(call: string, result: number, doing?: string): number {
  if (result < 0) throw new SystemCallError(call, -result, errnoName(-result), doing);
  return result;
}

/** A program for BPF_PROG_LOAD. */
export interface ProgramImage {
  readonly type: number;
  readonly expectedAttachType?: number;
  /** 8 bytes each; by default `return 0`. */
  readonly instructions?: Uint8Array;
  /** Of a tracing program: the function that it is for. */
  readonly attachBtfId?: number;
  /** The BTF that this id belongs to; without one, the kernel proper's. */
  readonly attachBtfFd?: number;
  /**
   * The functions of the program, as `readFunctions` reads them of a program with the same instructions. Without them
   * the verifier checks a function again at each call of it.
   */
  readonly functions?: ProgramFunctions;
}

/** The functions of a program: an array of struct bpf_func_info, and the BTF of their type ids. */
export interface ProgramFunctions {
  readonly btfFd: number;
  readonly recordBytes: number;
  readonly records: Uint8Array;
}

const RETURN_0 = Buffer.from('b700000000000000' + '9500000000000000', 'hex');
const LICENSE = Buffer.from('GPL\0');

/**
 * Loads a program in another thread.
 * @returns the program, or a negative errno
 */
export async function loadProgram(image: ProgramImage): Promise<Descriptor | number> {
  return await commandAsync(BPF_PROG_LOAD, programAttr(image), [image.instructions, image.functions?.records]);
}

/**
 * Loads the smallest program of a type, `return 0`.
 * @returns the program, or a negative errno
 */
export function loadEmptyProgram(image: ProgramImage): Descriptor | number {
  const result = bpf(BPF_PROG_LOAD, programAttr(image));
  return result < 0 ? result : new Descriptor(result);
}

function programAttr(image: ProgramImage): Buffer {
  const { type, expectedAttachType = 0, instructions = RETURN_0, attachBtfId = 0, attachBtfFd = 0 } = image;
  const attr = Buffer.alloc(128);
  attr.writeUInt32LE(type, 0);
  attr.writeUInt32LE(instructions.length / 8, 4);
  attr.writeBigUInt64LE(addressOf(instructions), 8);
  attr.writeBigUInt64LE(addressOf(LICENSE), 16);
  attr.write('ipft', 48, 'latin1'); // prog_name
  attr.writeUInt32LE(expectedAttachType, 68);
  if (image.functions) {
    const { btfFd, recordBytes, records } = image.functions;
    attr.writeUInt32LE(btfFd, 72);
    attr.writeUInt32LE(recordBytes, 76);
    attr.writeBigUInt64LE(addressOf(records), 80);
    attr.writeUInt32LE(records.length / recordBytes, 88);
  }
  attr.writeUInt32LE(attachBtfId, 108);
  attr.writeUInt32LE(attachBtfFd, 112);
  return attr;
}

/**
 * Tries whether a link to many functions can be made, with a list that can't be read.
 * @param attachType one of those for `linkKprobeMulti` or `linkTracingMulti`
 * @returns the errno; EFAULT, since the kernel tried to read the list, if it can
 */
export function probeMultiLink(programFd: number, attachType: number): number {
  const attr = Buffer.alloc(64);
  attr.writeUInt32LE(programFd, 0);
  attr.writeUInt32LE(attachType, 8);
  if (attachType === BPF_TRACE_KPROBE_MULTI || attachType === BPF_TRACE_KPROBE_SESSION) {
    attr.writeUInt32LE(1, 20);
    attr.writeBigUInt64LE(8n, 24);
  } else {
    attr.writeBigUInt64LE(8n, 16);
    attr.writeUInt32LE(1, 32);
  }
  const result = bpf(BPF_LINK_CREATE, attr);
  if (result >= 0) new Descriptor(result)[Symbol.dispose]();
  return result < 0 ? -result : 0;
}

/** Tries whether a BPF ring buffer can be made. Requires Linux 5.8. @returns the errno, or 0 */
export function probeRingBuffer(): number {
  const attr = Buffer.alloc(72);
  attr.writeUInt32LE(BPF_MAP_TYPE_RINGBUF, 0);
  attr.writeUInt32LE(1 << 16, 12); // a multiple of every page size
  const result = bpf(BPF_MAP_CREATE, attr);
  if (result >= 0) new Descriptor(result)[Symbol.dispose]();
  return result < 0 ? -result : 0;
}

/**
 * The number of CPUs that a per-CPU map has values for, counted by the bytes that a lookup writes.
 * @throws SystemCallError
 */
export function countMapCpus(): number {
  const attr = Buffer.alloc(72);
  attr.writeUInt32LE(BPF_MAP_TYPE_PERCPU_ARRAY, 0);
  attr.writeUInt32LE(4, 4);
  attr.writeUInt32LE(8, 8);
  attr.writeUInt32LE(1, 12);
  const result = bpf(BPF_MAP_CREATE, attr);
  if (result < 0) throw new SystemCallError('bpf(BPF_MAP_CREATE)', -result, errnoName(-result), 'counting the CPUs');
  using map = new Descriptor(result);
  // All values are 0; bytes that the kernel has not written are 0xff.
  const values = readMapEntry(map.fd, MAX_CPUS * 8, 0xff);
  let cpus = 0;
  while (cpus < MAX_CPUS && values.getUint32(cpus * 8, true) === 0) cpus++;
  return cpus;
}

/**
 * The BTF of loaded modules, as descriptors that belong to the caller. Requires Linux 5.11 and CAP_SYS_ADMIN.
 * @returns descriptors by the module's name; or a negative errno
 */
export function openModuleBtfs(wanted: ReadonlySet<string>): Map<string, Descriptor> | number {
  const found = new Map<string, Descriptor>();
  const attr = Buffer.alloc(16);
  for (let id = 0; ; ) {
    attr.fill(0);
    attr.writeUInt32LE(id, 0);
    const next = bpf(BPF_BTF_GET_NEXT_ID, attr);
    // ENOENT: that was the last one.
    if (next < 0) return id === 0 && found.size === 0 && next !== -2 ? next : found;
    id = attr.readUInt32LE(4);
    attr.fill(0);
    attr.writeUInt32LE(id, 0);
    const fd = bpf(BPF_BTF_GET_FD_BY_ID, attr);
    // ENOENT: it was unloaded meanwhile.
    if (fd === -2) continue;
    if (fd < 0) {
      for (const one of found.values()) one[Symbol.dispose]();
      return fd;
    }
    const descriptor = new Descriptor(fd);
    const name = readBtfName(fd);
    if (name !== undefined && wanted.has(name) && !found.has(name)) found.set(name, descriptor);
    else descriptor[Symbol.dispose]();
  }
}

/** `bpf_btf_info.name` of the BTF of the kernel or a module; undefined for the BTF of a program. */
function readBtfName(fd: number): string | undefined {
  const name = Buffer.alloc(64);
  const info = new Uint8Array(32);
  const view = new DataView(info.buffer);
  view.setBigUint64(16, addressOf(name), true);
  view.setUint32(24, name.length, true);
  const result = readInfoInto(fd, info);
  keepAlive(name);
  if (result < 0 || view.getUint32(28, true) !== 1) return undefined;
  return name.toString('latin1', 0, name.indexOf(0));
}

/**
 * The value of an array map's only entry; for a per-CPU map the values of all possible CPUs, one after the other.
 * @param size of the result, in bytes
 * @param fill the value of bytes that the kernel does not write
 * @throws SystemCallError
 */
export function readMapEntry(mapFd: number, size: number, fill = 0): DataView {
  const key = Buffer.alloc(4);
  const value = new Uint8Array(size).fill(fill);
  const result = bpf(BPF_MAP_LOOKUP_ELEM, mapAttr(mapFd, key, value));
  keepAlive(key);
  checked('bpf(BPF_MAP_LOOKUP_ELEM)', result);
  return new DataView(value.buffer);
}

/** The entries of a hash map that are read at a time; more where one of its buckets has more. */
const BATCH_ENTRIES = 1 << 10;

/**
 * Reads a hash map of numbers of 64 bits that each CPU has for itself (BPF_MAP_TYPE_PERCPU_HASH). Entries that come
 * meanwhile may be missing. Requires Linux 5.6.
 * @param keyBytes the size of its keys
 * @param cpus the number of possible CPUs
 * @param take called for each entry: the key, lent for the call, and the sum of all CPUs
 * @throws SystemCallError
 */
export function readPerCpuSums(
  mapFd: number,
  { keyBytes, cpus }: { readonly keyBytes: number; readonly cpus: number },
  take: (key: DataView, sum: bigint) => void,
): void {
  let entries = BATCH_ENTRIES;
  // Where the last batch ended, for the kernel alone.
  const place = Buffer.alloc(8);
  for (let isFirst = true; ; ) {
    const [keys, values] = [new Uint8Array(entries * keyBytes), new Uint8Array(entries * cpus * 8)];
    const attr = Buffer.alloc(56);
    if (!isFirst) attr.writeBigUInt64LE(addressOf(place), 0);
    attr.writeBigUInt64LE(addressOf(place), 8);
    attr.writeBigUInt64LE(addressOf(keys), 16);
    attr.writeBigUInt64LE(addressOf(values), 24);
    attr.writeUInt32LE(entries, 32);
    attr.writeUInt32LE(mapFd, 36);
    const result = bpf(BPF_MAP_LOOKUP_BATCH, attr);
    keepAlive(place, keys, values);
    if (result === -ENOSPC) {
      entries *= 2;
      continue;
    }
    // The last batch is told by an error, and has entries nevertheless.
    if (result !== -ENOENT) checked('bpf(BPF_MAP_LOOKUP_BATCH)', result);
    const numbers = new BigUint64Array(values.buffer);
    for (let entry = 0, count = attr.readUInt32LE(32); entry < count; entry++) {
      let sum = 0n;
      for (let cpu = 0; cpu < cpus; cpu++) sum += numbers[entry * cpus + cpu]!;
      take(new DataView(keys.buffer, entry * keyBytes, keyBytes), sum);
    }
    if (result === -ENOENT) return;
    isFirst = false;
  }
}

/**
 * Writes a map's entry.
 * @param key as long as the map's keys
 * @param value as long as the map's values
 * @throws SystemCallError
 */
export function writeMapEntry(mapFd: number, key: Uint8Array, value: Uint8Array): void {
  const result = bpf(BPF_MAP_UPDATE_ELEM, mapAttr(mapFd, key, value));
  keepAlive(key, value);
  checked('bpf(BPF_MAP_UPDATE_ELEM)', result);
}

function mapAttr(mapFd: number, key: Uint8Array, value: Uint8Array): Buffer {
  const attr = Buffer.alloc(32);
  attr.writeUInt32LE(mapFd, 0);
  attr.writeBigUInt64LE(addressOf(key), 8);
  attr.writeBigUInt64LE(addressOf(value), 16);
  return attr;
}

/**
 * Has the kernel count the runs of each BPF program, for the whole machine, as long as the descriptor is open. Each run
 * costs some 50 ns more then. Requires Linux 5.8 and CAP_SYS_ADMIN.
 * @returns the descriptor, or a negative errno
 */
export function enableRunCounts(): Descriptor | number {
  const attr = Buffer.alloc(4);
  attr.writeUInt32LE(BPF_STATS_RUN_TIME, 0);
  const result = bpf(BPF_ENABLE_STATS, attr);
  return result < 0 ? result : new Descriptor(result);
}

/** `bpf_prog_info.run_cnt`: the runs while they were counted, see `enableRunCounts`. */
export function readProgramRuns(programFd: number): bigint {
  return readInfo(programFd, 232).getBigUint64(200, true);
}

/** `bpf_prog_info.recursion_misses`: missed calls. Linux 5.12+, 0 before. */
export function readProgramMisses(programFd: number): bigint {
  return readInfo(programFd, 232).getBigUint64(208, true);
}

/** `bpf_link_info.kprobe_multi.missed`: missed calls. Linux 6.7+, 0 before. */
export function readLinkMisses(linkFd: number): bigint {
  return readInfo(linkFd, 64).getBigUint64(32, true);
}

/** `bpf_link_info.perf_event.kprobe.missed`: missed calls. Linux 6.7+, 0 before. */
export function readKprobeMisses(linkFd: number): bigint {
  return readInfo(linkFd, 64).getBigUint64(48, true);
}

/**
 * Reads the functions of a loaded program, so that its instructions can be loaded again. The kernel tells the types of
 * the functions in order (struct bpf_prog_info), but not where they begin in the original instructions; and it leaves
 * out functions that it found unreachable.
 * @param btfFd the BTF that the program was loaded with
 * @param instructions the program as it was loaded
 * @param anyStatic the type of any static function: it stands for all functions but the first where the kernel left one
 * out, since the verifier does not check the type of a static function
 * @returns undefined if the kernel tells too little
 */
export function readFunctions(
  programFd: number,
  btfFd: number,
  instructions: Buffer,
  anyStatic?: number,
): ProgramFunctions | undefined {
  const starts = findFunctionStarts(instructions);
  const info = Buffer.alloc(PROGRAM_INFO_BYTES);
  if (btfFd < 0 || readInfoInto(programFd, info) < 0) return undefined;
  const [recordBytes, count] = [info.readUInt32LE(132), info.readUInt32LE(144)];
  if (recordBytes < 8 || count === 0 || count > starts.length) return undefined;
  if (count < starts.length && anyStatic === undefined) return undefined;
  const records = Buffer.alloc(recordBytes * starts.length);
  info.fill(0);
  info.writeUInt32LE(recordBytes, 132);
  info.writeBigUInt64LE(addressOf(records), 136);
  info.writeUInt32LE(count, 144);
  const result = readInfoInto(programFd, info);
  keepAlive(records);
  if (result < 0) return undefined;
  for (const [index, start] of starts.entries()) {
    records.writeUInt32LE(start, index * recordBytes);
    if (index > 0 && count < starts.length) records.writeUInt32LE(anyStatic!, index * recordBytes + 4);
  }
  return { btfFd, recordBytes, records };
}

const BPF_JMP_CALL = 0x85;
const BPF_LD_IMM64 = 0x18;
const BPF_PSEUDO_CALL = 1;
const BPF_PSEUDO_FUNC = 4;

/**
 * The indexes of the instructions that begin a function: the first one, those that are called, and those that a helper
 * calls back.
 */
export function findFunctionStarts(instructions: Buffer): number[] {
  const starts = new Set([0]);
  for (let at = 0; at + 8 <= instructions.length; at += 8) {
    const [code, source] = [instructions[at]!, instructions[at + 1]! >> 4];
    const leads =
      (code === BPF_JMP_CALL && source === BPF_PSEUDO_CALL) || (code === BPF_LD_IMM64 && source === BPF_PSEUDO_FUNC);
    if (leads) starts.add(at / 8 + 1 + instructions.readInt32LE(at + 4));
    // The second half of the instruction.
    if (code === BPF_LD_IMM64) at += 8;
  }
  return [...starts].sort((a, b) => a - b);
}

/** Up to `nr_func_info` and the fields that belong to it. */
const PROGRAM_INFO_BYTES = 152;

function readInfo(fd: number, size: number): DataView {
  const info = new Uint8Array(size);
  const result = readInfoInto(fd, info);
  checked('bpf(BPF_OBJ_GET_INFO_BY_FD)', result);
  return new DataView(info.buffer);
}

function readInfoInto(fd: number, info: Uint8Array): number {
  const attr = Buffer.alloc(16);
  attr.writeUInt32LE(fd, 0);
  attr.writeUInt32LE(info.length, 4);
  attr.writeBigUInt64LE(addressOf(info), 8);
  const result = bpf(BPF_OBJ_GET_INFO_BY_FD, attr);
  keepAlive(info);
  return result;
}

async function commandAsync(command: number, attr: Buffer, needed: unknown[]): Promise<Descriptor | number> {
  const result = await bpfAsync(command, attr);
  keepAlive(attr, needed);
  return result < 0 ? result : new Descriptor(result);
}

/** Keeps buffers from being collected before a system call returns that reads them through an address. */
function keepAlive(...buffers: unknown[]): void {
  held = buffers;
}

let held: unknown[] = [];
void held;
