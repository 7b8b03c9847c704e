/** Takes what a program writes, up to a limit. */
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { openPipe } from './libc.js';

const PIECE_BYTES = 1 << 16;

/** A pipe, of which another process gets the end that is written to. */
export class OutputPipe implements Disposable {
  readonly #maxBytes: number;
  readonly #decoder = new StringDecoder('utf8');
  readonly #piece = Buffer.alloc(PIECE_BYTES);
  readonly #readFd: number;
  #writeFd: number | undefined;
  #bytes = 0;
  #text = '';
  #isOver = false;

  /** @param maxBytes what comes behind so many bytes is read, and dropped */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    const [readFd, writeFd] = openPipe();
    this.#writeFd = writeFd;
    // For this process alone, so that the program's end blocks as it always does.
    this.#readFd = openSync(`/proc/self/fd/${readFd}`, constants.O_RDONLY | constants.O_NONBLOCK);
    closeSync(readFd);
  }

  /** The end for a program; it is closed here by `closeEnd`, when the program has it. */
  get writeFd(): number {
    if (this.#writeFd === undefined) throw new Error('the end that is written to is closed');
    return this.#writeFd;
  }

  closeEnd(): void {
    if (this.#writeFd !== undefined) closeSync(this.#writeFd);
    this.#writeFd = undefined;
  }

  /** Whether more was written than is kept. */
  get isCut(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  /** What was taken so far; bytes that are no UTF-8 are replaced. */
  get text(): string {
    return this.#text;
  }

  /** Takes what has been written, without waiting. */
  drain(): void {
    while (!this.#isOver && this.#take());
  }

  /** @returns whether there may be more */
  #take(): boolean {
    let length: number;
    try {
      length = readSync(this.#readFd, this.#piece);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
      throw error;
    }
    if (length === 0) this.#isOver = true;
    const room = Math.max(0, this.#maxBytes - this.#bytes);
    this.#text += this.#decoder.write(this.#piece.subarray(0, Math.min(length, room)));
    this.#bytes += length;
    return length > 0;
  }

  [Symbol.dispose](): void {
    this.closeEnd();
    closeSync(this.#readFd);
  }
}
