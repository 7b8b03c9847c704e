/**
 * `-o live`: a line for each event as it comes, for people who watch a trace. What a line says depends on the width:
 *
 *     %12s #%-3u %3u %-14s %-9s FUNCTION       76 columns or more: time, journey, CPU, NAMESPACE/DEVICE, layer
 *     %12s #%-3u %3u %-24s %-9s %-12s FUNCTION 110 or more: the module, too
 *     %12s #%-3u %3u %-9s FUNCTION             56 or more
 *     %12s #%-3u FUNCTION                      less
 *
 * Where returns are traced, there is no layer below 92 columns, and no module below 120: calls within one another need the room.
 *
 * The time is seconds; the layer is a guess by the function's name (layers.ts). FUNCTION is the function's name; where returns are
 * traced `name() 1.2us` for a call within which nothing was seen, `name() {` and `} name 12.3us` for another one, moved to the right for each
 * open call, up to a depth. `x3` stands behind calls that were repeated (call-folding.ts). A name that is longer than its column is
 * not cut. Fields stand behind the function in parentheses, or where there is no room on a line of their own.
 *
 *     TIME #7   * [copy of #3: ]PACKET         when the journey begins, or its packet is known
 *     TIME #7   = OUTCOME after 12.3us, 5 events[, GAP][, WHOSE][: PACKET]
 *     -- NOTE                                   losses, when they are noticed; the day, where times are of the day
 *
 * With `choice` there are only chosen journeys, one after the other. Which they are is known when they end.
 */
import { counted } from '../base/counted.js';
import { createEvent, type TraceEvent } from '../base/event.js';
import { highHalf, join, lowHalf } from '../base/halves.js';
import type { Journey, Place } from '../base/journey.js';
import { printable } from '../base/printable.js';
import { createPainter, PALETTE_SIZE, type Painter, PLAIN_CODE, paletteCode } from '../base/style.js';
import { encode, Fragment, TextBuffer } from '../base/text-buffer.js';
import { wrap } from '../base/wrap.js';
import type { CompleteJourney } from '../journey/assembler.js';
import { describeGap, describeOutcome, styleOf } from '../journey/outcome.js';
import { Sequencer } from '../journey/sequencer.js';
import { describePacket } from '../packets/journey-packet.js';
import { CallFolding, type CallTaker, QUIET_MS } from './call-folding.js';
import { Clock } from './clock.js';
import type { Fold } from './folding.js';
import { LAYER_WIDTH, layerOf } from './layers.js';
import { LossNotes } from './loss-notes.js';
import {
  type JourneyEncoder,
  JourneyOutput,
  type JourneyOutputOptions,
  type Output,
  type OutputContext,
  PlaceTexts,
  TargetNames,
} from './output.js';
import { describeParties } from './parties.js';

/** The width of text that goes to no terminal. */
export const DEFAULT_WIDTH = 80;
/** The widths that may be asked for. */
export const WIDTHS = { least: 20, most: 1000 };

export interface LiveTextOptions extends JourneyOutputOptions {
  /** The width of lines in columns; asked for again and again. Default: `DEFAULT_WIDTH`. */
  readonly width?: () => number | undefined;
  readonly hasColor?: boolean;
  /** With `never` calls are not folded. */
  readonly fold?: Fold;
}

/** Writes events by time as they come; with a choice, the chosen journeys one after the other. */
export function createLiveOutput(context: OutputContext, options: LiveTextOptions = {}): Output {
  if (!options.choice) return new LiveStream(context, options);
  return new JourneyOutput(new LiveJourneys(context, options), context, options);
}

/** The text that is enough to be handed out. */
const PIECE_BYTES = 1 << 16;
const NUMBER_WIDTH = 4;
const CPU_WIDTH = 3;
/** How often losses are looked at, in nanoseconds of the events' times. */
const LOSSES_NS = 100_000_000n;
/** The number of unused texts that are kept for reuse. */
const MAX_SPARE_TEXTS = 1000;

/** What is known of a journey while it lasts. */
class Texts {
  journey: Journey | undefined;
  /** The number of the journey that it is a copy of, when it began; 0 for none. */
  parent = 0;
  /** ` #7  `, with its colour. */
  readonly number = new Fragment();
  /** Its colour's index. */
  color = 0;
  /** Whether a line has said that it began, and whether one has said which packet it is. */
  hasBegun = false;
  hasPacket = false;
}

/** The columns that there are. */
interface Layout {
  readonly hasCpu: boolean;
  readonly placeWidth: number;
  readonly hasLayer: boolean;
  readonly moduleWidth: number;
  /** The columns by which a call within another one is moved to the right, and by which all are at most. */
  readonly indent: number;
  readonly mostIndent: number;
}

type Layouts = readonly (readonly [least: number, layout: Layout])[];
const NONE = { hasCpu: false, placeWidth: 0, hasLayer: false, moduleWidth: 0, indent: 0, mostIndent: 0 };
const MIDDLE = { ...NONE, hasCpu: true, placeWidth: 14 };
const WIDE = { ...NONE, hasCpu: true, placeWidth: 24, hasLayer: true, moduleWidth: 12 };

const LAYOUTS: Layouts = [
  [110, WIDE],
  [76, { ...MIDDLE, hasLayer: true }],
  [56, { ...NONE, hasCpu: true, hasLayer: true }],
  [0, NONE],
];

/** With returns: calls within one another need room, where other columns give way, so that most lines fit. */
const NESTED_LAYOUTS: Layouts = [
  [140, { ...WIDE, indent: 2, mostIndent: 24 }],
  [120, { ...WIDE, indent: 1, mostIndent: 12 }],
  [92, { ...MIDDLE, hasLayer: true, indent: 1, mostIndent: 12 }],
  [76, { ...MIDDLE, indent: 1, mostIndent: 12 }],
  [56, { ...NONE, hasCpu: true, indent: 1, mostIndent: 6 }],
  [0, NONE],
];

/** Writes the lines. */
class LiveText implements CallTaker {
  readonly #context: OutputContext;
  readonly #clock: Clock;
  readonly #hasColor: boolean;
  readonly #paint: Painter;
  readonly #width: () => number | undefined;
  readonly #text = new TextBuffer();
  /** For making fragments, and for fields until it is known where they go. */
  readonly #pieces = new TextBuffer(256);
  /** The call of the next line. */
  readonly #call = new TextBuffer(256);
  readonly #functions: TargetNames;
  readonly #colors: readonly Fragment[];
  readonly #folding: CallFolding | undefined;
  /** The journey of the events that the folding has. */
  #folded: Texts | undefined;
  #columns = 0;
  readonly #layouts: Layouts;
  #layout: Layout = NONE;
  #hasHeader = false;
  /** Where the text about a journey begins, and layer and module do. */
  readonly #saidColumn: number;
  #originColumn = 0;
  /** The day that was told last, where times are of the day. */
  #day: string | undefined;
  readonly #cpus: Fragment[] = [];
  #places: PlaceTexts;
  #noPlace: Fragment = NOTHING;
  /** Layer and module. */
  #origins: TargetNames;

  constructor(context: OutputContext, { hasColor = false, width, fold = 'auto' }: LiveTextOptions) {
    const { targets, dataSize, hasReturns } = context;
    this.#context = context;
    this.#clock = context.clock ?? Clock.mono();
    this.#hasColor = hasColor;
    this.#paint = createPainter(hasColor);
    this.#width = width ?? (() => DEFAULT_WIDTH);
    this.#colors = Array.from({ length: PALETTE_SIZE }, (_, index) => encode(hasColor ? paletteCode(index) : ''));
    const folds = fold !== 'never' && !(fold === 'auto' && context.fields?.varies);
    if (folds) this.#folding = new CallFolding(this, { dataSize, hasReturns });
    this.#functions = new TargetNames(targets, (_module, name) => encode(ascii(name)));
    this.#layouts = hasReturns ? NESTED_LAYOUTS : LAYOUTS;
    this.#saidColumn = this.#clock.secondsWidth + NUMBER_WIDTH + 2;
    this.#places = this.#createPlaces();
    this.#origins = this.#createOrigins();
    this.adapt();
  }

  isFull(): boolean {
    return this.#text.length >= PIECE_BYTES;
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

  /** Takes the width as it is now. */
  adapt(): void {
    const columns = this.#width() ?? DEFAULT_WIDTH;
    if (columns === this.#columns) return;
    this.#columns = columns;
    const layout = this.#layouts.find(([least]) => columns >= least)![1];
    const { hasCpu, placeWidth } = layout;
    this.#layout = layout;
    this.#originColumn = this.#saidColumn + (hasCpu ? CPU_WIDTH + 1 : 0) + (placeWidth > 0 ? placeWidth + 1 : 0);
    this.#places = this.#createPlaces();
    this.#origins = this.#createOrigins();
    this.#noPlace = encode(`${padded('-', placeWidth)} `);
  }

  #createPlaces(): PlaceTexts {
    const { placeWidth } = this.#layout;
    return new PlaceTexts(this.#context, (place) =>
      encode(`${padded(describePlace(place, this.#context, placeWidth), placeWidth)} `),
    );
  }

  #createOrigins(): TargetNames {
    const { hasLayer, moduleWidth } = this.#layout;
    return new TargetNames(this.#context.targets, (module, name) => {
      const layer = hasLayer ? `${layerOf(module, name).padEnd(LAYER_WIDTH)} ` : '';
      return encode(moduleWidth > 0 ? `${layer}${ascii(module).padEnd(moduleWidth)} ` : layer);
    });
  }

  /** To be called before the first event of a journey. */
  prepare(texts: Texts, journey: Journey): void {
    texts.journey = journey;
    texts.parent = journey.parent;
    texts.hasBegun = false;
    texts.hasPacket = false;
    const { number } = journey;
    texts.color = number % PALETTE_SIZE;
    const text = this.#pieces;
    text.byte(SPACE);
    text.bytes(this.#colors[texts.color]!);
    const begin = text.length;
    text.byte(HASH);
    text.unsigned(number);
    text.padEnd(begin, NUMBER_WIDTH);
    if (this.#hasColor) text.bytes(RESET);
    text.byte(SPACE);
    text.takeFragment(texts.number);
  }

  /** Writes the next event of a journey, or keeps it until it is known how. */
  writeEvent(texts: Texts, event: TraceEvent): void {
    if (this.#folded !== texts) this.flush();
    this.#folded = texts;
    if (!texts.hasBegun || (!texts.hasPacket && event.snapshot > 0)) this.#begin(texts, event);
    if (this.#folding) this.#folding.event(event);
    else if (event.isReturn) this.return(event);
    else this.entry(event, 1);
  }

  /** Writes what waits. */
  flush(): void {
    if (this.#folded) this.#folding?.flush();
    this.#folded = undefined;
  }

  #begin(texts: Texts, event: TraceEvent): void {
    const { journey, parent, hasBegun } = texts;
    if (!hasBegun) this.#tellDay(join(event.timestampLow, event.timestampHigh));
    texts.hasBegun = true;
    texts.hasPacket = event.snapshot > 0;
    const packet = texts.hasPacket ? describePacket(journey?.snapshots.slice(0, 1) ?? [])?.text : undefined;
    const said = [parent === 0 || hasBegun ? undefined : `copy of #${parent}`, packet].filter(
      (one) => one !== undefined,
    );
    if (said.length === 0) return;
    this.#folding?.flush();
    this.#writePrefix(texts, event.timestampLow, event.timestampHigh);
    this.#writeWrapped('* ', said.join(': '));
  }

  #tellDay(ns: bigint): void {
    const day = this.#clock.dayOf(ns);
    if (day === this.#day) return;
    this.#day = day;
    this.writeHeader();
    this.#text.text(`${this.#paint(`-- ${day}`, 'dim')}\n`);
  }

  /** Writes a journey that has ended, behind its last event. */
  writeJourney(texts: Texts, journey: Journey): void {
    this.flush();
    const { beginNs, endNs, events, snapshots } = journey;
    const outcome = describeOutcome(journey, this.#context.names);
    const gap = describeGap(journey);
    const parties = describeParties(journey);
    const packet = describePacket(snapshots)?.text;
    const duration = `${(Number(endNs - beginNs) / 1000).toFixed(1)}us`;
    const said = `${outcome} after ${duration}, ${counted(events, 'event')}`;
    const more = [gap, parties].map((one) => (one === undefined ? '' : `, ${one}`)).join('');
    this.#writePrefix(texts, lowHalf(endNs), highHalf(endNs));
    this.#writeWrapped('= ', `${said}${more}${packet === undefined ? '' : `: ${packet}`}`, outcome);
  }

  /** Writes a line that belongs to no journey. What waits stays: where a note stands must not change other lines. */
  writeNote(note: string): void {
    this.writeHeader();
    this.#text.text(`${this.#paint(`-- ${note}`, 'yellow')}\n`);
  }

  writeHeader(): void {
    if (this.#hasHeader) return;
    this.#hasHeader = true;
    const { hasCpu, placeWidth, hasLayer, moduleWidth } = this.#layout;
    const line = [
      'TIME'.padStart(this.#clock.secondsWidth),
      'PKT'.padEnd(NUMBER_WIDTH),
      ...(hasCpu ? ['CPU'.padStart(CPU_WIDTH)] : []),
      ...(placeWidth > 0 ? ['WHERE'.padEnd(placeWidth)] : []),
      ...(hasLayer ? ['LAYER'.padEnd(LAYER_WIDTH)] : []),
      ...(moduleWidth > 0 ? ['MODULE'.padEnd(moduleWidth)] : []),
      'FUNCTION',
    ].join(' ');
    this.#text.text(`${this.#paint(line, 'bold')}\n`);
  }

  /** Writes text behind a prefix, in lines. @param styled the beginning of the text that has a colour */
  #writeWrapped(sign: string, said: string, styled = ''): void {
    const indent = this.#saidColumn + sign.length;
    const room = this.#columns - indent;
    const text = this.#text;
    let rest = styled.length;
    for (const [index, line] of wrap(said, room, 0).split('\n').entries()) {
      if (index > 0) text.repeat(SPACE, indent);
      else text.text(sign);
      const length = Math.max(0, Math.min(rest, line.length));
      text.text(this.#paint(line.slice(0, length), styleOf(styled)));
      text.text(line.slice(length));
      text.byte(LINE_FEED);
      rest -= line.length + 1;
    }
  }

  /** Writes time and number. */
  #writePrefix(texts: Texts, low: number, high: number): void {
    this.writeHeader();
    this.#clock.writeSeconds(this.#text, low, high);
    this.#text.bytes(texts.number);
  }

  entry(event: TraceEvent, count: number): void {
    const call = this.#call;
    call.bytes(this.#functions.get(event.target));
    if (this.#context.hasReturns) call.bytes(event.partnerLost ? ENTRY_ALONE : ENTRY);
    this.#addCount(count);
    this.#writeLine(event);
  }

  leaf(event: TraceEvent, count: number, ns: number): void {
    const call = this.#call;
    call.bytes(this.#functions.get(event.target));
    call.bytes(LEAF);
    this.#addCount(count);
    writeMicroseconds(call, ns);
    this.#writeLine(event);
  }

  return(event: TraceEvent): void {
    const call = this.#call;
    call.bytes(event.entryLost ? RETURN_ALONE : RETURN);
    call.bytes(this.#functions.get(event.target));
    if (!event.entryLost) writeMicroseconds(call, between(event.entryLow, event.entryHigh, event));
    if (event.skbFreed) call.bytes(FREED);
    this.#writeLine(event);
  }

  #addCount(count: number): void {
    if (count === 1) return;
    this.#call.bytes(TIMES);
    this.#call.unsigned(count);
  }

  /** Writes a line with the call. */
  #writeLine(event: TraceEvent): void {
    const text = this.#text;
    const call = this.#call;
    const texts = this.#folded!;
    this.#writePrefix(texts, event.timestampLow, event.timestampHigh);
    if (this.#layout.hasCpu) text.bytes(this.#cpus[event.cpu] ?? this.#addCpu(event.cpu));
    if (this.#layout.placeWidth > 0) {
      const place = this.#places.get(event.place);
      text.bytes(place.length === 0 ? this.#noPlace : place);
    }
    const origin = this.#origins.get(event.target);
    text.bytes(origin);
    // By the depth alone, also where a line becomes longer: a call and its return stand below each other.
    const indent = Math.min(this.#layout.indent * event.depth, this.#layout.mostIndent);
    text.repeat(SPACE, indent);
    text.bytes(this.#colors[texts.color]!);
    text.append(call);
    if (this.#hasColor) text.bytes(RESET);
    const column = this.#originColumn + origin.length + indent + call.length;
    call.clear();
    if (event.hasFields && this.#context.fields) this.#writeFields(event, column);
    text.byte(LINE_FEED);
  }

  /** Writes the fields, on a line of their own where there is no room. @param column where they would stand */
  #writeFields(event: TraceEvent, column: number): void {
    const text = this.#text;
    const pieces = this.#pieces;
    pieces.bytes(OPEN);
    this.#context.fields?.text(pieces, event.data, event.dataOffset);
    pieces.bytes(CLOSE);
    if (column + pieces.length > this.#columns) {
      text.byte(LINE_FEED);
      text.repeat(SPACE, this.#saidColumn - 1);
    }
    text.append(pieces);
    pieces.clear();
  }

  #addCpu(cpu: number): Fragment {
    const encoded = encode(`${String(cpu).padStart(CPU_WIDTH)} `);
    this.#cpus[cpu] = encoded;
    return encoded;
  }
}

/** Writes each chosen journey with its events. */
class LiveJourneys extends LiveText implements JourneyEncoder {
  readonly #texts = new Texts();
  readonly #event = createEvent();

  *journey(whole: CompleteJourney): Iterable<void> {
    this.adapt();
    this.prepare(this.#texts, whole.journey);
    for (let position = 0; position < whole.count; position++) {
      whole.load(position, this.#event);
      this.writeEvent(this.#texts, this.#event);
      if (this.isFull()) yield;
    }
    this.writeJourney(this.#texts, whole.journey);
  }

  *finish(): Iterable<Uint8Array> {
    this.writeHeader();
    yield this.take();
  }
}

/** Writes events by time, and each journey behind its last event. */
class LiveStream extends LiveText implements Output {
  readonly hasRoom = true;
  readonly #losses: OutputContext['losses'];
  readonly #notes = new LossNotes();
  readonly #sequencer: Sequencer;
  /** The texts of journeys that have not ended, by their short id. */
  readonly #journeys = new Map<number, Texts>();
  readonly #spareTexts: Texts[] = [];
  /** The journey of the event that was taken last, and of the one that was written last. */
  #taking: Journey | undefined;
  #writing: Texts | undefined;
  /** The time of the event that was taken last, and when losses were looked at. */
  #takenLow = 0;
  #takenHigh = 0;
  #lookedNs = 0n;

  constructor(context: OutputContext, options: LiveTextOptions) {
    super(context, options);
    this.#losses = context.losses;
    this.#sequencer = new Sequencer(context.dataSize, context.hasReturns, {
      isFull: () => this.isFull(),
      event: (event) => this.#write(event),
      ended: (journey) => this.#end(journey),
    });
  }

  event(event: TraceEvent, journey: Journey): void {
    if (this.#taking !== journey) {
      this.#taking = journey;
      if (this.#journeys.get(journey.shortId)?.journey !== journey)
        this.#journeys.set(journey.shortId, this.#prepare(journey));
    }
    this.#takenLow = event.timestampLow;
    this.#takenHigh = event.timestampHigh;
    this.#sequencer.event(event);
  }

  #prepare(journey: Journey): Texts {
    const texts = this.#spareTexts.pop() ?? new Texts();
    this.prepare(texts, journey);
    return texts;
  }

  ended(journey: Journey): void {
    this.#sequencer.ended(journey);
  }

  tick(idleMs: number): boolean {
    this.adapt();
    const hasMore = this.#sequencer.release(idleMs);
    if (hasMore) return true;
    if (idleMs >= QUIET_MS) this.flush();
    const takenNs = join(this.#takenLow, this.#takenHigh);
    if (takenNs - this.#lookedNs >= LOSSES_NS) this.#tellLosses(takenNs);
    return false;
  }

  #tellLosses(atNs: bigint): void {
    this.#lookedNs = atNs;
    const losses = this.#losses?.();
    if (losses) for (const note of this.#notes.since(losses)) this.writeNote(note);
  }

  #write(event: TraceEvent): void {
    let texts = this.#writing;
    if (texts?.journey?.shortId !== event.journey) {
      texts = this.#journeys.get(event.journey);
      this.#writing = texts;
    }
    if (texts) this.writeEvent(texts, event);
  }

  #end(journey: Journey): void {
    const known = this.#journeys.get(journey.shortId);
    const texts = known?.journey === journey ? known : undefined;
    this.writeJourney(texts ?? this.#prepare(journey), journey);
    if (this.#taking === journey) this.#taking = undefined;
    if (this.#writing?.journey === journey) this.#writing = undefined;
    if (!texts) return;
    this.#journeys.delete(journey.shortId);
    texts.journey = undefined;
    if (this.#spareTexts.length < MAX_SPARE_TEXTS) this.#spareTexts.push(texts);
  }

  *finish(): Iterable<Uint8Array> {
    for (let hasMore = true; hasMore; ) {
      hasMore = this.#sequencer.finish();
      if (this.pendingBytes > 0) yield this.take();
    }
    this.flush();
    this.writeHeader();
    this.#tellLosses(this.#lookedNs);
    yield this.take();
  }
}

/** `blue/veth-a` in so many columns. Of a number the end is kept, since the beginning is the same for all. */
function describePlace({ netns, device }: Place, { netnsName }: OutputContext, width: number): string {
  const name = netnsName?.(netns);
  const shown = printable(name ?? String(netns));
  const behind = device === '' ? '' : `/${printable(device)}`;
  const room = width - [...behind].length;
  if ([...shown].length <= room) return shown + behind;
  if (room < 2) return [...behind].slice(1, width + 1).join('');
  return (name === undefined ? `…${shown.slice(1 - room)}` : `${[...shown].slice(0, room - 1).join('')}…`) + behind;
}

/** Text with spaces up to a width, each character of which is taken for one column. */
function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - [...text].length));
}

/** Names of functions and modules are those of C: anything else is escaped, so that each character is a byte and a column. */
function ascii(name: string): string {
  return printable(name).replace(/[^\x20-\x7e]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** The nanoseconds from a time to an event. */
function between(low: number, high: number, { timestampLow, timestampHigh }: TraceEvent): number {
  return (timestampHigh - high) * 0x100000000 + (timestampLow - low);
}

/** Appends ` 12.3us`. */
function writeMicroseconds(text: TextBuffer, ns: number): void {
  const tenths = Math.floor(ns / 100);
  const microseconds = Math.floor(tenths / 10);
  text.byte(SPACE);
  text.unsigned(microseconds);
  text.byte(POINT);
  text.unsigned(tenths - microseconds * 10);
  text.bytes(MICROSECONDS);
}

const NOTHING = encode('');
const OPEN = encode(' (');
const CLOSE = encode(' )');
const ENTRY = encode('() {');
const ENTRY_ALONE = encode('() { lost return');
const LEAF = encode('()');
const RETURN = encode('} ');
const RETURN_ALONE = encode('} lost entry of ');
const FREED = encode(' freed');
const TIMES = encode(' x');
const MICROSECONDS = encode('us');
const RESET = encode(PLAIN_CODE);
const HASH = 0x23;
const POINT = 0x2e;
const SPACE = 0x20;
const LINE_FEED = 0x0a;
