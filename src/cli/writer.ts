/** Where the result goes: stdout, or a file. */

import { close, ftruncate, write } from 'node:fs';
import { setImmediate as immediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { causedBy, IpftError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { duplicate } from '../sys/libc.js';
import { Outlet } from '../sys/outlet.js';
import { openResultFile, RefusedFile } from '../sys/result-file.js';

export interface Writer {
  /** Its name in messages. */
  readonly name: string;
  readonly isTerminal: boolean;
  /** The width of a terminal; undefined for anything else. */
  readonly columns?: number | undefined;
  /** The height of a terminal; undefined for anything else. */
  readonly lines?: number | undefined;
  /** Whether the reader has gone, or writing failed. */
  readonly closed: boolean;
  /** The error that writing failed with; undefined if the reader has gone. */
  readonly failure: Error | undefined;
  /**
   * Writes, and waits until there is room for more. Does nothing after `closed`.
   * @returns whether the caller may use the bytes' memory again
   */
  write(bytes: Uint8Array): Promise<boolean>;
  /** Waits until all bytes have been handed to the system. */
  flush(): Promise<void>;
  /** Flushes, and asks the system for errors that it reports late, as network file systems do when a file is closed. */
  end(): Promise<void>;
}

/** Paths that name a descriptor of this process. */
const DESCRIPTOR = /^\/(?:dev|proc\/self)\/fd\/([0-9]{1,9})$/;
const STDOUT = 1;
const DESCRIPTORS = new Map([
  ['-', STDOUT],
  ['/dev/stdout', STDOUT],
  ['/dev/stderr', 2],
]);

/**
 * Opens the file of `--output-file`, or stdout. An existing file keeps its content until the first write or flush.
 * @throws IpftError `OUTPUT_FILE`
 */
export function openWriter(path: string | undefined): Writer {
  const fd = path === undefined ? STDOUT : descriptorOf(path);
  const name = fd === STDOUT ? 'stdout' : printable(path ?? '');
  try {
    return Number.isNaN(fd) ? new OutletWriter(name, openFile(path ?? ''), true) : new OutletWriter(name, fd, false);
  } catch (error) {
    if (error instanceof IpftError) throw error;
    throw causedBy(refuse(name, (error as Error).message), error);
  }
}

/** Whether a path means a descriptor of this process: `-` is stdout. */
export function isDescriptor(path: string): boolean {
  return !Number.isNaN(descriptorOf(path));
}

/** NaN for any other path. */
function descriptorOf(path: string): number {
  return DESCRIPTORS.get(path) ?? Number(DESCRIPTOR.exec(path)?.[1] ?? Number.NaN);
}

/** The error about a result that was not written whole. */
export function explainFailure({ name, failure }: Pick<Writer, 'name' | 'failure'>): IpftError | undefined {
  if (!failure) return undefined;
  const isClosed = (failure as NodeJS.ErrnoException).code === 'EBADF';
  const hint = `--output-file names another place${isClosed ? '' : ': a file on a disk with room'}`;
  return causedBy(new IpftError('OUTPUT_FILE', `writing to ${name}: ${failure.message}`, hint), failure);
}

function refuse(
  path: string,
  problem: string,
  hint = 'name a new or a regular file, in a directory that you may write to',
): IpftError {
  return new IpftError('OUTPUT_FILE', `writing to ${printable(path)}: ${problem}`, hint);
}

function openFile(path: string): number {
  try {
    return openResultFile(path).fd;
  } catch (error) {
    const hint = error instanceof RefusedFile ? error.hint : undefined;
    throw causedBy(refuse(path, (error as Error).message, hint), error);
  }
}

const system = { write: promisify(write), truncate: promisify(ftruncate), close: promisify(close) };

/** The longest wait for room, in milliseconds, before the caller is asked whether it still wants to write. */
const ROOM_MS = 100;
/** The bytes that are written before signals get their turn. */
const SLICE_BYTES = 1 << 20;
/** Errors that mean that the reader has gone. */
const NO_READER = ['EPIPE', 'ECONNRESET', 'ENXIO'];

class OutletWriter implements Writer {
  readonly name: string;
  readonly #outlet: Outlet;
  /** Whether this object closes the descriptor. */
  readonly #isOwn: boolean;
  /** Whether it is an existing file that still has its old content. */
  #isOld: boolean;
  #closed = false;
  #failure: Error | undefined;
  /** The last write: pieces keep their order. */
  #last: Promise<void> = Promise.resolve();

  /** @param isOwn whether this object opened the file: then it replaces the content */
  constructor(name: string, fd: number, isOwn: boolean) {
    this.name = name;
    this.#outlet = new Outlet(fd);
    this.#isOwn = isOwn;
    this.#isOld = isOwn && this.#outlet.isRegular;
  }

  get isTerminal(): boolean {
    return this.#outlet.isTerminal;
  }

  get columns(): number | undefined {
    return this.#outlet.columns;
  }

  get lines(): number | undefined {
    return this.#outlet.lines;
  }

  /** True as soon as the reader has gone, before a write would fail. */
  get closed(): boolean {
    if (this.#closed || this.#outlet.hasReader) return this.#closed;
    this.#close();
    return true;
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

  async end(): Promise<void> {
    await this.#last;
    if (!this.#outlet.isRegular) return;
    try {
      // Network file systems report a full disk when a descriptor is closed; any descriptor of the open file will do.
      const fd = this.#isOwn ? this.#outlet.fd : duplicate(this.#outlet.fd);
      if (fd >= 0) await system.close(fd);
    } catch (error) {
      this.#close(error as Error);
    }
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      if (this.#isOld) await system.truncate(this.#outlet.fd, 0);
      this.#isOld = false;
      for (let begin = 0; begin < bytes.length && !this.#closed; ) {
        begin += await this.#writeSome(bytes.subarray(begin, begin + SLICE_BYTES));
      }
    } catch (error) {
      this.#close(error as Error);
    }
  }

  /** @returns the number of bytes written; 0 where there was no room for a while */
  async #writeSome(bytes: Uint8Array): Promise<number> {
    if (this.#outlet.isFile) {
      const { bytesWritten } = await system.write(this.#outlet.fd, bytes);
      if (bytesWritten === 0) throw new Error('the system takes no bytes');
      return bytesWritten;
    }
    const written = this.#outlet.write(bytes);
    await (written === 0 ? this.#outlet.waitForRoom(ROOM_MS) : immediate());
    return written;
  }

  #close(error?: Error): void {
    this.#closed = true;
    const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'EPIPE';
    if (!NO_READER.includes(code)) this.#failure ??= error;
    // A pipe's reader may have seen enough; a terminal that has gone is a failure.
    else if (this.isTerminal) this.#failure ??= error ?? new Error('the terminal is gone');
  }
}

const NOTHING = new Uint8Array(0);
