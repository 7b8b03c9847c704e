/**
 * Two sequences side by side, with as many equal elements beside each other as possible (E. W. Myers, "An O(ND) Difference
 * Algorithm", 1986). The work is bounded: what differs more than that is aligned at its begin and its end only. Pure.
 */

/** A row: an index into the left sequence, into the right one, or both where they are equal. */
export interface AlignedRow {
  readonly left: number | undefined;
  readonly right: number | undefined;
}

export interface Alignment {
  readonly rows: readonly AlignedRow[];
  /** The number of elements in the middle that were not compared: they differ too much. */
  readonly skipped: number;
}

/** More differences than this are not looked for: they would take most of a second, and much memory. */
const MAX_DIFFERENCES = 2000;

export function align(left: ArrayLike<number>, right: ArrayLike<number>, maxDifferences = MAX_DIFFERENCES): Alignment {
  let begin = 0;
  while (begin < left.length && begin < right.length && left[begin] === right[begin]) begin++;
  let same = 0;
  const least = Math.min(left.length, right.length) - begin;
  while (same < least && left[left.length - 1 - same] === right[right.length - 1 - same]) same++;
  const [endLeft, endRight] = [left.length - same, right.length - same];
  const forward = walk(
    { at: (i) => left[begin + i], length: endLeft - begin },
    { at: (j) => right[begin + j], length: endRight - begin },
    maxDifferences,
  );
  const rows: AlignedRow[] = [];
  const addEqual = (i: number, j: number, count: number) => {
    for (let k = 0; k < count; k++) rows.push({ left: i + k, right: j + k });
  };
  const addOwn = (fromLeft: number, toLeft: number, fromRight: number, toRight: number) => {
    for (let i = fromLeft; i < toLeft; i++) rows.push({ left: i, right: undefined });
    for (let j = fromRight; j < toRight; j++) rows.push({ left: undefined, right: j });
  };
  addEqual(0, 0, begin);
  let [i, j] = [begin, begin];
  const addRuns = (runs: readonly Run[]) => {
    for (const run of runs) {
      addOwn(i, run.left, j, run.right);
      addEqual(run.left, run.right, run.count);
      [i, j] = [run.left + run.count, run.right + run.count];
    }
  };
  addRuns(forward.runs.map((run) => ({ ...run, left: begin + run.left, right: begin + run.right })));
  let skipped = 0;
  if (!forward.isWhole) {
    const [restLeft, restRight] = [endLeft - i, endRight - j];
    const backward = walk(
      { at: (k) => left[endLeft - 1 - k], length: restLeft },
      { at: (k) => right[endRight - 1 - k], length: restRight },
      maxDifferences,
    );
    const runs = backward.runs
      .map(({ left: l, right: r, count }) => ({ left: endLeft - l - count, right: endRight - r - count, count }))
      .reverse();
    const first = runs[0] ?? { left: endLeft, right: endRight };
    if (!backward.isWhole) skipped = first.left - i + (first.right - j);
    addRuns(runs);
  }
  addOwn(i, endLeft, j, endRight);
  addEqual(endLeft, endRight, same);
  return { rows, skipped };
}

/** Elements that are equal, one after the other. */
interface Run {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

interface Sequence {
  readonly at: (index: number) => number | undefined;
  readonly length: number;
}

/** The equal runs from the begin on; with too many differences, those of the way that led furthest. */
function walk(a: Sequence, b: Sequence, most: number): { readonly runs: Run[]; readonly isWhole: boolean } {
  const limit = Math.min(a.length + b.length, most);
  // How far a diagonal was followed, for the diagonals from -d to d; and all of these, for the way back.
  const reach = new Int32Array(2 * limit + 3);
  const middle = limit + 1;
  const history: Int32Array[] = [];
  let [bestD, bestK, bestSum] = [0, 0, -1];
  for (let d = 0; d <= limit; d++) {
    history.push(reach.slice(middle - d, middle + d + 1));
    for (let k = -d; k <= d; k += 2) {
      const isDown = k === -d || (k !== d && reach[middle + k - 1]! < reach[middle + k + 1]!);
      let x = d === 0 ? 0 : isDown ? reach[middle + k + 1]! : reach[middle + k - 1]! + 1;
      let y = x - k;
      if (x > a.length || y > b.length) {
        reach[middle + k] = x;
        continue;
      }
      while (x < a.length && y < b.length && a.at(x) === b.at(y)) {
        x++;
        y++;
      }
      reach[middle + k] = x;
      if (x + y > bestSum) [bestD, bestK, bestSum] = [d, k, x + y];
      if (x === a.length && y === b.length) return { runs: goBack(history, d, k, x), isWhole: true };
    }
  }
  return { runs: goBack(history, bestD, bestK, (bestSum + bestK) / 2), isWhole: false };
}

function goBack(history: readonly Int32Array[], differences: number, diagonal: number, end: number): Run[] {
  const runs: Run[] = [];
  let [k, x] = [diagonal, end];
  for (let d = differences; d >= 0; d--) {
    // What was reached with one difference less.
    const before = history[d]!;
    const at = (other: number) => before[d + other] ?? -1;
    const isDown = k === -d || (k !== d && at(k - 1) < at(k + 1));
    const from = d === 0 ? 0 : isDown ? at(k + 1) : at(k - 1) + 1;
    if (x > from) runs.push({ left: from, right: from - k, count: x - from });
    if (d === 0) break;
    x = isDown ? from : from - 1;
    k = isDown ? k + 1 : k - 1;
  }
  return runs.reverse();
}
