/**
 * Turns records, in the order of the ring, into journeys: each event belongs to one, and each journey ends. Pure. A
 * journey's state is dropped when it has been handed on.
 *
 * Every loss is noticed. Events are numbered within their journey, lost ones too: the highest number, and the count
 * that the end carries, tell how many there were. If a journey lives at an address where another one begins, its end is
 * lost.
 */
import { type RecordTaker, SEQUENCE_UNKNOWN, type TraceEvent } from '../base/event.js';
import { highHalf, join, lowHalf } from '../base/halves.js';
import {
  type Began,
  type Ended,
  type Fate,
  type Journey,
  type Living,
  type Moved,
  type Outcome,
  outcomeOf,
  type Snapped,
} from '../base/journey.js';
import type { Places } from '../base/places.js';
import type { JourneyProcess, Whose } from '../base/process.js';
import type { Snapshot } from '../base/snapshot.js';
import { MAX_SNAPSHOT } from './event-store.js';
import type { TargetFilter } from './target-filter.js';

/** Takes events with their journeys, and journeys as they end. */
export interface EventSink {
  /** Whether there is room for another journey. If not, the journey is lost: its events are not handed on. */
  readonly hasRoom: boolean;
  /** The event is lent for the time of the call; the journey stays the same object for all of its events. */
  event(event: TraceEvent, journey: Journey): void;
  /** The journey has ended, and no more of its events will come. */
  ended(journey: Journey): void;
}

/** How long after its end records of a journey may come: the functions that free the skb return one after the other. */
const SETTLING_NS = 100_000_000;
/** The most windows of misses; further ones are merged. */
const MAX_MISSES = 1000;
/**
 * The most journeys that are known at a time: those that the kernel side can follow (IPFT_MAX_JOURNEYS of
 * bpf/abi/journey.h), and those that have just ended. More are known only if many ends were lost, or a recording lies.
 */
const MAX_JOURNEYS = (1 << 17) + (1 << 15);
/** How many are handed on to make room. */
const ROOM_JOURNEYS = 1 << 12;

/** Higher than any sequence number, and small enough for the engine to keep it within an object. */
const NO_SEQUENCE = 0x3fffffff;
/** Shared by all journeys without snapshots. */
const NO_SNAPSHOTS: Snapshot[] = [];

/** The state of a journey. */
class State implements Journey {
  endNs = 0n;
  events = 0;
  lost = 0;
  gap = false;
  outcome: Outcome = 'unknown';
  snapshots = NO_SNAPSHOTS;
  sender: JourneyProcess | undefined = undefined;
  receiver: JourneyProcess | undefined = undefined;
  fate: Fate | undefined = undefined;
  /**
   * Whether it has ended, by its end or by the begin of another journey at its address: only its last records may still
   * come.
   */
  isOver = false;
  /** One more than the highest sequence number of an event so far. */
  expected = 0;
  /** The lowest sequence number of an event so far, of a journey that was carried; 0 of any other. */
  carried: number;
  /** The number of events with a sequence number. */
  numbered = 0;
  /**
   * The times of the first and the last event. The halves are signed here, since the engine keeps such numbers within
   * the object.
   */
  firstLow = 0;
  firstHigh = 0;
  lastLow = 0;
  lastHigh = 0;

  constructor(
    readonly number: number,
    readonly shortId: number,
    readonly id: number,
    readonly packetId: bigint,
    readonly parentShortId: number,
    public parent: number,
    /** The number of its place; changes while it lives. */
    public place: number,
    readonly admitted: boolean,
    readonly isCarried: boolean,
  ) {
    this.carried = isCarried ? NO_SEQUENCE : 0;
  }

  get beginNs(): bigint {
    return join(this.firstLow, this.firstHigh);
  }
}

export class JourneyTracker implements RecordTaker {
  readonly #sink: EventSink;
  readonly #places: Places;
  readonly #filter: TargetFilter | undefined;
  /** By their short id. */
  readonly #journeys = new Map<number, State>();
  /** Journeys whose short id another one has meanwhile, by their id. */
  readonly #replaced = new Map<number, State>();
  /** Living journeys, by the skb's address. */
  readonly #byAddress = new Map<number, State>();
  /**
   * Ended journeys whose last records may still come, in the order of their ends; and the times until which they may.
   */
  #settling: State[] = [];
  #settlesNs: number[] = [];
  /** Of those, the first that has not been handed on. */
  #head = 0;
  readonly #misses = new Windows(MAX_MISSES);
  #last: State | undefined;
  #count = 0;

  /** The number of journeys that were handed on, by outcome and in all. */
  readonly counts = new Map<Outcome, number>();
  journeys = 0;
  /** The number of those with a gap. */
  gaps = 0;
  /** The number of events that were handed on. */
  events = 0;
  /** The number of journeys that were lost, since the sink had no room. */
  lostJourneys = 0;
  /** The number of events that came when their journey had been handed on. */
  late = 0;

  /**
   * @param places gives numbers to places, for events to carry
   * @param filter chooses functions: events of others are not handed on, nor journeys that have none else. Lost events
   * are counted whatever their function was
   */
  constructor(sink: EventSink, places: Places, filter?: TargetFilter) {
    this.#sink = sink;
    this.#places = places;
    this.#filter = filter;
  }

  /** The number of ended journeys, those that have not been handed on included. */
  get over(): number {
    return this.journeys + this.#settling.length - this.#head;
  }

  began({ journey: id, timestampNs, packetId, parent, place, isCarried = false }: Began): void {
    const shortId = id >>> 0;
    const known = this.#journeys.get(shortId);
    if (known?.id === id) return; // two CPUs have sent its begin
    if (known) this.#replace(known, Number(timestampNs));
    const address = addressKey(packetId);
    const before = this.#byAddress.get(address);
    // Its end will be read soon, or is lost.
    if (before) this.#settle(before, Number(timestampNs));
    if (this.#known >= MAX_JOURNEYS) this.#makeRoom();
    const admitted = this.#sink.hasRoom;
    if (!admitted) this.lostJourneys++;
    const parentState = parent === 0 ? undefined : this.#journeys.get(parent);
    const parentNumber = parentState?.number ?? 0;
    const placeNumber = this.#places.numberOf(place);
    const number = ++this.#count;
    const state = new State(number, shortId, id, packetId, parent, parentNumber, placeNumber, admitted, isCarried);
    if (isCarried) state.gap = true;
    state.sender = parentState?.sender;
    // Until there is an event.
    state.firstLow = lowHalf(timestampNs) | 0;
    state.firstHigh = highHalf(timestampNs) | 0;
    this.#journeys.set(shortId, state);
    this.#byAddress.set(address, state);
  }

  /**
   * The begins of the journeys that are known now: who has not seen the records so far can read on with these. Where the
   * end of one was lost, the one that has its address comes behind it.
   */
  *known(): Iterable<Began> {
    for (const states of [this.#replaced, this.#journeys]) {
      for (const { id: journey, beginNs: timestampNs, packetId, parentShortId: parent, place } of states.values()) {
        yield { journey, timestampNs, packetId, parent, place: this.#places.get(place) };
      }
    }
  }

  moved({ journey, place }: Moved): void {
    const state = this.#journeys.get(journey);
    if (state) state.place = this.#places.numberOf(place);
  }

  snapshot({ journey, snapshot }: Snapped): void {
    const state = this.#journeys.get(journey);
    if (!state?.admitted) return;
    if (state.snapshots === NO_SNAPSHOTS) state.snapshots = [snapshot];
    else if (state.snapshots.length < MAX_SNAPSHOT) state.snapshots.push(snapshot);
    else state.snapshots[MAX_SNAPSHOT - 1] = snapshot;
  }

  /** The first of each party counts: two CPUs may tell of it. */
  process({ journey, party, process }: Whose): void {
    const state = this.#journeys.get(journey);
    if (state) state[party] ??= process;
  }

  event(event: TraceEvent): void {
    let state = this.#last;
    if (state === undefined || state.shortId !== event.journey) {
      state = this.#journeys.get(event.journey);
      if (state === undefined) {
        this.late++;
        return;
      }
      this.#last = state;
    }
    if (event.sequence !== SEQUENCE_UNKNOWN) {
      state.numbered++;
      if (event.sequence >= state.expected) state.expected = event.sequence + 1;
      if (event.sequence < state.carried) state.carried = event.sequence;
    }
    if (this.#filter?.shows(event.target) === false) return;
    const { timestampLow: low, timestampHigh: high } = event;
    if (state.events++ === 0 && !state.isCarried) {
      state.firstLow = low | 0;
      state.firstHigh = high | 0;
    }
    const lastHigh = state.lastHigh >>> 0;
    if (high > lastHigh || (high === lastHigh && low > state.lastLow >>> 0)) {
      state.lastLow = low | 0;
      state.lastHigh = high | 0;
    }
    if (!state.admitted) return;
    this.events++;
    event.place = state.place;
    event.snapshot = state.snapshots.length;
    this.#sink.event(event, state);
  }

  ended(notice: Ended): void {
    let state = this.#journeys.get(notice.journey >>> 0);
    if (state?.id !== notice.journey) state = this.#replaced.get(notice.journey);
    if (!state || state.fate) return;
    state.fate = notice.fate;
    state.outcome = outcomeOf(notice.fate);
    state.endNs = notice.timestampNs;
    if (notice.events > state.expected) state.expected = notice.events;
    if (!state.isOver) this.#settle(state, Number(notice.timestampNs));
  }

  /** Calls were missed between these times: journeys that lasted then have a gap. To be called in the order of time. */
  missed(fromNs: bigint, toNs: bigint): void {
    this.#misses.add(fromNs, toNs);
  }

  /**
   * Hands on ended journeys whose last records have come. To be called when all records up to `nowNs` have been read,
   * and misses are known up to then.
   */
  settle(nowNs: bigint): void {
    const now = Number(nowNs);
    while (this.#head < this.#settling.length && this.#settlesNs[this.#head]! <= now) this.#handOnNext();
    if (this.#journeys.size === 0) this.#misses.clear();
  }

  /**
   * Ends the trace, when all records have been read, and hands on all journeys.
   * @param living the journeys that had not ended
   * @param sinceNs the time when they were read: a journey that began later lives, too
   */
  finish(living: readonly Living[], sinceNs: bigint): void {
    const known = new Map(living.map((one) => [one.journey, one]));
    for (const { freeing } of living) {
      // Freed so long ago that the call which ends it was missed.
      if (freeing && Number(freeing.timestampNs) + SETTLING_NS < Number(sinceNs)) this.ended(freeing);
    }
    while (this.#head < this.#settling.length) this.#handOnNext();
    for (const [shortId, state] of this.#journeys) {
      const events = known.get(shortId)?.events;
      const lives = events !== undefined || state.beginNs > sinceNs;
      if (events !== undefined && events > state.expected) state.expected = events;
      state.outcome = lives ? 'alive' : 'unknown';
      if (!lives) state.gap = true;
      this.#handOn(state);
    }
  }

  #handOnNext(): void {
    this.#handOn(this.#settling[this.#head++]!);
    if (this.#head * 2 < this.#settling.length) return;
    this.#settling = this.#settling.slice(this.#head);
    this.#settlesNs = this.#settlesNs.slice(this.#head);
    this.#head = 0;
  }

  /**
   * Hands on journeys to make room: those that ended first, or the oldest, whose ends must be lost. Many at once, since
   * looking for the oldest one takes long.
   */
  #makeRoom(): void {
    for (let count = 0; count < ROOM_JOURNEYS && this.#head < this.#settling.length; count++) this.#handOnNext();
    if (this.#known < MAX_JOURNEYS) return;
    let count = 0;
    for (const oldest of this.#journeys.values()) {
      if (count++ === ROOM_JOURNEYS) return;
      oldest.gap = true;
      this.#handOn(oldest);
    }
  }

  /** The number of journeys that are known. */
  get #known(): number {
    return this.#journeys.size + this.#replaced.size;
  }

  /** A journey has ended; its last records may still come for a while. */
  #settle(state: State, sinceNs: number): void {
    this.#settleAddress(state);
    state.isOver = true;
    this.#settling.push(state);
    this.#settlesNs.push(sinceNs + SETTLING_NS);
  }

  /** Another journey has its short id: its slot has been claimed again. Its end may still be read. */
  #replace(state: State, sinceNs: number): void {
    this.#journeys.delete(state.shortId);
    this.#replaced.set(state.id, state);
    if (this.#last === state) this.#last = undefined;
    if (!state.isOver) this.#settle(state, sinceNs);
  }

  #settleAddress(state: State): void {
    const address = addressKey(state.packetId);
    if (this.#byAddress.get(address) === state) this.#byAddress.delete(address);
  }

  #handOn(state: State): void {
    // The parent may have begun after this one.
    if (state.parentShortId !== 0 && state.parent === 0)
      state.parent = this.#journeys.get(state.parentShortId)?.number ?? 0;
    if (this.#journeys.get(state.shortId) === state) this.#journeys.delete(state.shortId);
    this.#replaced.delete(state.id);
    if (!state.isOver) this.#settleAddress(state);
    if (this.#last === state) this.#last = undefined;
    if (!state.admitted || state.events === 0) return;
    const lastNs = join(state.lastLow, state.lastHigh);
    if (lastNs > state.endNs) state.endNs = lastNs;
    if (!state.fate && state.isOver) state.gap = true;
    // Of a carried journey without a numbered event nothing is known to be lost.
    state.lost = Math.max(0, state.expected - state.carried - state.numbered);
    if (state.lost > 0 || this.#misses.overlap(state)) state.gap = true;
    if (state.gap) this.gaps++;
    this.journeys++;
    this.counts.set(state.outcome, (this.counts.get(state.outcome) ?? 0) + 1);
    this.#sink.ended(state);
  }
}

/** The times between which calls were missed, in order. */
class Windows {
  readonly #limit: number;
  readonly #from: bigint[] = [];
  readonly #to: bigint[] = [];

  /** @param limit the most windows: beyond it the two oldest are merged */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(fromNs: bigint, toNs: bigint): void {
    const last = this.#to.length - 1;
    if (last >= 0 && this.#to[last]! >= fromNs) {
      this.#to[last] = toNs;
      return;
    }
    this.#from.push(fromNs);
    this.#to.push(toNs);
    if (this.#from.length <= this.#limit) return;
    this.#from.splice(1, 1);
    this.#to.shift();
  }

  clear(): void {
    this.#from.length = 0;
    this.#to.length = 0;
  }

  /** Whether a window overlaps a journey. */
  overlap(journey: Journey): boolean {
    if (this.#from.length === 0) return false;
    const { beginNs, endNs } = journey;
    // Of the windows that begin before the journey ends, the last one ends last.
    let [low, high] = [0, this.#from.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#from[middle]! <= endNs) low = middle + 1;
      else high = middle;
    }
    return low > 0 && this.#to[low - 1]! >= beginNs;
  }
}

/**
 * The low 48 bits of a kernel address, which tell it from any other: a number, which makes a better key than a bigint.
 */
function addressKey(packetId: bigint): number {
  return (highHalf(packetId) & 0xffff) * 0x100000000 + lowHalf(packetId);
}
