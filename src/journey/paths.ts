/**
 * Journeys with equal paths put together: the same functions in the same order, in the same network namespaces, with the
 * same outcome. Pure. What is kept of each path is bounded: times of so many of its journeys, chosen at random.
 */

/** A function that a packet passed, and the network namespace that it was in; 0 if that is not known. */
export interface Step {
  readonly target: number;
  readonly netns: number;
}

/** A path, and what is known of the journeys on it. Times are in nanoseconds. */
export interface Path {
  readonly steps: readonly Step[];
  readonly outcome: string;
  readonly count: number;
  /** How many of them may have a gap: what makes this a path of its own may be that something was missed. */
  readonly gaps: number;
  /** Numbers of the first few journeys. */
  readonly examples: readonly number[];
  readonly shortest: number;
  readonly median: number;
  readonly percentile95: number;
  readonly longest: number;
  /** The step that takes longest: from the event with this index to the next, or to the end; and its median. */
  readonly slowest: { readonly index: number; readonly median: number };
}

/** One journey, as it is put in. */
export interface Walk {
  readonly number: number;
  readonly steps: readonly Step[];
  /** When each of them was reached, and at last when the journey ended; since its beginning. */
  readonly times: readonly number[];
  readonly outcome: string;
  readonly gap: boolean;
}

const EXAMPLES = 3;
/** Of so many journeys of a path the times are kept. */
const SAMPLE = 4096;

interface Group {
  readonly steps: readonly Step[];
  readonly outcome: string;
  count: number;
  gaps: number;
  readonly examples: number[];
  shortest: number;
  longest: number;
  readonly sample: (readonly number[])[];
}

export class PathBook {
  readonly #groups = new Map<string, Group>();
  #random = 1;
  /** Numbers that are kept, for an estimate of the memory. */
  #kept = 0;

  /** About how much memory it takes. */
  get sizeBytes(): number {
    return this.#kept * 8;
  }

  /** Adds a journey, whose arrays are kept. */
  add({ number, steps, times, outcome, gap }: Walk): void {
    const key = `${outcome}\n${steps.map(({ target, netns }) => `${target}@${netns}`).join()}`;
    let group = this.#groups.get(key);
    if (!group) {
      group = {
        steps,
        outcome,
        count: 0,
        gaps: 0,
        examples: [],
        shortest: Number.POSITIVE_INFINITY,
        longest: 0,
        sample: [],
      };
      this.#groups.set(key, group);
      this.#kept += steps.length * 6 + key.length / 8 + 32;
    }
    const duration = times.at(-1) ?? 0;
    this.journeys++;
    group.count++;
    if (gap) group.gaps++;
    if (group.examples.length < EXAMPLES) group.examples.push(number);
    group.shortest = Math.min(group.shortest, duration);
    group.longest = Math.max(group.longest, duration);
    if (group.sample.length < SAMPLE) {
      group.sample.push(times);
      this.#kept += times.length + 4;
      return;
    }
    // Each journey has the same chance to be among those that are kept.
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    const place = Math.floor((this.#random / 0x100000000) * group.count);
    if (place < SAMPLE) group.sample[place] = times;
  }

  /** How many paths there are, and how many journeys took them. */
  get size(): number {
    return this.#groups.size;
  }
  journeys = 0;

  /** What is known of the most frequent ones, as far as it takes no time. */
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
        const durations = sample.map((times) => times.at(-1) ?? 0);
        const [median, percentile95] = [quantile(durations, 0.5), quantile(durations, 0.95)];
        return { ...group, median, percentile95, slowest: slowest(sample) };
      });
  }
}

function slowest(sample: readonly (readonly number[])[]): Path['slowest'] {
  const length = sample[0]?.length ?? 0;
  let found = { index: 0, median: 0 };
  for (let index = 0; index + 1 < length; index++) {
    const median = quantile(
      sample.map((times) => times[index + 1]! - times[index]!),
      0.5,
    );
    if (median > found.median) found = { index, median };
  }
  return found;
}

/** The value that so large a part of the values is not above. */
function quantile(values: readonly number[], part: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? 0;
}

/** A row of two sequences side by side: an index into the first, the second, or both where they are equal there. */
export interface AlignedRow {
  readonly left: number | undefined;
  readonly right: number | undefined;
}

/**
 * Two sequences side by side, with as many equal elements next to each other as can be. Takes time and memory in
 * proportion to the product of the lengths of what is between their common beginning and end.
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
  // How many equal elements the rests of both have in common, from each pair of positions on.
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
