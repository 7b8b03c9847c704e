/**
 * The data of a page, in parts: docs/page-data.md tells their form. Events are columns of bytes, which gzip makes a third
 * of what lines of text would become, and which a browser reads a million of in a tenth of a second.
 */
import { gzipSync } from 'node:zlib';
import { createEvent, type TraceEvent } from '../base/event.js';
import { highHalf, lowHalf } from '../base/halves.js';
import type { Journey } from '../base/journey.js';
import type { JourneyPacket } from '../base/packet.js';
import type { TraceHeader } from '../base/record-source.js';
import { TextBuffer } from '../base/text-buffer.js';
import type { CompleteJourney, JourneySink } from '../journey/assembler.js';
import { describeGap, describeOutcome, deviceOf, endedIn, reasonOf, socketOf } from '../journey/outcome.js';
import { flowOf, formatEndpoint } from '../packets/endpoints.js';
import { describePacket } from '../packets/journey-packet.js';
import type { OutputContext } from './output.js';

/** A part, as its element in the page names it. */
export type PartKind = 'head' | 'journeys' | 'details' | 'tail';

/** What is in a part. One without journeys has names of functions and places, which later parts need. */
export interface PartCounts {
  readonly journeys: number;
  readonly events: number;
}

/** Takes parts. `text` parts are JSON, the others are compressed. */
export interface PartSink {
  text(kind: 'head' | 'tail', json: string): void;
  bytes(kind: 'journeys' | 'details', compressed: Uint8Array, counts: PartCounts): void;
}

export interface PagePartsOptions {
  /** Whether new names have a part of their own, so that all other parts can be forgotten one by one. */
  readonly namesApart?: boolean;
}

/** The facts of a source that a page tells. */
export type PageHeader = Pick<
  TraceHeader,
  'version' | 'kernel' | 'backend' | 'tracer' | 'beganNs' | 'realtimeOffsetNs' | 'netnsName'
>;

/** A part ends with the journey that brings it so many events, or so much text. */
const PART_EVENTS = 1 << 16;
const PART_TEXT_BYTES = 4 << 20;
const HEAD_BYTES = 12;
const COLUMNS = 12;
const COLUMNS_WITH_RETURNS = 14;
const TIME = 0;
const FUNCTION = 4;
const PLACE = 6;
const CPU = 8;
const FLAGS = 10;
const DEPTH = 11;
const ENTRY = 12;

/** No event has this number. */
const NO_ENTRY = -1;

const RETURN = 1;
const FIELDS = 2;
const FREED = 4;
const ENTRY_LOST = 8;
const PARTNER_LOST = 16;

/** The value of a column of 32 bits that says: it is the next of the long numbers. */
const IS_LONG = 0xffffffff;
/** An entry is looked for among so many open calls. */
const MAX_OPEN = 256;
/** Random bytes take most of the time, and no level makes them fewer. */
const GZIP = { level: 4 };

export class PageParts implements JourneySink {
  readonly #context: OutputContext;
  readonly #header: PageHeader;
  readonly #parts: PartSink;
  readonly #namesApart: boolean;
  readonly #columns: number;
  readonly #beganLow: number;
  readonly #beganHigh: number;
  readonly #event = createEvent();
  /** A column behind the other, each with room for `#room` events. */
  #bytes: Uint8Array;
  #room = PART_EVENTS;
  #events = 0;
  #long: number[] = [];
  /** The calls of the journey that have not returned: the times of their entries, and their numbers. */
  readonly #openTimes = new Float64Array(MAX_OPEN);
  readonly #openEvents = new Uint32Array(MAX_OPEN);
  #open = 0;
  readonly #journeys = new TextBuffer(1 << 16);
  readonly #details = new TextBuffer(1 << 16);
  #hasHead = false;
  /** The functions and places that parts have told. */
  #functions = 0;
  #places = 0;
  #maxFunction = -1;
  #maxPlace = 0;
  #total = { journeys: 0, events: 0 };
  /** The journeys in parts that were handed on. */
  #handedOn = 0;

  constructor(
    context: OutputContext,
    header: PageHeader,
    parts: PartSink,
    { namesApart = false }: PagePartsOptions = {},
  ) {
    this.#namesApart = namesApart;
    this.#context = context;
    this.#header = header;
    this.#parts = parts;
    this.#columns = context.hasReturns ? COLUMNS_WITH_RETURNS : COLUMNS;
    this.#beganLow = lowHalf(header.beganNs);
    this.#beganHigh = highHalf(header.beganNs);
    this.#bytes = new Uint8Array(this.#room * this.#columns);
  }

  isFull(): boolean {
    return false;
  }

  journey(whole: CompleteJourney): undefined {
    this.#reserve(this.#events + whole.count);
    const packet = describePacket(whole.journey.snapshots);
    this.#addFacts(whole, packet);
    this.#beginDetails();
    const beginNs = this.#sinceBegan(lowHalf(whole.journey.beginNs), highHalf(whole.journey.beginNs));
    const event = this.#event;
    let before = beginNs;
    this.#open = 0;
    for (let position = 0; position < whole.count; position++) {
      whole.load(position, event);
      const now = this.#sinceBegan(event.timestampLow, event.timestampHigh);
      this.#addEvent(event, now - before);
      if (this.#context.hasReturns) this.#addCall(event, now);
      before = now;
      this.#addFields(event, position);
    }
    this.#endDetails(whole.journey, packet);
    this.#total.journeys++;
    this.#total.events += whole.count;
    const textBytes = this.#journeys.length + this.#details.length;
    if (this.#events >= PART_EVENTS || textBytes >= PART_TEXT_BYTES) this.#endPart();
    return undefined;
  }

  /** Hands on the last parts. */
  finish(): void {
    this.begin();
    this.flush();
    this.#parts.text('tail', JSON.stringify(this.#total));
  }

  /** Hands on what there is as a part. */
  flush(): void {
    if (this.#journeys.length > 0) this.#endPart();
  }

  /** Hands on the head, if that has not been done. */
  begin(): void {
    if (this.#hasHead) return;
    this.#hasHead = true;
    const { version: ipft, kernel, backend, beganNs, realtimeOffsetNs } = this.#header;
    const { hasReturns, fields } = this.#context;
    const head = {
      ...{ format: 'ipft-page', version: 1, ipft, kernel, backend },
      ...{ began: String(beganNs), realtime: String(realtimeOffsetNs), hasReturns },
      ...{ fields: [...(fields?.names ?? [])] },
    };
    this.#parts.text('head', JSON.stringify(head));
  }

  #sinceBegan(low: number, high: number): number {
    return (high - this.#beganHigh) * 0x100000000 + (low - this.#beganLow);
  }

  #reserve(events: number): void {
    if (events <= this.#room) return;
    const room = Math.max(events, this.#room * 2);
    const bytes = new Uint8Array(room * this.#columns);
    for (let column = 0; column < this.#columns; column++) {
      const from = column * this.#room;
      bytes.set(this.#bytes.subarray(from, from + this.#events), column * room);
    }
    this.#bytes = bytes;
    this.#room = room;
  }

  #addEvent(event: TraceEvent, sinceLast: number): void {
    const at = this.#events++;
    const { target, place, isReturn } = event;
    this.#setLong(TIME, at, sinceLast);
    this.#setShort(FUNCTION, at, target);
    this.#setShort(PLACE, at, place);
    this.#setShort(CPU, at, event.cpu);
    this.#set(
      FLAGS,
      at,
      (isReturn ? RETURN : 0) |
        (event.hasFields && this.#context.fields ? FIELDS : 0) |
        (event.skbFreed ? FREED : 0) |
        (event.entryLost ? ENTRY_LOST : 0) |
        (event.partnerLost ? PARTNER_LOST : 0),
    );
    this.#set(DEPTH, at, event.depth);
    if (target > this.#maxFunction) this.#maxFunction = target;
    if (place > this.#maxPlace) this.#maxPlace = place;
  }

  /** Says where the entry of a return stands, which takes fewer bytes than its time. */
  #addCall(event: TraceEvent, now: number): void {
    const at = this.#events - 1;
    if (!event.isReturn) {
      // The outermost calls are forgotten: their returns have a long number.
      if (this.#open === MAX_OPEN) this.#forgetOpen();
      this.#openTimes[this.#open] = now;
      this.#openEvents[this.#open++] = at;
      this.#setShort(ENTRY, at, 0);
      return;
    }
    const entered = this.#sinceBegan(event.entryLow, event.entryHigh);
    const entry = event.entryLost ? NO_ENTRY : this.#takeOpen(entered, event.target);
    const back = at - entry;
    const isNear = entry !== NO_ENTRY && back <= 0xffff;
    this.#setShort(ENTRY, at, isNear ? back : 0);
    if (!isNear) this.#long.push(Math.max(0, now - entered));
  }

  #forgetOpen(): void {
    this.#openTimes.copyWithin(0, 1);
    this.#openEvents.copyWithin(0, 1);
    this.#open--;
  }

  /** @returns the number of the event that is the entry; `NO_ENTRY` if it is not known */
  #takeOpen(time: number, target: number): number {
    for (let i = this.#open - 1; i >= 0; i--) {
      const at = this.#openEvents[i]!;
      if (this.#openTimes[i] !== time || this.#getShort(FUNCTION, at) !== target) continue;
      this.#openTimes.copyWithin(i, i + 1, this.#open);
      this.#openEvents.copyWithin(i, i + 1, this.#open);
      this.#open--;
      return at;
    }
    return NO_ENTRY;
  }

  #set(column: number, at: number, value: number): void {
    this.#bytes[column * this.#room + at] = value;
  }

  #setShort(column: number, at: number, value: number): void {
    this.#set(column, at, value);
    this.#set(column + 1, at, value >>> 8);
  }

  #getShort(column: number, at: number): number {
    return this.#bytes[column * this.#room + at]! | (this.#bytes[(column + 1) * this.#room + at]! << 8);
  }

  /** A time that runs backwards, as damaged records have it, counts as none. */
  #setLong(column: number, at: number, value: number): void {
    let bits = Math.max(0, value);
    if (bits >= IS_LONG) {
      this.#long.push(bits);
      bits = IS_LONG;
    }
    this.#setShort(column, at, bits);
    this.#setShort(column + 2, at, bits >>> 16);
  }

  #addFacts({ journey, count }: CompleteJourney, packet: JourneyPacket | undefined): void {
    const { names } = this.#context;
    const { number, packetId, parent, beginNs, endNs, events, lost, gap, sender, receiver } = journey;
    const flow = packet && flowOf(packet.first);
    const facts = {
      ...{ journey: number, packet_id: `0x${packetId.toString(16)}`, parent: parent || undefined },
      ...{ outcome: journey.outcome, reason: reasonOf(journey, names), ended_in: endedIn(journey, names) },
      ...{ family: socketOf(journey)?.family, protocol: socketOf(journey)?.protocol, device: deviceOf(journey) },
      begin: this.#sinceBegan(lowHalf(beginNs), highHalf(beginNs)),
      end: this.#sinceBegan(lowHalf(endNs), highHalf(endNs)),
      ...{ events, lost: lost || undefined, gap: gap || undefined, count },
      ...{ end_text: describeOutcome(journey, names), gap_text: describeGap(journey), text: packet?.text },
      endpoints: flow && {
        protocol: flow.protocol,
        source: formatEndpoint(flow.source),
        destination: formatEndpoint(flow.destination),
      },
      ...{ sender, receiver },
    };
    this.#journeys.text(this.#journeys.length === 0 ? '' : ',');
    this.#journeys.text(JSON.stringify(facts));
  }

  #beginDetails(): void {
    this.#details.text(this.#details.length === 0 ? '[{' : ',{');
    if (this.#context.fields) this.#details.text('"fields":[');
  }

  #addFields(event: TraceEvent, position: number): void {
    const { fields } = this.#context;
    if (!fields) return;
    const text = this.#details;
    if (position > 0) text.byte(COMMA);
    if (!event.hasFields) {
      text.byte(ZERO);
      return;
    }
    const begin = text.length;
    fields.json(text, event.data, event.dataOffset);
    // The writer's first byte is a comma, since it adds to an object that is open; there is none without fields.
    if (text.length === begin) text.byte(OPEN);
    else text.replace(begin, OPEN);
    text.byte(CLOSE);
  }

  #endDetails({ snapshots }: Journey, packet: JourneyPacket | undefined): void {
    const text = this.#details;
    if (this.#context.fields) text.text('],');
    const taken = snapshots.map(({ bytes, lengthBytes, hasEthernet, protocol }) => ({
      ...{ bytes: Buffer.from(bytes).toString('hex'), length: lengthBytes, ethernet: hasEthernet, protocol },
    }));
    text.text(`"snapshots":${JSON.stringify(taken)},"changes":${JSON.stringify(packet?.changes ?? [])}}`);
  }

  #endPart(): void {
    this.begin();
    const { targets, places } = this.#context;
    const functions: [string, string][] = [];
    for (; this.#functions <= this.#maxFunction; this.#functions++) {
      const { name = '?', module = '?' } = targets[this.#functions] ?? {};
      functions.push([name, module]);
    }
    const newPlaces: object[] = [];
    while (this.#places < this.#maxPlace) {
      const { netns = 0, ifindex = 0, device = '' } = places.get(++this.#places) ?? {};
      newPlaces.push({ netns, name: this.#header.netnsName(netns) ?? null, ifindex, device });
    }
    const hasNames = functions.length + newPlaces.length > 0;
    if (this.#namesApart && hasNames) this.#handOnNames({ functions, places: newPlaces });
    const names = this.#namesApart ? { functions: [], places: [] } : { functions, places: newPlaces };
    const lists = JSON.stringify({ ...names, long: this.#long }).slice(0, -1);
    const counts = { journeys: this.#total.journeys - this.#handedOn, events: this.#events };
    const part = createPart(`${lists},"journeys":[${this.#journeys.takeText()}]}`, this.#events, this.#columns);
    const from = part.length - this.#events * this.#columns;
    for (let column = 0; column < this.#columns; column++) {
      const at = column * this.#room;
      part.set(this.#bytes.subarray(at, at + this.#events), from + column * this.#events);
    }
    this.#parts.bytes('journeys', gzipSync(part, GZIP), counts);
    this.#details.byte(CLOSE_LIST);
    const details = this.#details.take();
    this.#parts.bytes('details', gzipSync(details, GZIP), counts);
    this.#details.giveBack(details);
    this.#handedOn = this.#total.journeys;
    this.#events = 0;
    this.#long = [];
  }

  #handOnNames(names: { functions: readonly [string, string][]; places: readonly object[] }): void {
    const counts = { journeys: 0, events: 0 };
    const part = createPart(JSON.stringify({ ...names, long: [], journeys: [] }), 0, this.#columns);
    this.#parts.bytes('journeys', gzipSync(part, GZIP), counts);
    this.#parts.bytes('details', gzipSync('[]', GZIP), counts);
  }
}

/** A part with its head and its JSON, and room for its columns. */
function createPart(json: string, events: number, columns: number): Uint8Array {
  const bytes = Buffer.from(json);
  const part = new Uint8Array(HEAD_BYTES + bytes.length + events * columns);
  const view = new DataView(part.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint32(4, events, true);
  view.setUint32(8, columns, true);
  part.set(bytes, HEAD_BYTES);
  return part;
}

const COMMA = 0x2c;
const ZERO = 0x30;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const CLOSE_LIST = 0x5d;
