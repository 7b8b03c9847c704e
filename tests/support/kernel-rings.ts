/**
 * The two rings as the kernel side fills them, in memory of this process: packets pass on several CPUs, one after the
 * other and at the same time; addresses are used again; an end that finds no room among the ends goes among the events;
 * a record that finds no room in either is lost and counted.
 */

import {
  BEGIN_ID,
  BEGIN_PARENT,
  BEGIN_PLACE,
  BEGIN_SIZE,
  BEGIN_SKB,
  END_FLAGS,
  END_ID,
  END_LOCATION,
  END_REASON,
  END_SIZE,
  END_SYMBOL,
  EVENT_CPU,
  EVENT_FLAGS,
  EVENT_JOURNEY,
  EVENT_SEQUENCE,
  EVENT_SIZE,
  EVENT_TARGET,
  EVENT_TIMESTAMP_NS,
  HOLDER_CGROUP,
  HOLDER_NAME,
  HOLDER_NAME_SIZE,
  HOLDER_PID,
  HOLDER_TGID,
  IPFT_EVENT_ENTRY_LOST,
  IPFT_EVENT_FREED,
  IPFT_EVENT_NO_FIELDS,
  IPFT_EVENT_NOTICE,
  IPFT_EVENT_RETURN,
  IPFT_JOURNEY_DROPPED,
  IPFT_NOTICE_BEGIN,
  IPFT_NOTICE_END,
  IPFT_NOTICE_PLACE,
  IPFT_NOTICE_PROCESS,
  IPFT_NOTICE_SNAPSHOT,
  IPFT_PARTY_RECEIVER,
  IPFT_PARTY_SENDER,
  MOVED_PLACE,
  MOVED_SIZE,
  PLACE_DEVICE,
  PLACE_DEVICE_SIZE,
  PLACE_IFINDEX,
  PLACE_NETNS,
  RETURN_ENTRY_NS,
  RETURN_SIZE,
  SNAPSHOT_CAPTURED,
  SNAPSHOT_LENGTH,
  SNAPSHOT_PROTOCOL,
  SNAPSHOT_SIZE,
  WHOSE_PARTY,
  WHOSE_PROCESS,
  WHOSE_RESERVED,
  WHOSE_SIZE,
} from '../../src/abi/layout.js';
import { NoticeDecoder } from '../../src/abi/notices.js';
import type { Ended, Fate, Living } from '../../src/base/journey.js';
import type { Readable } from '../../src/capture/live-source.js';
import { RingReader } from '../../src/capture/ring.js';
import { Rings } from '../../src/capture/rings.js';

const PAGE = 4096;
const HEADER = 8;
const BUSY = 0x80000000;
const DEVICE = 'eth0';
const IPV4_BYTES = 20;

/** A ring that records are written to. */
export class WritableRing {
  readonly #sizeBytes: number;
  readonly #consumer = new ArrayBuffer(PAGE);
  readonly #producer: ArrayBuffer;
  readonly #consumed = new BigUint64Array(this.#consumer, 0, 1);
  readonly #produced: BigUint64Array;
  readonly view: DataView;
  #position = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#producer = new ArrayBuffer(PAGE + 2 * sizeBytes);
    this.#produced = new BigUint64Array(this.#producer, 0, 1);
    this.view = new DataView(this.#producer, PAGE);
  }

  reader(notices?: NoticeDecoder): RingReader {
    const [consumer, producer] = [this.#consumer, this.#producer];
    return new RingReader({ consumer, producer, pageSize: PAGE, sizeBytes: this.#sizeBytes }, notices);
  }

  hasRoom(bytes: number): boolean {
    return this.#position - Number(this.#consumed[0]) + HEADER + bytes <= this.#sizeBytes;
  }

  /** Reserves a record. @returns the offset of its bytes; undefined if there is no room */
  reserve(bytes: number, isBusy = false): number | undefined {
    const size = (HEADER + bytes + 7) & ~7;
    if (!this.hasRoom(bytes)) return undefined;
    const at = this.#position & (this.#sizeBytes - 1);
    this.view.setUint32(at, (bytes | (isBusy ? BUSY : 0)) >>> 0, true);
    this.#position += size;
    this.#produced[0] = BigInt(this.#position);
    return at + HEADER;
  }

  /** Submits a record that was reserved as busy. */
  submit(at: number): void {
    this.view.setUint32(at - HEADER, this.view.getUint32(at - HEADER, true) & ~BUSY, true);
  }

  event(at: number, ns: number, journey: number, sequence: number, target: number, cpu: number, flags = 0): void {
    const { view } = this;
    view.setUint32(at + EVENT_TIMESTAMP_NS, ns % 0x100000000, true);
    view.setUint32(at + EVENT_TIMESTAMP_NS + 4, Math.floor(ns / 0x100000000), true);
    view.setUint32(at + EVENT_JOURNEY, journey, true);
    view.setUint32(at + EVENT_SEQUENCE, sequence, true);
    view.setUint32(at + EVENT_TARGET, target, true);
    view.setUint16(at + EVENT_CPU, cpu, true);
    // With a depth of 0 behind them.
    view.setUint16(at + EVENT_FLAGS, flags, true);
  }
}

/** A packet that is on its way. */
interface Packet {
  id: number;
  address: number;
  events: number;
  isAnnounced: boolean;
  /** The open call. */
  call?: { readonly target: number; readonly ns: number; readonly cpu: number; readonly isLost: boolean } | undefined;
}

export interface KernelRingsOptions {
  readonly ringBytes: number;
  readonly endsBytes: number;
  readonly eventsPerJourney: number;
  /** Packets that are on their way at the same time. */
  readonly packets?: number;
  /** Whether there are snapshots of packets. */
  readonly hasSnapshots?: boolean;
  /** Whether packets have processes. */
  readonly hasProcesses?: boolean;
  /** Whether each second event is the return of the one before it. */
  readonly hasReturns?: boolean;
  /** The bytes of fields of each event, a multiple of 4: each word is the event's sequence number and its own offset. */
  readonly dataBytes?: number;
  /** The time of an event, in nanoseconds. */
  readonly stepNs?: number;
  /** One packet in so many is dropped; 0 for none but those of `dropNext`. */
  readonly dropsOneIn?: number;
  /** Whether packets move to other places, and are dropped for reasons at locations that have names. */
  readonly isVaried?: boolean;
}

/** The events and losses as they happened. */
export interface Truth {
  events: number;
  lostEvents: number;
  /** Journeys that have ended and have a record in the ring, and those of them whose end found no room. */
  ended: number;
  lostEnds: number;
}

const CPUS = 4;
const STEP_NS = 2000;
const LOCATION = 0xffffffff81000000n;
/** The largest step back in time between two neighbouring events in the ring. */
const DISORDER_NS = 20_000;

/** Stands in for a session: a reader reads the records that were written here. */
export class KernelRings implements Readable {
  readonly coverage = { traced: 5, refused: [], unwatched: [] };
  readonly events: WritableRing;
  readonly ends: WritableRing;
  readonly #notices = new NoticeDecoder();
  readonly #rings: Rings;
  readonly #options: KernelRingsOptions;
  readonly #packets: Packet[] = [];
  readonly #addresses: number[] = [];
  readonly truth: Truth = { events: 0, lostEvents: 0, ended: 0, lostEnds: 0 };
  #ids = 0;
  #steps = 0;
  /** The time of the next event: just after this machine was started, so that it stays behind the present time. */
  ns = 1_000_000_000;
  misses = 0n;
  #dropsNext = false;
  /** The locations whose name was told. */
  readonly #told = new Set<bigint>();

  constructor(options: KernelRingsOptions) {
    const { ringBytes, endsBytes, packets = 8 } = options;
    this.#options = options;
    this.events = new WritableRing(ringBytes);
    this.ends = new WritableRing(endsBytes);
    const notices = this.#notices;
    this.#rings = new Rings(this.events.reader(notices), this.ends.reader(notices), () => BigInt(this.ns));
    for (let i = 0; i < packets * 2; i++) this.#addresses.push(i * 256);
    for (let i = 0; i < packets; i++) this.#packets.push(this.#create());
  }

  #create(): Packet {
    return { id: ++this.#ids, address: this.#addresses.pop()!, events: 0, isAnnounced: false };
  }

  /** Makes so many events, of one packet after the other. */
  happen(count: number): void {
    for (let i = 0; i < count; i++) {
      const step = this.#steps++;
      const which = step % this.#packets.length;
      const packet = this.#packets[which]!;
      this.ns += this.#stepNs;
      this.#record(packet, this.ns - ((step * 7919) % DISORDER_NS), step % CPUS);
      if (packet.events < this.#options.eventsPerJourney + (packet.id % 3)) continue;
      this.ns += this.#stepNs;
      this.#end(packet);
      this.#packets[which] = this.#create();
    }
  }

  get #stepNs(): number {
    return this.#options.stepNs ?? STEP_NS;
  }

  /** The packet that ends next is dropped. */
  dropNext(): void {
    this.#dropsNext = true;
  }

  #isDropped({ id }: Packet): boolean {
    const { dropsOneIn = 7 } = this.#options;
    const isDropped = this.#dropsNext || (dropsOneIn > 0 && id % dropsOneIn === 0);
    this.#dropsNext = false;
    return isDropped;
  }

  /** Nothing happens for so long. */
  rest(ns: number): void {
    this.ns += ns;
  }

  /** Makes events until one finds no room. */
  fill(): void {
    for (const { lostEvents } = this.truth; this.truth.lostEvents === lostEvents; ) this.happen(1);
  }

  #record(packet: Packet, ns: number, cpu: number): void {
    const { events, truth } = this;
    truth.events++;
    const sequence = packet.events++;
    if (!packet.isAnnounced) {
      const at = events.reserve(BEGIN_SIZE + this.#snapshotBytes);
      if (at === undefined) {
        truth.lostEvents++;
        return;
      }
      packet.isAnnounced = true;
      events.event(at, ns, packet.id, sequence, IPFT_NOTICE_BEGIN, cpu, IPFT_EVENT_NOTICE);
      events.view.setBigUint64(at + BEGIN_SKB, 0xffff888000000000n + BigInt(packet.address), true);
      events.view.setBigUint64(at + BEGIN_ID, BigInt(packet.id), true);
      events.view.setBigUint64(at + BEGIN_PARENT, 0n, true);
      this.#place(at + BEGIN_PLACE, 0xf0000000);
      this.#snapshot(at + BEGIN_SIZE, packet);
    }
    if (this.#options.isVaried && sequence === 3) {
      const at = events.reserve(MOVED_SIZE + this.#snapshotBytes);
      if (at !== undefined) {
        events.event(at, ns, packet.id, sequence, IPFT_NOTICE_PLACE, cpu, IPFT_EVENT_NOTICE);
        this.#place(at + MOVED_PLACE, 0xf0000000 + (packet.id % 2));
        this.#snapshot(at + MOVED_SIZE, packet);
      }
    }
    if (this.#options.hasSnapshots && sequence === 4) {
      const at = events.reserve(EVENT_SIZE + this.#snapshotBytes);
      if (at !== undefined) {
        events.event(at, ns, packet.id, sequence, IPFT_NOTICE_SNAPSHOT, cpu, IPFT_EVENT_NOTICE);
        this.#snapshot(at + EVENT_SIZE, packet);
      }
    }
    if (this.#options.hasProcesses) {
      if (sequence === 1) this.#whose(packet, ns, cpu, IPFT_PARTY_SENDER);
      if (sequence === 3) this.#whose(packet, ns, cpu, IPFT_PARTY_RECEIVER);
    }
    if (!this.#call(packet, sequence, ns, cpu)) truth.lostEvents++;
  }

  /** Some processes have no id, and some no control group. */
  #whose({ id, events: sequence }: Packet, ns: number, cpu: number, party: number): void {
    const { view } = this.events;
    const at = this.events.reserve(WHOSE_SIZE);
    if (at === undefined) return;
    this.events.event(at, ns, id, sequence, IPFT_NOTICE_PROCESS, cpu, IPFT_EVENT_NOTICE);
    const process = at + WHOSE_PROCESS;
    view.setBigUint64(process + HOLDER_CGROUP, BigInt(id % 3) * 1000n, true);
    view.setUint32(process + HOLDER_TGID, 70_000 + (id % 5), true);
    view.setUint32(process + HOLDER_PID, id % 5, true);
    new Uint8Array(view.buffer, view.byteOffset + process + HOLDER_NAME, HOLDER_NAME_SIZE).fill(0);
    new TextEncoder().encodeInto(
      `command ${id % 7}`,
      new Uint8Array(view.buffer, view.byteOffset + process + HOLDER_NAME),
    );
    view.setUint32(at + WHOSE_PARTY, party, true);
    view.setUint32(at + WHOSE_RESERVED, 0, true);
  }

  get #snapshotBytes(): number {
    return this.#options.hasSnapshots ? SNAPSHOT_SIZE + IPV4_BYTES : 0;
  }

  /** Headers that tell the packet and how often it was looked at; each fourth packet's can't be read at first. */
  #snapshot(at: number, { id, events }: Packet): void {
    if (!this.#options.hasSnapshots) return;
    const { view } = this.events;
    for (let i = 0; i < SNAPSHOT_SIZE; i++) view.setUint8(at + i, 0);
    view.setUint32(at + SNAPSHOT_LENGTH, 1000 + events, true);
    view.setUint16(at + SNAPSHOT_CAPTURED, id % 4 === 0 && events === 1 ? 0 : IPV4_BYTES, true);
    view.setUint16(at + SNAPSHOT_PROTOCOL, 0x0800);
    const header = Buffer.from('450003e800000000401100000a0000000a000000', 'hex');
    header.writeUInt16BE(id & 0xffff, 14);
    header.writeUInt16BE(events, 18);
    new Uint8Array(view.buffer, view.byteOffset + at + SNAPSHOT_SIZE).set(header);
  }

  #place(at: number, netns: number): void {
    const { view } = this.events;
    view.setUint32(at + PLACE_NETNS, netns, true);
    view.setUint32(at + PLACE_IFINDEX, 2, true);
    for (let i = 0; i < PLACE_DEVICE_SIZE; i++) view.setUint8(at + PLACE_DEVICE + i, DEVICE.charCodeAt(i) || 0);
  }

  /** Enters a function, or returns from the one that was entered. @returns whether there was room */
  #call(packet: Packet, sequence: number, ns: number, cpu: number): boolean {
    const { events } = this;
    const { hasReturns = false, dataBytes = 0 } = this.#options;
    const { call } = packet;
    const target = call?.target ?? (packet.id + (hasReturns ? sequence >> 1 : 0)) % 5;
    const size = call ? RETURN_SIZE : EVENT_SIZE;
    const isFreed = call !== undefined && sequence % 5 === 0;
    const at = events.reserve(size + (isFreed ? 0 : dataBytes));
    packet.call = hasReturns && !call ? { target, ns, cpu, isLost: at === undefined } : undefined;
    if (at === undefined) return false;
    const flags =
      (call ? IPFT_EVENT_RETURN | (call.isLost ? IPFT_EVENT_ENTRY_LOST : 0) : 0) |
      (isFreed ? IPFT_EVENT_FREED | IPFT_EVENT_NO_FIELDS : 0);
    events.event(at, call ? Math.max(ns, call.ns + 1) : ns, packet.id, sequence, target, call?.cpu ?? cpu, flags);
    if (call) events.view.setBigUint64(at + RETURN_ENTRY_NS, BigInt(call.ns), true);
    for (let offset = 0; offset < dataBytes && !isFreed; offset += 4) {
      events.view.setUint32(at + size + offset, sequence + offset, true);
    }
    return true;
  }

  #end(packet: Packet): void {
    const { ends, truth } = this;
    this.#addresses.push(packet.address);
    if (!packet.isAnnounced) return;
    truth.ended++;
    const location = this.#options.isVaried ? LOCATION + BigInt(packet.id % 3) * 16n : 0n;
    // A name is told once.
    const hasSymbol = location !== 0n && !this.#told.has(location);
    const bytes = hasSymbol ? END_SIZE : END_SYMBOL;
    const own = ends.reserve(bytes);
    const at = own ?? this.events.reserve(bytes);
    if (at === undefined) {
      truth.lostEnds++;
      return;
    }
    const ring = own === undefined ? this.events : ends;
    ring.event(at, this.ns, packet.id, packet.events, IPFT_NOTICE_END, 0, IPFT_EVENT_NOTICE);
    for (let offset = EVENT_SIZE; offset < bytes; offset += 4) ring.view.setUint32(at + offset, 0, true);
    ring.view.setUint32(at + END_ID, packet.id, true);
    ring.view.setUint8(at + END_FLAGS, this.#isDropped(packet) ? IPFT_JOURNEY_DROPPED : 0);
    if (!this.#options.isVaried) return;
    ring.view.setBigUint64(at + END_LOCATION, location, true);
    ring.view.setUint32(at + END_REASON, packet.id % 7, true);
    if (!hasSymbol) return;
    this.#told.add(location);
    const name = `function_${location & 0xffn}+0x2/0x40`;
    for (let i = 0; i < name.length; i++) ring.view.setUint8(at + END_SYMBOL + i, name.charCodeAt(i));
  }

  read: Readable['read'] = (taker, limit, until) => this.#rings.read(taker, limit, until);

  readRaw: Readable['readRaw'] = (taker, limit, until) => this.#rings.readRaw(taker, limit, until);

  /** As `Session.symbolOf`. */
  symbolOf(location: bigint): string | undefined {
    return this.#notices.symbolOf(location);
  }

  get written(): Readable['written'] {
    return this.#rings.written;
  }

  countUnreadEnds(): number {
    return this.#rings.countUnreadEnds();
  }

  living(): Living[] {
    return this.#packets.map(({ id, events }, index) => ({
      ...{ journey: id, events },
      freeing: this.#options.isVaried && index === 0 ? this.#freeing(id, events) : undefined,
    }));
  }

  /** The end of a packet that was being freed a second ago. */
  #freeing(journey: number, events: number): Ended {
    const fate: Fate = {
      ...{ dropped: true, received: false, stage: 'none', reason: 9, location: LOCATION + 256n, symbol: '' },
      ...{ device: '', family: 0, protocol: 0 },
    };
    return { journey, events, timestampNs: BigInt(this.ns - 1_000_000_000), fate };
  }

  losses(missed = this.countMisses()): ReturnType<Readable['losses']> {
    const { lostEnds } = this.truth;
    return {
      ...{ cpus: [], unfollowed: 0n, unseen: 0n, ends: BigInt(lostEnds), missed, switchedOff: [] },
      countsMisses: true,
    };
  }

  countMisses(): ReturnType<Readable['countMisses']> {
    return { shown: this.misses, deciding: 0n };
  }
}
