/**
 * Groups journeys by their paths: the same functions in the same order, in the same network namespaces, with the same
 * outcome. Pure. Of each path a bounded number of times is kept, those of journeys chosen at random.
 */

/** A function that a packet passed, and the network namespace where it was; 0 if that is not known. */
export interface Step {
  readonly target: number;
  readonly netns: number;
}

/** A path, and figures of its journeys. Times are in nanoseconds. */
export interface Path {
  readonly steps: readonly Step[];
  readonly outcome: string;
  readonly count: number;
  /** The number of its journeys with a gap: a lost event may be what makes this a path of its own. */
  readonly gaps: number;
  /** The numbers of the first few journeys. */
  readonly examples: readonly number[];
  readonly shortest: number;
  readonly median: number;
  readonly percentile95: number;
  readonly longest: number;
  /** The slowest step: from the event with this index to the next, or to the end; and its median. */
  readonly slowest: { readonly index: number; readonly median: number };
}

/** A journey to add, without its steps. Times are in nanoseconds. */
export interface Walk {
  readonly number: number;
  /** The time from its first step to its end; not less than the time of its last step. */
  readonly duration: number;
  readonly outcome: string;
  readonly gap: boolean;
}

const EXAMPLES = 3;
/** The number of journeys of a path whose times are kept. */
const SAMPLE = 4096;

interface Group {
  readonly steps: readonly Step[];
  readonly outcome: string;
  count: number;
  gaps: number;
  readonly examples: number[];
  shortest: number;
  longest: number;
  readonly sample: Sample;
}

export class PathBook {
  readonly #groups = new Map<string, Group>();
  /** The journey that is being added: target and namespace of each step, and its time. */
  #steps = new Uint32Array(128);
  #times = new Float64Array(64);
  #length = 0;
  #random = 1;
  /** The count of kept numbers, for an estimate of the memory. */
  #kept = 0;

  /** The memory that it takes, about, in bytes. */
  get sizeBytes(): number {
    return this.#kept * 8;
  }

  /** Adds a step of a journey. @param time since its first step */
  step(target: number, netns: number, time: number): void {
    const at = this.#length++;
    // One more for the end.
    if (this.#length === this.#times.length) this.#grow();
    this.#steps[at * 2] = target;
    this.#steps[at * 2 + 1] = netns;
    this.#times[at] = time;
  }

  #grow(): void {
    const steps = new Uint32Array(this.#steps.length * 2);
    steps.set(this.#steps);
    this.#steps = steps;
    this.#times = larger(this.#times);
  }

  /** Adds the journey whose steps have been added. A journey without steps has no path. */
  end({ number, duration, outcome, gap }: Walk): void {
    if (this.#length === 0) return;
    const group = this.#groupOf(outcome);
    this.journeys++;
    group.count++;
    if (gap) group.gaps++;
    if (group.examples.length < EXAMPLES) group.examples.push(number);
    group.shortest = Math.min(group.shortest, duration);
    group.longest = Math.max(group.longest, duration);
    this.#times[this.#length] = duration;
    this.#kept += group.sample.add(this.#times, group.count, this.#nextRandom);
    this.#length = 0;
  }

  /** The path of the journey that is being added. */
  #groupOf(outcome: string): Group {
    // The key has the bytes of the steps, a character each.
    const key = `${outcome}\n${Buffer.from(this.#steps.buffer, 0, this.#length * 8).toString('latin1')}`;
    const known = this.#groups.get(key);
    if (known) return known;
    const steps: Step[] = [];
    for (let at = 0; at < this.#length * 2; at += 2) {
      steps.push({ target: this.#steps[at]!, netns: this.#steps[at + 1]! });
    }
    const counts = { count: 0, gaps: 0, examples: [], shortest: Number.POSITIVE_INFINITY, longest: 0 };
    const group = { steps, outcome, ...counts, sample: new Sample(steps.length + 1) };
    this.#groups.set(key, group);
    this.#kept += steps.length * 6 + key.length / 8 + 32;
    return group;
  }

  /** From 0 to 1. */
  readonly #nextRandom = () => {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    return this.#random / 0x100000000;
  };

  /** The number of paths, and of their journeys. */
  get size(): number {
    return this.#groups.size;
  }

  journeys = 0;

  /** The most frequent paths, with the figures that need no computation. */
  mostFrequent(count: number): Pick<Path, 'count' | 'outcome'>[] {
    const most: Group[] = [];
    for (const group of this.#groups.values()) {
      let at = most.length;
      while (at > 0 && most[at - 1]!.count < group.count) at--;
      if (at < count) most.splice(at, 0, group);
      if (most.length > count) most.pop();
    }
    return most;
  }

  /** The paths, the most frequent first; equally frequent ones in the order of their first journeys. */
  paths(): Path[] {
    return [...this.#groups.values()]
      .sort((a, b) => b.count - a.count || (a.examples[0] ?? 0) - (b.examples[0] ?? 0))
      .map(({ sample, ...group }) => {
        const durations = sample.column(group.steps.length);
        const [median, percentile95] = [quantile(durations, 0.5), quantile(durations, 0.95)];
        return { ...group, median, percentile95, slowest: slowest(sample, group.steps.length) };
      });
  }
}

/** The times of some of a path's journeys: a row for each, with the time of each step and of the end. */
class Sample {
  readonly #width: number;
  #times: Float64Array;
  #rows = 0;

  /** @param width of a row */
  constructor(width: number) {
    this.#width = width;
    this.#times = new Float64Array(width);
  }

  /**
   * Keeps the times of a journey, or not: each journey has the same chance to be kept.
   * @param count of the path's journeys, this one included
   * @returns the number of further kept numbers
   */
  add(times: Float64Array, count: number, random: () => number): number {
    const isNew = this.#rows < SAMPLE;
    const row = isNew ? this.#rows++ : Math.floor(random() * count);
    if (row >= SAMPLE) return 0;
    const begin = row * this.#width;
    if (begin === this.#times.length) this.#times = larger(this.#times);
    for (let at = 0; at < this.#width; at++) this.#times[begin + at] = times[at]!;
    return isNew ? this.#width : 0;
  }

  /** A column of the rows. */
  column(at: number): Float64Array {
    return Float64Array.from({ length: this.#rows }, (_, row) => this.#times[row * this.#width + at]!);
  }
}

function larger(numbers: Float64Array): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(numbers.length * 2);
  grown.set(numbers);
  return grown;
}

/** @param steps their number */
function slowest(sample: Sample, steps: number): Path['slowest'] {
  let found = { index: 0, median: 0 };
  for (let index = 0; index < steps; index++) {
    const begins = sample.column(index);
    const median = quantile(
      sample.column(index + 1).map((time, row) => time - begins[row]!),
      0.5,
    );
    if (median > found.median) found = { index, median };
  }
  return found;
}

/** The value that this part of the values does not exceed. */
function quantile(values: Float64Array, part: number): number {
  const sorted = values.toSorted();
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
}

/** A row of two sequences side by side: an index into the first, the second, or both where they are equal there. */
export interface AlignedRow {
  readonly left: number | undefined;
  readonly right: number | undefined;
}

/**
 * Aligns two sequences, with as many equal elements side by side as possible. Takes time and memory in proportion to
 * the product of their lengths, without their common beginning and end.
 */
export function align<T>(left: readonly T[], right: readonly T[], equal: (a: T, b: T) => boolean): AlignedRow[] {
  let begin = 0;
  while (begin < left.length && begin < right.length && equal(left[begin]!, right[begin]!)) begin++;
  let [endLeft, endRight] = [left.length, right.length];
  while (endLeft > begin && endRight > begin && equal(left[endLeft - 1]!, right[endRight - 1]!)) {
    endLeft--;
    endRight--;
  }
  const rows: AlignedRow[] = Array.from({ length: begin }, (_, index) => ({ left: index, right: index }));
  const width = endRight - begin + 1;
  // The most equal elements that can be aligned from each pair of positions on.
  const common = new Uint32Array((endLeft - begin + 1) * width);
  for (let i = endLeft - begin - 1; i >= 0; i--) {
    for (let j = width - 2; j >= 0; j--) {
      common[i * width + j] = equal(left[begin + i]!, right[begin + j]!)
        ? common[(i + 1) * width + j + 1]! + 1
        : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  let [i, j] = [begin, begin];
  while (i < endLeft || j < endRight) {
    if (i < endLeft && j < endRight && equal(left[i]!, right[j]!)) rows.push({ left: i++, right: j++ });
    else if (j === endRight || (i < endLeft && countAt(i + 1, j) >= countAt(i, j + 1))) {
      rows.push({ left: i++, right: undefined });
    } else rows.push({ left: undefined, right: j++ });
  }
  for (; i < left.length; i++, j++) rows.push({ left: i, right: j });
  return rows;

  function countAt(a: number, b: number): number {
    return common[(a - begin) * width + b - begin]!;
  }
}
