/** Names of error numbers. */
import { constants } from 'node:os';

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** `EPERM` for 1; `errno 524` for one that has no name here (the kernel's ENOTSUPP, for example). */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `errno ${errno}`;
}

export const { EPERM, ENOENT, ESRCH, EFAULT, EINVAL, E2BIG, EOPNOTSUPP, EACCES, EAGAIN } = constants.errno;
