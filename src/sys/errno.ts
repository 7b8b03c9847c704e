/** Names of error numbers. */
import { constants } from 'node:os';

/** The kernel's own, which programs are not meant to see; bpf(2) returns it all the same. */
const ENOTSUPP = 524;

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
names.set(ENOTSUPP, 'ENOTSUPP');
// The number has two names; of two, the list's last would be taken.
names.set(constants.errno.EAGAIN, 'EAGAIN');

/** `EPERM` for 1; `errno 999` for one that has no name. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

export const { EPERM, ENOENT, ESRCH, EFAULT, EINVAL, E2BIG, EOPNOTSUPP, EACCES, EAGAIN, EINTR, ENODEV } =
  constants.errno;
export { ENOTSUPP };
