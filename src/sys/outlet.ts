/**
 * A descriptor that is written to without waiting in the kernel: a reader that does not read must hold up nobody who
 * has something else to do, as to answer Ctrl-C.
 *
 * Pipes and terminals are opened once more, without blocking: whoever has the same pipe or terminal notices nothing.
 * Node's own streams are not used, since they open terminals again too, set them back at the end of the process, and
 * abort if the terminal has gone by then.
 */
import { constants, fstatSync, openSync, type Stats, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { EAGAIN, errnoName } from './errno.js';
import { hasReader, hasRoom, loadColumns, sendNow, waitForRoom } from './libc.js';

const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
/** `file`: also devices, and a terminal that has gone. */
type Kind = 'file' | 'pipe' | 'terminal' | 'socket';
/** As much is written at a time where writing might wait: a pipe that has room has room for a page. */
const SURELY_TAKEN_BYTES = 512;

export class Outlet {
  /** The descriptor that is written to. */
  readonly fd: number;
  readonly isTerminal: boolean;
  /** Whether it is a file or a device, which takes the time that it takes: best written in another thread. */
  readonly isFile: boolean;
  readonly isRegular: boolean;
  readonly #kind: Kind;
  /** Whether writing more than it has room for waits. */
  readonly #waits: boolean;

  /**
   * @param fd stays open
   * @throws the system's error if it is not open
   */
  constructor(fd: number) {
    const stats = fstatSync(fd);
    this.isTerminal = isatty(fd);
    this.#kind = kindOf(stats, this.isTerminal);
    this.isFile = this.#kind === 'file';
    this.isRegular = stats.isFile();
    const own = this.#kind === 'pipe' || this.#kind === 'terminal' ? openAgain(fd) : undefined;
    this.fd = own ?? fd;
    this.#waits = own === undefined;
  }

  /** How wide it is, if it is a terminal. */
  get columns(): number | undefined {
    return this.isTerminal ? loadColumns(this.fd) : undefined;
  }

  /** Whether what is written can still be read by somebody: not where a pipe's reader, or the terminal, has gone. */
  get hasReader(): boolean {
    return this.isFile || hasReader(this.fd);
  }

  /**
   * Writes as much as there is room for; to a file, all that the disk has room for.
   * @returns how many bytes it took
   * @throws the system's error, with its `code`
   */
  write(bytes: Uint8Array): number {
    if (this.#kind === 'socket') {
      const sent = sendNow(this.fd, bytes);
      if (sent >= 0) return sent;
      if (sent === -EAGAIN) return 0;
      const code = errnoName(-sent);
      throw Object.assign(new Error(`${code}: send`), { code });
    }
    if (this.#waits && !this.isFile) {
      if (!hasRoom(this.fd)) return 0;
      return writeSync(this.fd, bytes.subarray(0, SURELY_TAKEN_BYTES));
    }
    try {
      return writeSync(this.fd, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }

  /** Waits until it takes more, or for so long. */
  waitForRoom(timeoutMs: number): Promise<void> {
    return waitForRoom(this.fd, timeoutMs);
  }
}

function kindOf(stats: Stats, isTerminal: boolean): Kind {
  if (isTerminal) return 'terminal';
  if (stats.isFIFO()) return 'pipe';
  return stats.isSocket() ? 'socket' : 'file';
}

/** The same pipe or terminal, with its own way of waiting; undefined where that is not allowed. */
function openAgain(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return undefined;
  }
}
