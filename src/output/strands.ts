/**
 * Makes slices of a journey's events, as pictures need them: each begins and ends, and those that overlap lie within one
 * another. Pure.
 *
 * Where returns are traced, a slice is a call. Without returns it is a step: it lasts until the next event, which is when
 * the packet was next seen. So is a call whose return is lost. A packet can be in two calls at the same time on two CPUs, as when
 * one queues it and the other one already takes it off: such calls do not lie within one another, and each has a strand of its own. A
 * return that comes while later calls are open ends these, too.
 */
import type { TraceEvent } from '../base/event.js';
import { join } from '../base/halves.js';
import type { CompleteJourney } from '../journey/assembler.js';

export interface StrandTaker {
  /** A further strand is needed; the first one is there from the begin. @param strand counted from 0 */
  addStrand(strand: number, event: TraceEvent): void;
  /** A slice begins. */
  open(strand: number, event: TraceEvent): void;
  /** The innermost slice ends. @param event the return; undefined if it ends without one */
  close(strand: number, low: number, high: number, event: TraceEvent | undefined): void;
  /** The return of a call that is not open. */
  returnAlone(strand: number, event: TraceEvent): void;
}

/**
 * The times that a journey lasted, those of all of its events included: in the order of the ring, its first event may not be
 * the earliest.
 * @param event is filled with its first event
 */
export function spanOf(
  { journey, load, count }: CompleteJourney,
  event: TraceEvent,
): readonly [beginNs: bigint, endNs: bigint] {
  load(count - 1, event);
  const lastNs = join(event.timestampLow, event.timestampHigh);
  load(0, event);
  const firstNs = join(event.timestampLow, event.timestampHigh);
  const { beginNs, endNs } = journey;
  return [firstNs < beginNs ? firstNs : beginNs, lastNs > endNs ? lastNs : endNs];
}

/** More are not told apart: calls on further CPUs then end one another. */
const MAX_STRANDS = 16;
/** How many open calls are looked at for that of a return. */
const MAX_LOOK = 256;

class Strand {
  cpu = 0;
  /** The number of open calls. */
  open = 0;
  /** Whether a step is within the innermost one. */
  hasStep = false;
  /** Of each open call: its target, and the halves of its time. */
  readonly targets: number[] = [];
  readonly lows: number[] = [];
  readonly highs: number[] = [];

  find({ target, entryLow, entryHigh }: TraceEvent): number {
    const last = Math.max(0, this.open - MAX_LOOK);
    for (let at = this.open - 1; at >= last; at--) {
      if (this.targets[at] === target && this.lows[at] === entryLow && this.highs[at] === entryHigh) return at;
    }
    return -1;
  }
}

export class Strands {
  readonly #taker: StrandTaker;
  readonly #hasReturns: boolean;
  readonly #strands = [new Strand()];
  /** The number of those that the journey uses. */
  #count = 1;

  constructor(taker: StrandTaker, hasReturns: boolean) {
    this.#taker = taker;
    this.#hasReturns = hasReturns;
  }

  /** Takes the next event of a journey, in the order of time. */
  event(event: TraceEvent): void {
    if (!this.#hasReturns) {
      this.#step(0, event);
      return;
    }
    if (event.isReturn) {
      this.#return(event);
      return;
    }
    const which = this.#strandFor(event);
    const strand = this.#strands[which]!;
    if (event.partnerLost) {
      this.#step(which, event);
      return;
    }
    this.#endStep(which, event.timestampLow, event.timestampHigh);
    this.#taker.open(which, event);
    strand.cpu = event.cpu;
    strand.targets[strand.open] = event.target;
    strand.lows[strand.open] = event.timestampLow;
    strand.highs[strand.open] = event.timestampHigh;
    strand.open++;
  }

  /** Ends the journey, and all that is open. */
  end(low: number, high: number): void {
    for (let which = 0; which < this.#count; which++) this.#closeTo(which, 0, low, high);
    this.#count = 1;
  }

  #step(which: number, event: TraceEvent): void {
    this.#endStep(which, event.timestampLow, event.timestampHigh);
    this.#taker.open(which, event);
    this.#strands[which]!.hasStep = true;
  }

  #return(event: TraceEvent): void {
    for (let which = 0; which < this.#count; which++) {
      const at = this.#strands[which]!.find(event);
      if (at < 0) continue;
      this.#closeTo(which, at + 1, event.timestampLow, event.timestampHigh);
      this.#strands[which]!.open = at;
      this.#taker.close(which, event.timestampLow, event.timestampHigh, event);
      return;
    }
    const which = this.#strandFor(event);
    this.#endStep(which, event.timestampLow, event.timestampHigh);
    this.#taker.returnAlone(which, event);
  }

  /** Ends calls until so many are open. */
  #closeTo(which: number, open: number, low: number, high: number): void {
    this.#endStep(which, low, high);
    const strand = this.#strands[which]!;
    for (; strand.open > open; strand.open--) this.#taker.close(which, low, high, undefined);
  }

  #endStep(which: number, low: number, high: number): void {
    const strand = this.#strands[which]!;
    if (!strand.hasStep) return;
    strand.hasStep = false;
    this.#taker.close(which, low, high, undefined);
  }

  /** The strand whose open calls are of the event's CPU, or one without any. */
  #strandFor(event: TraceEvent): number {
    let free = -1;
    for (let which = 0; which < this.#count; which++) {
      const strand = this.#strands[which]!;
      if (strand.open === 0) {
        if (free < 0) free = which;
      } else if (strand.cpu === event.cpu) {
        return which;
      }
    }
    if (free >= 0) return free;
    if (this.#count === MAX_STRANDS) return MAX_STRANDS - 1;
    const which = this.#count++;
    this.#strands[which] ??= new Strand();
    this.#taker.addStrand(which, event);
    return which;
  }
}
