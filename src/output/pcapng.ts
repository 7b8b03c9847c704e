/**
 * `-o pcapng`: packets for Wireshark. Each event is a packet, with the bytes of the last snapshot before it, at an interface
 * that has the name of the function. In its comment stands a JSON object, which has the keys that events have in `-o json`:
 *
 *     {"function":"…","module":"…","is_return":false,"journey":N,"netns":N,"device":"…","processor_id":N, FIELDS,
 *      "ipft":{"outcome":"…", …}}
 *
 * Packets are in the order of time. Each is held for a while, so that nearly all say what became of them. docs/looking.md
 * tells the rest.
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import { highHalf, lowHalf } from '../base/halves.js';
import type { Fate, Journey, Outcome } from '../base/journey.js';
import { jsonKey } from '../base/json-keys.js';
import type { TraceLosses } from '../base/losses.js';
import { jsonString, jsonText, printable } from '../base/printable.js';
import type { Snapshot } from '../base/snapshot.js';
import { VMLINUX } from '../base/target.js';
import { encode, Fragment, TextBuffer } from '../base/text-buffer.js';
import type { CompleteJourney } from '../journey/assembler.js';
import { deviceOf, endedIn, reasonOf, socketOf } from '../journey/outcome.js';
import { Sequencer } from '../journey/sequencer.js';
import {
  type JourneyEncoder,
  JourneyOutput,
  type JourneyOutputOptions,
  type Output,
  type OutputContext,
  PlaceTexts,
  TargetNames,
} from './output.js';
import { describeParty } from './parties.js';
import { LINK_ETHERNET, LINK_RAW_IP, PcapngWriter, type Time } from './pcapng-writer.js';

export interface PcapngOptions extends JourneyOutputOptions {
  /** Each packet once at each place, not at each function. */
  readonly once?: boolean;
  /** The machine that traces, as text. */
  readonly hardware?: string | undefined;
}

/** Writes packets by time; with a choice, the chosen journeys one after the other. */
export function createPcapngOutput(context: OutputContext, options: PcapngOptions = {}): Output {
  if (!options.choice) return new PcapngStream(context, options);
  return new JourneyOutput(new PcapngJourneys(context, options), context, options);
}

/**
 * How long events are held, in nanoseconds and in milliseconds, and how many at most. A journey's end is known a tenth of a
 * second after it: see `SETTLING_NS` of src/journey/tracker.ts.
 */
const WINDOW_NS = 400_000_000;
const WINDOW_MS = 400;
const MAX_HELD = 1 << 18;
/** What became of a packet stands at its events from so long before its end on: it is known then, whenever records are read. */
const KNOWN_NS = 200_000_000n;

/** The bytes that are enough to be handed out. */
const PIECE_BYTES = 1 << 20;
/** The number of unused states that are kept for reuse. */
const MAX_SPARE = 20_000;
/** No place has this number. */
const NOWHERE = -1;
/** An EtherType stands behind these bytes of an Ethernet header, and a VLAN tag before it. */
const ADDRESSES_BYTES = 12;
const TAG_BYTES = 4;

/** TC_ACT_… of `linux/pkt_cls.h`, by what became of the packet. */
const VERDICTS: Partial<Record<Outcome, number>> = {
  ...{ delivered: 0, forwarded: 0, transmitted: 0, processed: 0 },
  dropped: 2,
  consumed: 4,
};

/** What is known of a journey while it has packets here. */
class State {
  journey: Journey | undefined;
  /** The number of packets that it will have, of those that have come, and of those that were written. */
  taken = 0;
  written = 0;
  isOver = false;
  /** From this time on its events tell what became of it. */
  knownLow = 0;
  knownHigh = 0;
  /** `,"ipft":{"outcome":…`; undefined until it is asked for. */
  facts: Fragment | undefined;
  /** `,"journey":N,"netns":N,"device":"…"` */
  readonly where = new Fragment();
  /** The number of the place in `where`. */
  place = NOWHERE;
  /** The places where it has been written, if it is written once at each. */
  places: Set<number> | undefined;

  begin(journey: Journey): void {
    this.journey = journey;
    this.taken = 0;
    this.written = 0;
    this.isOver = false;
    this.facts = undefined;
    this.place = NOWHERE;
    this.places?.clear();
  }

  end({ endNs }: Journey): void {
    this.isOver = true;
    const knownNs = endNs > KNOWN_NS ? endNs - KNOWN_NS : 0n;
    this.knownLow = lowHalf(knownNs);
    this.knownHigh = highHalf(knownNs);
  }
}

/** Writes the blocks. */
abstract class PacketFile {
  readonly #context: OutputContext;
  readonly #once: boolean;
  readonly #text = new TextBuffer(1 << 17);
  readonly #writer = new PcapngWriter(this.#text);
  /** What is added to times, modulo 2^64. */
  readonly #offsetLow: number;
  readonly #offsetHigh: number;
  /** `{"function":"…","module":"…","is_return":` for each target, with `false` and without. */
  readonly #entries: TargetNames;
  readonly #returns: TargetNames;
  /** `,"processor_id":N` */
  readonly #cpus: Fragment[] = [];
  /** `,"netns":N,"device":"…"`, and `,"netns_name":"…"` */
  readonly #places: PlaceTexts;
  readonly #netnsNames: PlaceTexts;
  /** For making fragments. */
  readonly #pieces = new TextBuffer(256);
  /** What became of packets of which nothing else is known, by fate, which many share. */
  readonly #fates = new WeakMap<Fate, { readonly outcome: Outcome; readonly facts: Fragment }>();
  /** The ids of interfaces, by target and link type. */
  readonly #interfaces: number[] = [];
  /** The number of packets of each. */
  readonly #delivered: number[] = [];
  /** The time of the packet that was written last. */
  #lastLow: number;
  #lastHigh: number;

  constructor(context: OutputContext, { once = false, hardware }: PcapngOptions) {
    const { targets, origin, netnsName, fields } = context;
    this.#context = context;
    this.#once = once;
    this.#offsetLow = lowHalf(origin?.realtimeOffsetNs ?? 0n);
    this.#offsetHigh = highHalf(origin?.realtimeOffsetNs ?? 0n);
    this.#lastLow = lowHalf(origin?.beganNs ?? 0n);
    this.#lastHigh = highHalf(origin?.beganNs ?? 0n);
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
    this.#netnsNames = new PlaceTexts(context, ({ netns }) => {
      const name = netnsName?.(netns);
      return name === undefined ? NOTHING : encode(`,"netns_name":${jsonString(name)}`);
    });
    const { kernel, version } = origin ?? { kernel: '', version: '' };
    const [os, application] = [`Linux ${printable(kernel)}`.trim(), `ipft ${printable(version)}`.trim()];
    this.#writer.section({ hardware: hardware && printable(hardware), os, application });
    if (origin?.hostNames?.length) this.#writer.hostNames(origin.hostNames);
  }

  isFull(): boolean {
    return this.#text.length >= PIECE_BYTES;
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

  /** Whether an event is written: to be asked once, in the order of time. @param state of its journey */
  protected wants(state: State, { snapshot, place }: TraceEvent): boolean {
    if (this.#once) {
      state.places ??= new Set();
      if (snapshot === 0 || state.places.has(place)) return false;
      state.places.add(place);
    }
    state.taken++;
    return true;
  }

  /** Writes an event. @param state of its journey */
  protected writePacket(state: State, event: TraceEvent): void {
    const { journey } = state;
    if (!journey) return;
    const { timestampLow: low, timestampHigh: high } = event;
    const writer = this.#writer;
    state.written++;
    this.#lastLow = low;
    this.#lastHigh = high;
    const snapshot = event.snapshot === 0 ? undefined : journey.snapshots[event.snapshot - 1];
    const id = this.#interfaceOf(event.target, snapshot?.hasEthernet ?? false);
    this.#delivered[id]!++;
    this.#begin(id, low, high, snapshot);
    const isKnown = state.isOver && (high > state.knownHigh || (high === state.knownHigh && low >= state.knownLow));
    writer.beginComment();
    this.#comment(state, event, isKnown, true);
    if (!writer.endOption()) {
      // Its fields are longer than a comment may be.
      writer.beginComment();
      this.#comment(state, event, isKnown, false);
      writer.endOption();
    }
    writer.packetId(journey.number);
    if (isKnown) {
      if (journey.outcome === 'transmitted') writer.outbound();
      if (state.written === state.taken) this.#sayLast(journey);
    }
    writer.endPacket();
  }

  #begin(id: number, low: number, high: number, snapshot: Snapshot | undefined): void {
    const sum = low + this.#offsetLow;
    const wallHigh = (high + this.#offsetHigh + (sum > 0xffffffff ? 1 : 0)) >>> 0;
    const writer = this.#writer;
    if (!snapshot) {
      writer.beginPacket(id, sum >>> 0, wallHigh, 0, 0);
      return;
    }
    const { bytes, vlan, hasEthernet } = snapshot;
    const length = Math.max(bytes.length, snapshot.lengthBytes);
    if (vlan && hasEthernet && bytes.length >= ADDRESSES_BYTES) {
      const out = this.#text;
      writer.beginPacket(id, sum >>> 0, wallHigh, bytes.length + TAG_BYTES, length + TAG_BYTES);
      out.copy(bytes, 0, ADDRESSES_BYTES);
      for (const half of [vlan.protocol, vlan.value]) {
        out.byte(half >>> 8);
        out.byte(half & 0xff);
      }
      out.copy(bytes, ADDRESSES_BYTES);
    } else {
      writer.beginPacket(id, sum >>> 0, wallHigh, bytes.length, length);
      this.#text.copy(bytes);
    }
    writer.endBytes();
  }

  /** @param withFields whether the fields stand in it */
  #comment(state: State, event: TraceEvent, isKnown: boolean, withFields: boolean): void {
    const text = this.#text;
    if (event.isReturn) {
      text.bytes(this.#returns.get(event.target));
      text.difference64(event.timestampLow, event.timestampHigh, event.entryLow, event.entryHigh);
    } else {
      text.bytes(this.#entries.get(event.target));
    }
    if (event.partnerLost) text.bytes(PARTNER_LOST);
    if (event.skbFreed) text.bytes(SKB_FREED);
    if (state.place !== event.place) this.#setPlace(state, event.place);
    text.bytes(state.where);
    text.bytes(this.#cpus[event.cpu] ?? this.#addCpu(event.cpu));
    if (withFields && event.hasFields) this.#context.fields?.json(text, event.data, event.dataOffset);
    const name = this.#netnsNames.get(event.place);
    if (isKnown) {
      state.facts ??= this.#factsOf(state.journey!);
      text.bytes(state.facts);
    } else {
      text.bytes(OUTCOME_UNKNOWN);
    }
    text.bytes(name);
    if (!withFields) text.bytes(FIELDS_TOO_LONG);
    text.bytes(END);
  }

  #addCpu(cpu: number): Fragment {
    const encoded = encode(`,${jsonKey('processor_id')}${cpu}`);
    this.#cpus[cpu] = encoded;
    return encoded;
  }

  #setPlace(state: State, place: number): void {
    const text = this.#pieces;
    text.bytes(JOURNEY);
    text.unsigned(state.journey?.number ?? 0);
    text.bytes(this.#places.get(place));
    text.takeFragment(state.where);
    state.place = place;
  }

  #factsOf(journey: Journey): Fragment {
    const { fate, outcome, parent, gap, sender, receiver } = journey;
    if (!fate || parent !== 0 || gap || sender || receiver) return this.#describe(journey);
    const known = this.#fates.get(fate);
    if (known?.outcome === outcome) return known.facts;
    const facts = this.#describe(journey);
    this.#fates.set(fate, { outcome, facts });
    return facts;
  }

  /** What became of a journey, without the last brackets. */
  #describe(journey: Journey): Fragment {
    const { names } = this.#context;
    const { outcome, parent, gap, lost, sender, receiver } = journey;
    const socket = socketOf(journey);
    const facts = {
      outcome,
      ...{ family: socket?.family, protocol: socket?.protocol, device: deviceOf(journey) },
      ...{ reason: reasonOf(journey, names), ended_in: endedIn(journey, names) },
      ...{ parent: parent === 0 ? undefined : parent, gap: gap || undefined, lost: lost || undefined },
      ...{ sender: sender && describeParty(sender), receiver: receiver && describeParty(receiver) },
    };
    return encode(`,${jsonKey('ipft')}${jsonText(facts).slice(0, -1)}`);
  }

  /** Says of the last packet of a journey what became of it, and how many of its events are missing. */
  #sayLast({ outcome, gap, lost }: Journey): void {
    const verdict = VERDICTS[outcome];
    if (verdict !== undefined) this.#writer.verdict(verdict);
    // With a gap that is only possible, nothing is known.
    if (lost > 0 || !gap) this.#writer.drops(lost);
  }

  #interfaceOf(target: number, hasEthernet: boolean): number {
    return this.#interfaces[target * 2 + (hasEthernet ? 1 : 0)] ?? this.#addInterface(target, hasEthernet);
  }

  /** Describes an interface, before its first packet. */
  #addInterface(index: number, hasEthernet: boolean): number {
    const { name, module } = this.#context.targets[index] ?? { name: '?', module: '?' };
    const id = this.#delivered.push(0) - 1;
    this.#interfaces[index * 2 + (hasEthernet ? 1 : 0)] = id;
    const shown = printable(module === VMLINUX ? name : `${name} (${module})`);
    this.#writer.interface(
      hasEthernet ? LINK_ETHERNET : LINK_RAW_IP,
      shown,
      `calls of the function ${printable(name)} of ${printable(module)}, packets from ${hasEthernet ? 'Ethernet' : 'IP'} on`,
    );
    return id;
  }

  /** Says at the end how many packets there are at each interface, and what was lost. */
  protected writeStatistics(): void {
    const { origin, losses } = this.#context;
    const begin = this.#wall(lowHalf(origin?.beganNs ?? 0n), highHalf(origin?.beganNs ?? 0n));
    const end = this.#wall(this.#lastLow, this.#lastHigh);
    const lost = losses && describeLosses(losses());
    if (lost) {
      const interfaceId = this.#delivered.push(0) - 1;
      this.#writer.interface(LINK_RAW_IP, 'ipft', 'no function: what was lost of the whole trace');
      this.#writer.statistics({ interfaceId, begin, end, ...lost });
    }
    const count = this.#delivered.length - (lost ? 1 : 0);
    for (let interfaceId = 0; interfaceId < count; interfaceId++) {
      this.#writer.statistics({ interfaceId, begin, end, delivered: this.#delivered[interfaceId] });
    }
  }

  #wall(low: number, high: number): Time {
    const sum = low + this.#offsetLow;
    return { low: sum >>> 0, high: (high + this.#offsetHigh + (sum > 0xffffffff ? 1 : 0)) >>> 0 };
  }
}

/** Writes each journey with its events. */
class PcapngJourneys extends PacketFile implements JourneyEncoder {
  readonly #state = new State();
  readonly #event = createEvent();

  *journey(whole: CompleteJourney): Iterable<void> {
    const [state, event] = [this.#state, this.#event];
    state.begin(whole.journey);
    state.end(whole.journey);
    const wanted: number[] = [];
    for (let position = 0; position < whole.count; position++) {
      whole.load(position, event);
      if (this.wants(state, event)) wanted.push(position);
    }
    for (const position of wanted) {
      whole.load(position, event);
      this.writePacket(state, event);
      if (this.isFull()) yield;
    }
  }

  *finish(): Iterable<Uint8Array> {
    this.writeStatistics();
    yield this.take();
  }
}

/** Writes events by time. */
class PcapngStream extends PacketFile implements Output {
  readonly hasRoom = true;
  readonly #sequencer: Sequencer;
  /** The journeys with events here, by their short id. */
  readonly #journeys = new Map<number, State>();
  readonly #spare: State[] = [];
  /** The journey of the event that was taken last, and of the one that was written last. */
  #taking: State | undefined;
  #writing: State | undefined;

  constructor(context: OutputContext, options: PcapngOptions) {
    super(context, options);
    const taker = {
      isFull: () => this.isFull(),
      event: (event: TraceEvent) => this.#write(event),
      ended: (journey: Journey) => this.#end(journey),
    };
    const window = { windowNs: WINDOW_NS, idleMs: WINDOW_MS, maxHeld: MAX_HELD };
    this.#sequencer = new Sequencer(context.dataSize, context.hasReturns, taker, window);
  }

  event(event: TraceEvent, journey: Journey): void {
    let state = this.#taking;
    if (state?.journey !== journey) {
      state = this.#journeys.get(journey.shortId);
      if (state?.journey !== journey) state = this.#begin(journey);
      this.#taking = state;
    }
    if (this.wants(state, event)) this.#sequencer.event(event);
  }

  #begin(journey: Journey): State {
    const state = this.#spare.pop() ?? new State();
    state.begin(journey);
    this.#journeys.set(journey.shortId, state);
    this.#writing = undefined;
    return state;
  }

  ended(journey: Journey): void {
    const state = this.#journeys.get(journey.shortId);
    // That an end was lost, or has not come, is found at no certain time.
    if (state?.journey === journey && journey.fate) state.end(journey);
    this.#sequencer.ended(journey);
  }

  tick(idleMs: number): boolean {
    return this.#sequencer.release(idleMs);
  }

  #write(event: TraceEvent): void {
    let state = this.#writing;
    if (state?.journey?.shortId !== event.journey) {
      state = this.#journeys.get(event.journey);
      this.#writing = state;
    }
    if (state) this.writePacket(state, event);
  }

  #end(journey: Journey): void {
    const state = this.#journeys.get(journey.shortId);
    if (state?.journey !== journey) return;
    if (this.#taking === state) this.#taking = undefined;
    if (this.#writing === state) this.#writing = undefined;
    this.#journeys.delete(journey.shortId);
    state.journey = undefined;
    if (this.#spare.length < MAX_SPARE) this.#spare.push(state);
  }

  *finish(): Iterable<Uint8Array> {
    for (let hasMore = true; hasMore; ) {
      hasMore = this.#sequencer.finish();
      if (this.pendingBytes > 0) yield this.take();
    }
    this.writeStatistics();
    yield this.take();
  }
}

/** What was lost of a trace; undefined if nothing was. */
function describeLosses({ cpus, ends, unseen, unfollowed, missed }: TraceLosses) {
  const ring = cpus.reduce((sum, { lost }) => sum + lost, 0n);
  const counts = { ring, ends, unseen, unfollowed, missedCalls: missed.shown, missedDeciding: missed.deciding };
  const lost = Object.entries(counts).filter(([, count]) => count > 0n);
  if (lost.length === 0) return undefined;
  const comment = jsonText(Object.fromEntries(lost.map(([name, count]) => [name, Number(count)])));
  return { dropped: ring + unfollowed, comment };
}

function quoteNames(module: string, name: string): string {
  return `{${jsonKey('function')}${jsonString(name)},${jsonKey('module')}${jsonString(module)},${jsonKey('is_return')}`;
}

const NOTHING = encode('');
const JOURNEY = encode(`,${jsonKey('journey')}`);
const PARTNER_LOST = encode(`,${jsonKey('partner')}"lost"`);
const SKB_FREED = encode(`,${jsonKey('skb_freed')}true`);
const OUTCOME_UNKNOWN = encode(`,${jsonKey('ipft')}{${jsonKey('outcome')}null`);
const FIELDS_TOO_LONG = encode(',"fields":"too long for a comment"');
const END = encode('}}');
