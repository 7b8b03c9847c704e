/**
 * Assembles whole journeys from events and ends. Pure. Events are kept as words in a row until their journey has been
 * handed on; then their room is used again.
 */
import type { TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import type { Choice } from './choice.js';
import { EventStore, NO_EVENT } from './event-store.js';
import type { EventSink } from './tracker.js';

/** A journey that has ended, with its events. Lent until the sink has taken it. */
export interface CompleteJourney {
  readonly journey: Journey;
  /** The number of its events. */
  readonly count: number;
  /** Fills `event` with one of its events. @param position in the order of time, from 0 to `count` - 1 */
  load(position: number, event: TraceEvent): void;
}

/** Takes whole journeys. */
export interface JourneySink {
  /** Whether it has made enough output for now: asked before each journey, and within a long one. */
  isFull(): boolean;
  /** Takes a journey. @returns steps, if it makes much output of it: the next step is taken when there is room again */
  journey(whole: CompleteJourney): Iterable<void> | undefined;
  /** A chosen journey has ended, and will be handed on. */
  ended?(journey: Journey): void;
  /** The memory that it keeps on the engine's heap, about, in bytes. */
  readonly keptBytes?: number;
}

/** The order in which journeys are handed on: `end`, as they end; `begin`, all at last, by their first event. */
export const JOURNEY_ORDERS = ['end', 'begin'] as const;
export type JourneyOrder = (typeof JOURNEY_ORDERS)[number];

export interface AssemblerOptions {
  /** The bytes of an event's data that are kept. */
  readonly dataSize: number;
  readonly hasReturns: boolean;
  /** The choice of journeys that are handed on; by default all. */
  readonly choice?: Choice | undefined;
  readonly order?: JourneyOrder | undefined;
  /** Stop accepting new journeys at about this memory use, in bytes. */
  readonly maxBytes?: number | undefined;
  /** The part of that which may lie on the engine's heap, which has a limit of its own. */
  readonly maxHeapBytes?: number | undefined;
}

/** The size of a journey's object and strings, roughly. */
const JOURNEY_BYTES = 600;
/** The size of a snapshot's objects, roughly; its bytes are few. */
const SNAPSHOT_BYTES = 500;
/** The part of the memory up to which new journeys are accepted; the rest is for those that have begun. */
const PART_FOR_NEW = 0.9;
/** The events of a journey, linked from the last to the first. */
interface Chain {
  readonly journey: Journey;
  first: number;
  last: number;
  count: number;
  /** The number of its snapshots that are counted as kept. */
  snapshots: number;
}

/** A journey that is being taken, step by step. */
interface Taking {
  readonly chain: Chain;
  readonly steps: Iterator<void>;
}

export class Assembler implements EventSink {
  readonly #sink: JourneySink;
  readonly #order: JourneyOrder;
  readonly #hasReturns: boolean;
  readonly #maxBytes: number;
  readonly #maxHeapBytes: number;
  readonly #store: EventStore;
  /** By the journey's number. */
  readonly #open = new Map<number, Chain>();
  #last: Chain | undefined;
  /** The number of kept snapshots. */
  #snapshots = 0;
  /** Journeys that have ended and wait, from `#head` on. */
  #ended: Chain[] = [];
  #head = 0;
  /** The journey that is being taken. */
  #taking: Taking | undefined;
  readonly choice: Choice | undefined;

  constructor(sink: JourneySink, options: AssemblerOptions) {
    const { dataSize, hasReturns, choice, order = 'end' } = options;
    this.#sink = sink;
    this.choice = choice;
    this.#order = order;
    this.#hasReturns = hasReturns;
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#maxHeapBytes = options.maxHeapBytes ?? Number.POSITIVE_INFINITY;
    this.#store = new EventStore(dataSize, hasReturns);
  }

  get hasRoom(): boolean {
    return this.#heapBytes + this.#store.usedBytes < this.#maxBytes * PART_FOR_NEW && !this.isHeapFull;
  }

  /** Whether the engine's heap, not the memory as a whole, has no room for another journey. */
  get isHeapFull(): boolean {
    return this.#heapBytes >= this.#maxHeapBytes * PART_FOR_NEW;
  }

  get #heapBytes(): number {
    const journeys = this.#open.size + this.#ended.length - this.#head;
    return journeys * JOURNEY_BYTES + this.#snapshots * SNAPSHOT_BYTES + (this.#sink.keptBytes ?? 0);
  }

  event(event: TraceEvent, journey: Journey): void {
    if (this.choice?.mayTake(journey) === false) return;
    let chain = this.#last;
    if (chain?.journey !== journey) {
      chain = this.#open.get(journey.number) ?? this.#begin(journey);
      this.#last = chain;
    }
    const { snapshots } = journey;
    if (snapshots.length !== chain.snapshots) this.#countSnapshots(chain, snapshots.length);
    const index = this.#store.add(event, chain.last);
    if (chain.count++ === 0) chain.first = index;
    chain.last = index;
  }

  #begin(journey: Journey): Chain {
    const chain: Chain = { journey, first: NO_EVENT, last: NO_EVENT, count: 0, snapshots: 0 };
    this.#open.set(journey.number, chain);
    return chain;
  }

  #countSnapshots(chain: Chain, count: number): void {
    this.#snapshots += count - chain.snapshots;
    chain.snapshots = count;
  }

  ended(journey: Journey): void {
    const chain = this.#open.get(journey.number);
    this.#open.delete(journey.number);
    if (this.#last === chain) this.#last = undefined;
    if (this.choice && !this.choice.takes(journey)) {
      if (chain) this.#release(chain);
      return;
    }
    this.#sink.ended?.(journey);
    if (chain) this.#ended.push(chain);
  }

  /** Hands on ended journeys until the sink is full. @returns whether more wait */
  release(): boolean {
    return this.#order === 'end' && this.#handOn();
  }

  /** Hands on the rest until the taker is full, when no more comes. @returns whether more waits */
  finish(): boolean {
    if (this.#order === 'begin' && this.#head === 0 && !this.#taking) this.#sortByBegin();
    return this.#handOn();
  }

  #handOn(): boolean {
    while (this.#taking || this.#head < this.#ended.length) {
      if (this.#sink.isFull()) return true;
      this.#taking ??= this.#take();
      if (this.#taking && !this.#taking.steps.next().done) continue;
      if (this.#taking) this.#release(this.#taking.chain);
      this.#taking = undefined;
    }
    return false;
  }

  /** Begins to hand on the next journey. @returns undefined if the sink took it in one step */
  #take(): Taking | undefined {
    const chain = this.#ended[this.#head++]!;
    if (this.#head * 2 > this.#ended.length) {
      this.#ended = this.#ended.slice(this.#head);
      this.#head = 0;
    }
    const steps = this.#sink.journey(this.#complete(chain));
    if (steps) return { chain, steps: steps[Symbol.iterator]() };
    this.#release(chain);
    return undefined;
  }

  #complete(chain: Chain): CompleteJourney {
    const { journey, count } = chain;
    const store = this.#store;
    const order = store.inOrder(chain.last, count);
    const lost = this.#hasReturns ? store.findLostReturns(order) : undefined;
    return {
      journey,
      count,
      load(position, event) {
        store.load(order[position]!, event);
        event.journey = journey.shortId;
        event.partnerLost = lost?.[position] === 1 || event.entryLost;
      },
    };
  }

  #sortByBegin(): void {
    const firsts = new Map(this.#ended.map((chain) => [chain, this.#store.earliest(chain.last, chain.count)]));
    this.#ended.sort(
      (a, b) => this.#store.compareTime(firsts.get(a)!, firsts.get(b)!) || a.journey.number - b.journey.number,
    );
  }

  #release(chain: Chain): void {
    const { first, last, count } = chain;
    this.#countSnapshots(chain, 0);
    this.#store.freeChain(first, last, count);
  }
}
