/** Where the result goes: stdout, or a file. Messages for people don't go there. */

import { constants, fstatSync, ftruncate, lstatSync, openSync, write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { causedBy, IpftError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { StdoutWriter } from './stdout.js';

export interface Writer {
  /** For messages. */
  readonly name: string;
  readonly isTerminal: boolean;
  /** How wide it is, if it is a terminal. */
  readonly columns?: number | undefined;
  /** Whether nobody reads any more, or writing failed. */
  readonly closed: boolean;
  /** Why writing failed, if it was not that the reader left. */
  readonly failure: Error | undefined;
  /**
   * Writes, and waits until there is room for more. After `closed` it does nothing.
   * @returns whether the bytes are no longer needed
   */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Waits until all has been handed to the system. */
  flush(): Promise<void>;
}

/** Paths that name a descriptor of this process. */
const DESCRIPTOR = /^\/(?:dev|proc\/self)\/fd\/([0-9]{1,9})$/;
const DESCRIPTORS = new Map([
  ['-', 1],
  ['/dev/stdout', 1],
  ['/dev/stderr', 2],
]);

/**
 * Opens what `--output-file` names. A file that is there keeps what it had until the first write or flush.
 * @throws IpftError `OUTPUT_FILE`
 */
export function openWriter(path: string | undefined): Writer {
  if (path === undefined) return new StdoutWriter();
  const fd = DESCRIPTORS.get(path) ?? Number(DESCRIPTOR.exec(path)?.[1] ?? Number.NaN);
  if (fd === 1) return new StdoutWriter();
  if (Number.isNaN(fd)) return new FileWriter(printable(path), openFile(path), true);
  try {
    fstatSync(fd);
  } catch (error) {
    throw causedBy(refuse(path, (error as Error).message), error);
  }
  return new FileWriter(printable(path), fd, false);
}

function refuse(
  path: string,
  problem: string,
  hint = 'name a new or a regular file, in a directory that you may write to',
): IpftError {
  return new IpftError('OUTPUT_FILE', `writing to ${printable(path)}: ${problem}`, hint);
}

const FILE_MODE = 0o600;
const { O_WRONLY, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

function openFile(path: string): number {
  try {
    // Opening some devices does something already.
    const there = path === '/dev/null' ? undefined : lstatSync(path, { throwIfNoEntry: false });
    if (there?.isSymbolicLink()) {
      throw refuse(path, 'it is a symbolic link, which could lead anywhere', 'name the file itself');
    }
    if (there && !there.isFile()) throw refuse(path, 'there is something that is no regular file');
    const fd = openSync(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, FILE_MODE);
    // It may have been put there meanwhile.
    if (path !== '/dev/null' && !fstatSync(fd).isFile())
      throw refuse(path, 'there is something that is no regular file');
    return fd;
  } catch (error) {
    if (error instanceof IpftError) throw error;
    throw causedBy(refuse(path, (error as Error).message), error);
  }
}

/** How long to wait for a reader that has no room, in milliseconds. */
const NO_ROOM_MS = 5;
const system = { write: promisify(write), truncate: promisify(ftruncate) };

class FileWriter implements Writer {
  readonly name: string;
  readonly isTerminal: boolean;
  readonly #fd: number;
  /** Whether it is a file that is to be replaced, and still has what it had. */
  #isOld: boolean;
  #closed = false;
  #failure: Error | undefined;
  /** What is being written: pieces keep their order. */
  #last: Promise<void> = Promise.resolve();

  /** @param replaces whether a file loses what it had; whoever opened a descriptor has decided that already */
  constructor(name: string, fd: number, replaces: boolean) {
    this.name = name;
    this.#fd = fd;
    this.#isOld = replaces && fstatSync(fd).isFile();
    this.isTerminal = isatty(fd);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    this.#last = this.#last.then(() => this.#write(bytes));
    await this.#last;
    return true;
  }

  async flush(): Promise<void> {
    await this.write(NOTHING);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      if (this.#isOld) await system.truncate(this.#fd, 0);
      this.#isOld = false;
      for (let begin = 0; begin < bytes.length && !this.#closed; ) {
        const { bytesWritten } = await system.write(this.#fd, bytes, begin).catch(async (error) => {
          if (error.code !== 'EAGAIN') throw error;
          await sleep(NO_ROOM_MS);
          return { bytesWritten: 0 };
        });
        begin += bytesWritten;
      }
    } catch (error) {
      this.#closed = true;
      // A reader that has seen enough is no failure.
      if ((error as NodeJS.ErrnoException).code !== 'EPIPE') this.#failure = error as Error;
    }
  }
}

const NOTHING = new Uint8Array(0);
