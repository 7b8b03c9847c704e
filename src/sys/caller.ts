/** The user who called: behind sudo it is not the user of this process. */
import koffi from 'koffi';
import { SystemCallError } from '../base/errors.js';
import { errnoName } from './errno.js';
import { addressOf } from './libc.js';

const libc = koffi.load(null);
const c = {
  getpwuid: libc.func('int getpwuid_r(uint uid, void *entry, void *text, size_t size, void *result)'),
  getgrouplist: libc.func('int getgrouplist(const char *user, uint gid, void *groups, void *count)'),
  getgroups: libc.func('int getgroups(int count, void *groups)'),
  syscall: libc.func('long syscall(long number, long a, long b, long c)'),
  setgroups: libc.func('long syscall(long number, long count, void *groups)'),
  prctl: libc.func('int prctl(int option, ulong a, ulong b, ulong c, ulong d)'),
};
const NUMBERS: Partial<Record<string, { setresuid: number; setresgid: number; setgroups: number }>> = {
  x64: { setresuid: 117, setresgid: 119, setgroups: 116 },
  arm64: { setresuid: 147, setresgid: 149, setgroups: 159 },
};

/** A user id and a group id. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/** A user as a login has it. */
export interface Caller extends UserIds {
  /** All groups, `gid` included. */
  readonly groups: readonly number[];
  /** HOME, USER, LOGNAME and SHELL; empty for a user whom the system does not know. */
  readonly variables: Readonly<Record<string, string>>;
}

/** One more is -1, which leaves a process its id. */
const LAST_ID = 0xffff_fffe;

/** What sudo says of its caller; undefined where sudo does not say it, or where this process is not root. */
export function readSudo(environment: NodeJS.ProcessEnv = process.env): UserIds | undefined {
  const [uid, gid] = [environment['SUDO_UID'], environment['SUDO_GID']].map((text) =>
    /^[0-9]{1,10}$/.test(text ?? '') && Number(text) <= LAST_ID ? Number(text) : undefined,
  );
  return process.geteuid?.() !== 0 || uid === undefined || gid === undefined ? undefined : { uid, gid };
}

/** The user who called sudo; undefined where none did, where root did, or where this process is not root. */
export function findCaller(environment: NodeJS.ProcessEnv = process.env): Caller | undefined {
  const ids = readSudo(environment);
  if (!ids || ids.uid === 0) return undefined;
  const entry = loadUser(ids.uid);
  if (!entry) return { ...ids, groups: [ids.gid], variables: {} };
  const { name, home, shell } = entry;
  return {
    ...ids,
    groups: loadGroups(name, ids.gid),
    variables: { HOME: home, USER: name, LOGNAME: name, SHELL: shell },
  };
}

/** Room for an entry of the user database: a name, a home and a shell, each a path at most. */
const ENTRY_TEXT_BYTES = 1 << 14;

/** `struct passwd`: `char *pw_name, *pw_passwd; uid_t pw_uid; gid_t pw_gid; char *pw_gecos, *pw_dir, *pw_shell;` */
function loadUser(uid: number): { name: string; home: string; shell: string } | undefined {
  const entry = Buffer.alloc(48);
  const text = Buffer.alloc(ENTRY_TEXT_BYTES);
  const found = new BigUint64Array(1);
  if (c.getpwuid(uid, entry, text, text.length, found) !== 0 || found[0] === 0n) return undefined;
  const textAt = addressOf(text);
  const read = (offset: number) => {
    const at = Number(entry.readBigUInt64LE(offset) - textAt);
    return text.toString('utf8', at, text.indexOf(0, at));
  };
  return { name: read(0), home: read(32), shell: read(40) };
}

/** As a login of that user would have them. */
function loadGroups(user: string, gid: number): number[] {
  const count = Int32Array.of(64);
  for (let tries = 0; tries < 2; tries++) {
    const groups = new Uint32Array(count[0]!);
    if (c.getgrouplist(user, gid, groups, count) >= 0) return [...groups.subarray(0, count[0])];
    // The count is now that of all groups.
  }
  return [gid];
}

const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;

/**
 * Calls a function while this thread, and no other, is another user. What it starts is that user for good: exec drops
 * the saved user id, by which this thread comes back, and all capabilities. It must wait for nothing.
 * @throws SystemCallError where this process may not become that user
 */
export function asUser<T>({ uid, gid, groups }: Omit<Caller, 'variables'>, body: () => T): T {
  const numbers = NUMBERS[process.arch]!;
  const [ownGroups, ownGid, ownUid] = [loadOwnGroups(), process.getgid!(), process.getuid!()];
  const setGroups = (list: ArrayLike<number>) =>
    check('setgroups', c.setgroups(numbers.setgroups, list.length, Uint32Array.from(list)));
  const setIds = (call: 'setresuid' | 'setresgid', real: number, effective: number, saved: number) =>
    check(call, c.syscall(numbers[call], real, effective, saved));
  try {
    // A process that is given ambient capabilities would hand them on.
    c.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    setGroups(groups);
    setIds('setresgid', gid, gid, gid);
    setIds('setresuid', uid, uid, 0);
    return body();
  } finally {
    setIds('setresuid', ownUid, 0, 0);
    setIds('setresgid', ownGid, ownGid, ownGid);
    setGroups(ownGroups);
  }
}

/** Node's own function adds the effective group. */
function loadOwnGroups(): Uint32Array {
  const groups = new Uint32Array(c.getgroups(0, null));
  c.getgroups(groups.length, groups);
  return groups;
}

function check(call: string, result: number | bigint): void {
  if (Number(result) >= 0) return;
  const errno = koffi.errno();
  throw new SystemCallError(call, errno, errnoName(errno), 'becoming the user who called', 'see --as-root');
}
