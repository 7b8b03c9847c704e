/**
 * Events and ends of journeys to whole journeys: whoever wants a packet's whole way gets it from here. Pure. Events are
 * kept as words in a row until their journey has been handed on; then their room is used again.
 */
import type { TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import type { Choice } from './choice.js';
import { EventStore, NO_EVENT } from './event-store.js';
import type { EventSink } from './tracker.js';

/** A journey that has ended, with its events. It is lent until it has been taken. */
export interface CompleteJourney {
  readonly journey: Journey;
  /** How many of its events are here. */
  readonly count: number;
  /** Fills `event` with one of them. @param position in the order of time, from 0 to `count` */
  load(position: number, event: TraceEvent): void;
}

/** Takes whole journeys. */
export interface JourneySink {
  /** Whether what it has made is enough for now: asked before each journey, and while it takes one. */
  isFull(): boolean;
  /**
   * Takes a journey, one after the other.
   * @returns if it makes much of it: steps, of which the next one is asked for when there is room again
   */
  journey(whole: CompleteJourney): Iterable<void> | undefined;
  /** A journey will come: it has ended, and is chosen. */
  ended?(journey: Journey): void;
  /** About how much it keeps, in bytes of the engine's heap. */
  readonly keptBytes?: number;
}

/** In which order journeys are handed on: as they end, or at last, by their first event. */
export const JOURNEY_ORDERS = ['end', 'begin'] as const;
export type JourneyOrder = (typeof JOURNEY_ORDERS)[number];

export interface AssemblerOptions {
  /** How many bytes of an event's data are kept. */
  readonly dataSize: number;
  readonly hasReturns: boolean;
  /** Which journeys are handed on; all if it is not said. */
  readonly choice?: Choice | undefined;
  readonly order?: JourneyOrder | undefined;
  /** About how much memory may be used: then no further journeys are taken in. */
  readonly maxBytes?: number | undefined;
  /** About how much of that on the engine's heap, which has a bound of its own. */
  readonly maxHeapBytes?: number | undefined;
}

/** An object of a journey and its strings, roughly. */
const JOURNEY_BYTES = 600;
/** Of the memory; the rest is for what has begun. */
const PART_FOR_NEW = 0.9;
/** The events of a journey, each of which names the one before. */
interface Chain {
  readonly journey: Journey;
  first: number;
  last: number;
  count: number;
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
  /** Those that have ended and wait: from `#head` on. */
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

  /** Whether it is the engine's heap, not all the memory, that there is no room in for another journey. */
  get isHeapFull(): boolean {
    return this.#heapBytes >= this.#maxHeapBytes * PART_FOR_NEW;
  }

  get #heapBytes(): number {
    const journeys = this.#open.size + this.#ended.length - this.#head;
    return journeys * JOURNEY_BYTES + (this.#sink.keptBytes ?? 0);
  }

  event(event: TraceEvent, journey: Journey): void {
    let chain = this.#last;
    if (chain?.journey !== journey) {
      chain = this.#open.get(journey.number) ?? this.#begin(journey);
      this.#last = chain;
    }
    const index = this.#store.add(event, chain.last);
    if (chain.count++ === 0) chain.first = index;
    chain.last = index;
  }

  #begin(journey: Journey): Chain {
    const chain: Chain = { journey, first: NO_EVENT, last: NO_EVENT, count: 0 };
    this.#open.set(journey.number, chain);
    return chain;
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

  /**
   * Hands on journeys that have ended, as far as they are wanted.
   * @returns whether more wait until they are wanted
   */
  release(): boolean {
    return this.#order === 'end' && this.#handOn();
  }

  /** Hands on all, as far as it is wanted: nothing more will come. Returns whether something is left. */
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

  /** Begins to hand on the next journey; returns nothing if that was done at one go. */
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
        event.journey = journey.id;
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

  #release({ first, last, count }: Chain): void {
    this.#store.freeChain(first, last, count);
  }
}
