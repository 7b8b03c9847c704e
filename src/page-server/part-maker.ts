/** Makes parts of a page of the records of a source, while they come. */
import type { RecordSource } from '../base/record-source.js';
import { Assembler, type CompleteJourney, type JourneySink } from '../journey/assembler.js';
import { createContext } from '../output/output.js';
import { PageParts, type PartCounts, type PartKind } from '../output/page-parts.js';
import { JourneyIntake } from '../trace/journey-intake.js';
import type { TraceClient } from '../trace/run.js';
import type { SummedJourneys, TraceCounts } from './messages.js';

/** How long journeys wait for others to share their part, in milliseconds. */
const FLUSH_MS = 250;
/** Parts are handed on when so much waits, in bytes. */
const MOST_WAITING_BYTES = 1 << 20;

export interface Part extends PartCounts {
  readonly kind: PartKind;
  /** JSON, or compressed. */
  readonly bytes: Uint8Array;
}

export interface PartMakerOptions {
  readonly maxMemoryBytes: number;
  readonly maxHeapBytes: number;
  /** The most events a second that are handed on; journeys beyond them are counted. Undefined: all. */
  readonly eventsPerSecond?: number | undefined;
  /** Hands a part on, and waits for room for another one. The signal ends the wait. */
  readonly handOn: (part: Part, signal?: AbortSignal) => Promise<void>;
  /** Called now and then. */
  readonly onCounts: (counts: TraceCounts) => void;
  /** Whether nobody takes parts any longer. */
  readonly isClosed?: () => boolean;
}

export class PartMaker implements TraceClient {
  readonly intake: JourneyIntake;
  readonly #source: Pick<RecordSource, 'losses'>;
  readonly #options: PartMakerOptions;
  readonly #assembler: Assembler;
  readonly #parts: PageParts;
  readonly #summing: SummingSink;
  #waiting: Part[] = [];
  #waitingBytes = 0;
  #flushedAt = performance.now();

  constructor(source: Pick<RecordSource, 'header' | 'places' | 'losses'>, options: PartMakerOptions) {
    const context = createContext(source);
    const { dataSize, hasReturns } = context;
    this.#source = source;
    this.#options = options;
    const sink = {
      text: (kind: PartKind, json: string) => this.#add({ kind, bytes: Buffer.from(json), journeys: 0, events: 0 }),
      bytes: (kind: PartKind, bytes: Uint8Array, counts: PartCounts) => this.#add({ kind, bytes, ...counts }),
    };
    this.#parts = new PageParts(context, source.header, sink, { namesApart: true });
    this.#summing = new SummingSink(this.#parts, options.eventsPerSecond, () => this.#waitingBytes);
    const { maxMemoryBytes: maxBytes, maxHeapBytes } = options;
    this.#assembler = new Assembler(this.#summing, { dataSize, hasReturns, maxBytes, maxHeapBytes });
    // Names are looked up when the first packet is in a namespace, which may be gone later.
    source.places.onPlace = ({ netns }) => void source.header.netnsName(netns);
    this.intake = new JourneyIntake(this.#assembler, source.places);
    this.#parts.begin();
  }

  get isClosed(): boolean {
    return this.#options.isClosed?.() ?? false;
  }

  /** Whether the engine's heap, not the memory as a whole, has no room for another journey. */
  get isHeapFull(): boolean {
    return this.#assembler.isHeapFull;
  }

  get counts(): TraceCounts {
    const { journeys, events, lostJourneys, late } = this.intake.tracker;
    const { cpus, unfollowed, ends, unseen, missed } = this.#source.losses();
    const lost = cpus.reduce((sum, cpu) => sum + cpu.lost, unfollowed + ends + unseen);
    return {
      ...{ journeys, events, lost: Number(lost) + late + lostJourneys },
      ...{ missed: Number(missed.shown + missed.deciding), summed: this.#summing.summed },
    };
  }

  async handOn(_idleMs: number, signal?: AbortSignal): Promise<void> {
    for (let hasMore = true; hasMore && !signal?.aborted; ) {
      hasMore = this.#assembler.release();
      await this.#deliver(signal);
    }
    if (performance.now() - this.#flushedAt < FLUSH_MS) return;
    this.#flushedAt = performance.now();
    this.#parts.flush();
    this.#options.onCounts(this.counts);
    await this.#deliver(signal);
  }

  async finish(): Promise<void> {
    for (let hasMore = true; hasMore; ) {
      hasMore = this.#assembler.finish();
      await this.#deliver();
    }
    this.#parts.finish();
    this.#options.onCounts(this.counts);
    await this.#deliver();
  }

  #add(part: Part): void {
    this.#waiting.push(part);
    this.#waitingBytes += part.bytes.length;
  }

  async #deliver(signal?: AbortSignal): Promise<void> {
    while (this.#waiting.length > 0 && !signal?.aborted) {
      const part = this.#waiting.shift()!;
      this.#waitingBytes -= part.bytes.length;
      await this.#options.handOn(part, signal);
    }
  }
}

/** Hands journeys on while there is room in the budget of events; others are counted. */
class SummingSink implements JourneySink {
  readonly #sink: PageParts;
  readonly #perSecond: number;
  readonly #waitingBytes: () => number;
  #left: number;
  #at = performance.now();
  #summed = { journeys: 0, events: 0, outcomes: {} as Record<string, number> };

  constructor(sink: PageParts, perSecond = Number.POSITIVE_INFINITY, waitingBytes: () => number) {
    this.#sink = sink;
    this.#perSecond = perSecond;
    this.#left = perSecond;
    this.#waitingBytes = waitingBytes;
  }

  get summed(): SummedJourneys {
    return this.#summed;
  }

  isFull(): boolean {
    return this.#waitingBytes() >= MOST_WAITING_BYTES;
  }

  journey(whole: CompleteJourney): undefined {
    if (this.#takes(whole.count)) return this.#sink.journey(whole);
    const { outcome } = whole.journey;
    this.#summed.journeys++;
    this.#summed.events += whole.count;
    this.#summed.outcomes[outcome] = (this.#summed.outcomes[outcome] ?? 0) + 1;
    return undefined;
  }

  /** A journey that is longer than what is left is taken, too: what comes next pays for it. */
  #takes(events: number): boolean {
    if (this.#left <= 0) {
      const now = performance.now();
      const more = ((now - this.#at) / 1000) * this.#perSecond;
      this.#at = now;
      this.#left = Math.min(this.#perSecond, this.#left + more);
    }
    if (this.#left <= 0) return false;
    this.#left -= events;
    return true;
  }
}
