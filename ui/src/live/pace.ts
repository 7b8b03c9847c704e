/** When the picture is drawn again: so seldom that the page has most of its time for the one who looks at it. */

/** The least time between two pictures, in milliseconds. */
const LEAST_MS = 500;
/** After a picture that took long, so many times as long passes without one. */
const REST = 4;

export class Pace {
  #began = Number.NEGATIVE_INFINITY;
  #tookMs = 0;

  /** @param now in milliseconds @returns how long to wait with the next one */
  waitMs(now: number): number {
    return Math.max(0, this.#began + Math.max(LEAST_MS, this.#tookMs * (1 + REST)) - now);
  }

  drawn(began: number, ended: number): void {
    this.#began = began;
    this.#tookMs = ended - began;
  }
}
