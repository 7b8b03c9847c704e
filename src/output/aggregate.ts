/**
 * `-o aggregate`: a header; then for each journey, as it ends, a line that begins with `===` and tells what became of it,
 * and its events by time; at last, where there were more than a few journeys, a summary (summary.ts). As C formats:
 *
 *     %-20s %3s %24s %32s                  header
 *     === journey %u[, copy of %u], OUTCOME, %u.%03uus, %u events[, GAP][, as journey %u, at TIME][, WHOSE][: PACKET]
 *     %-20u %03u %24s %32s ( FIELDS )      event; without an extension it ends after the function
 *     %-20u %03u %24s %-64s ( FIELDS )     where returns are traced: `name() {` and `} 12.345us`, two spaces an open call
 *
 * A name that is longer than its column is not cut. Where a return has no fields, its line ends before them. With
 * `showPlaces` a line ends with ` [NETNS (NAME) DEVICE]`. Times of day take 29 columns instead of 20. A journey with
 * `as journey` has no lines: they would say the same as that one's (folding.ts). With the order `begin` all journeys
 * come at last, by their first event, and the summary stands before the header. With `plainText` there is no summary,
 * nothing is folded, and the line before a journey's events is `===` alone.
 */
import { counted } from '../base/counted.js';
import { createEvent, type TraceEvent } from '../base/event.js';
import type { Journey } from '../base/journey.js';
import { printable } from '../base/printable.js';
import { createPainter, type Painter } from '../base/style.js';
import { encode, TextBuffer } from '../base/text-buffer.js';
import type { CompleteJourney } from '../journey/assembler.js';
import type { Choice } from '../journey/choice.js';
import { describeGap, describeOutcome, formatMicroseconds, styleOf } from '../journey/outcome.js';
import { describePacket } from '../packets/journey-packet.js';
import { Clock } from './clock.js';
import { FEW_JOURNEYS, type Fold, Folding } from './folding.js';
import {
  describeNetns,
  type JourneyEncoder,
  JourneyOutput,
  type JourneyOutputOptions,
  type OutputContext,
  PlaceTexts,
  TargetNames,
} from './output.js';
import { describeParties } from './parties.js';
import { Summary } from './summary.js';

const CPU_WIDTH = 3;
const MODULE_WIDTH = 24;
const FUNCTION_WIDTH = 32;
const CALL_WIDTH = 64;
const INDENT = 2;
const PIECE_BYTES = 1 << 16;

const COLUMNS = `${'CPU'.padStart(CPU_WIDTH)} ${'Module'.padStart(MODULE_WIDTH)} ${'Function'.padStart(FUNCTION_WIDTH)}`;

export interface AggregateOptions extends JourneyOutputOptions {
  /** Whether lines end with the network namespace and the device. */
  readonly showPlaces?: boolean;
  /** Whether headings and outcomes are coloured; events are not. */
  readonly hasColor?: boolean;
  /** The journeys that are shown in one line, without their events. Default: `auto`. */
  readonly fold?: Fold;
  /** Whether the text is ipftrace2's: `===` is a line of its own, and there is no summary. */
  readonly plainText?: boolean;
}

export class AggregateOutput extends JourneyOutput {
  constructor(context: OutputContext, options: AggregateOptions = {}) {
    super(new AggregateText(context, options), context, options);
  }
}

/** What the line before a journey's events says besides numbers and times. */
interface Separator {
  readonly outcome: string;
  readonly gap: string | undefined;
  /** The number of the journey that this one repeats. */
  readonly same: number | undefined;
}

class AggregateText implements JourneyEncoder {
  readonly #context: OutputContext;
  readonly #clock: Clock;
  readonly #timeWidth: number;
  readonly #paint: Painter;
  readonly #text = new TextBuffer();
  readonly #event = createEvent();
  /** Module and function of each target, as on the line of an entry. */
  readonly #names: TargetNames;
  readonly #modules: TargetNames;
  readonly #functions: TargetNames;
  readonly #places: PlaceTexts | undefined;
  readonly #choice: Choice | undefined;
  readonly #plainText: boolean;
  readonly #summary: Summary;
  /** Undefined where no journey is folded. */
  readonly #folding: Folding | undefined;
  /** Whether all journeys have ended before the first is shown. */
  readonly #isSummaryFirst: boolean;
  #hasHeader = false;

  constructor(context: OutputContext, options: AggregateOptions = {}) {
    const { targets, dataSize } = context;
    this.#context = context;
    this.#clock = context.clock ?? Clock.mono();
    this.#timeWidth = this.#clock.textWidth;
    this.#paint = createPainter(options.hasColor ?? false);
    this.#choice = options.choice;
    this.#isSummaryFirst = options.order === 'begin';
    this.#plainText = options.plainText ?? false;
    this.#summary = new Summary(context.names);
    const { fold: asked = 'auto' } = options;
    const fold = this.#plainText || (asked === 'auto' && context.fields?.varies) ? 'never' : asked;
    const showPlaces = options.showPlaces ?? false;
    const netnsOf = (place: number) => context.places.get(place)?.netns ?? 0;
    if (fold !== 'never') this.#folding = new Folding({ fold, dataSize, showPlaces, netnsOf });
    if (showPlaces) {
      this.#places = new PlaceTexts(context, ({ netns, device }) =>
        encode(` [${describeNetns(netns, context)}${device === '' ? '' : ` ${printable(device)}`}]`),
      );
    }
    this.#names = new TargetNames(targets, (module, name) =>
      encode(`${printable(module).padStart(MODULE_WIDTH)} ${printable(name).padStart(FUNCTION_WIDTH)}`),
    );
    this.#modules = new TargetNames(targets, (module) => encode(`${printable(module).padStart(MODULE_WIDTH)} `));
    this.#functions = new TargetNames(targets, (_module, name) => encode(printable(name)));
  }

  isFull(): boolean {
    return this.#text.length >= PIECE_BYTES;
  }

  ended(journey: Journey): void {
    this.#summary.add(journey);
  }

  *journey(whole: CompleteJourney): Iterable<void> {
    this.#writeHeader();
    const outcome = describeOutcome(whole.journey, this.#context.names);
    const gap = describeGap(whole.journey);
    const same = this.#folding?.find(whole, `${outcome}, ${gap}`);
    if (this.#plainText) this.#text.bytes(PLAIN_SEPARATOR);
    else this.#writeSeparator(whole, { outcome, gap, same });
    for (let position = 0; same === undefined && position < whole.count; position++) {
      whole.load(position, this.#event);
      this.#writeLine(this.#event);
      if (this.isFull()) yield;
    }
  }

  get pendingBytes(): number {
    return this.#text.length;
  }

  take(): Uint8Array {
    return this.#text.take();
  }

  giveBack(bytes: Uint8Array): void {
    this.#text.giveBack(bytes);
  }

  *finish(): Iterable<Uint8Array> {
    this.#writeHeader();
    if (this.#hasSummary && !this.#isSummaryFirst) this.#text.text(`\n${this.#summaryLines}\n`);
    yield this.#text.take();
  }

  #writeHeader(): void {
    if (this.#hasHeader) return;
    this.#hasHeader = true;
    const text = this.#text;
    if (this.#hasSummary && this.#isSummaryFirst) text.text(`${this.#summaryLines}\n\n`);
    text.text(`${this.#paint(`${'Timestamp'.padEnd(this.#timeWidth)} ${COLUMNS}`, 'bold')}\n`);
  }

  get #hasSummary(): boolean {
    return (this.#choice?.asked ?? this.#summary.journeys) > FEW_JOURNEYS && !this.#plainText;
  }

  get #summaryLines(): string {
    return this.#summary.lines(this.#paint, this.#choice).join('\n');
  }

  #writeSeparator(whole: CompleteJourney, { outcome, gap, same }: Separator): void {
    const text = this.#text;
    const paint = this.#paint;
    const { number, parent, beginNs, endNs, events } = whole.journey;
    text.text(paint(`=== journey ${number}`, 'bold'));
    text.text(`${parent === 0 ? '' : `, copy of ${parent}`}, `);
    text.text(paint(outcome, styleOf(outcome)));
    text.text(`, ${formatMicroseconds(Number(endNs - beginNs))}, ${counted(events, 'event')}`);
    if (gap !== undefined) text.text(`, ${paint(gap, 'yellow')}`);
    if (same !== undefined) {
      text.text(`, ${paint(`as journey ${same}`, 'dim')}, at `);
      whole.load(0, this.#event);
      this.#clock.writeText(text, this.#event.timestampLow, this.#event.timestampHigh);
    }
    const parties = describeParties(whole.journey);
    if (parties !== undefined) text.text(`, ${parties}`);
    const packet = describePacket(whole.journey.snapshots);
    if (packet) text.text(`: ${packet.text}`);
    text.byte(LINE_FEED);
  }

  #writeLine(event: TraceEvent): void {
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
      this.#writeCall(event);
      if (fields) text.padEnd(call, CALL_WIDTH);
    } else {
      text.bytes(this.#names.get(event.target));
    }
    if (fields) {
      text.bytes(OPEN);
      fields.text(text, event.data, event.dataOffset);
      text.bytes(CLOSE);
    }
    if (this.#places) text.bytes(this.#places.get(event.place));
    text.byte(LINE_FEED);
  }

  #writeCall(event: TraceEvent): void {
    const text = this.#text;
    text.repeat(SPACE, INDENT * event.depth);
    if (!event.isReturn) {
      text.bytes(this.#functions.get(event.target));
      text.bytes(event.partnerLost ? ENTRY_ALONE : ENTRY);
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

/** Writes the duration of a call: `12.345us`. */
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

const PLAIN_SEPARATOR = encode('===\n');
const OPEN = encode(' (');
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
