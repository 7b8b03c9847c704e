/**
 * Hands text to its reader. While tracing, a slow reader makes the ring fill, not memory. At the end the reader is
 * waited for as long as it takes anything; if it takes nothing for a while, the rest is lost.
 */
import { IpftError } from '../base/errors.js';
import { settles } from '../base/settles.js';
import type { Writer } from './writer.js';

/** The size of a piece. A reader that takes less than one in the time below is given up. */
const PIECE_BYTES = 1 << 16;
/** The longest wait at the end for a reader that takes nothing, in milliseconds. */
const SETTLING_MS = 5000;
/** After that, how long the lost text is still counted, in milliseconds. */
const COUNTING_MS = 2000;

/** The reader was given up, and counting the lost text took too long. */
export class GivenUp extends Error {}

export class Delivery {
  readonly #out: Writer;
  readonly #settlingMs: number;
  readonly #countingMs: number;
  /** Text that has not been handed over, and the piece that is being handed over. */
  #rest = NOTHING;
  #writing: { readonly bytes: number; readonly done: Promise<boolean> } | undefined;

  /** The piece that was being handed over when `checkStuck` was called last. */
  #asked: { readonly bytes: number } | undefined;
  #givenUpAt: number | undefined;
  #droppedBytes = 0;

  constructor(out: Writer, { settlingMs = SETTLING_MS, countingMs = COUNTING_MS } = {}) {
    this.#out = out;
    this.#settlingMs = settlingMs;
    this.#countingMs = countingMs;
  }

  /** Whether nothing has been taken since the last call, though text waits. */
  checkStuck(): boolean {
    const isStuck = this.#writing !== undefined && this.#writing === this.#asked;
    this.#asked = this.#writing;
    return isStuck;
  }

  /**
   * Hands over pending text, and then a text.
   * @param signal ends the wait: text that was not taken is pending for the next call
   * @returns whether the caller may use the text's memory again
   * @throws GivenUp some time after the first text was dropped
   */
  async write(text: Uint8Array, signal?: AbortSignal): Promise<boolean> {
    if (this.#givenUpAt !== undefined) return this.#drop(text.length);
    if (!(await this.#deliver(signal))) {
      this.#rest = Buffer.concat([this.#rest, text]);
      return false;
    }
    this.#rest = text;
    let isFree = true;
    if (!(await this.#deliver(signal, () => (isFree = false)))) return false;
    return isFree;
  }

  /** Waits until all text has been handed to the system. */
  async flush(): Promise<void> {
    await this.#deliver(undefined);
    if (this.#givenUpAt === undefined && !(await this.#wait(this.#out.flush(), undefined))) this.#giveUp();
  }

  /** The error about text that was dropped; undefined if all was taken. @param hasMore whether there was more text */
  problem(hasMore: boolean): IpftError | undefined {
    if (this.#givenUpAt === undefined) return undefined;
    const dropped = `${hasMore ? 'at least ' : ''}${this.#droppedBytes} bytes of the result are dropped`;
    return new IpftError(
      'OUTPUT_FILE',
      `writing to ${this.#out.name}: nothing was read for ${this.#settlingMs / 1000} seconds after the trace had ended; ${dropped}`,
      'a reader that takes its time, as a pager, needs a file: --output-file names one',
    );
  }

  #giveUp(): void {
    this.#givenUpAt = performance.now();
    this.#drop(this.#rest.length + (this.#writing?.bytes ?? 0));
    this.#rest = NOTHING;
    this.#writing = undefined;
  }

  #drop(bytes: number): boolean {
    this.#droppedBytes += bytes;
    if (performance.now() - (this.#givenUpAt ?? 0) > this.#countingMs) throw new GivenUp();
    return true;
  }

  /**
   * @param keep called if the writer still needs the bytes of a piece
   * @returns whether all text has been handed over
   */
  async #deliver(signal: AbortSignal | undefined, keep: () => void = () => {}): Promise<boolean> {
    for (;;) {
      if (this.#writing) {
        const { done } = this.#writing;
        if (!(await this.#wait(done, signal))) {
          if (!signal) this.#giveUp();
          return !signal;
        }
        this.#writing = undefined;
        if (!(await done)) keep();
      }
      if (this.#rest.length === 0) return true;
      const piece = this.#rest.subarray(0, PIECE_BYTES);
      this.#rest = this.#rest.subarray(piece.length);
      this.#writing = { bytes: piece.length, done: this.#out.write(piece) };
    }
  }

  #wait(done: Promise<unknown>, signal: AbortSignal | undefined): Promise<boolean> {
    return settles(done, signal ? { signal } : { withinMs: this.#settlingMs });
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
