/**
 * `-o chrome`: the trace event format of Chromium's `about:tracing`, JSON that Perfetto, speedscope and others read, too. The same
 * picture as perfetto.ts, with less in it: a network namespace is a process, a lane a thread.
 *
 *     {"displayTimeUnit":"ns","traceEvents":[
 *     {"ph":"M","pid":N,"name":"process_name","args":{"name":"netns N"}},
 *     {"ph":"B","pid":N,"tid":N,"ts":US.NNN,"cat":"vmlinux","name":"ip_rcv","args":{"journey":N,"cpu":N,FIELDS}},
 *     {"ph":"E","pid":N,"tid":N,"ts":US.NNN}
 *     ]}
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import { highHalf, join, lowHalf } from '../base/halves.js';
import type { Journey } from '../base/journey.js';
import { jsonString, jsonText, printable } from '../base/printable.js';
import { encode, TextBuffer } from '../base/text-buffer.js';
import type { CompleteJourney } from '../journey/assembler.js';
import { describeGap, describeOutcome, endedIn, reasonOf } from '../journey/outcome.js';
import { describePacket } from '../packets/journey-packet.js';
import { Clock } from './clock.js';
import { describeNetns, type JourneyEncoder, type OutputContext, PlaceTexts, TargetNames } from './output.js';
import { Strands, type StrandTaker, spanOf } from './strands.js';
import { nameFlow, type Placed, Tracks, type TrackTaker } from './tracks.js';

/** The text that is enough to be handed out. */
const PIECE_BYTES = 1 << 18;

export class ChromeEncoder implements JourneyEncoder, StrandTaker, TrackTaker {
  readonly #context: OutputContext;
  readonly #clock: Clock;
  readonly #text = new TextBuffer(1 << 19);
  readonly #event = createEvent();
  readonly #tracks = new Tracks(this);
  readonly #strands: Strands;
  /** `"cat":"…","name":"…"` of each target. */
  readonly #names: TargetNames;
  readonly #places: PlaceTexts;
  /** Whether events have no field of that name. */
  readonly #hasCpu: boolean;
  /** The namespace of each track. */
  readonly #namespaces: number[] = [];
  /** The journey that is being written, and the tracks of its strands. */
  #journey: Journey | undefined;
  #flow = '';
  #netns = 0;
  #endNs = 0n;
  readonly #own: number[] = [];
  #isFirst = true;

  constructor(context: OutputContext) {
    this.#context = context;
    this.#clock = context.clock ?? Clock.mono();
    this.#strands = new Strands(this, context.hasReturns);
    this.#names = new TargetNames(context.targets, (module, name) =>
      encode(`,"cat":${jsonString(printable(module))},"name":${jsonString(printable(name))}`),
    );
    const has = (name: string) => context.fields?.names.has(name) ?? false;
    this.#hasCpu = !has('cpu');
    this.#places = new PlaceTexts(context, ({ netns, device }) =>
      encode(
        (has('netns') ? '' : `,"netns":${netns}`) +
          (has('device') || device === '' ? '' : `,"device":${jsonString(printable(device))}`),
      ),
    );
    this.#text.text('{"displayTimeUnit":"ns","traceEvents":[');
  }

  get keptBytes(): number {
    return this.#tracks.keptBytes;
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

  isFull(): boolean {
    return this.#text.length >= PIECE_BYTES;
  }

  *finish(): Iterable<Uint8Array> {
    this.#text.text('\n]}\n');
    yield this.#text.take();
  }

  *journey(whole: CompleteJourney): Iterable<void> {
    const event = this.#event;
    this.#begin(whole);
    for (let position = 0; position < whole.count; position++) {
      whole.load(position, event);
      this.#strands.event(event);
      if (this.isFull()) yield;
    }
    this.#end(whole.journey);
  }

  #begin(whole: CompleteJourney): void {
    const { journey } = whole;
    const [beginNs, endNs] = spanOf(whole, this.#event);
    const packet = describePacket(journey.snapshots);
    // The event is the first one now.
    this.#netns = this.#context.places.get(this.#event.place)?.netns ?? 0;
    this.#journey = journey;
    this.#flow = nameFlow(packet?.first);
    this.#endNs = endNs;
    const track = this.#tracks.take(this.#netns, this.#flow, beginNs, endNs);
    this.#own.length = 0;
    this.#own.push(track);
    const { number, parent, outcome, events, lost, gap, sender, receiver } = journey;
    const { names } = this.#context;
    const reason = reasonOf(journey, names);
    const facts = { journey: number, parent: parent === 0 ? undefined : parent, outcome, reason };
    const args = { ...facts, ended_in: endedIn(journey, names), events, lost, gap, sender, receiver };
    this.#write('B', track, lowHalf(beginNs), highHalf(beginNs));
    this.#text.text(
      `,"cat":"journey","name":${jsonString(packet?.text ?? `journey ${number}`)},"args":${jsonText(args)}}`,
    );
    this.#tracks.remember({ number, track, beginNs, endNs }, parent);
    const words = describeGap(journey);
    if (words === undefined) return;
    this.#write('B', track, lowHalf(beginNs), highHalf(beginNs));
    this.#text.text(`,"cat":"gap","name":${jsonString(words)}}`);
  }

  #end(journey: Journey): void {
    const [low, high] = [lowHalf(this.#endNs), highHalf(this.#endNs)];
    const track = this.#own[0]!;
    this.#strands.end(low, high);
    this.#write('i', track, low, high);
    this.#text.text(`,"s":"t","cat":"outcome","name":${jsonString(describeOutcome(journey, this.#context.names))}}`);
    if (journey.gap) this.#endSlice(track, low, high);
    for (const one of this.#own) this.#endSlice(one, low, high);
  }

  addStrand(_strand: number, event: TraceEvent): void {
    const { timestampLow: low, timestampHigh: high } = event;
    const track = this.#tracks.take(this.#netns, this.#flow, join(low, high), this.#endNs);
    this.#own.push(track);
    this.#write('B', track, low, high);
    this.#text.text(
      `,"cat":"strand","name":"journey ${this.#journey?.number}, on another CPU at the same time","args":{"journey":${this.#journey?.number}}}`,
    );
  }

  open(strand: number, event: TraceEvent): void {
    this.#write('B', this.#own[strand]!, event.timestampLow, event.timestampHigh);
    this.#text.bytes(this.#names.get(event.target));
    this.#writeArgs(event, event.partnerLost && this.#context.hasReturns);
  }

  close(strand: number, low: number, high: number, event: TraceEvent | undefined): void {
    const track = this.#own[strand]!;
    if (!event || !(event.skbFreed || (event.hasFields && this.#context.fields))) {
      this.#endSlice(track, low, high);
      return;
    }
    this.#write('E', track, low, high);
    const text = this.#text;
    text.bytes(RETURN);
    text.difference64(event.timestampLow, event.timestampHigh, event.entryLow, event.entryHigh);
    if (event.skbFreed) text.bytes(SKB_FREED);
    if (event.hasFields) this.#context.fields?.json(text, event.data, event.dataOffset);
    text.bytes(END_RETURN);
  }

  returnAlone(strand: number, event: TraceEvent): void {
    this.#write('i', this.#own[strand]!, event.timestampLow, event.timestampHigh);
    this.#text.text(',"s":"t"');
    this.#text.bytes(this.#names.get(event.target));
    this.#writeArgs(event, true);
  }

  #writeArgs(event: TraceEvent, isPartnerLost: boolean): void {
    const text = this.#text;
    text.bytes(ARGS);
    text.unsigned(this.#journey?.number ?? 0);
    if (this.#hasCpu) {
      text.bytes(CPU);
      text.unsigned(event.cpu);
    }
    text.bytes(this.#places.get(event.place));
    if (isPartnerLost) text.bytes(PARTNER_LOST);
    if (event.hasFields) this.#context.fields?.json(text, event.data, event.dataOffset);
    text.bytes(END_ARGS);
  }

  addNamespace(track: number, netns: number): void {
    const name = netns === 0 ? 'network namespace not known' : `netns ${describeNetns(netns, this.#context)}`;
    this.#next();
    this.#text.text(`{"ph":"M","pid":${track},"name":"process_name","args":{"name":${jsonString(name)}}}`);
  }

  addLane(track: number, namespace: number, name: string): void {
    this.#namespaces[track] = namespace;
    const args = `"args":{"name":${jsonString(printable(name))}}`;
    this.#next();
    this.#text.text(`{"ph":"M","pid":${namespace},"tid":${track},"name":"thread_name",${args}}`);
  }

  addCopy(parent: Placed, copy: Placed, at: bigint): void {
    const number = copy.number;
    this.#write('i', parent.track, lowHalf(at), highHalf(at));
    this.#text.text(`,"s":"t","cat":"copy","name":"copied: journey ${number}"}`);
    this.#write('s', parent.track, lowHalf(at), highHalf(at));
    this.#text.text(`,"cat":"copy","name":"copy","id":${number}}`);
    this.#write('f', copy.track, lowHalf(copy.beginNs), highHalf(copy.beginNs));
    this.#text.text(`,"bp":"e","cat":"copy","name":"copy","id":${number}}`);
  }

  #endSlice(track: number, low: number, high: number): void {
    this.#write('E', track, low, high);
    this.#text.byte(CLOSE_BRACE);
  }

  /** Begins an event, up to its time. */
  #write(phase: string, track: number, low: number, high: number): void {
    const text = this.#text;
    this.#next();
    text.text('{"ph":"');
    text.text(phase);
    text.bytes(PID);
    text.unsigned(this.#namespaces[track]!);
    text.bytes(TID);
    text.unsigned(track);
    text.bytes(TS);
    // Microseconds, with the nanoseconds behind the point.
    this.#clock.writeMicroseconds(text, low, high);
  }

  #next(): void {
    if (!this.#isFirst) this.#text.byte(COMMA);
    this.#isFirst = false;
    this.#text.byte(LINE_FEED);
  }
}

const PID = encode('","pid":');
const TID = encode(',"tid":');
const TS = encode(',"ts":');
const ARGS = encode(',"args":{"journey":');
const CPU = encode(',"cpu":');
const PARTNER_LOST = encode(',"partner":"lost"');
const RETURN = encode(',"args":{"return":{"duration_ns":');
const SKB_FREED = encode(',"skb_freed":true');
const END_RETURN = encode('}}}');
const END_ARGS = encode('}}');
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
const LINE_FEED = 0x0a;
