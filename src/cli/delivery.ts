/**
 * Text on its way to whoever reads it. While tracing, a reader that is slow makes the ring fill, not memory. At the end it
 * is waited for, as long as it takes anything: one that takes nothing for a while loses what is left.
 */
import { IpftError } from '../base/errors.js';
import { settles } from '../base/settles.js';
import type { Writer } from './writer.js';

/** So much is handed over at a time: how much a reader has to take for not to be given up. */
const PIECE_BYTES = 1 << 16;
/** How long the end waits for a reader that takes nothing, in milliseconds. */
const SETTLING_MS = 5000;
/** How long the end goes on behind that, to tell how much was lost; in milliseconds. */
const COUNTING_MS = 2000;

/** Nobody takes the rest, and it takes too long to find out how much that is. */
export class GivenUp extends Error {}

export class Delivery {
  readonly #out: Writer;
  readonly #settlingMs: number;
  readonly #countingMs: number;
  /** What has not been handed over yet, and the piece that is being handed over. */
  #rest = NOTHING;
  #writing: { readonly bytes: number; readonly done: Promise<boolean> } | undefined;

  /** What was being handed over when it was asked last. */
  #asked: { readonly bytes: number } | undefined;
  #givenUpAt: number | undefined;
  #droppedBytes = 0;

  constructor(out: Writer, { settlingMs = SETTLING_MS, countingMs = COUNTING_MS } = {}) {
    this.#out = out;
    this.#settlingMs = settlingMs;
    this.#countingMs = countingMs;
  }

  /** Whether nothing has been taken since this was asked last, though something waits. */
  get isStuck(): boolean {
    const isStuck = this.#writing !== undefined && this.#writing === this.#asked;
    this.#asked = this.#writing;
    return isStuck;
  }

  /**
   * Hands over what is pending, and then a text.
   * @param signal ends the waiting: what was not taken is pending then, for the next call
   * @returns whether the text's memory is no longer needed
   * @throws GivenUp long after the first text that was dropped
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

  /** Waits until all has been handed over, and is with the system. */
  async flush(): Promise<void> {
    await this.#deliver(undefined);
    if (this.#givenUpAt === undefined && !(await this.#wait(this.#out.flush(), undefined))) this.#giveUp();
  }

  /** What is to be said of a text that nobody has taken; nothing if it was taken. @param hasMore whether there was more */
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

  /** @param keep called if the writer still needs the bytes of a piece @returns whether all has been handed over */
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
