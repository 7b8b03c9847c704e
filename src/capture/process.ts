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

/** Enough for one descriptor a function, were each attached by itself. */
const DESCRIPTORS = 65536n;

/**
 * Raises the limits that tracing may run into: locked memory, which BPF maps count as before Linux 5.11, and
 * descriptors.
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
 * Has the limit of processor time tell (SIGXCPU) before it kills: `ulimit -t` sets both limits to the same time, and the
 * kernel then kills at once.
 */
export function leaveTimeToEnd(): void {
  lowerSoftLimit(RLIMIT_CPU, (hard) =>
    hard === RLIM_INFINITY || hard < 2n ? hard : hard - atMost(hard / 4n, 10n) - 1n,
  );
}

const atMost = (value: bigint, limit: bigint) => (value < limit ? value : limit);

/** Hands all that libbpf says to `take`, a line or more at a time. */
export function setDebugLog(take: (text: string) => void): void {
  setLibbpfLog((_level, message) => take(message));
}
