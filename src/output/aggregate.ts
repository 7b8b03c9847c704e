/**
 * `-o aggregate`: where there are more than a few journeys, a summary (summary.ts); a header; then for each journey a line
 * that begins with `===` and tells what became of it, and its events by time. As C formats:
 *
 *     %-20s %3s %24s %32s                  header
 *     === journey %u[, copy of %u], OUTCOME, %u.%03uus, %u events[, GAP][, as journey %u, at TIME]
 *     %-20u %03u %24s %32s ( FIELDS )      event; without an extension it ends after the function
 *     %-20u %03u %24s %-64s ( FIELDS )     where returns are traced: `name() {` and `} 12.345us`, two spaces an open call
 *
 * A name that is longer than its column is not cut. Where a return has no fields, its line ends before them. With
 * `showPlaces` a line ends with ` [NETNS (NAME) DEVICE]`. Times of day take 29 columns instead of 20. A journey with
 * `as journey` has no lines: they would say the same as that one's (folding.ts). With `plainText` there is no summary,
 * nothing is folded, and the line before a journey's events is `===` alone.
 */

import { counted } from '../base/counted.js';
import { createEvent, type TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { printable } from '../base/printable.js';
import { createPainter, type Painter } from '../base/style.js';
import { encode, TextBuffer } from '../base/text-buffer.js';
import { EventStore } from '../journey/event-store.js';
import type { Choice } from './choice.js';
import { Clock } from './clock.js';
import { FEW_JOURNEYS, type Fold, Folding } from './folding.js';
import { describeGap, describeOutcome, formatMicroseconds, styleOf } from './outcome.js';
import { describeNetns, type Output, type OutputContext, PlaceTexts, TargetNames } from './output.js';
import { Summary } from './summary.js';

const CPU_WIDTH = 3;
const MODULE_WIDTH = 24;
const FUNCTION_WIDTH = 32;
const CALL_WIDTH = 64;
const INDENT = 2;
const PIECE_BYTES = 1 << 16;

const COLUMNS = `${'CPU'.padStart(CPU_WIDTH)} ${'Module'.padStart(MODULE_WIDTH)} ${'Function'.padStart(FUNCTION_WIDTH)}`;

export interface AggregateOptions {
  /** About how much memory may be used: then no further journeys are taken in. */
  readonly maxBytes?: number;
  /** About how much of that on the engine's heap, which has a bound of its own. */
  readonly maxHeapBytes?: number;
  /** Whether lines end with the network namespace and the device. */
  readonly showPlaces?: boolean;
  /** Whether what people look for is in colours; events are not. */
  readonly hasColor?: boolean;
  /** Which journeys are shown; all if it is not said. */
  readonly choice?: Choice | undefined;
  /** Which journeys are shown in a line of their own, without their events. Default: `auto`. */
  readonly fold?: Fold;
  /** Whether nothing is printed but what ipftrace2 prints: `===` has nothing behind it. */
  readonly plainText?: boolean;
}

/** An object and its strings, roughly. */
const JOURNEY_BYTES = 600;
/** Of the memory; the rest is for what has begun. */
const PART_FOR_NEW = 0.9;

export class AggregateOutput implements Output {
  readonly #context: OutputContext;
  readonly #clock: Clock;
  readonly #timeWidth: number;
  readonly #paint: Painter;
  readonly #store: EventStore;
  readonly #text = new TextBuffer();
  /** Module and function of each target as they stand on a line of an entry. */
  readonly #names: TargetNames;
  readonly #modules: TargetNames;
  readonly #functions: TargetNames;
  readonly #places: PlaceTexts | undefined;
  readonly #maxBytes: number;
  readonly choice: Choice | undefined;
  readonly #plainText: boolean;
  readonly #summary: Summary;
  readonly #folding: Folding;
  readonly #maxHeapBytes: number;
  /** The first one has the number 0 here. Those that are not chosen go when they end. */
  readonly #journeys: (Journey | undefined)[] = [];
  /** Those that have not ended. */
  readonly #open = new Map<Journey, number>();
  /** The last one that an event came of, and its number. */
  #last: Journey | undefined;
  #lastNumber = 0;

  constructor(context: OutputContext, options: AggregateOptions = {}) {
    const { targets, dataSize, hasReturns } = context;
    this.#context = context;
    this.#clock = context.clock ?? Clock.mono();
    this.#timeWidth = this.#clock.textWidth;
    this.#paint = createPainter(options.hasColor ?? false);
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#maxHeapBytes = options.maxHeapBytes ?? Number.POSITIVE_INFINITY;
    this.choice = options.choice;
    this.#plainText = options.plainText ?? false;
    this.#summary = new Summary(context.names);
    const fold = this.#plainText ? 'never' : (options.fold ?? 'auto');
    const netnsOf = (place: number) => context.place(place)?.netns ?? 0;
    const placeOf = fold === 'path' ? netnsOf : options.showPlaces ? (place: number) => place : undefined;
    this.#folding = new Folding({ fold, dataSize, placeOf });
    if (options.showPlaces) {
      this.#places = new PlaceTexts(context, ({ netns, device }) =>
        encode(` [${describeNetns(netns, context)}${device === '' ? '' : ` ${printable(device)}`}]`),
      );
    }
    this.#store = new EventStore(dataSize, hasReturns);
    this.#names = new TargetNames(targets, (module, name) =>
      encode(`${printable(module).padStart(MODULE_WIDTH)} ${printable(name).padStart(FUNCTION_WIDTH)}`),
    );
    this.#modules = new TargetNames(targets, (module) => encode(`${printable(module).padStart(MODULE_WIDTH)} `));
    this.#functions = new TargetNames(targets, (_module, name) => encode(printable(name)));
  }

  get hasRoom(): boolean {
    const bytes = this.#journeys.length * JOURNEY_BYTES + this.#store.sizeBytes;
    return bytes < this.#maxBytes * PART_FOR_NEW && !this.isHeapFull;
  }

  get isHeapFull(): boolean {
    return this.#journeys.length * JOURNEY_BYTES >= this.#maxHeapBytes * PART_FOR_NEW;
  }

  event(event: TraceEvent, journey: Journey): void {
    if (journey !== this.#last) {
      this.#last = journey;
      this.#lastNumber = this.#open.get(journey) ?? this.#begin(journey);
    }
    this.#store.add(event, journey.place, this.#lastNumber);
  }

  #begin(journey: Journey): number {
    const number = this.#journeys.push(journey) - 1;
    this.#open.set(journey, number);
    return number;
  }

  ended(journey: Journey): void {
    const number = this.#open.get(journey);
    this.#open.delete(journey);
    if (this.#last === journey) this.#last = undefined;
    if (!this.choice || this.choice.takes(journey)) this.#summary.add(journey);
    else if (number !== undefined) this.#journeys[number] = undefined;
  }

  tick(): boolean {
    return false;
  }

  get pendingBytes(): number {
    return 0;
  }

  text(): Uint8Array {
    return NOTHING;
  }

  *finish(): Iterable<Uint8Array> {
    const text = this.#text;
    const paint = this.#paint;
    if ((this.choice?.asked ?? this.#summary.journeys) > FEW_JOURNEYS && !this.#plainText) {
      text.text(`${this.#summary.lines(paint, this.choice).join('\n')}\n\n`);
    }
    text.text(`${paint(`${'Timestamp'.padEnd(this.#timeWidth)} ${COLUMNS}`, 'bold')}\n`);
    const event = createEvent();
    for (const indices of this.#store.journeys()) {
      this.#store.load(indices[0]!, event);
      const journey = this.#journeys[event.journey];
      if (!journey && this.choice) continue;
      const lost = this.#context.hasReturns ? this.#store.findLostReturns(indices) : undefined;
      const same = journey && this.#findSame(journey, indices, lost);
      this.#store.load(indices[0]!, event);
      this.#writeSeparator(journey, same, event);
      for (let position = 0; same === undefined && position < indices.length; position++) {
        this.#store.load(indices[position]!, event);
        this.#writeLine(event, this.#store.place(indices[position]!), lost?.[position] === 1);
        if (text.length >= PIECE_BYTES) yield text.take();
      }
      if (text.length >= PIECE_BYTES) yield text.take();
    }
    yield text.take();
  }

  /** The number of the journey that the lines of this one would repeat. */
  #findSame(journey: Journey, indices: Uint32Array, lost: Uint8Array | undefined): number | undefined {
    const event = createEvent();
    for (let position = 0; position < indices.length; position++) {
      this.#store.load(indices[position]!, event);
      this.#folding.add(event, this.#store.place(indices[position]!), lost?.[position] === 1);
    }
    const end = `${describeOutcome(journey, this.#context.names)}, ${describeGap(journey)}`;
    return this.#folding.end(journey.number, end);
  }

  /** @param same the journey that this one is like @param first its first event */
  #writeSeparator(journey: Journey | undefined, same: number | undefined, first: TraceEvent): void {
    const text = this.#text;
    const paint = this.#paint;
    if (journey && !this.#plainText) {
      const { number, parent, beginNs, endNs, events } = journey;
      const outcome = describeOutcome(journey, this.#context.names);
      const gap = describeGap(journey);
      text.text(paint(`=== journey ${number}`, 'bold'));
      text.text(`${parent === 0 ? '' : `, copy of ${parent}`}, `);
      text.text(paint(outcome, styleOf(outcome)));
      text.text(`, ${formatMicroseconds(Number(endNs - beginNs))}, ${counted(events, 'event')}`);
      if (gap !== undefined) text.text(`, ${paint(gap, 'yellow')}`);
      if (same !== undefined) {
        text.text(`, ${paint(`as journey ${same}`, 'dim')}, at `);
        this.#clock.writeText(text, first.timestampLow, first.timestampHigh);
      }
    } else {
      text.bytes(SEPARATOR);
    }
    text.byte(LINE_FEED);
  }

  #writeLine(event: TraceEvent, place: number, returnLost: boolean): void {
    const text = this.#text;
    const begin = text.length;
    this.#clock.writeText(text, event.timestampLow, event.timestampHigh);
    text.padEnd(begin, this.#timeWidth);
    text.byte(SPACE);
    text.unsigned(event.cpu, CPU_WIDTH);
    text.byte(SPACE);
    const fields = event.hasFields ? this.#context.fields : undefined;
    if (this.#context.hasReturns) {
      text.bytes(this.#modules.get(event.target));
      const call = text.length;
      this.#writeCall(event, returnLost);
      if (fields) text.padEnd(call, CALL_WIDTH);
    } else {
      text.bytes(this.#names.get(event.target));
    }
    if (fields) {
      text.bytes(OPEN);
      fields.text(text, event.data, event.dataOffset);
      text.bytes(CLOSE);
    }
    if (this.#places) text.bytes(this.#places.get(place));
    text.byte(LINE_FEED);
  }

  #writeCall(event: TraceEvent, returnLost: boolean): void {
    const text = this.#text;
    text.repeat(SPACE, INDENT * event.depth);
    if (!event.isReturn) {
      text.bytes(this.#functions.get(event.target));
      text.bytes(returnLost ? ENTRY_ALONE : ENTRY);
      return;
    }
    text.bytes(RETURN);
    if (event.entryLost) {
      text.bytes(RETURN_ALONE);
      text.bytes(this.#functions.get(event.target));
    } else {
      writeMicroseconds(text, event);
    }
    if (event.skbFreed) text.bytes(FREED);
  }
}

/** How long a call took: `12.345us`. */
function writeMicroseconds(text: TextBuffer, event: TraceEvent): void {
  const borrow = event.timestampLow < event.entryLow ? 1 : 0;
  const low = (event.timestampLow - event.entryLow) >>> 0;
  const nanoseconds = (event.timestampHigh - event.entryHigh - borrow) * 0x100000000 + low;
  const microseconds = Math.floor(nanoseconds / 1000);
  text.unsigned(microseconds);
  text.byte(POINT);
  text.unsigned(nanoseconds - microseconds * 1000, 3);
  text.bytes(MICROSECONDS);
}

const NOTHING = new Uint8Array(0);
const SEPARATOR = encode('===');
const OPEN = encode(' ( ');
const CLOSE = encode(' )');
const ENTRY = encode('() {');
const ENTRY_ALONE = encode('() { lost return');
const RETURN = encode('} ');
const RETURN_ALONE = encode('lost entry of ');
const FREED = encode(' skb freed');
const MICROSECONDS = encode('us');
const POINT = 0x2e;
const SPACE = 0x20;
const LINE_FEED = 0x0a;
