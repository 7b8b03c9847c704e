/** The files of a recording: opened safely, written to piece by piece. */
import { close, fstatSync, ftruncate, lstatSync, rmSync, type Stats, write } from 'node:fs';
import { promisify } from 'node:util';
import { causedBy, IpftError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { createResultFile, giveToCaller, openResultFile, RefusedFile } from '../sys/result-file.js';

/** Where the bytes of one file go. */
export interface Destination {
  /** Its name in messages. */
  readonly name: string;
  /** Writes all bytes, which must not change until then. @throws IpftError if they can't be written */
  write(bytes: Uint8Array): Promise<void> | void;
  /** Ends writing. @throws IpftError for what the system reports late, as network file systems do */
  close(): Promise<void> | void;
}

const HINT = 'name a new or a regular file, in a directory that you may write to, on a disk with room';
/** The bytes of one call of the system: the event loop gets its turn between two. */
const SLICE_BYTES = 1 << 20;

const system = { write: promisify(write), truncate: promisify(ftruncate), close: promisify(close) };

/**
 * Opens the file of a recording. An existing file keeps its content until something is written. A new one is for its
 * owner alone: root, or under sudo the user who called it.
 * @throws IpftError `RECORDING`; also where a link, or anything else than a regular file, has that name
 */
export function openRecordingFile(path: string): RecordingFile {
  return refusing(path, () => {
    const { fd, isNew } = openResultFile(path);
    if (isNew) giveToCaller(fd);
    return new RecordingFile(path, fd, isNew);
  });
}

/**
 * As `openRecordingFile`, for a file that is not there yet.
 * @returns undefined if something has that name
 * @throws IpftError `RECORDING`
 */
export function createRecordingFile(path: string): RecordingFile | undefined {
  return refusing(path, () => {
    const fd = createResultFile(path);
    if (fd === undefined) return undefined;
    giveToCaller(fd);
    return new RecordingFile(path, fd, true);
  });
}

export class RecordingFile implements Destination {
  readonly name: string;
  readonly #path: string;
  readonly #fd: number;
  readonly #stats: Stats;
  /** Whether this process has made it. */
  readonly #isNew: boolean;
  #isEmpty = true;
  #isClosed = false;

  /** Made by `openRecordingFile` and `createRecordingFile`. */
  constructor(path: string, fd: number, isNew: boolean) {
    this.name = printable(path);
    this.#path = path;
    this.#fd = fd;
    this.#isNew = isNew;
    this.#stats = fstatSync(fd);
  }

  async write(bytes: Uint8Array): Promise<void> {
    try {
      if (this.#isEmpty && !this.#isNew && this.#stats.isFile()) await system.truncate(this.#fd, 0);
      this.#isEmpty = false;
      for (let begin = 0; begin < bytes.length; ) {
        const { bytesWritten } = await system.write(this.#fd, bytes.subarray(begin, begin + SLICE_BYTES));
        if (bytesWritten === 0) throw new Error('the system takes no bytes');
        begin += bytesWritten;
      }
    } catch (error) {
      throw refuse(this.#path, error);
    }
  }

  /** A file that this process has made goes again if nothing was written. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isEmpty && this.#isNew) this.remove();
    await system.close(this.#fd).catch((error) => {
      throw refuse(this.#path, error);
    });
  }

  /** Removes the file, unless another one has its name meanwhile. */
  remove(): void {
    const there = lstatSync(this.#path, { throwIfNoEntry: false });
    if (there?.ino === this.#stats.ino && there.dev === this.#stats.dev) rmSync(this.#path, { force: true });
  }
}

function refusing<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw refuse(path, error);
  }
}

function refuse(path: string, error: unknown): IpftError {
  const { message } = error as Error;
  const hint = (error instanceof RefusedFile && error.hint) || HINT;
  return causedBy(new IpftError('RECORDING', `writing the recording ${printable(path)}: ${message}`, hint), error);
}
