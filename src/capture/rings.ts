/** Reads the ring of events and the ring of ends side by side, so that the begin of a journey comes before its end. */
import type { RawTaker, RecordTaker } from '../base/event.js';
import { READING_BYTES, type Reading } from '../base/record-source.js';
import type { RingReader } from './ring.js';

/** The positions up to which the kernel has written into each ring, in bytes. */
export interface Written {
  readonly events: number;
  readonly ends: number;
  /** The time of that, in nanoseconds of CLOCK_MONOTONIC. */
  readonly atNs: bigint;
}

type Readable = Pick<
  RingReader,
  'read' | 'readRaw' | 'position' | 'produced' | 'newestNs' | 'positionBefore' | 'countUnread'
>;

export class Rings {
  readonly #events: Readable;
  readonly #ends: Readable;
  /** The positions of the kernel when reading began. */
  #reading: Written | undefined;
  #upToNs = 0n;

  readonly #now: () => bigint;

  /** @param now the time on the clock of the records */
  constructor(events: Readable, ends: Readable, now: () => bigint = process.hrtime.bigint) {
    this.#events = events;
    this.#ends = ends;
    this.#now = now;
  }

  /**
   * Hands records to `taker`. An end is read when all events have been read that were written before it. That is so
   * when a later event has been read, since an event takes its time before its room in the ring; or when all has been
   * read that had been written when the end was seen. So ends don't pile up while the ring of events is never empty.
   * See also `READING_BYTES`.
   * @param limit the most records of each ring
   * @param until the positions where reading stops
   */
  read(taker: RecordTaker, limit?: number, until?: Written): Reading {
    return this.#step(
      (to) => this.#events.read(taker, limit, to),
      (to) => this.#ends.read(taker, limit, to),
      until,
    );
  }

  /** As `read`, without decoding. */
  readRaw(taker: RawTaker, limit?: number, until?: Written): Reading {
    return this.#step(
      (to) => this.#events.readRaw(taker, 'events', limit, to),
      (to) => this.#ends.readRaw(taker, 'ends', limit, to),
      until,
    );
  }

  #step(
    readEvents: (until: number) => number,
    readEnds: (until: number) => number,
    until: Written | undefined,
  ): Reading {
    this.#reading ??= this.written;
    const { events: there, ends: thereEnds, atNs } = this.#reading;
    const [ring, ends] = [this.#events, this.#ends];
    const before = ring.position + ends.position;
    const events = readEvents(Math.min(until?.events ?? Number.POSITIVE_INFINITY, ring.position + READING_BYTES));
    const isThere = ring.position >= Math.min(there, until?.events ?? there);
    const readyNs = isThere ? atNs : ring.newestNs;
    const endsUntil = isThere
      ? Math.min(thereEnds, until?.ends ?? thereEnds)
      : ends.positionBefore(readyNs, until?.ends);
    readEnds(Math.min(endsUntil, ends.position + READING_BYTES));
    const isReady = ends.position >= endsUntil;
    if (isReady && readyNs > this.#upToNs) this.#upToNs = readyNs;
    if (isThere && isReady) this.#reading = undefined;
    const isAtEnd = until === undefined || (ring.position >= until.events && ends.position >= until.ends);
    return {
      events,
      moved: ring.position + ends.position > before,
      drained: isThere && isReady && isAtEnd,
      upToNs: this.#upToNs,
    };
  }

  /** The positions of the kernel: a limit for `read` while events keep coming. */
  get written(): Written {
    // In this order: records older than this time have been written, and the begins of all journeys that have ended are
    // among the events.
    const atNs = this.#now();
    const ends = this.#ends.produced;
    return { events: this.#events.produced, ends, atNs };
  }

  /** The number of ends that have not been read. */
  countUnreadEnds(): number {
    return this.#ends.countUnread();
  }
}
