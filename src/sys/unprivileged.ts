/** Giving up privileges for good. */
import { readdirSync } from 'node:fs';
import koffi from 'koffi';
import { causedBy, IpftError, SystemCallError } from '../base/errors.js';
import { errnoName } from './errno.js';

const libc = koffi.load(null);
const c = {
  prctl: libc.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)'),
  fcntl: libc.func('int fcntl(int fd, int command, long argument)'),
};
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const STDERR = 2;
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
/** Nobody, on all distributions. */
const NOBODY = 65534;

/**
 * What this thread starts from now on gets no privileges by exec that this process has not, nor capabilities beyond those
 * of its user. What root starts is root's as before.
 */
export function renounceNewPrivileges(): void {
  check('prctl', c.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  c.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

/**
 * Keeps this process' descriptors from what it starts, but for stdin, stdout and stderr. Node does so with low numbers;
 * those that a shell has handed over, as for `<(…)`, have high ones.
 */
export function keepDescriptors(): void {
  for (const fd of readdirSync('/proc/self/fd').map(Number)) {
    // That of the folder is closed again.
    if (fd > STDERR) c.fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

/**
 * Makes this process nobody's if it is root's, with all threads, and hides its memory from others of its user. There is no
 * way back.
 * @throws IpftError `PAGE_SERVER` where there is no such user, as in some containers
 */
export function becomeNobody(): void {
  if (process.geteuid?.() === 0 || process.getuid?.() === 0) {
    try {
      process.setgroups?.([]);
      process.setgid?.(NOBODY);
      process.setuid?.(NOBODY);
    } catch (error) {
      const problem = `serving the page as the user nobody (${NOBODY}): ${(error as Error).message}`;
      const hint =
        'a namespace of users must have that user, too; outside of it ipft ui needs no root to show recordings';
      throw causedBy(new IpftError('PAGE_SERVER', problem, hint), error);
    }
  }
  check('prctl', c.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0));
}

function check(call: string, result: number): void {
  if (result >= 0) return;
  const errno = koffi.errno();
  throw new SystemCallError(call, errno, errnoName(errno), 'giving up privileges');
}
