/**
 * Lanes of a picture: in each of them one journey lies behind the other. A journey gets the first lane that is free by
 * its begin, so that there are about as many as journeys lasted at the same time. Pure; finding one takes the logarithm
 * of their number.
 */

/** The least number of leaves of the tree. */
const LEAST = 4;

export class Lanes {
  /**
   * A tree over the lanes: each element is the least of the two below it, which are at 2i and 2i + 1; a leaf is the time
   * until which its lane is taken.
   */
  #until = new Float64Array(2 * LEAST).fill(Number.NEGATIVE_INFINITY);
  /** The number of leaves. */
  #leaves = LEAST;

  /**
   * Takes a lane. Times are numbers of any unit; a lane is free behind the end of the last one, not at it, so that rounding
   * makes nothing overlap.
   * @returns its index, from 0
   */
  take(begin: number, end: number): number {
    if (!(this.#until[1]! < begin)) this.#grow();
    let node = 1;
    while (node < this.#leaves) {
      node *= 2;
      if (!(this.#until[node]! < begin)) node++;
    }
    this.#until[node] = end;
    for (let above = node >> 1; above > 0; above >>= 1) {
      this.#until[above] = Math.min(this.#until[2 * above]!, this.#until[2 * above + 1]!);
    }
    return node - this.#leaves;
  }

  #grow(): void {
    const leaves = this.#leaves * 2;
    const until = new Float64Array(2 * leaves).fill(Number.NEGATIVE_INFINITY);
    for (let i = 0; i < this.#leaves; i++) until[leaves + i] = this.#until[this.#leaves + i]!;
    for (let node = leaves - 1; node > 0; node--) until[node] = Math.min(until[2 * node]!, until[2 * node + 1]!);
    this.#until = until;
    this.#leaves = leaves;
  }
}
