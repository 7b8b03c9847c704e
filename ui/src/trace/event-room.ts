/** Where the events of a trace stand: columns that grow, and in which the oldest events make room for new ones. */
import type { Events } from './trace.js';

/** Columns that grow have room for so many events at least. */
const LEAST = 1 << 16;

interface Span {
  readonly first: number;
  readonly count: number;
}

export class EventRoom {
  readonly #max: number;
  readonly #hasReturns: boolean;
  #columns: Events;
  #capacity = 0;
  #next = 0;
  /** The events that are kept, in the order in which they came. They stand so, too, but for one jump back to the begin. */
  #spans: Span[] = [];
  #count = 0;

  /** @param max so many events are kept at most; those that came together are, even if they are more */
  constructor(hasReturns: boolean, max: number) {
    this.#max = max;
    this.#hasReturns = hasReturns;
    this.#columns = createColumns(0, hasReturns);
  }

  /** The number of events that are kept. */
  get count(): number {
    return this.#count;
  }

  /** The columns as they are now: when they grow, others take their place. */
  get columns(): Events {
    return { ...this.#columns, count: this.#count };
  }

  /** Room for so many events more, in one step: what is known to come needs no growing. */
  reserve(count: number): void {
    if (this.#capacity === 0) this.#grow(Math.min(count, this.#max));
  }

  /** @returns where so many events may stand, side by side; undefined if the oldest must go before */
  add(count: number): number | undefined {
    const first = this.#find(count);
    if (first === undefined || count === 0) return first;
    this.#spans.push({ first, count });
    this.#next = first + count;
    this.#count += count;
    return first;
  }

  /** Forgets the events that were added first. */
  dropOldest(): void {
    this.#count -= this.#spans.shift()?.count ?? 0;
  }

  #find(count: number): number | undefined {
    const oldest = this.#spans[0];
    if (!oldest) {
      if (count > this.#capacity) this.#grow(count);
      return 0;
    }
    if (this.#count + count > this.#max) return undefined;
    const hasJumped = this.#next <= oldest.first;
    if (this.#next + count <= (hasJumped ? oldest.first : this.#capacity)) return this.#next;
    if (hasJumped) return undefined;
    if (count <= oldest.first) return 0;
    if (this.#capacity >= this.#max) return undefined;
    this.#grow(Math.min(Math.max(this.#next + count, this.#capacity * 2, LEAST), this.#max));
    return this.#find(count);
  }

  #grow(capacity: number): void {
    const old = this.#columns;
    const { time, fn, place, cpu, flags, depth, sinceEntry } = createColumns(capacity, this.#hasReturns);
    time.set(old.time);
    fn.set(old.fn);
    place.set(old.place);
    cpu.set(old.cpu);
    flags.set(old.flags);
    depth.set(old.depth);
    sinceEntry.set(old.sinceEntry);
    this.#columns = { count: 0, time, fn, place, cpu, flags, depth, sinceEntry };
    this.#capacity = capacity;
  }
}

function createColumns(count: number, hasReturns: boolean): Events {
  return {
    count,
    time: new Float64Array(count),
    ...{ fn: new Uint16Array(count), place: new Uint16Array(count), cpu: new Uint16Array(count) },
    ...{ flags: new Uint8Array(count), depth: new Uint8Array(count) },
    sinceEntry: new Float64Array(hasReturns ? count : 0),
  };
}
