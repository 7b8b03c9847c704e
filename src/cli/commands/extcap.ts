/** `ipft extcap --capture`: a trace in pcapng into the pipe of Wireshark, by this process or by one that is root. */
import { spawn } from 'node:child_process';
import { constants, fstatSync, lstatSync, openSync } from 'node:fs';
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { causedBy, IpftError } from '../../base/errors.js';
import { PACKAGE_ROOT } from '../../base/package-root.js';
import { printable } from '../../base/printable.js';
import { canLoadPrograms } from '../../capture/check.js';
import { STATUS_DONE, STATUS_ERROR } from '../exit-status.js';
import type { LiveOptions } from '../live.js';
import { adviseOnRoot, commandOf, type NamedUser, type RootWay, sudoersRule } from '../root-way.js';
import type { StopSignal } from '../stop.js';
import type { Terminal } from '../terminal.js';
import type { ViewOptions } from '../text-taker.js';
import { openWriter, type Writer } from '../writer.js';
import { trace } from './trace.js';

export interface CaptureOptions {
  /** The path of a pipe, or `-` for stdout. */
  readonly fifo: string;
  readonly via: RootWay;
  /** The options for another `ipft` that captures the same. */
  readonly args: readonly string[];
  readonly trace: LiveOptions & ViewOptions;
}

/** Wireshark makes the pipe first, and opens it a moment after it has started us. */
const READER_TRIES = 100;
const READER_MS = 100;
/** How often it is looked whether the reader of the pipe has gone, in milliseconds. */
const LOOK_MS = 100;
/** How long the other process is waited for when it was told to end, in milliseconds; then it is killed. */
const END_MS = 15_000;

/** @returns the exit status */
export async function capture(options: CaptureOptions, terminal: Terminal, stop: StopSignal): Promise<number> {
  const { fifo, via, args } = options;
  // Wireshark waits for the pipe without end: it is opened whatever comes then, and its end tells that nothing comes.
  const out = await openPipe(fifo, () => stop.hasHappened());
  if (!out) return STATUS_DONE;
  const isAble = canLoadPrograms();
  if (!isAble && via.kind === 'none') throw refuseCapture('there is no way to become root', via);
  // Wireshark shows whatever is said here as an error. Another machine is what ssh is for, whoever asks.
  terminal.isQuiet = !options.trace.verbose;
  if (isAble && via.kind !== 'ssh') return await trace(options.trace, terminal, out, stop);
  return await relay(via, args, out, stop);
}

/**
 * Opens the pipe of a command line that is not understood, so that Wireshark does not wait for it without end: its options
 * may be those of another version.
 */
export async function letReaderGo(args: readonly string[]): Promise<void> {
  if (args[0] !== 'extcap' || !args.includes('--capture')) return;
  const at = args.findIndex((word) => /^--fifo(=|$)/.test(word));
  const path = args[at] === '--fifo' ? args[at + 1] : args[at]?.slice('--fifo='.length);
  if (!path || path === '-') return;
  try {
    await openPipe(path, async () => false);
  } catch {
    // There is no reader: the error that led here is told.
  }
}

/** This `ipft`, so that Node is found where the PATH is another one. */
export function ownCommand(): [string, string] {
  return [process.execPath, fileURLToPath(new URL('bin/ipft.js', PACKAGE_ROOT))];
}

/** The user of this process; one without a name has the number as its name. */
export function userOfProcess(): NamedUser {
  const uid = process.getuid?.() ?? 0;
  try {
    return { name: userInfo().username, uid };
  } catch {
    return { name: String(uid), uid };
  }
}

function refuseCapture(problem: string, via: RootWay): IpftError {
  const advice = adviseOnRoot(via.kind, sudoersRule(userOfProcess(), ownCommand()));
  return new IpftError('NO_PRIVILEGES', `capturing needs root: ${problem}`, advice);
}

/**
 * Opens a pipe for writing, as soon as it has a reader. Nothing else is opened, and nothing is made.
 * @returns undefined if a signal came first
 * @throws IpftError
 */
async function openPipe(path: string, isStopped: () => Promise<boolean>): Promise<Writer | undefined> {
  if (path === '-') return openWriter(undefined);
  const { O_WRONLY, O_NONBLOCK, O_NOFOLLOW, O_NOCTTY } = constants;
  const refuse = (problem: string) =>
    new IpftError(
      'OUTPUT_FILE',
      `opening the pipe ${printable(path)} (--fifo): ${problem}`,
      'Wireshark makes it; by hand: mkfifo PATH, and something that reads it',
    );
  for (let tries = 0; !(await isStopped()); tries++) {
    try {
      // Opening a device may have an effect.
      if (!lstatSync(path).isFIFO()) throw refuse('it is no pipe');
      const fd = openSync(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY);
      if (!fstatSync(fd).isFIFO()) throw refuse('it is no pipe');
      return openWriter(`/dev/fd/${fd}`);
    } catch (error) {
      if (error instanceof IpftError) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENXIO') throw causedBy(refuse(message), error);
      if (tries === READER_TRIES) throw causedBy(refuse('nobody reads it'), error);
    }
    await sleep(READER_MS);
  }
  return undefined;
}

/** Runs the capture as root, and hands on what it writes. @returns the exit status */
async function relay(via: RootWay, args: readonly string[], out: Writer, stop: StopSignal): Promise<number> {
  const [program, ...words] = commandOf(via, ownCommand(), args);
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const { stdout } = child;
  const ended = new Promise<{ status: number | null; error?: Error }>((resolve) => {
    child.on('error', (error) => {
      // That a signal was not allowed is none of starting it.
      if (child.pid === undefined) resolve({ status: null, error });
    });
    child.on('close', (status) => resolve({ status }));
  });
  stdout.on('error', () => {});
  let isStopped = false;
  const end = () => {
    isStopped = true;
    // A process that is root by sudo takes no signal of this user's: that nobody reads its pipe ends it, too.
    const isTold = child.kill('SIGTERM');
    if (out.closed || !isTold) stdout.destroy();
  };
  const look = setInterval(() => {
    if (out.closed && !isStopped) end();
  }, LOOK_MS);
  stop.happened.then(end);
  try {
    for await (const bytes of stdout) {
      if (!out.closed) await out.write(bytes as Buffer);
    }
  } catch {
    // It was closed here.
  }
  const isLate = await Promise.race([ended.then(() => false), isStoppedFor(END_MS, () => isStopped)]);
  clearInterval(look);
  if (isLate) child.kill('SIGKILL');
  await out.flush();
  await out.end();
  if (isLate) return STATUS_ERROR;
  const { status, error } = await ended;
  if (error) throw causedBy(refuseCapture(`running ${program}: ${error.message}`, via), error);
  if (isStopped || status === 0) return STATUS_DONE;
  throw refuseCapture(`${program} ended with status ${status ?? 'of a signal'}`, via);
}

/** Resolves to true when something was stopped for so long. */
async function isStoppedFor(ms: number, isStopped: () => boolean): Promise<boolean> {
  for (let waited = 0; waited < ms; ) {
    await sleep(LOOK_MS, undefined, { ref: false });
    if (isStopped()) waited += LOOK_MS;
  }
  return true;
}
