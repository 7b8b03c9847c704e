/** Functions of the C library that Node does not offer, through koffi. */
import { existsSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import { EnvironmentError, SystemCallError } from '../base/errors.js';
import { Descriptor } from './descriptor.js';
import { errnoName } from './errno.js';

const libc = koffi.load(null);
const c = {
  syscall: libc.func('long syscall(long number, long a, void *b, ulong c)'),
  perfEventOpen: libc.func('long syscall(long number, void *attr, long pid, long cpu, long group, ulong flags)'),
  ioctl: libc.func('int ioctl(int fd, ulong request, long argument)'),
  memfdCreate: libc.func('int memfd_create(const char *name, uint flags)'),
  mmap: libc.func('void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset)'),
  munmap: libc.func('int munmap(void *address, size_t length)'),
  prlimit: libc.func('int prlimit(int pid, int resource, void *next, void *previous)'),
  exit: libc.func('void _exit(int status)'),
  klogctl: libc.func('int klogctl(int action, void *text, int length)'),
  poll: libc.func('int poll(void *fds, ulong count, int timeout)'),
  send: libc.func('long send(int socket, void *bytes, size_t length, int flags)'),
  dup: libc.func('int dup(int fd)'),
  pipe: libc.func('int pipe2(void *fds, int flags)'),
  setns: libc.func('int setns(int fd, int kind)'),
  windowSize: libc.func('int ioctl(int fd, ulong request, void *size)'),
  signal: libc.func('void *signal(int number, intptr_t action)'),
  sigmask: libc.func('int pthread_sigmask(int how, void *set, void *old)'),
  prctl: libc.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)'),
  setitimer: libc.func('int setitimer(int which, void *next, void *old)'),
  clockGettime: libc.func('int clock_gettime(int clock, void *time)'),
  vsnprintf: libc.func('int vsnprintf(void *text, size_t size, void *format, void *args)'),
};

const SYS_BPF: Record<string, number> = { x64: 321, arm64: 280 };

/**
 * bpf(2).
 * @param command a `BPF_…` command
 * @param attr `union bpf_attr`, as many bytes as the command needs; memory that it points to must outlive the call
 * @returns the call's result, or a negative errno
 */
export function bpf(command: number, attr: Uint8Array): number {
  const number = SYS_BPF[process.arch];
  if (number === undefined) return -constants.errno.ENOSYS;
  const call = () => {
    const result = Number(c.syscall(number, command, attr, attr.byteLength));
    return result < 0 ? -koffi.errno() : result;
  };
  if (command !== BPF_PROG_LOAD) return call();
  return withoutSignals(() => {
    let result = call();
    for (let tries = 1; isInterrupted(result) && tries < MAX_TRIES; tries++) result = call();
    return result;
  });
}

const BPF_PROG_LOAD = 5;
/** How often an interrupted call is tried again. It may need many tries, if signals come faster than it can work. */
export const MAX_TRIES = 1000;

/** Whether a call was interrupted by a signal. The verifier ends with EAGAIN then, other calls with EINTR. */
export function isInterrupted(result: number): boolean {
  return result === -constants.errno.EAGAIN || result === -constants.errno.EINTR;
}

const SIG_BLOCK = 0;
const SIG_SETMASK = 2;
/** `sizeof(sigset_t)` of glibc and musl. */
const SIGNAL_SET_BYTES = 128;

/**
 * Calls a function with all signals blocked in this thread: they wait, or go to another thread. Node's handler may run
 * in any thread, and the event loop learns of the signal afterwards.
 */
export function withoutSignals<T>(body: () => T): T {
  const old = Buffer.alloc(SIGNAL_SET_BYTES);
  c.sigmask(SIG_BLOCK, Buffer.alloc(SIGNAL_SET_BYTES, 0xff), old);
  try {
    return body();
  } finally {
    c.sigmask(SIG_SETMASK, old, null);
  }
}

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/**
 * Has the kernel end this process when its parent ends, also if this process is stopped.
 * @param parent the parent's process id
 */
export function dieWithParent(parent: number): void {
  c.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // The parent may have ended before.
  if (process.ppid !== parent) exitAtOnce(1);
}

const ITIMER_VIRTUAL = 1;

/** Has the kernel end this process (SIGVTALRM) when it has used so much CPU time in user space. */
export function limitOwnTime(seconds: number): void {
  c.setitimer(ITIMER_VIRTUAL, BigInt64Array.of(0n, 0n, BigInt(seconds), 0n), null);
}

/** bpf(2) in another thread, for commands that take long. Memory that `attr` points to must outlive the call. */
export function bpfAsync(command: number, attr: Uint8Array): Promise<number> {
  const number = SYS_BPF[process.arch];
  if (number === undefined) return Promise.resolve(-constants.errno.ENOSYS);
  const call = () =>
    new Promise<number>((resolve) => {
      c.syscall.async(number, command, attr, attr.byteLength, (error: Error | null, result: number | bigint) => {
        // koffi brings the errno of the other thread along.
        resolve(error ? -constants.errno.EINVAL : Number(result) < 0 ? -koffi.errno() : Number(result));
      });
    });
  return tryAgain(call);
}

/** Signals usually go to the main thread, which waits in the event loop: another thread is soon left alone. */
async function tryAgain(call: () => Promise<number>): Promise<number> {
  let result = await call();
  for (let tries = 1; isInterrupted(result) && tries < MAX_TRIES; tries++) result = await call();
  return result;
}

const SYS_PERF_EVENT_OPEN: Record<string, number> = { x64: 298, arm64: 241 };
const PERF_FLAG_FD_CLOEXEC = 8;

/**
 * perf_event_open(2) for all processes, in another thread.
 * @param attr `struct perf_event_attr`; memory that it points to must outlive the call
 * @returns a descriptor, or a negative errno
 */
export function perfEventOpenAsync(attr: Uint8Array): Promise<number> {
  const number = SYS_PERF_EVENT_OPEN[process.arch];
  if (number === undefined) return Promise.resolve(-constants.errno.ENOSYS);
  const call = () =>
    new Promise<number>((resolve) => {
      const done = (error: Error | null, result: number | bigint) => {
        resolve(error ? -constants.errno.EINVAL : Number(result) < 0 ? -koffi.errno() : Number(result));
      };
      c.perfEventOpen.async(number, attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC, done);
    });
  return tryAgain(call);
}

/** ioctl(2) with a number as its argument. @returns the call's result, or a negative errno */
export function ioctl(fd: number, request: number, argument: number): number {
  const result: number = c.ioctl(fd, request, argument);
  return result < 0 ? -koffi.errno() : result;
}

/** The address of a buffer's first byte. The caller keeps a reference to the buffer as long as the address is used. */
export function addressOf(buffer: Uint8Array): bigint {
  return BigInt(koffi.address(buffer));
}

const MFD_CLOEXEC = 1;

/** An anonymous file in memory, which ends with its descriptor. */
export function createMemoryFile(name: string): Descriptor {
  const fd: number = c.memfdCreate(name, MFD_CLOEXEC);
  if (fd < 0) throw systemCallError('memfd_create');
  return new Descriptor(fd);
}

/**
 * The path by which this process and its children can open a descriptor's file.
 * @throws EnvironmentError where the directory is hidden: opening the file would only fail with ENOENT
 */
export function descriptorPath(descriptor: Descriptor): string {
  const path = `/proc/self/fd/${descriptor.fd}`;
  if (existsSync(path)) return path;
  throw new EnvironmentError(
    'SYSTEM',
    `opening a file in memory by its path: ${path} is not there`,
    '/proc/self/fd is hidden here: mount -t proc proc /proc',
  );
}

export const PROT_READ = 1;
export const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** Memory shared with the kernel. Reading `buffer` after disposal crashes the process: it must not be handed out. */
export class Mapping implements Disposable {
  readonly buffer: ArrayBuffer;
  #address: unknown;

  /**
   * @param fd the file; may be closed afterwards
   * @param offset in bytes, a multiple of the page
   * @param length in bytes
   * @param protection PROT_READ, or with PROT_WRITE
   */
  constructor(fd: number, offset: number, length: number, protection: number) {
    this.#address = c.mmap(null, length, protection, MAP_SHARED, fd, offset);
    if (BigInt.asIntN(64, BigInt(koffi.address(this.#address))) === -1n) throw systemCallError('mmap');
    this.buffer = koffi.view(this.#address, length);
  }

  [Symbol.dispose](): void {
    if (this.#address === undefined) return;
    c.munmap(this.#address, this.buffer.byteLength);
    this.#address = undefined;
  }
}

export const RLIMIT_CPU = 0;
export const RLIMIT_DATA = 2;
export const RLIMIT_NOFILE = 7;
export const RLIMIT_MEMLOCK = 8;
export const RLIMIT_AS = 9;
export const RLIM_INFINITY = 0xffffffffffffffffn;

/**
 * Raises a resource limit of this process, soft and hard, or as far as the hard one allows; never lowers it.
 * @returns 0, or the errno if the limit stays lower than wanted
 */
export function raiseLimit(resource: number, wanted: bigint): number {
  const limits = new BigUint64Array(2);
  if (c.prlimit(0, resource, null, limits) !== 0) return koffi.errno();
  const [soft = 0n, hard = 0n] = limits;
  if (soft >= wanted) return 0;
  noteFirstLimit(resource, soft, hard);
  limits[0] = wanted;
  limits[1] = hard > wanted ? hard : wanted;
  if (c.prlimit(0, resource, limits, null) === 0) return 0;
  const errno = koffi.errno();
  limits.fill(hard);
  c.prlimit(0, resource, limits, null);
  return errno;
}

/** A soft limit of this process; RLIM_INFINITY where there is none. */
export function loadLimit(resource: number): bigint {
  const limits = new BigUint64Array(2);
  return c.prlimit(0, resource, null, limits) === 0 ? limits[0]! : RLIM_INFINITY;
}

/** Lowers a soft limit. The hard limit stays. @param wanted the new soft limit, from the hard one */
export function lowerSoftLimit(resource: number, wanted: (hard: bigint) => bigint): void {
  const limits = new BigUint64Array(2);
  if (c.prlimit(0, resource, null, limits) !== 0) return;
  const [soft = 0n, hard = 0n] = limits;
  limits[0] = wanted(hard);
  if (limits[0] >= soft) return;
  noteFirstLimit(resource, soft, hard);
  c.prlimit(0, resource, limits, null);
}

/** The limits that this process has changed, as it found them: the soft one and the hard one. */
const firstLimits = new Map<number, BigUint64Array>();

/** Says what a limit was before this process changed it. The first word counts. */
function noteFirstLimit(resource: number, soft: bigint, hard: bigint): void {
  if (!firstLimits.has(resource)) firstLimits.set(resource, BigUint64Array.of(soft, hard));
}

/** Says what the soft limit of open files was: Node raises it before any script runs. */
export function noteOpenFiles(soft: bigint): void {
  const limits = new BigUint64Array(2);
  if (c.prlimit(0, RLIMIT_NOFILE, null, limits) === 0) noteFirstLimit(RLIMIT_NOFILE, soft, limits[1]!);
}

/** Calls a function while the limits are as this process found them. It must wait for nothing. */
export function withFirstLimits<T>(body: () => T): T {
  const own = [...firstLimits].map(([resource, limits]) => {
    const previous = new BigUint64Array(2);
    c.prlimit(0, resource, limits, previous);
    return { resource, previous };
  });
  try {
    return body();
  } finally {
    for (const { resource, previous } of own) c.prlimit(0, resource, previous, null);
  }
}

const POLLOUT = 4;
const POLLERR = 8;
const POLLHUP = 16;
/** `struct pollfd`: `int fd; short events; short revents;` */
const pollfd = new Int16Array(4);
const pollfdWords = new Int32Array(pollfd.buffer);

/** Whether a descriptor still has a reader: false if a pipe's read end is closed. */
export function hasReader(fd: number): boolean {
  pollfdWords[0] = fd;
  pollfd.fill(0, 2);
  return c.poll(pollfd, 1, 0) < 1 || (pollfd[3]! & (POLLERR | POLLHUP)) === 0;
}

/** Waits in another thread until a descriptor can be written to, its reader has gone, or the time is over. */
export function waitForRoom(fd: number, timeoutMs: number): Promise<void> {
  const one = new Int16Array(4);
  new Int32Array(one.buffer)[0] = fd;
  one[2] = POLLOUT;
  return new Promise((resolve) => c.poll.async(one, 1, timeoutMs, () => resolve()));
}

/** Whether at least a page can be written to a descriptor without blocking. */
export function hasRoom(fd: number): boolean {
  pollfdWords[0] = fd;
  pollfd[2] = POLLOUT;
  pollfd[3] = 0;
  return c.poll(pollfd, 1, 0) === 1 && (pollfd[3]! & POLLOUT) !== 0;
}

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

/** Sends as much as a socket takes without blocking. @returns the number of bytes, or a negative errno */
export function sendNow(fd: number, bytes: Uint8Array): number {
  const sent = Number(c.send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
  return sent < 0 ? -koffi.errno() : sent;
}

const O_CLOEXEC = 0o2000000;

/** pipe2(2) with O_CLOEXEC. @returns the end that is read, and that which is written to @throws SystemCallError */
export function openPipe(): [readFd: number, writeFd: number] {
  const fds = new Int32Array(2);
  if (c.pipe(fds, O_CLOEXEC) < 0) throw systemCallError('pipe2');
  return [fds[0]!, fds[1]!];
}

/** dup(2). @returns the new descriptor, or a negative errno */
export function duplicate(fd: number): number {
  const copy: number = c.dup(fd);
  return copy < 0 ? -koffi.errno() : copy;
}

const CLONE_NEWNET = 0x40000000;

/**
 * Calls a function while this thread, and no other, is in another network namespace. It must wait for nothing: what
 * runs meanwhile would be there, too.
 * @param path of the namespace's file
 * @returns undefined, without a call, where the namespace can't be entered: that needs CAP_SYS_ADMIN
 * @throws SystemCallError if there is no way back
 */
export function withinNetns<T>(path: string, body: () => T): T | undefined {
  using own = new Descriptor(openSync('/proc/thread-self/ns/net', 'r'));
  if (!enterNetns(path)) return undefined;
  try {
    return body();
  } finally {
    returnToNetns(own);
  }
}

function enterNetns(path: string): boolean {
  try {
    using file = new Descriptor(openSync(path, 'r'));
    return c.setns(file.fd, CLONE_NEWNET) === 0;
  } catch {
    return false;
  }
}

function returnToNetns({ fd }: Descriptor): void {
  if (c.setns(fd, CLONE_NEWNET) !== 0) throw systemCallError('setns');
}

const TIOCGWINSZ = 0x5413;

/** The width of a terminal in characters; undefined if it does not tell, or the descriptor is no terminal. */
export function loadColumns(fd: number): number | undefined {
  return loadWindow(fd)?.[1] || undefined;
}

/** The height of a terminal in lines; undefined for anything else. */
export function loadLines(fd: number): number | undefined {
  return loadWindow(fd)?.[0] || undefined;
}

/** struct winsize. */
function loadWindow(fd: number): Uint16Array | undefined {
  const size = new Uint16Array(4);
  return c.windowSize(fd, TIOCGWINSZ, size) === 0 ? size : undefined;
}

const SIG_IGN = 1;

/** Has the kernel ignore a signal: it interrupts no system call then. */
export function ignoreSignal(number: number): void {
  c.signal(number, SIG_IGN);
}

const CLOCK_REALTIME = 0;

/**
 * CLOCK_REALTIME less CLOCK_MONOTONIC at this moment, in nanoseconds: added to the kernel's timestamps, it gives times
 * of day.
 */
export function realtimeOffsetNs(): bigint {
  const time = new BigInt64Array(2);
  let best = { offset: 0n, uncertainty: -1n };
  for (let tries = 0; tries < 5; tries++) {
    const before = process.hrtime.bigint();
    if (c.clockGettime(CLOCK_REALTIME, time) !== 0) throw systemCallError('clock_gettime');
    const uncertainty = process.hrtime.bigint() - before;
    if (best.uncertainty >= 0n && uncertainty >= best.uncertainty) continue;
    best = { offset: time[0]! * 1_000_000_000n + time[1]! - (before + uncertainty / 2n), uncertainty };
  }
  return best.offset;
}

const SYSLOG_ACTION_READ_ALL = 3;

/** The newest MiB of the kernel's log, as dmesg shows it; empty if this process may not read it. */
export function readKernelLog(): string {
  const text = Buffer.alloc(1 << 20);
  const length: number = c.klogctl(SYSLOG_ACTION_READ_ALL, text, text.length);
  return text.toString('utf8', 0, Math.max(0, length));
}

/** Ends the process at once: no exit handler runs, and no thread that hangs in a write is waited for. */
export function exitAtOnce(status: number): never {
  c.exit(status);
  throw new Error('_exit returned');
}

/**
 * Formats as vsnprintf(3) does.
 * @param format address of the format string
 * @param args address of a `va_list`
 * @returns the text, cut at 64 KiB
 */
export function formatVaList(format: unknown, args: unknown): string {
  const length: number = c.vsnprintf(messageBuffer, messageBuffer.length, format, args);
  return messageBuffer.toString('utf8', 0, Math.max(0, Math.min(length, messageBuffer.length - 1)));
}

const messageBuffer = Buffer.alloc(65536);

function systemCallError(call: string): SystemCallError {
  const errno = koffi.errno();
  return new SystemCallError(call, errno, errnoName(errno));
}
