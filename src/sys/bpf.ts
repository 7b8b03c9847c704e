/**
 * Commands of bpf(2) that the tracer gives itself: newer mechanisms than the installed libbpf knows, and many functions
 * in one call. Layouts and numbers: `union bpf_attr` and others in `linux/bpf.h`.
 */
import { SystemCallError } from '../base/errors.js';
import { Descriptor } from './descriptor.js';
import { errnoName } from './errno.js';
import { addressOf, bpf, bpfAsync } from './libc.js';

const BPF_MAP_CREATE = 0;
const BPF_MAP_LOOKUP_ELEM = 1;
const BPF_MAP_UPDATE_ELEM = 2;
const BPF_PROG_LOAD = 5;
const BPF_OBJ_GET_INFO_BY_FD = 15;
const BPF_RAW_TRACEPOINT_OPEN = 17;
const BPF_BTF_GET_FD_BY_ID = 19;
const BPF_BTF_GET_NEXT_ID = 23;
const BPF_LINK_CREATE = 28;
const BPF_ENABLE_STATS = 32;
const BPF_STATS_RUN_TIME = 0;
const BPF_MAP_TYPE_PERCPU_ARRAY = 6;
/** More than the kernel can be built for (NR_CPUS). */
const MAX_CPUS = 1 << 14;
const BPF_MAP_TYPE_RINGBUF = 27;
export const BPF_PROG_TYPE_KPROBE = 2;
export const BPF_PROG_TYPE_RAW_TRACEPOINT = 17;
export const BPF_PROG_TYPE_TRACING = 26;
export const BPF_TRACE_FENTRY = 24;
export const BPF_TRACE_FEXIT = 25;
export const BPF_PERF_EVENT = 41;
export const BPF_TRACE_KPROBE_MULTI = 42;
export const BPF_TRACE_KPROBE_SESSION = 56;
export const BPF_TRACE_FENTRY_MULTI = 59;
export const BPF_TRACE_FEXIT_MULTI = 60;
export const BPF_TRACE_FSESSION_MULTI = 61;

/** What goes into one kprobe.multi link. */
export interface KprobeMulti {
  /**
   * Functions by symbol name, or by address. The kernel has its own idea of where a function begins that has an
   * instruction before its hook (ENDBR): only addresses that a link told (`readKprobeMulti`) are surely right.
   */
  readonly functions: readonly string[] | readonly bigint[];
  /** What `bpf_get_attach_cookie` returns at each. */
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
  const places = byName ? namePointers(functions) : { pointers: BigUint64Array.from(functions), needed: [] };
  const cookieValues = BigUint64Array.from(cookies, BigInt);
  const attr = Buffer.alloc(48);
  attr.writeUInt32LE(programFd, 0);
  attr.writeUInt32LE(attachType, 8);
  attr.writeUInt32LE(functions.length, 20);
  attr.writeBigUInt64LE(addressOf(new Uint8Array(places.pointers.buffer)), byName ? 24 : 32);
  attr.writeBigUInt64LE(addressOf(new Uint8Array(cookieValues.buffer)), 40);
  return await commandAsync(BPF_LINK_CREATE, attr, [places.pointers, ...places.needed, cookieValues]);
}

function isNames(functions: readonly string[] | readonly bigint[]): functions is readonly string[] {
  return typeof functions[0] === 'string';
}

/** One block for all names: a buffer for each would be thousands. */
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

/** Stands where the kernel wrote nothing. */
const UNWRITTEN = 0xffff_ffff_ffff_ffffn;

/**
 * Where a link of kprobes was made: address and cookie of each function, in the order of addresses. Empty if the kernel
 * does not tell (before Linux 6.9 not the cookies), or not to this process.
 * @param count how many functions it was made for
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

/** What goes into one link of trampolines. */
export interface TracingMulti {
  /** Functions by their ids in the BTF that the program was loaded for. */
  readonly ids: readonly number[];
  /** What `bpf_get_attach_cookie` returns at each. */
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
 * @returns what keeps it attached, or a negative errno: ENOENT if there is no such tracepoint, EINVAL if the program
 * reads more arguments than it has
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
 * @param cookie what `bpf_get_attach_cookie` returns there
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

/** A program as the kernel takes it. */
export interface ProgramImage {
  readonly type: number;
  readonly expectedAttachType?: number;
  /** 8 bytes each; without any, `return 0`. */
  readonly instructions?: Uint8Array;
  /** For tracing programs: the function that it is for. */
  readonly attachBtfId?: number;
  /** The BTF that this id belongs to; without one, the kernel proper's. */
  readonly attachBtfFd?: number;
  /**
   * What its functions are, as `readFunctions` tells of a program with the same instructions. Without this the verifier
   * looks at a function anew at each call of it.
   */
  readonly functions?: ProgramFunctions;
}

/** The functions of a program: an array of struct bpf_func_info, and the BTF that it speaks of. */
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
 * Whether a link to many functions can be made, asked with a list that can't be read.
 * @param attachType one of those for `linkKprobeMulti` or `linkTracingMulti`
 * @returns the errno: EFAULT if the kernel went as far as reading the list, that is, if it can
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

/** Whether a BPF ring buffer can be made. Requires Linux 5.8. Returns the errno, or 0. */
export function probeRingBuffer(): number {
  const attr = Buffer.alloc(72);
  attr.writeUInt32LE(BPF_MAP_TYPE_RINGBUF, 0);
  attr.writeUInt32LE(1 << 16, 12); // a multiple of every page size
  const result = bpf(BPF_MAP_CREATE, attr);
  if (result >= 0) new Descriptor(result)[Symbol.dispose]();
  return result < 0 ? -result : 0;
}

/**
 * For how many CPUs a per-CPU map has values: the kernel writes one for each into what a lookup gives it.
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
  // The values are 0; what the kernel has not written stays.
  const values = readMapEntry(map.fd, MAX_CPUS * 8, 0xff);
  let cpus = 0;
  while (cpus < MAX_CPUS && values.getUint32(cpus * 8, true) === 0) cpus++;
  return cpus;
}

/**
 * The BTF of loaded modules, as descriptors. Requires Linux 5.11 and CAP_SYS_ADMIN.
 * @returns by the modules' names; or a negative errno
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
    // ENOENT: it has gone meanwhile.
    if (fd === -2) continue;
    if (fd < 0) return fd;
    const descriptor = new Descriptor(fd);
    const name = readBtfName(fd);
    if (name !== undefined && wanted.has(name) && !found.has(name)) found.set(name, descriptor);
    else descriptor[Symbol.dispose]();
  }
}

/** `bpf_btf_info.name` of a BTF of the kernel or a module; undefined for a program's. */
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
 * @param size of what is returned, in bytes
 */
/** @param fill what is in bytes that the kernel does not write */
export function readMapEntry(mapFd: number, size: number, fill = 0): DataView {
  const key = Buffer.alloc(4);
  const value = new Uint8Array(size).fill(fill);
  const result = bpf(BPF_MAP_LOOKUP_ELEM, mapAttr(mapFd, key, value));
  keepAlive(key);
  if (result < 0) throw new SystemCallError('bpf(BPF_MAP_LOOKUP_ELEM)', -result, errnoName(-result));
  return new DataView(value.buffer);
}

/** Writes a map's entry. @param key as long as the map's keys @param value as long as its values */
export function writeMapEntry(mapFd: number, key: Uint8Array, value: Uint8Array): void {
  const result = bpf(BPF_MAP_UPDATE_ELEM, mapAttr(mapFd, key, value));
  keepAlive(key, value);
  if (result < 0) throw new SystemCallError('bpf(BPF_MAP_UPDATE_ELEM)', -result, errnoName(-result));
}

function mapAttr(mapFd: number, key: Uint8Array, value: Uint8Array): Buffer {
  const attr = Buffer.alloc(32);
  attr.writeUInt32LE(mapFd, 0);
  attr.writeBigUInt64LE(addressOf(key), 8);
  attr.writeBigUInt64LE(addressOf(value), 16);
  return attr;
}

/**
 * Has the kernel count how often each BPF program runs, for the whole machine, as long as the descriptor is open. While
 * it does, each run costs some 50 ns more. Requires Linux 5.8 and CAP_SYS_ADMIN.
 * @returns a negative errno where it does not
 */
export function enableRunCounts(): Descriptor | number {
  const attr = Buffer.alloc(4);
  attr.writeUInt32LE(BPF_STATS_RUN_TIME, 0);
  const result = bpf(BPF_ENABLE_STATS, attr);
  return result < 0 ? result : new Descriptor(result);
}

/** `bpf_prog_info.run_cnt`: runs that were counted, see `enableRunCounts`. */
export function readProgramRuns(programFd: number): bigint {
  return readInfo(programFd, 232).getBigUint64(200, true);
}

/** `bpf_prog_info.recursion_misses`: runs that the kernel left out. Linux 5.12+, 0 before. */
export function readProgramMisses(programFd: number): bigint {
  return readInfo(programFd, 232).getBigUint64(208, true);
}

/** `bpf_link_info.kprobe_multi.missed`: hits that did not reach the program. Linux 6.7+, 0 before. */
export function readLinkMisses(linkFd: number): bigint {
  return readInfo(linkFd, 64).getBigUint64(32, true);
}

/** `bpf_link_info.perf_event.kprobe.missed`: hits while the CPU was within a kprobe. Linux 6.7+, 0 before. */
export function readKprobeMisses(linkFd: number): bigint {
  return readInfo(linkFd, 64).getBigUint64(48, true);
}

/**
 * What the functions of a loaded program are, so that its instructions can be loaded once more. The kernel tells their
 * types in order (struct bpf_prog_info), but where they lie only in what it has made of the instructions; and of those
 * that it found unreachable it tells nothing.
 * @param btfFd the BTF that it was loaded with
 * @param instructions as it was loaded
 * @param anyStatic the type of some static function, which stands for all but the first where the kernel left one out:
 * the verifier takes a static function for what it does, whatever its type
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

/** Which instructions begin a function: the first one, those that are called, and those that a helper is to call back. */
export function findFunctionStarts(instructions: Buffer): number[] {
  const starts = new Set([0]);
  for (let at = 0; at + 8 <= instructions.length; at += 8) {
    const [code, source] = [instructions[at]!, instructions[at + 1]! >> 4];
    const leads =
      (code === BPF_JMP_CALL && source === BPF_PSEUDO_CALL) || (code === BPF_LD_IMM64 && source === BPF_PSEUDO_FUNC);
    if (leads) starts.add(at / 8 + 1 + instructions.readInt32LE(at + 4));
    // Its second half is no instruction of its own.
    if (code === BPF_LD_IMM64) at += 8;
  }
  return [...starts].sort((a, b) => a - b);
}

/** As far as `nr_func_info` and what belongs to it. */
const PROGRAM_INFO_BYTES = 152;

function readInfo(fd: number, size: number): DataView {
  const info = new Uint8Array(size);
  const result = readInfoInto(fd, info);
  if (result < 0) throw new SystemCallError('bpf(BPF_OBJ_GET_INFO_BY_FD)', -result, errnoName(-result));
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

/** Buffers that a system call reads through a bare address must not be collected before it returns. */
function keepAlive(...buffers: unknown[]): void {
  held = buffers;
}

let held: unknown[] = [];
void held;
