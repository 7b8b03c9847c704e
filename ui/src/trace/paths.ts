/**
 * Groups journeys by their paths, as `-o paths` does: the same functions in the same order, in the same network namespaces,
 * with the same end. A path has the same number whichever packets are chosen: its rank in the whole trace.
 */
import { IS_RETURN, type Journey, type Trace } from './trace.js';

export interface Path {
  /** Its rank among all paths of the trace, from 1; the most frequent is the first. */
  readonly number: number;
  /** A journey that takes it: its functions, its outcome and its end are those of all. */
  readonly example: Journey;
  /** The chosen journeys that take it, by begin. */
  readonly journeys: readonly Journey[];
}

/** A function in a network namespace: what a path passes. */
export interface Label {
  readonly fn: number;
  /** The index of a place in this namespace. */
  readonly place: number;
}

export interface ChosenPaths {
  /** The most frequent first. */
  readonly paths: readonly Path[];
  /** The number of journeys that take them. */
  readonly count: number;
  /** Journeys without a whole path: events of them were lost, or they have none. */
  readonly others: readonly Journey[];
}

/** The number of journeys that have no path. */
const NONE = 0;

interface Group {
  readonly example: Journey;
  count: number;
}

const BOOKS = new WeakMap<Trace, PathBook>();

/** The paths of a trace, which are found once. */
export function pathsOf(trace: Trace): PathBook {
  const known = BOOKS.get(trace);
  if (known) return known;
  const book = new PathBook(trace);
  BOOKS.set(trace, book);
  return book;
}

export class PathBook {
  readonly #trace: Trace;
  /** For each place the first one in its namespace. */
  readonly #netns: Uint32Array;
  /** Where the journeys of each part begin in `#numbers`. */
  readonly #parts: ReadonlyMap<number, number>;
  /** The numbers of the journeys' paths. */
  readonly #numbers: Uint32Array;
  readonly #groups: readonly Group[];
  readonly #labels: Label[] = [];
  readonly #labelIndexes = new Map<number, number>();
  readonly #steps = new Map<number, Uint32Array>();
  readonly #chosen = new WeakMap<readonly Journey[], ChosenPaths>();

  constructor(trace: Trace) {
    this.#trace = trace;
    this.#netns = findNamespaces(trace);
    const counts = new Map<number, number>();
    for (const { part, position } of trace.journeys) counts.set(part, Math.max(counts.get(part) ?? 0, position + 1));
    let total = 0;
    this.#parts = new Map(
      [...counts].map(([part, count]) => {
        total += count;
        return [part, total - count];
      }),
    );
    this.#numbers = new Uint32Array(total);
    this.#groups = this.#group();
  }

  /** What steps are indexes of. It grows as the steps of paths are asked for. */
  get labels(): readonly Label[] {
    return this.#labels;
  }

  /** The number of all paths. */
  get size(): number {
    return this.#groups.length;
  }

  /** The number of a journey's path; 0 if it has none. */
  numberOf(journey: Journey): number {
    return this.#numbers[this.#indexOf(journey)]!;
  }

  #indexOf({ part, position }: Journey): number {
    return this.#parts.get(part)! + position;
  }

  /** The paths of some journeys. */
  choose(journeys: readonly Journey[]): ChosenPaths {
    const known = this.#chosen.get(journeys);
    if (known) return known;
    const lists = new Map<number, Journey[]>();
    const others: Journey[] = [];
    for (const journey of journeys) {
      const number = this.numberOf(journey);
      const list = number === NONE ? others : lists.get(number);
      if (list) list.push(journey);
      else lists.set(number, [journey]);
    }
    const paths = [...lists].map(([number, own]) => ({
      ...{ number, journeys: own },
      example: this.#groups[number - 1]!.example,
    }));
    paths.sort((a, b) => b.journeys.length - a.journeys.length || a.number - b.number);
    const chosen = { paths, count: journeys.length - others.length, others };
    this.#chosen.set(journeys, chosen);
    return chosen;
  }

  /** What a path passes, in order: indexes of `labels`. */
  stepsOf({ number, example: { first, count } }: Path): Uint32Array {
    const known = number === NONE ? undefined : this.#steps.get(number);
    if (known) return known;
    const { fn, place, flags } = this.#trace.events;
    const steps = new Uint32Array(count);
    let length = 0;
    for (let at = first; at < first + count; at++) {
      if ((flags[at]! & IS_RETURN) === 0) steps[length++] = this.#labelOf(fn[at]!, this.#netns[place[at]!]!);
    }
    const own = steps.slice(0, length);
    this.#steps.set(number, own);
    return own;
  }

  #labelOf(fn: number, place: number): number {
    const key = place * 0x10000 + fn;
    const known = this.#labelIndexes.get(key);
    if (known !== undefined) return known;
    this.#labels.push({ fn, place });
    this.#labelIndexes.set(key, this.#labels.length - 1);
    return this.#labels.length - 1;
  }

  /** Gives all journeys the numbers of their paths. */
  #group(): Group[] {
    const { journeys } = this.#trace;
    const groups: Group[] = [];
    /** Groups by the hash of their paths. Two paths may have the same: therefore lists. */
    const byHash = new Map<number, Group[]>();
    const groupOf: (Group | undefined)[] = [];
    const ends = new Map<string, number>();
    for (const journey of journeys) {
      const end = ends.get(journey.endText) ?? ends.size;
      ends.set(journey.endText, end);
      const hash = hasPath(journey) ? this.#hash(journey, end) : undefined;
      if (hash === undefined) {
        groupOf.push(undefined);
        continue;
      }
      const alike = byHash.get(hash);
      let group = alike?.find(({ example }) => this.#isSamePath(example, journey));
      if (!group) {
        group = { example: journey, count: 0 };
        groups.push(group);
        if (alike) alike.push(group);
        else byHash.set(hash, [group]);
      }
      group.count++;
      groupOf.push(group);
    }
    // A sort keeps the order of equal ones: that of their first journeys.
    groups.sort((a, b) => b.count - a.count);
    const numbers = new Map(groups.map((group, index) => [group, index + 1]));
    for (const [index, journey] of journeys.entries()) {
      const group = groupOf[index];
      if (group) this.#numbers[this.#indexOf(journey)] = numbers.get(group)!;
    }
    return groups;
  }

  /** A number of 52 bits for the path of a journey that ends so; undefined if it has no functions. */
  #hash({ first, count }: Journey, end: number): number | undefined {
    const { fn, place, flags } = this.#trace.events;
    const netns = this.#netns;
    let [high, low] = [0x811c9dc5 ^ end, 0x1b873593 + end];
    let isEmpty = true;
    for (let at = first; at < first + count; at++) {
      if ((flags[at]! & IS_RETURN) !== 0) continue;
      isEmpty = false;
      const step = fn[at]! | (netns[place[at]!]! << 16);
      high = Math.imul(high ^ step, 0x01000193);
      high ^= high >>> 15;
      low = Math.imul(low + step, 0x85ebca6b);
      low ^= low >>> 13;
    }
    return isEmpty ? undefined : (high & 0xfffff) * 0x100000000 + (low >>> 0);
  }

  #isSamePath(a: Journey, b: Journey): boolean {
    if (a.outcome !== b.outcome || a.endText !== b.endText) return false;
    const { fn, place, flags } = this.#trace.events;
    const netns = this.#netns;
    const [endA, endB] = [a.first + a.count, b.first + b.count];
    let [i, j] = [a.first, b.first];
    while (true) {
      while (i < endA && (flags[i]! & IS_RETURN) !== 0) i++;
      while (j < endB && (flags[j]! & IS_RETURN) !== 0) j++;
      if (i === endA || j === endB) return i === endA && j === endB;
      if (fn[i] !== fn[j] || netns[place[i]!] !== netns[place[j]!]) return false;
      i++;
      j++;
    }
  }
}

/** Whether what is known of a journey is its whole path. */
function hasPath({ lost, outcome }: Journey): boolean {
  return lost === 0 && outcome !== 'unknown';
}

function findNamespaces({ places }: Trace): Uint32Array {
  const firsts = new Map<number, number>();
  return Uint32Array.from(places, ({ netns }, index) => {
    const first = firsts.get(netns) ?? index;
    firsts.set(netns, first);
    return first;
  });
}

/** The times of a path's journeys, in nanoseconds. */
export interface PathTimes {
  readonly shortest: number;
  readonly median: number;
  readonly longest: number;
  /** The journey whose time is the median. */
  readonly typical: Journey;
}

const TIMES = new WeakMap<Path, PathTimes>();

export function timesOf(path: Path): PathTimes {
  const known = TIMES.get(path);
  if (known) return known;
  const sorted = [...path.journeys].sort((a, b) => tookOf(a) - tookOf(b));
  const typical = sorted[Math.ceil(sorted.length / 2) - 1]!;
  const times = {
    ...{ shortest: tookOf(sorted[0]!), median: tookOf(typical), longest: tookOf(sorted.at(-1)!) },
    typical,
  };
  TIMES.set(path, times);
  return times;
}

function tookOf({ begin, end }: Journey): number {
  return end - begin;
}
