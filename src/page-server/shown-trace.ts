/** What pages see: the state of the trace, and its parts. */
import type { PartCounts, PartKind } from '../output/page-parts.js';
import { NOTHING_COUNTED, type Problem, type TraceCounts, type TraceState } from './messages.js';
import { PartStore } from './part-store.js';

/** Warnings beyond these are counted. */
const MAX_WARNINGS = 100;

export class ShownTrace {
  readonly #canTrace: boolean;
  #revision = 1;
  #trace = 0;
  #state: TraceState = 'idle';
  #problem: Problem | undefined;
  #title = '';
  #words: readonly string[];
  #warnings: string[] = [];
  #moreWarnings = 0;
  #counts = NOTHING_COUNTED;
  #store = new PartStore();
  readonly #waiting = new Set<() => void>();

  constructor(canTrace: boolean, words: readonly string[]) {
    this.#canTrace = canTrace;
    this.#words = words;
  }

  get state(): TraceState {
    return this.#state;
  }

  /** The number of the trace that is shown. */
  get trace(): number {
    return this.#trace;
  }

  /** Another trace takes the place of the one that was shown. @param words undefined: as they were */
  begin(title: string, words: readonly string[] | undefined, state: TraceState): void {
    this.#store.close();
    this.#store = new PartStore();
    this.#trace++;
    this.#title = title;
    if (words) this.#words = words;
    this.#warnings = [];
    this.#moreWarnings = 0;
    this.#counts = NOTHING_COUNTED;
    this.enter(state);
  }

  enter(state: TraceState, problem?: Problem): void {
    this.#state = state;
    this.#problem = problem;
    this.#change();
  }

  warn(text: string): void {
    if (this.#warnings.length < MAX_WARNINGS) this.#warnings.push(text);
    else this.#moreWarnings++;
    this.#change();
  }

  count(counts: TraceCounts): void {
    this.#counts = counts;
    this.#change();
  }

  add(kind: PartKind, bytes: Uint8Array, counts: PartCounts): void {
    const { buffer, byteOffset, length } = bytes;
    const isText = kind === 'head' || kind === 'tail';
    const text = Buffer.from(buffer, byteOffset, length).toString(isText ? 'utf8' : 'base64');
    this.#store.add(kind, text, counts);
    this.#change();
  }

  /** Waits until pages have asked for what there is, but for some. */
  async waitForRoom(signal?: AbortSignal): Promise<void> {
    await this.#store.waitForRoom(signal);
  }

  /** The status, as soon as it is another one than that which the page knows, or the signal comes. */
  async status(known: number | undefined, signal: AbortSignal): Promise<object> {
    while (known === this.#revision && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const over = () => {
          this.#waiting.delete(over);
          signal.removeEventListener('abort', over);
          resolve();
        };
        this.#waiting.add(over);
        signal.addEventListener('abort', over, { once: true });
      });
    }
    const more = this.#moreWarnings > 0 ? [`and ${this.#moreWarnings} more warnings`] : [];
    return {
      ...{ revision: this.#revision, state: this.#state, canTrace: this.#canTrace, problem: this.#problem },
      ...{ command: this.#words.map(quoteWord).join(' '), words: this.#words, trace: this.#trace, title: this.#title },
      ...{ ...this.#counts, parts: this.#store.count, forgotten: this.#store.forgotten },
      warnings: [...this.#warnings, ...more],
    };
  }

  /** @returns undefined if that trace is not shown any longer */
  async parts(
    trace: number,
    from: number,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<readonly Buffer[] | undefined> {
    const store = this.#store;
    if (trace !== this.#trace) return undefined;
    await store.waitFor(from, signal);
    return store === this.#store ? store.read(from, maxBytes) : undefined;
  }

  #change(): void {
    this.#revision++;
    for (const over of [...this.#waiting]) over();
  }
}

/** As it would be typed into a shell. */
function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
