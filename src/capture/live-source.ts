/** The records of a session that is attached. */
import type { TraceLosses } from '../base/losses.js';
import { Places } from '../base/places.js';
import type { Reading, RecordSource, SourceEnd, SourceTaker, TraceHeader } from '../base/record-source.js';
import type { Written } from './rings.js';
import type { Session } from './session.js';

/** How often the kernel is asked for probes that it missed, in milliseconds; where that takes long, less often. */
const MISSES_MS = 100;
const PART_FOR_MISSES = 0.02;

/** What is needed of a session. */
export type Readable = Pick<Session, 'read' | 'written' | 'living' | 'losses' | 'countMisses' | 'countUnreadEnds'>;

export class LiveSource implements RecordSource {
  readonly isOver = false;
  readonly header: TraceHeader;
  readonly places: Places;
  readonly #session: Readable;
  readonly #refresh: (signal: AbortSignal) => Promise<void> | undefined;
  #misses: TraceLosses['missed'];
  /** Up to when misses are known, and when to ask again. */
  #missesKnownNs: bigint;
  #missesDue = 0;
  /** Between these times calls were missed, and no taker was told yet. */
  #untold: { readonly fromNs: bigint; readonly untilNs: bigint }[] = [];
  /** How far is read, once the trace has ended. */
  #until: Written | undefined;
  #losses: TraceLosses | undefined;

  /**
   * The session stays its owner's.
   * @param session attached: what was missed before now was missed before anything was to be seen
   * @param refresh see `RecordSource.refresh`
   */
  constructor(
    session: Readable,
    header: TraceHeader,
    places = new Places(),
    refresh: (signal: AbortSignal) => Promise<void> | undefined = () => undefined,
  ) {
    this.header = header;
    this.places = places;
    this.#session = session;
    this.#refresh = refresh;
    this.#misses = session.countMisses();
    this.#missesKnownNs = now();
  }

  read(taker: SourceTaker, limit: number): Reading {
    if (!this.#until) this.#askForMisses();
    for (const { fromNs, untilNs } of this.#untold) taker.missed(fromNs, untilNs);
    this.#untold = [];
    const { events, moved, drained, upToNs } = this.#session.read(taker, limit, this.#until);
    return { events, moved, drained, upToNs: upToNs < this.#missesKnownNs ? upToNs : this.#missesKnownNs };
  }

  /** The programs need not stay attached afterwards. */
  end(): SourceEnd {
    const atNs = now();
    const living = this.#session.living();
    this.#until = this.#session.written;
    this.#askForMisses(true);
    this.#losses = this.#session.losses(this.#misses);
    return { atNs, living };
  }

  /** Misses as they were when the kernel was asked for them last. */
  losses(): TraceLosses {
    if (this.#losses) return this.#losses;
    this.#askForMisses();
    return this.#session.losses(this.#misses);
  }

  countUnreadEnds(): number {
    return this.#session.countUnreadEnds();
  }

  async refresh(signal: AbortSignal): Promise<void> {
    await this.#refresh(signal);
  }

  #askForMisses(isLast = false): void {
    const began = performance.now();
    if (began < this.#missesDue && !isLast) return;
    const before = this.#misses;
    this.#misses = this.#session.countMisses();
    const time = now();
    if (this.#misses.shown + this.#misses.deciding > before.shown + before.deciding) {
      this.#tell(this.#missesKnownNs, time);
    }
    this.#missesKnownNs = time;
    const took = performance.now() - began;
    this.#missesDue = performance.now() + Math.max(MISSES_MS, took / PART_FOR_MISSES);
  }

  /** Times that follow each other are one: whoever does not read is told little. */
  #tell(fromNs: bigint, untilNs: bigint): void {
    const last = this.#untold.at(-1);
    if (last?.untilNs === fromNs) this.#untold[this.#untold.length - 1] = { fromNs: last.fromNs, untilNs };
    else this.#untold.push({ fromNs, untilNs });
  }
}

/** The time on the clock of events. */
function now(): bigint {
  return process.hrtime.bigint();
}
