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
 * With `choice` there are only chosen journeys and their events. Which they are is known at the end: until then the
 * text of a journey's events is held, and it comes at one go, by time within the journey.
 *
 * Behind `outcome` a delivered one has `family` and `protocol`, one that left has `device`; `lost` behind `gap` is the
 * number of events that are known to be missing.
 */
import type { TraceEvent } from '../base/event.js';
import type { Fate, Journey, Outcome } from '../base/journey.js';
import { jsonString } from '../base/printable.js';
import { encode, Fragment, TextBuffer } from '../base/text-buffer.js';
import { Sequencer } from '../journey/sequencer.js';
import type { Choice } from './choice.js';
import { Clock } from './clock.js';
import { deviceOf, endedIn, reasonOf, socketOf } from './outcome.js';
import { type Output, type OutputContext, PlaceTexts, TargetNames } from './output.js';

export interface JsonOptions {
  /** Only events, with the keys that ipftrace2 has. */
  readonly eventsOnly?: boolean;
  /** Which journeys are shown; all if it is not said. */
  readonly choice?: Choice | undefined;
  /** About how much memory may be used for events that are held: then no further journeys are taken in. */
  readonly maxBytes?: number;
}

/** What stands on each line of a journey's events, made once, or again where the packet is somewhere else. */
class Texts {
  journey: Journey | undefined;
  /** `{"packet_id":"0x…","timestamp":` */
  readonly begin = new Fragment();
  /** `,"journey":N,"netns":N,"device":"…"`, with the end of the line where there are no fields. */
  readonly end = new Fragment();
  /** The place that is for. */
  place = NOWHERE;
  /** Lines of events that wait for the journey's end; undefined where none are held. */
  held: TextBuffer | undefined;
}

/** So much text is enough to be handed out. */
const PIECE_BYTES = 1 << 20;
/** No place has this number. */
const NOWHERE = -1;
/** Of journeys that are over, kept for others. */
const MAX_SPARE_TEXTS = 1000;
/** To begin with, for the lines that are held of a journey; larger ones are not kept for others. */
const HELD_BYTES = 1 << 12;
const MAX_SPARE_BYTES = 1 << 14;
/** Of the memory; the rest is for what has begun. */
const PART_FOR_NEW = 0.9;

export class JsonOutput implements Output {
  readonly #context: OutputContext;
  readonly choice: Choice | undefined;
  readonly #maxBytes: number;
  /** Lines that are held of all journeys. */
  #heldBytes = 0;
  readonly #clock: Clock;
  readonly #eventsOnly: boolean;
  readonly #text = new TextBuffer(1 << 17);
  /** For what is written many times. */
  readonly #pieces = new TextBuffer(256);
  /** `,"module":"…","function":"…","is_return":` for each target, with `false` and without. */
  readonly #entries: TargetNames;
  readonly #returns: TargetNames;
  /** `,"processor_id":N` */
  readonly #cpus: Fragment[] = [];
  readonly #places: PlaceTexts;
  readonly #sequencer: Sequencer;
  /** Journeys that have events here, by their id. */
  readonly #journeys = new Map<number, Texts>();
  readonly #spareTexts: Texts[] = [];
  /** What is said of a fate; forgotten with it. */
  readonly #fates = new WeakMap<Fate, { readonly outcome: Outcome; readonly text: Fragment }>();
  /** The last one that an event came of, and the last one that an event was written of. */
  #taking: Journey | undefined;
  #writing: Texts | undefined;

  constructor(context: OutputContext, options: JsonOptions = {}) {
    const { eventsOnly = false, choice, maxBytes = Number.POSITIVE_INFINITY } = options;
    const { targets, dataSize, hasReturns, fields } = context;
    this.#context = context;
    this.#clock = context.clock ?? Clock.mono();
    this.#eventsOnly = eventsOnly;
    this.choice = choice;
    this.#maxBytes = maxBytes;
    this.#entries = new TargetNames(targets, (module, name) => encode(`${quoteNames(module, name)}false`));
    this.#returns = new TargetNames(targets, (module, name) =>
      encode(`${quoteNames(module, name)}true,"duration_ns":`),
    );
    const has = (name: string) => fields?.names.has(name) ?? false;
    this.#places = new PlaceTexts(context, ({ netns, device }) =>
      encode(
        `${has('netns') ? '' : `,"netns":${netns}`}${has('device') || device === '' ? '' : `,"device":${jsonString(device)}`}`,
      ),
    );
    this.#sequencer = new Sequencer(dataSize, hasReturns, {
      isFull: () => this.#text.length >= PIECE_BYTES,
      event: (event, place, partnerLost) => this.#write(event, place, partnerLost),
      ended: (journey) => this.#writeJourney(journey),
    });
  }

  get hasRoom(): boolean {
    // A buffer is half empty at worst.
    return this.#heldBytes * 2 + (this.choice ? this.#journeys.size * HELD_BYTES : 0) < this.#maxBytes * PART_FOR_NEW;
  }

  event(event: TraceEvent, journey: Journey): void {
    if (this.#taking !== journey) {
      this.#taking = journey;
      if (this.#journeys.get(journey.id)?.journey !== journey) this.#journeys.set(journey.id, this.#prepare(journey));
    }
    this.#sequencer.event(event, journey.place);
  }

  ended(journey: Journey): void {
    this.#sequencer.ended(journey);
  }

  tick(idleMs: number): boolean {
    return this.#sequencer.release(idleMs);
  }

  #write(event: TraceEvent, place: number, partnerLost: boolean): void {
    let texts = this.#writing;
    if (texts?.journey?.id !== event.journey) {
      texts = this.#journeys.get(event.journey);
      this.#writing = texts;
    }
    if (!texts) return;
    const text = texts.held ?? this.#text;
    const held = text.length;
    this.#writeEvent(text, texts, event, place, partnerLost);
    if (texts.held) this.#heldBytes += text.length - held;
  }

  #writeEvent(text: TextBuffer, texts: Texts, event: TraceEvent, place: number, partnerLost: boolean): void {
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
    if (partnerLost) text.bytes(PARTNER_LOST);
    if (event.skbFreed) text.bytes(SKB_FREED);
    if (texts.place !== place) this.#setPlace(texts, place);
    text.bytes(texts.end);
    if (!this.#context.fields) return;
    fields?.json(text, event.data, event.dataOffset);
    text.bytes(END);
  }

  #addCpu(cpu: number): Fragment {
    const encoded = encode(`,"processor_id":${cpu}`);
    this.#cpus[cpu] = encoded;
    return encoded;
  }

  #prepare(journey: Journey): Texts {
    const texts = this.#spareTexts.pop() ?? new Texts();
    const text = this.#pieces;
    text.bytes(PACKET_ID);
    writeHex(text, journey.packetId);
    text.bytes(TIMESTAMP);
    text.takeFragment(texts.begin);
    texts.journey = journey;
    texts.place = NOWHERE;
    if (this.choice) texts.held ??= new TextBuffer(HELD_BYTES);
    return texts;
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

  #writeJourney(journey: Journey): void {
    const texts = this.#journeys.get(journey.id);
    if (this.#taking === journey) this.#taking = undefined;
    if (this.#writing?.journey === journey) this.#writing = undefined;
    const isChosen = !this.choice || this.choice.takes(journey);
    if (texts?.journey === journey) {
      this.#journeys.delete(journey.id);
      texts.journey = undefined;
      if (texts.held) this.#release(texts, texts.held, isChosen);
      if (this.#spareTexts.length < MAX_SPARE_TEXTS) this.#spareTexts.push(texts);
    }
    if (this.#eventsOnly || !isChosen) return;
    const text = this.#text;
    const { number, packetId, parent, beginNs, endNs, events, gap, lost } = journey;
    text.bytes(JOURNEY_BEGIN);
    text.unsigned(number);
    text.bytes(JOURNEY_PACKET_ID);
    writeHex(text, packetId);
    text.bytes(JOURNEY_PARENT);
    if (parent === 0) text.bytes(NULL);
    else text.unsigned(parent);
    text.bytes(this.#describeFate(journey));
    text.bytes(JOURNEY_BEGAN);
    writeDecimal(text, this.#clock.convert(beginNs));
    text.bytes(JOURNEY_ENDED);
    writeDecimal(text, this.#clock.convert(endNs));
    text.bytes(JOURNEY_EVENTS);
    text.unsigned(events);
    text.bytes(gap ? JOURNEY_GAP : JOURNEY_NO_GAP);
    if (lost > 0) text.text(`,"lost":${lost}`);
    text.bytes(END);
  }

  /** Writes the lines that were held, or forgets them. */
  #release(texts: Texts, held: TextBuffer, isChosen: boolean): void {
    this.#heldBytes -= held.length;
    if (isChosen) this.#text.append(held);
    if (held.length > MAX_SPARE_BYTES) texts.held = undefined;
    else held.clear();
  }

  /** From `outcome` to `ended_in`: many journeys share a fate, and some have none. */
  #describeFate(journey: Journey): Fragment {
    const { fate, outcome } = journey;
    const known = fate && this.#fates.get(fate);
    if (known?.outcome === outcome) return known.text;
    const { names } = this.#context;
    const socket = socketOf(journey);
    const device = socket ? undefined : deviceOf(journey);
    const text = encode(
      `,"outcome":"${outcome}"` +
        (socket ? `,"family":${quote(socket.family)},"protocol":${quote(socket.protocol)}` : '') +
        (device === undefined ? '' : `,"device":${quote(device)}`) +
        `,"reason":${quote(reasonOf(journey, names))},"ended_in":${quote(endedIn(journey, names))}`,
    );
    if (fate) this.#fates.set(fate, { outcome, text });
    return text;
  }

  get pendingBytes(): number {
    return this.#text.length;
  }

  giveBack(text: Uint8Array): void {
    this.#text.giveBack(text);
  }

  text(): Uint8Array {
    return this.#text.take();
  }

  *finish(): Iterable<Uint8Array> {
    for (let hasMore = true; hasMore; ) {
      hasMore = this.#sequencer.finish();
      if (this.#text.length > 0) yield this.#text.take();
    }
  }
}

/** A JSON string, or null. */
function quote(text: string | undefined): string {
  return text === undefined ? 'null' : jsonString(text);
}

const LOW_HALF = 0xffffffffn;
const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);

function writeHex(out: TextBuffer, value: bigint): void {
  out.hex64(Number(value & LOW_HALF), Number(value >> 32n));
}

function writeDecimal(out: TextBuffer, value: bigint): void {
  if (value <= MAX_SAFE) out.unsigned(Number(value));
  else out.unsigned64(Number(value & LOW_HALF), Number(value >> 32n));
}

function quoteNames(module: string, name: string): string {
  return `,"module":${jsonString(module)},"function":${jsonString(name)},"is_return":`;
}

const PACKET_ID = encode('{"packet_id":"');
const TIMESTAMP = encode('","timestamp":');
const JOURNEY = encode(',"journey":');
const PARTNER_LOST = encode(',"partner":"lost"');
const SKB_FREED = encode(',"skb_freed":true');
const END = encode('}\n');
const NULL = encode('null');
const JOURNEY_BEGIN = encode('{"type":"journey","journey":');
const JOURNEY_PACKET_ID = encode(',"packet_id":"');
const JOURNEY_PARENT = encode('","parent":');
const JOURNEY_BEGAN = encode(',"begin":');
const JOURNEY_ENDED = encode(',"end":');
const JOURNEY_EVENTS = encode(',"events":');
const JOURNEY_GAP = encode(',"gap":true');
const JOURNEY_NO_GAP = encode(',"gap":false');
