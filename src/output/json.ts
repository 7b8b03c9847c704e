/**
 * `-o json`: one object a line. For each event, in the order of time:
 *
 *     {"packet_id":"0x…","timestamp":N,"processor_id":N,"module":"…","function":"…","is_return":false,"journey":N,
 *      "netns":N,"device":"…", FIELDS}
 *
 * A return has `duration_ns` behind `is_return`. `"partner":"lost"` is on an event whose entry or return is missing, and
 * `"skb_freed":true` on a return when the skb was freed during the call; then there are no fields. Network namespace and
 * device are left out where they are not known, or the extension has a field of that name.
 *
 * For each journey that has ended, behind its last event:
 *
 *     {"type":"journey","journey":N,"packet_id":"0x…","parent":N or null,"outcome":"…","reason":"…" or null,
 *      "ended_in":"symbol+0x10" or null,"begin":NS,"end":NS,"events":N,"gap":false}
 *
 * With `choice` there are only chosen journeys and their events. Which they are is known when they end: their events come
 * then, by time within the journey.
 *
 * Behind `outcome` a delivered one has `family` and `protocol`, one that left has `device`; `lost` behind `gap` is the
 * number of events that are known to be missing. Where packets have snapshots, `"ipft":{"packet":{…}}` says which packet
 * it was: a `JourneyPacket` (base/packet.ts); `sender` and `receiver` beside it, where they are known, are the processes that it
 * belongs to: each a `JourneyProcess` (base/process.ts).
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import { highHalf, lowHalf } from '../base/halves.js';
import type { Fate, Journey, Outcome } from '../base/journey.js';
import { jsonKey } from '../base/json-keys.js';
import { jsonString, jsonText } from '../base/printable.js';
import { encode, Fragment, TextBuffer } from '../base/text-buffer.js';
import type { CompleteJourney } from '../journey/assembler.js';
import { deviceOf, endedIn, reasonOf, socketOf } from '../journey/outcome.js';
import { Sequencer } from '../journey/sequencer.js';
import { describePacket } from '../packets/journey-packet.js';
import { Clock } from './clock.js';
import {
  type JourneyEncoder,
  JourneyOutput,
  type JourneyOutputOptions,
  type Output,
  type OutputContext,
  PlaceTexts,
  TargetNames,
} from './output.js';

export interface JsonOptions extends JourneyOutputOptions {
  /** Only events, with the keys that ipftrace2 has. */
  readonly eventsOnly?: boolean;
}

/** Writes events by time; with a choice, the chosen journeys one after the other. */
export function createJsonOutput(context: OutputContext, options: JsonOptions = {}): Output {
  const eventsOnly = options.eventsOnly ?? false;
  if (!options.choice) return new JsonStream(context, eventsOnly);
  return new JourneyOutput(new JsonJourneys(context, eventsOnly), context, options);
}

/** The parts that are the same on all lines of a journey's events; made again when the packet moves. */
class Texts {
  journey: Journey | undefined;
  /** `{"packet_id":"0x…","timestamp":` */
  readonly begin = new Fragment();
  /** `,"journey":N,"netns":N,"device":"…"`, with the end of the line where there are no fields. */
  readonly end = new Fragment();
  /** The number of the place in `end`. */
  place = NOWHERE;
}

/** The text that is enough to be handed out. */
const PIECE_BYTES = 1 << 20;
/** No place has this number. */
const NOWHERE = -1;
/** The number of unused texts that are kept for reuse. */
const MAX_SPARE_TEXTS = 1000;

/** Writes the lines. */
abstract class JsonText {
  readonly #context: OutputContext;
  readonly #clock: Clock;
  readonly #eventsOnly: boolean;
  readonly #text = new TextBuffer(1 << 17);
  /** For making fragments. */
  readonly #pieces = new TextBuffer(256);
  /** `,"module":"…","function":"…","is_return":` for each target, with `false` and without. */
  readonly #entries: TargetNames;
  readonly #returns: TargetNames;
  /** `,"processor_id":N` */
  readonly #cpus: Fragment[] = [];
  readonly #places: PlaceTexts;
  /** The text of each fate. */
  readonly #fates = new WeakMap<Fate, { readonly outcome: Outcome; readonly text: Fragment }>();

  constructor(context: OutputContext, eventsOnly: boolean) {
    const { targets, fields } = context;
    this.#context = context;
    this.#clock = context.clock ?? Clock.mono();
    this.#eventsOnly = eventsOnly;
    this.#entries = new TargetNames(targets, (module, name) => encode(`${quoteNames(module, name)}false`));
    this.#returns = new TargetNames(targets, (module, name) =>
      encode(`${quoteNames(module, name)}true,${jsonKey('duration_ns')}`),
    );
    const has = (name: string) => fields?.names.has(name) ?? false;
    this.#places = new PlaceTexts(context, ({ netns, device }) =>
      encode(
        (has('netns') ? '' : `,${jsonKey('netns')}${netns}`) +
          (has('device') || device === '' ? '' : `,${jsonKey('device')}${jsonString(device)}`),
      ),
    );
  }

  isFull(): boolean {
    return this.#text.length >= PIECE_BYTES;
  }

  /** Writes the next event of a journey. @param texts prepared for the journey */
  protected writeEvent(texts: Texts, event: TraceEvent): void {
    const text = this.#text;
    const fields = event.hasFields ? this.#context.fields : undefined;
    text.bytes(texts.begin);
    this.#clock.writeNumber(text, event.timestampLow, event.timestampHigh);
    text.bytes(this.#cpus[event.cpu] ?? this.#addCpu(event.cpu));
    if (event.isReturn) {
      text.bytes(this.#returns.get(event.target));
      text.difference64(event.timestampLow, event.timestampHigh, event.entryLow, event.entryHigh);
    } else {
      text.bytes(this.#entries.get(event.target));
    }
    if (event.partnerLost) text.bytes(PARTNER_LOST);
    if (event.skbFreed) text.bytes(SKB_FREED);
    if (texts.place !== event.place) this.#setPlace(texts, event.place);
    text.bytes(texts.end);
    if (!this.#context.fields) return;
    fields?.json(text, event.data, event.dataOffset);
    text.bytes(END);
  }

  #addCpu(cpu: number): Fragment {
    const encoded = encode(`,${jsonKey('processor_id')}${cpu}`);
    this.#cpus[cpu] = encoded;
    return encoded;
  }

  /** To be called before the first event of a journey. */
  protected prepare(texts: Texts, journey: Journey): void {
    const text = this.#pieces;
    text.bytes(PACKET_ID);
    text.hex64(lowHalf(journey.packetId), highHalf(journey.packetId));
    text.bytes(TIMESTAMP);
    text.takeFragment(texts.begin);
    texts.journey = journey;
    texts.place = NOWHERE;
  }

  #setPlace(texts: Texts, place: number): void {
    const text = this.#pieces;
    if (!this.#eventsOnly) {
      text.bytes(JOURNEY);
      text.unsigned(texts.journey?.number ?? 0);
      text.bytes(this.#places.get(place));
    }
    if (!this.#context.fields) text.bytes(END);
    text.takeFragment(texts.end);
    texts.place = place;
  }

  /** Writes a journey that has ended, behind its last event. */
  protected writeJourney(journey: Journey): void {
    if (this.#eventsOnly) return;
    const text = this.#text;
    const { number, packetId, parent, beginNs, endNs, events, gap, lost } = journey;
    text.bytes(JOURNEY_BEGIN);
    text.unsigned(number);
    text.bytes(JOURNEY_PACKET_ID);
    text.hex64(lowHalf(packetId), highHalf(packetId));
    text.bytes(JOURNEY_PARENT);
    if (parent === 0) text.bytes(NULL);
    else text.unsigned(parent);
    text.bytes(this.#describeFate(journey));
    text.bytes(JOURNEY_BEGAN);
    this.#clock.writeNumber(text, lowHalf(beginNs), highHalf(beginNs));
    text.bytes(JOURNEY_ENDED);
    this.#clock.writeNumber(text, lowHalf(endNs), highHalf(endNs));
    text.bytes(JOURNEY_EVENTS);
    text.unsigned(events);
    text.bytes(gap ? JOURNEY_GAP : JOURNEY_NO_GAP);
    if (lost > 0) text.text(`,${jsonKey('lost')}${lost}`);
    const packet = describePacket(journey.snapshots);
    const { sender, receiver } = journey;
    if (packet || sender || receiver) text.text(`,${jsonKey('ipft')}${jsonText({ packet, sender, receiver })}`);
    text.bytes(END);
  }

  /** The text from `outcome` to `ended_in`, kept by fate, which many journeys share. */
  #describeFate(journey: Journey): Fragment {
    const { fate, outcome } = journey;
    const known = fate && this.#fates.get(fate);
    if (known?.outcome === outcome) return known.text;
    const { names } = this.#context;
    const socket = socketOf(journey);
    const device = socket ? undefined : deviceOf(journey);
    const text = encode(
      `,${jsonKey('outcome')}"${outcome}"` +
        (socket ? `,${jsonKey('family')}${quote(socket.family)},${jsonKey('protocol')}${quote(socket.protocol)}` : '') +
        (device === undefined ? '' : `,${jsonKey('device')}${quote(device)}`) +
        `,${jsonKey('reason')}${quote(reasonOf(journey, names))}` +
        `,${jsonKey('ended_in')}${quote(endedIn(journey, names))}`,
    );
    if (fate) this.#fates.set(fate, { outcome, text });
    return text;
  }

  get pendingBytes(): number {
    return this.#text.length;
  }

  giveBack(bytes: Uint8Array): void {
    this.#text.giveBack(bytes);
  }

  take(): Uint8Array {
    return this.#text.take();
  }
}

/** Writes each journey with its events. */
class JsonJourneys extends JsonText implements JourneyEncoder {
  readonly #texts = new Texts();
  readonly #event = createEvent();

  *journey(whole: CompleteJourney): Iterable<void> {
    this.prepare(this.#texts, whole.journey);
    for (let position = 0; position < whole.count; position++) {
      whole.load(position, this.#event);
      this.writeEvent(this.#texts, this.#event);
      if (this.isFull()) yield;
    }
    this.writeJourney(whole.journey);
  }

  *finish(): Iterable<Uint8Array> {}
}

/** Writes events by time, and each journey behind its last event. */
class JsonStream extends JsonText implements Output {
  readonly hasRoom = true;
  readonly #sequencer: Sequencer;
  /** The texts of journeys with events here, by their short id. */
  readonly #journeys = new Map<number, Texts>();
  readonly #spareTexts: Texts[] = [];
  /** The journey of the event that was taken last, and of the one that was written last. */
  #taking: Journey | undefined;
  #writing: Texts | undefined;

  constructor(context: OutputContext, eventsOnly: boolean) {
    super(context, eventsOnly);
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
    return this.#sequencer.release(idleMs);
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
    const texts = this.#journeys.get(journey.shortId);
    if (this.#taking === journey) this.#taking = undefined;
    if (this.#writing?.journey === journey) this.#writing = undefined;
    if (texts?.journey === journey) {
      this.#journeys.delete(journey.shortId);
      texts.journey = undefined;
      if (this.#spareTexts.length < MAX_SPARE_TEXTS) this.#spareTexts.push(texts);
    }
    this.writeJourney(journey);
  }

  *finish(): Iterable<Uint8Array> {
    for (let hasMore = true; hasMore; ) {
      hasMore = this.#sequencer.finish();
      if (this.pendingBytes > 0) yield this.take();
    }
  }
}

/** A JSON string, or null. */
function quote(text: string | undefined): string {
  return text === undefined ? 'null' : jsonString(text);
}

function quoteNames(module: string, name: string): string {
  return `,${jsonKey('module')}${jsonString(module)},${jsonKey('function')}${jsonString(name)},${jsonKey('is_return')}`;
}

const PACKET_ID = encode(`{${jsonKey('packet_id')}"`);
const TIMESTAMP = encode(`",${jsonKey('timestamp')}`);
const JOURNEY = encode(`,${jsonKey('journey')}`);
const PARTNER_LOST = encode(`,${jsonKey('partner')}"lost"`);
const SKB_FREED = encode(`,${jsonKey('skb_freed')}true`);
const END = encode('}\n');
const NULL = encode('null');
const JOURNEY_BEGIN = encode(`{${jsonKey('type')}"journey",${jsonKey('journey')}`);
const JOURNEY_PACKET_ID = encode(`,${jsonKey('packet_id')}"`);
const JOURNEY_PARENT = encode(`",${jsonKey('parent')}`);
const JOURNEY_BEGAN = encode(`,${jsonKey('begin')}`);
const JOURNEY_ENDED = encode(`,${jsonKey('end')}`);
const JOURNEY_EVENTS = encode(`,${jsonKey('events')}`);
const JOURNEY_GAP = encode(`,${jsonKey('gap')}true`);
const JOURNEY_NO_GAP = encode(`,${jsonKey('gap')}false`);
