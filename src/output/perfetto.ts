/**
 * `-o perfetto`: a trace for ui.perfetto.dev. docs/looking.md tells what is in it: a track for each network namespace, below it
 * lanes of flows (tracks.ts), in which each journey is a slice, and its calls or steps are slices within it (strands.ts).
 *
 * Journeys come as they end, so that times go back from one to the next: Perfetto sorts what it reads.
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import { highHalf, join, lowHalf } from '../base/halves.js';
import type { Journey } from '../base/journey.js';
import { printable } from '../base/printable.js';
import type { JourneyProcess } from '../base/process.js';
import type { CompleteJourney } from '../journey/assembler.js';
import { describeGap, describeOutcome, deviceOf, endedIn, reasonOf, socketOf } from '../journey/outcome.js';
import { describePacket } from '../packets/journey-packet.js';
import { type LossSeries, lossSeries } from './loss-series.js';
import { describeNetns, type JourneyEncoder, type OutputContext } from './output.js';
import { INSTANT, PerfettoPackets, SLICE_BEGIN, SLICE_END } from './perfetto-packets.js';
import { Strands, type StrandTaker, spanOf } from './strands.js';
import { type Connection, connectionOf, nameFlow, type Placed, Tracks, type TrackTaker } from './tracks.js';

/** The bytes that are enough to be handed out. */
const PIECE_BYTES = 1 << 18;

/** The upper half of a copy's flow number, whose lower half is the copy's; that of a connection has its highest bit set. */
const COPY_FLOW = 1;
const CONNECTION_FLOW = 0x80000000;

export class PerfettoEncoder implements JourneyEncoder, StrandTaker, TrackTaker {
  readonly #context: OutputContext;
  readonly #packets = new PerfettoPackets();
  readonly #event = createEvent();
  readonly #tracks = new Tracks(this);
  readonly #strands: Strands;
  /** Whether events have no field of such a name. */
  readonly #hasCpu: boolean;
  readonly #hasNetns: boolean;
  readonly #hasDevice: boolean;
  /** By target. */
  readonly #modules: string[] = [];
  readonly #functions: string[] = [];
  /** By place. */
  readonly #devices: string[] = [];
  /** The journey that is being written: where it is, and the tracks of its strands. */
  #number = 0;
  #netns = 0;
  #flow = '';
  #endNs = 0n;
  readonly #own: number[] = [];
  /** The end of the journey that ended last. */
  #lastNs: bigint;

  constructor(context: OutputContext) {
    const { origin, fields, hasReturns } = context;
    const has = (name: string) => fields?.names.has(name) ?? false;
    this.#context = context;
    this.#strands = new Strands(this, hasReturns);
    [this.#hasCpu, this.#hasNetns, this.#hasDevice] = [!has('cpu'), !has('netns'), !has('device')];
    this.#lastNs = origin?.beganNs ?? 0n;
    this.#packets.header(this.#lastNs, origin && origin.beganNs + origin.realtimeOffsetNs);
  }

  get keptBytes(): number {
    return this.#tracks.keptBytes;
  }

  get pendingBytes(): number {
    return this.#packets.length;
  }

  take(): Uint8Array {
    return this.#packets.take();
  }

  giveBack(bytes: Uint8Array): void {
    this.#packets.giveBack(bytes);
  }

  isFull(): boolean {
    return this.#packets.length >= PIECE_BYTES;
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
    this.#netns = this.#context.places.get(this.#event.place)?.netns ?? 0;
    const packet = describePacket(journey.snapshots);
    this.#number = journey.number;
    this.#flow = nameFlow(packet?.first);
    this.#endNs = endNs;
    if (endNs > this.#lastNs) this.#lastNs = endNs;
    const track = this.#tracks.take(this.#netns, this.#flow, beginNs, endNs);
    this.#own.length = 0;
    this.#own.push(track);
    const [low, high] = [lowHalf(beginNs), highHalf(beginNs)];
    const packets = this.#packets;
    packets.begin(SLICE_BEGIN, track, low, high);
    packets.category('journey');
    packets.ownTitle(packet?.text ?? `journey ${journey.number}`);
    if (journey.parent === 0 && packet) this.#writeConnections(connectionOf(packet.first), connectionOf(packet.last));
    this.#writeFacts(journey);
    packets.end();
    this.#tracks.remember({ number: journey.number, track, beginNs, endNs }, journey.parent);
    const gap = describeGap(journey);
    if (gap === undefined) return;
    packets.begin(SLICE_BEGIN, track, low, high);
    packets.category('gap');
    packets.title(gap);
    packets.end();
  }

  /** A translated packet belongs to two connections, and its answer does, too. */
  #writeConnections(first: Connection | undefined, last: Connection | undefined): void {
    const packets = this.#packets;
    if (first) packets.flow(first[0], (first[1] | CONNECTION_FLOW) >>> 0);
    if (last && (last[0] !== first?.[0] || last[1] !== first[1])) {
      packets.flow(last[0], (last[1] | CONNECTION_FLOW) >>> 0);
    }
  }

  #writeFacts(journey: Journey): void {
    const { names } = this.#context;
    const packets = this.#packets;
    const socket = socketOf(journey);
    packets.number('journey', journey.number);
    packets.pointer('packet_id', journey.packetId);
    if (journey.parent !== 0) packets.number('parent', journey.parent);
    packets.string('outcome', journey.outcome);
    packets.string('family', socket?.family);
    packets.string('protocol', socket?.protocol);
    const device = deviceOf(journey);
    packets.string('device', device === undefined ? undefined : printable(device));
    packets.string('reason', reasonOf(journey, names));
    packets.string('ended_in', endedIn(journey, names));
    packets.number('events', journey.events);
    if (journey.lost > 0) packets.number('lost', journey.lost);
    packets.name('gap');
    packets.boolean(journey.gap);
    this.#writeProcess('sender', journey.sender);
    this.#writeProcess('receiver', journey.receiver);
  }

  #writeProcess(party: string, process: JourneyProcess | undefined): void {
    if (!process) return;
    const packets = this.#packets;
    const { pid, command, cgroup, container, unit, pod } = process;
    packets.name(party);
    packets.open('struct');
    if (pid !== undefined) packets.number('pid', pid);
    const texts = { command, cgroup, container: container?.name ?? container?.id, unit, pod };
    for (const [name, text] of Object.entries(texts)) packets.string(name, text && printable(text));
    packets.close();
  }

  #end(journey: Journey): void {
    const [low, high] = [lowHalf(this.#endNs), highHalf(this.#endNs)];
    const packets = this.#packets;
    const track = this.#own[0]!;
    this.#strands.end(low, high);
    packets.begin(INSTANT, track, low, high);
    packets.category('outcome');
    packets.title(describeOutcome(journey, this.#context.names));
    packets.end();
    if (journey.gap) packets.endSlice(track, low, high);
    for (const one of this.#own) packets.endSlice(one, low, high);
  }

  addStrand(_strand: number, event: TraceEvent): void {
    const { timestampLow: low, timestampHigh: high } = event;
    const track = this.#tracks.take(this.#netns, this.#flow, join(low, high), this.#endNs);
    this.#own.push(track);
    const packets = this.#packets;
    packets.begin(SLICE_BEGIN, track, low, high);
    packets.category('strand');
    packets.ownTitle(`journey ${this.#number}, on another CPU at the same time`);
    packets.number('journey', this.#number);
    packets.end();
  }

  open(strand: number, event: TraceEvent): void {
    const packets = this.#packets;
    packets.begin(SLICE_BEGIN, this.#own[strand]!, event.timestampLow, event.timestampHigh);
    this.#writeName(event);
    this.#writeWhere(event);
    if (event.partnerLost && this.#context.hasReturns) packets.string('partner', 'lost');
    if (event.hasFields) this.#context.fields?.values(packets, event.data, event.dataOffset);
    packets.end();
  }

  close(strand: number, low: number, high: number, event: TraceEvent | undefined): void {
    const track = this.#own[strand]!;
    if (event) this.#writeReturn(SLICE_END, track, event);
    else this.#packets.endSlice(track, low, high);
  }

  returnAlone(strand: number, event: TraceEvent): void {
    this.#writeReturn(INSTANT, this.#own[strand]!, event);
  }

  /** The values of an end are added to those of its slice: they need another name. */
  #writeReturn(type: number, track: number, event: TraceEvent): void {
    const packets = this.#packets;
    const { fields } = this.#context;
    packets.begin(type, track, event.timestampLow, event.timestampHigh);
    if (type === INSTANT) {
      this.#writeName(event);
      this.#writeWhere(event);
      packets.string('partner', 'lost');
    }
    const hasFields = fields !== undefined && event.hasFields;
    if (hasFields || event.skbFreed) {
      packets.name('return');
      packets.open('struct');
      if (event.skbFreed) {
        packets.name('skb_freed');
        packets.boolean(true);
      }
      if (hasFields) fields.values(packets, event.data, event.dataOffset);
      packets.close();
    }
    packets.end();
  }

  #writeName({ target }: TraceEvent): void {
    if (this.#functions[target] === undefined) this.#addTarget(target);
    this.#packets.category(this.#modules[target]!);
    this.#packets.title(this.#functions[target]!);
  }

  #addTarget(target: number): void {
    const { module = '?', name = '?' } = this.#context.targets[target] ?? {};
    this.#modules[target] = printable(module);
    this.#functions[target] = printable(name);
  }

  #writeWhere({ cpu, place }: TraceEvent): void {
    const packets = this.#packets;
    if (this.#hasCpu) packets.number('cpu', cpu);
    const where = this.#context.places.get(place);
    if (!where) return;
    if (this.#hasNetns) packets.number('netns', where.netns);
    if (this.#hasDevice && where.device !== '') packets.word('device', this.#deviceOf(place, where.device));
  }

  #deviceOf(place: number, device: string): string {
    this.#devices[place] ??= printable(device);
    return this.#devices[place];
  }

  addNamespace(uuid: number, netns: number): void {
    const name = netns === 0 ? 'network namespace not known' : `netns ${describeNetns(netns, this.#context)}`;
    this.#packets.track({ uuid, name, isByTime: true });
  }

  addLane(uuid: number, parent: number, name: string): void {
    this.#packets.track({ uuid, name: printable(name), parent });
  }

  addCopy(parent: Placed, copy: Placed, at: bigint): void {
    this.#writeCopy(parent.track, at, copy.number, `copied: journey ${copy.number}`, false);
    this.#writeCopy(copy.track, copy.beginNs, copy.number, `copy of journey ${parent.number}`, true);
  }

  #writeCopy(track: number, at: bigint, number: number, title: string, isCopy: boolean): void {
    const packets = this.#packets;
    packets.begin(INSTANT, track, lowHalf(at), highHalf(at));
    packets.category('copy');
    packets.ownTitle(title);
    packets.flow(number, COPY_FLOW, isCopy);
    packets.end();
  }

  *finish(): Iterable<Uint8Array> {
    const { losses, origin } = this.#context;
    const all = losses ? lossSeries(losses(), origin?.beganNs ?? 0n, this.#lastNs) : [];
    if (all.length > 0) this.#writeLosses(all);
    if (this.#packets.length > 0) yield this.#packets.take();
  }

  #writeLosses(all: readonly LossSeries[]): void {
    const parent = this.#tracks.create();
    this.#packets.track({ uuid: parent, name: 'lost' });
    for (const { name, points } of all) {
      const uuid = this.#tracks.create();
      this.#packets.track({ uuid, name, parent, isCounter: true });
      for (const { ns, value } of points) this.#packets.counter(uuid, ns, value);
    }
  }
}
