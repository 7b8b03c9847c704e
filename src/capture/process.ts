/** Settings of the whole process that tracing needs. */
import { errnoName } from '../sys/errno.js';
import { setLibbpfLog } from '../sys/libbpf.js';
import {
  exitAtOnce,
  ignoreSignal,
  lowerSoftLimit,
  RLIM_INFINITY,
  RLIMIT_CPU,
  RLIMIT_MEMLOCK,
  RLIMIT_NOFILE,
  raiseLimit,
} from '../sys/libc.js';

export { exitAtOnce, ignoreSignal };

/** Enough for a descriptor for each function. */
const DESCRIPTORS = 65536n;

/**
 * Raises the limits that tracing may reach: locked memory, which BPF maps count as before Linux 5.11, and descriptors.
 * @returns a line for each limit that could not be raised
 */
export function raiseLimits(): string[] {
  const limits = [
    { name: 'RLIMIT_MEMLOCK', resource: RLIMIT_MEMLOCK, wanted: RLIM_INFINITY },
    { name: 'RLIMIT_NOFILE', resource: RLIMIT_NOFILE, wanted: DESCRIPTORS },
  ];
  return limits.flatMap(({ name, resource, wanted }) => {
    const errno = raiseLimit(resource, wanted);
    return errno === 0 ? [] : [`${name} could not be raised (${errnoName(errno)})`];
  });
}

/**
 * Lowers the soft limit of CPU time, so that SIGXCPU comes before the kernel kills the process: `ulimit -t` sets both
 * limits to the same time.
 */
export function leaveTimeToEnd(): void {
  lowerSoftLimit(RLIMIT_CPU, (hard) =>
    hard === RLIM_INFINITY || hard < 2n ? hard : hard - atMost(hard / 4n, 10n) - 1n,
  );
}

const atMost = (value: bigint, limit: bigint) => (value < limit ? value : limit);

/** Hands libbpf's messages to `take`, one or more lines at a time. */
export function setDebugLog(take: (text: string) => void): void {
  setLibbpfLog((_level, message) => take(message));
}
