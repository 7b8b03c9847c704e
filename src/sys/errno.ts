/** Names of error numbers. */
import { constants } from 'node:os';

/** ENOTSUPP, which the kernel does not define for user space; bpf(2) returns it all the same. */
const ENOTSUPP = 524;

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
names.set(ENOTSUPP, 'ENOTSUPP');
// EAGAIN is also called EWOULDBLOCK, which comes later in the list.
names.set(constants.errno.EAGAIN, 'EAGAIN');

/** `EPERM` for 1; `errno 999` for a number without a name. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

export const {
  EPERM,
  ENOENT,
  ESRCH,
  EFAULT,
  EINVAL,
  E2BIG,
  EOPNOTSUPP,
  EACCES,
  EAGAIN,
  EINTR,
  ENODEV,
  ENOMEM,
  ENOSPC,
} = constants.errno;
export { ENOTSUPP };
