/**
 * A descriptor that is written to without blocking: a reader that does not read must not keep this process from other
 * work, such as answering Ctrl-C.
 *
 * Pipes and terminals are opened again, with O_NONBLOCK: other processes with the same pipe or terminal are not
 * affected. Node's own streams are not used: they open terminals again too, but reset them at the end of the process,
 * and abort if the terminal has gone by then.
 */
import { constants, fstatSync, openSync, type Stats, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { EAGAIN, errnoName } from './errno.js';
import { hasReader, hasRoom, loadColumns, loadLines, sendNow, waitForRoom } from './libc.js';

const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
/** `file` stands for devices, too, and for a terminal that has gone. */
type Kind = 'file' | 'pipe' | 'terminal' | 'socket';
/** The size of a write to a descriptor that may block: a pipe that is writable has room for a page. */
const SURELY_TAKEN_BYTES = 512;

export class Outlet {
  /** The descriptor that is written to. */
  readonly fd: number;
  readonly isTerminal: boolean;
  /** Whether it is a file or a device. Writing to it may block, and is best done in another thread. */
  readonly isFile: boolean;
  readonly isRegular: boolean;
  readonly #kind: Kind;
  /** Whether a write that finds too little room blocks. */
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

  /** The width of a terminal in characters; undefined for anything else. */
  get columns(): number | undefined {
    return this.isTerminal ? loadColumns(this.fd) : undefined;
  }

  /** The height of a terminal in lines; undefined for anything else. */
  get lines(): number | undefined {
    return this.isTerminal ? loadLines(this.fd) : undefined;
  }

  /** Whether the descriptor still has a reader: false if a pipe's read end is closed, or the terminal has gone. */
  get hasReader(): boolean {
    return this.isFile || hasReader(this.fd);
  }

  /**
   * Writes as many bytes as there is room for; to a file, as many as the disk has room for.
   * @returns the number of bytes written
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

  /** Waits until there is room, or for so long. */
  waitForRoom(timeoutMs: number): Promise<void> {
    return waitForRoom(this.fd, timeoutMs);
  }
}

function kindOf(stats: Stats, isTerminal: boolean): Kind {
  if (isTerminal) return 'terminal';
  if (stats.isFIFO()) return 'pipe';
  return stats.isSocket() ? 'socket' : 'file';
}

/** Opens the same pipe or terminal with O_NONBLOCK of its own; undefined where that is not allowed. */
function openAgain(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return undefined;
  }
}
