/**
 * The parts of a trace, for pages that ask for them. So much is kept; then the oldest are forgotten, two at a time: the
 * journeys and their details. What later parts need, the head and the names, is kept.
 */
import type { PartCounts, PartKind } from '../output/page-parts.js';

/** The most that is kept, in bytes. */
const KEPT_BYTES = 64 << 20;
/** How far a recording is read ahead of the pages that ask for it, in bytes. */
const AHEAD_BYTES = 16 << 20;

export interface StoreLimits {
  readonly keptBytes?: number;
  readonly aheadBytes?: number;
}

interface StoredPart extends PartCounts {
  readonly number: number;
  readonly kind: PartKind;
  /** As it is sent: a line of JSON. */
  readonly line: Buffer;
}

export class PartStore {
  readonly #keptLimit: number;
  readonly #aheadLimit: number;
  /** What is never forgotten: as much as there are names. */
  readonly #needed: StoredPart[] = [];
  #parts: StoredPart[] = [];
  #bytes = 0;
  #aheadBytes = 0;
  #count = 0;
  /** The part up to which pages have asked. */
  #asked = 0;
  #lastForgotten = -1;
  #forgotten: PartCounts = { journeys: 0, events: 0 };
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor({ keptBytes = KEPT_BYTES, aheadBytes = AHEAD_BYTES }: StoreLimits = {}) {
    this.#keptLimit = keptBytes;
    this.#aheadLimit = aheadBytes;
  }

  /** The number of parts so far. */
  get count(): number {
    return this.#count;
  }

  get forgotten(): PartCounts {
    return this.#forgotten;
  }

  add(kind: PartKind, text: string, { journeys, events }: PartCounts): void {
    const number = this.#count++;
    const line = Buffer.from(`${JSON.stringify({ part: number, kind, text })}\n`);
    const part = { number, kind, line, journeys, events };
    const isNeeded = kind === 'head' || kind === 'tail' || journeys === 0;
    (isNeeded ? this.#needed : this.#parts).push(part);
    this.#bytes += line.length;
    this.#aheadBytes += line.length;
    if (kind !== 'journeys') while (this.#bytes > this.#keptLimit && this.#parts.length > 2) this.#forget();
    this.#wake();
  }

  /** Forgets the oldest journeys, with their details. */
  #forget(): void {
    const [journeys, details] = this.#parts.splice(0, 2);
    this.#bytes -= journeys!.line.length + details!.line.length;
    this.#lastForgotten = details!.number;
    const { journeys: before, events } = this.#forgotten;
    this.#forgotten = { journeys: before + journeys!.journeys, events: events + journeys!.events };
  }

  /**
   * The lines from a part on, as many as there are up to about `maxBytes`; journeys and their details together. Where parts
   * have been forgotten, a line says so.
   */
  read(from: number, maxBytes: number): Buffer[] {
    this.#ask(from);
    const lines: Buffer[] = [];
    let bytes = 0;
    for (const { number, kind, line } of this.#from(from)) {
      if (bytes + line.length > maxBytes && bytes > 0 && kind !== 'details') break;
      lines.push(line);
      bytes += line.length;
      this.#ask(number + 1);
    }
    return lines;
  }

  #from(from: number): Pick<StoredPart, 'number' | 'kind' | 'line'>[] {
    const parts: Pick<StoredPart, 'number' | 'kind' | 'line'>[] = [...this.#needed, ...this.#parts].filter(
      ({ number }) => number >= from,
    );
    if (from <= this.#lastForgotten) {
      const told = { part: this.#lastForgotten, kind: 'forgotten', ...this.#forgotten };
      parts.push({ number: this.#lastForgotten, kind: 'tail', line: Buffer.from(`${JSON.stringify(told)}\n`) });
    }
    return parts.sort((a, b) => a.number - b.number);
  }

  /** The page has, or will have, all parts before this one. */
  #ask(part: number): void {
    if (part <= this.#asked) return;
    this.#asked = Math.min(part, this.#count);
    const ahead = this.#parts.filter(({ number }) => number >= this.#asked);
    this.#aheadBytes = ahead.reduce((sum, { line }) => sum + line.length, 0);
    this.#wake();
  }

  /** Waits until there are parts from this one on, or the signal comes, or the store is closed. */
  async waitFor(from: number, signal: AbortSignal): Promise<void> {
    while (from >= this.#count && !signal.aborted && !this.#isClosed) await this.#change(signal);
  }

  /** Waits until pages have asked for what there is, but for some, or the signal comes, or the store is closed. */
  async waitForRoom(signal?: AbortSignal): Promise<void> {
    while (this.#aheadBytes > this.#aheadLimit && !signal?.aborted && !this.#isClosed) await this.#change(signal);
  }

  /** Another trace has begun: nobody waits any longer. */
  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #change(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const over = () => {
        this.#waiting.delete(over);
        signal?.removeEventListener('abort', over);
        resolve();
      };
      this.#waiting.add(over);
      signal?.addEventListener('abort', over, { once: true });
    });
  }

  #wake(): void {
    for (const over of [...this.#waiting]) over();
  }
}
