/** The records of a session that is attached. */
import type { TraceLosses } from '../base/losses.js';
import { Places } from '../base/places.js';
import type {
  RawSourceTaker,
  Reading,
  RecordSource,
  SourceCoverage,
  SourceEnd,
  SourceTaker,
  TraceHeader,
} from '../base/record-source.js';
import type { Written } from './rings.js';
import type { Session } from './session.js';

/** How often the kernel is asked for missed calls, in milliseconds; less often where that takes long. */
const MISSES_MS = 100;
const PART_FOR_MISSES = 0.02;

/** The part of a session that a source needs. */
export type Readable = Pick<
  Session,
  'read' | 'readRaw' | 'written' | 'living' | 'losses' | 'countMisses' | 'countUnreadEnds' | 'coverage'
>;

export class LiveSource implements RecordSource {
  readonly isOver = false;
  readonly header: TraceHeader;
  readonly places: Places;
  readonly #session: Readable;
  readonly #refresh: (signal: AbortSignal) => Promise<void> | undefined;
  #misses: TraceLosses['missed'];
  /** The time up to which misses are known, and when to ask again. */
  #missesKnownNs: bigint;
  #missesDue = 0;
  /** The times between which calls were missed and that no taker has been told. */
  #untold: { readonly fromNs: bigint; readonly untilNs: bigint }[] = [];
  /** The positions where reading stops, once the source has ended. */
  #until: Written | undefined;
  #losses: TraceLosses | undefined;

  /**
   * Does not own the session.
   * @param session attached; calls that were missed before do not count
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
    this.#tellMisses(taker);
    return this.#upToMisses(this.#session.read(taker, limit, this.#until));
  }

  readRaw(taker: RawSourceTaker, limit: number): Reading {
    this.#tellMisses(taker);
    return this.#upToMisses(this.#session.readRaw(taker, limit, this.#until));
  }

  #tellMisses(taker: Pick<SourceTaker, 'missed'>): void {
    if (!this.#until) this.#askForMisses();
    for (const { fromNs, untilNs } of this.#untold) taker.missed(fromNs, untilNs);
    this.#untold = [];
  }

  #upToMisses({ events, moved, drained, upToNs }: Reading): Reading {
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

  /** The misses are those of the last time when the kernel was asked. */
  losses(): TraceLosses {
    if (this.#losses) return this.#losses;
    this.#askForMisses();
    return this.#session.losses(this.#misses);
  }

  get coverage(): SourceCoverage {
    return this.#session.coverage;
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

  /** Adjoining times are merged, so that the list stays short while nobody reads. */
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
