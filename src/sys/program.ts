/**
 * Starts a program as a shell does: in this process's process group, with its terminal, and with nothing that this
 * process has changed for itself. Node's `spawn` resets all signals, runs what is no program by a shell, and loses
 * groups.
 */
import { existsSync, fstatSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import koffi from 'koffi';
import { SystemCallError } from '../base/errors.js';
import { encodeBytes } from './byte-text.js';
import { asUser, type Caller } from './caller.js';
import { errnoName } from './errno.js';
import { addressOf, withFirstLimits } from './libc.js';

const libc = koffi.load(null);
const c = {
  spawn: libc.func('int posix_spawnp(void *pid, void *file, void *actions, void *attributes, void *argv, void *envp)'),
  initAttributes: libc.func('int posix_spawnattr_init(void *attributes)'),
  setFlags: libc.func('int posix_spawnattr_setflags(void *attributes, short flags)'),
  setMask: libc.func('int posix_spawnattr_setsigmask(void *attributes, void *signals)'),
  setDefault: libc.func('int posix_spawnattr_setsigdefault(void *attributes, void *signals)'),
  destroyAttributes: libc.func('int posix_spawnattr_destroy(void *attributes)'),
  initActions: libc.func('int posix_spawn_file_actions_init(void *actions)'),
  addDuplicate: libc.func('int posix_spawn_file_actions_adddup2(void *actions, int fd, int as)'),
  destroyActions: libc.func('int posix_spawn_file_actions_destroy(void *actions)'),
  waitpid: libc.func('int waitpid(int pid, void *status, int options)'),
};

/** More than `posix_spawnattr_t` and `posix_spawn_file_actions_t` of glibc and musl. */
const ATTRIBUTES_BYTES = 512;
const POSIX_SPAWN_SETSIGDEF = 4;
const POSIX_SPAWN_SETSIGMASK = 8;
const SIGNAL_SET_BYTES = 128;
/** As the C library has it. */
const DEFAULT_PATH = '/bin:/usr/bin';
const LAST_SIGNAL = 64;
const WNOHANG = 1;
/** How often it is looked whether the program has ended, in milliseconds. SIGCHLD does not reach a worker of Node. */
const LOOK_MS = 10;

export interface ProgramOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** The user that it runs as; undefined: as this process. */
  readonly user?: Caller | undefined;
  /** Signals that it finds ignored, by name; all others have their default effect. */
  readonly ignoredSignals?: readonly string[];
  /** Descriptors in the place of 0, 1 and 2. What is closed stays closed. */
  readonly stdin?: number | undefined;
  readonly stdout?: number | undefined;
  readonly stderr?: number | undefined;
}

/** How a program has ended. */
export interface ProgramEnd {
  /** Undefined if a signal ended it. */
  readonly exitCode: number | undefined;
  /** The signal's number. */
  readonly signal: number | undefined;
}

/** A program that was started; only this object waits for it. */
export class Program {
  readonly pid: number;
  readonly ended: Promise<ProgramEnd>;
  #hasEnded = false;

  constructor(pid: number) {
    this.pid = pid;
    this.ended = new Promise((resolve) => {
      const timer = setInterval(() => {
        const end = takeEnd(pid);
        if (!end) return;
        this.#hasEnded = true;
        clearInterval(timer);
        resolve(end);
      }, LOOK_MS);
    });
  }

  /** Sends a signal, if it has not ended. */
  kill(signal: NodeJS.Signals): void {
    // Its number is its own until it is waited for.
    if (!this.#hasEnded) process.kill(this.pid, signal);
  }
}

/** Whether there is a file of that name, where `startProgram` looks for it; it may be no program. */
export function hasProgram(name: string): boolean {
  const isThere = (path: string) => existsSync(encodeBytes(path));
  if (name === '' || name.includes('/')) return name !== '' && isThere(name);
  return (process.env['PATH'] ?? DEFAULT_PATH).split(':').some((directory) => isThere(join(directory, name)));
}

/**
 * Starts a program, which is looked for in PATH.
 * @param argv its name and its arguments, which may be text of `decodeBytes`, as may the environment
 * @throws SystemCallError where that can't be done: ENOENT where there is none
 */
export function startProgram(argv: readonly string[], options: ProgramOptions): Program {
  const { environment, user, ignoredSignals = [], stdin = 0, stdout = 1, stderr = 2 } = options;
  const attributes = Buffer.alloc(ATTRIBUTES_BYTES);
  const actions = Buffer.alloc(ATTRIBUTES_BYTES);
  const pid = new Int32Array(1);
  const args = pointersTo(argv);
  const variables = pointersTo(
    Object.entries({ ...environment, ...user?.variables }).map(([name, value]) => `${name}=${value}`),
  );
  c.initAttributes(attributes);
  c.setFlags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  c.setMask(attributes, Buffer.alloc(SIGNAL_SET_BYTES));
  c.setDefault(attributes, signalsBut(ignoredSignals));
  c.initActions(actions);
  // Node has had all descriptors closed by exec, its first three included: duplicating one onto itself takes that back.
  for (const [as, fd] of [stdin, stdout, stderr].entries()) if (isOpen(fd)) c.addDuplicate(actions, fd, as);
  const spawn = (): number => c.spawn(pid, args.pointers[0], actions, attributes, args.pointers, variables.pointers);
  const errno = withFirstLimits(() => (user ? asUser(user, spawn) : spawn()));
  c.destroyActions(actions);
  c.destroyAttributes(attributes);
  // Used here, so that the memory is there during the call.
  if (errno !== 0 || args.text.length + variables.text.length === 0) {
    throw new SystemCallError('posix_spawn', errno, errnoName(errno));
  }
  return new Program(pid[0]!);
}

/** Whether this process is in the foreground of its terminal, and gets the signals that are typed there. */
export function isInForeground(): boolean {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  // Behind the name, in brackets: state, parent, process group, session, terminal, its foreground's process group.
  const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === foreground;
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

/** An array of pointers to C strings, with a null pointer behind the last. */
function pointersTo(texts: readonly string[]): { pointers: BigUint64Array; text: Buffer } {
  const strings = texts.map((one) => encodeBytes(`${one}\0`));
  const text = Buffer.concat(strings);
  const pointers = new BigUint64Array(texts.length + 1);
  let at = addressOf(text);
  for (const [index, { length }] of strings.entries()) {
    pointers[index] = at;
    at += BigInt(length);
  }
  return { pointers, text };
}

/** A `sigset_t` of all signals but some. */
function signalsBut(names: readonly string[]): Buffer {
  const numbers: Partial<Record<string, number>> = constants.signals;
  const left = names.map((name) => numbers[name]);
  const set = Buffer.alloc(SIGNAL_SET_BYTES);
  for (let number = 1; number <= LAST_SIGNAL; number++) {
    if (!left.includes(number)) set[(number - 1) >> 3]! |= 1 << ((number - 1) & 7);
  }
  return set;
}

/** @returns undefined while the program runs, or is stopped */
function takeEnd(pid: number): ProgramEnd | undefined {
  const status = new Int32Array(1);
  const result: number = c.waitpid(pid, status, WNOHANG);
  if (result === 0) return undefined;
  // Somebody else has waited for it: nothing is known.
  if (result < 0) return { exitCode: undefined, signal: undefined };
  const signal = status[0]! & 0x7f;
  return signal === 0 ? { exitCode: (status[0]! >> 8) & 0xff, signal: undefined } : { exitCode: undefined, signal };
}
