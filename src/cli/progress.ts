/** The progress of work that may take a while: how far it is, how fast, and how long the rest will take. */
import type { Terminal } from './terminal.js';

/** Work that ends sooner needs no estimate. */
const SHORT_MS = 2000;
/** How often a line is written where none can be redrawn, in milliseconds. */
const LINE_MS = 10_000;
/** Before this, in milliseconds, the rate says little. */
const FIRST_RATE_MS = 500;

export class Progress {
  readonly #terminal: Terminal;
  readonly #begin = performance.now();
  #writtenAt = this.#begin - LINE_MS + SHORT_MS;
  #wasShown = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Whether a line was written that stays. */
  get wasShown(): boolean {
    return this.#wasShown;
  }

  /** @param text names the work; `done` of `total` is over */
  show(text: string, done: number, total: number): void {
    const now = performance.now();
    const line = `${text}${this.#estimate(now, done, total)}`;
    if (this.#terminal.isTerminal) {
      this.#terminal.status(() => line);
    } else if (done < total && now - this.#writtenAt >= LINE_MS) {
      this.#writtenAt = now;
      this.#wasShown = true;
      this.#terminal.line(line);
    }
  }

  #estimate(now: number, done: number, total: number): string {
    const elapsed = now - this.#begin;
    if (done === 0 || elapsed < FIRST_RATE_MS || (elapsed / done) * total < SHORT_MS) return '';
    const seconds = ((elapsed / done) * (total - done)) / 1000;
    const rate = (done / elapsed) * 1000;
    return `, ${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s, ${formatSeconds(seconds)} left`;
  }
}

/** `40 s`, `2 min 5 s` */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
