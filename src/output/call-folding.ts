/**
 * Folds calls that say nothing each for itself: a call within which nothing was seen is one line instead of two, and calls
 * that only repeat the one before are counted. Pure. Nothing is allocated for an event.
 *
 * What belongs together follows at once: an event of another journey, CPU or place ends it. So the order of time stays, and no
 * more than two events wait. Events that are further apart than `TOGETHER_NS` are not folded, however soon they are read: then
 * it makes no difference whether the first one has been written for lack of others (`QUIET_MS`).
 */
import { createEvent, dataWord, type TraceEvent } from '../base/event.js';

/** The longest time between two events that are folded, in nanoseconds. */
const TOGETHER_NS = 50_000_000;
/** The time without events after which nothing that comes can belong to what waits, in milliseconds. */
export const QUIET_MS = 150;

/** Takes calls. The event is lent for the time of the call. */
export interface CallTaker {
  /** A call whose return is not traced, or comes by itself. @param count how often it was made; 1 where returns are traced */
  entry(event: TraceEvent, count: number): void;
  /** The return of a call whose entry has been taken, or is lost. */
  return(event: TraceEvent): void;
  /**
   * Calls within which nothing was seen.
   * @param event the first entry
   * @param count how often it was made
   * @param ns how long they took together, in nanoseconds
   */
  leaf(event: TraceEvent, count: number, ns: number): void;
}

export interface CallFoldingOptions {
  /** The bytes of an event's data that are shown: calls are the same only if these are. */
  readonly dataSize: number;
  readonly hasReturns: boolean;
}

export class CallFolding {
  readonly #taker: CallTaker;
  readonly #dataSize: number;
  readonly #hasReturns: boolean;
  /** The calls that may be repeated: the first event, their number (0 for none), their time, and when the last one was over. */
  readonly #first: TraceEvent;
  #count = 0;
  #ns = 0;
  #lastLow = 0;
  #lastHigh = 0;
  /** The call behind these that may turn out to be a leaf. */
  readonly #open: TraceEvent;
  #isOpen = false;

  constructor(taker: CallTaker, { dataSize, hasReturns }: CallFoldingOptions) {
    this.#taker = taker;
    this.#dataSize = dataSize;
    this.#hasReturns = hasReturns;
    this.#first = createEvent(new DataView(new ArrayBuffer(dataSize)));
    this.#open = createEvent(new DataView(new ArrayBuffer(dataSize)));
  }

  event(event: TraceEvent): void {
    if (event.isReturn) this.#return(event);
    else if (this.#hasReturns) this.#enter(event);
    else this.#step(event);
  }

  /** Hands on what waits. */
  flush(): void {
    this.#flushCalls();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#taker.entry(this.#open, 1);
  }

  #flushCalls(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    if (this.#hasReturns) this.#taker.leaf(this.#first, count, this.#ns);
    else this.#taker.entry(this.#first, count);
  }

  /** Takes an event where returns are not traced. */
  #step(event: TraceEvent): void {
    if (!this.#repeats(event)) {
      this.#flushCalls();
      copyEvent(event, this.#first, this.#dataSize);
    }
    this.#count++;
    this.#setLast(event);
  }

  #enter(event: TraceEvent): void {
    if (this.#isOpen || !this.#repeats(event)) this.flush();
    if (event.partnerLost) {
      this.flush();
      this.#taker.entry(event, 1);
      return;
    }
    copyEvent(event, this.#open, this.#dataSize);
    this.#isOpen = true;
  }

  #return(event: TraceEvent): void {
    if (!this.#isOpen || !this.#isLeaf(event)) {
      this.flush();
      this.#taker.return(event);
      return;
    }
    this.#isOpen = false;
    if (this.#count === 0) {
      copyEvent(this.#open, this.#first, this.#dataSize);
      this.#ns = 0;
    }
    this.#count++;
    this.#ns += between(event.entryLow, event.entryHigh, event);
    this.#setLast(event);
  }

  /** Whether a return is that of the open call, and says nothing else. */
  #isLeaf(event: TraceEvent): boolean {
    const open = this.#open;
    return (
      !event.skbFreed &&
      !event.entryLost &&
      open.timestampLow === event.entryLow &&
      open.timestampHigh === event.entryHigh &&
      isAtSamePlace(open, event) &&
      between(open.timestampLow, open.timestampHigh, event) <= TOGETHER_NS &&
      (!event.hasFields || this.#hasSameFields(open, event))
    );
  }

  #repeats(event: TraceEvent): boolean {
    return (
      this.#count > 0 &&
      isAtSamePlace(this.#first, event) &&
      this.#first.depth === event.depth &&
      between(this.#lastLow, this.#lastHigh, event) <= TOGETHER_NS &&
      this.#hasSameFields(this.#first, event)
    );
  }

  #hasSameFields(one: TraceEvent, other: TraceEvent): boolean {
    if (one.hasFields !== other.hasFields) return false;
    if (!one.hasFields) return true;
    const size = this.#dataSize;
    for (let at = 0; at < size; at += 4) if (dataWord(one, at, size) !== dataWord(other, at, size)) return false;
    return true;
  }

  #setLast({ timestampLow, timestampHigh }: TraceEvent): void {
    this.#lastLow = timestampLow;
    this.#lastHigh = timestampHigh;
  }
}

function isAtSamePlace(one: TraceEvent, other: TraceEvent): boolean {
  return (
    one.journey === other.journey && one.target === other.target && one.cpu === other.cpu && one.place === other.place
  );
}

/** The nanoseconds from a time to an event. */
function between(low: number, high: number, { timestampLow, timestampHigh }: TraceEvent): number {
  return (timestampHigh - high) * 0x100000000 + (timestampLow - low);
}

function copyEvent(from: TraceEvent, into: TraceEvent, dataSize: number): void {
  into.journey = from.journey;
  into.timestampLow = from.timestampLow;
  into.timestampHigh = from.timestampHigh;
  into.target = from.target;
  into.cpu = from.cpu;
  into.place = from.place;
  into.isReturn = from.isReturn;
  into.hasFields = from.hasFields;
  into.skbFreed = from.skbFreed;
  into.entryLost = from.entryLost;
  into.partnerLost = from.partnerLost;
  into.depth = from.depth;
  into.entryLow = from.entryLow;
  into.entryHigh = from.entryHigh;
  const { data, dataOffset } = from;
  for (let at = 0; at < dataSize; at++) into.data.setUint8(at, data.getUint8(dataOffset + at));
}
