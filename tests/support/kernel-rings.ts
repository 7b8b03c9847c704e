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
  END_SYMBOL,
  EVENT_CPU,
  EVENT_FLAGS,
  EVENT_JOURNEY,
  EVENT_SEQUENCE,
  EVENT_SIZE,
  EVENT_TARGET,
  EVENT_TIMESTAMP_NS,
  IPFT_EVENT_NOTICE,
  IPFT_JOURNEY_DROPPED,
  IPFT_NOTICE_BEGIN,
  IPFT_NOTICE_END,
  PLACE_DEVICE,
  PLACE_DEVICE_SIZE,
  PLACE_IFINDEX,
  PLACE_NETNS,
} from '../../src/abi/layout.js';
import type { Living } from '../../src/base/journey.js';
import type { Readable } from '../../src/capture/live-source.js';
import { RingReader } from '../../src/capture/ring.js';
import { Rings } from '../../src/capture/rings.js';

const PAGE = 4096;
const HEADER = 8;
const BUSY = 0x80000000;
const DEVICE = 'eth0';

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

  reader(): RingReader {
    const [consumer, producer] = [this.#consumer, this.#producer];
    return new RingReader({ consumer, producer, pageSize: PAGE, sizeBytes: this.#sizeBytes });
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
}

export interface KernelRingsOptions {
  readonly ringBytes: number;
  readonly endsBytes: number;
  readonly eventsPerJourney: number;
  /** Packets that are on their way at the same time. */
  readonly packets?: number;
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
/** The largest step back in time between two neighbouring events in the ring. */
const DISORDER_NS = 20_000;

/** Stands in for a session: a reader reads the records that were written here. */
export class KernelRings implements Readable {
  readonly coverage = { traced: 5, refused: [], unwatched: [] };
  readonly events: WritableRing;
  readonly ends: WritableRing;
  readonly #rings: Rings;
  readonly #perJourney: number;
  readonly #packets: Packet[] = [];
  readonly #addresses: number[] = [];
  readonly truth: Truth = { events: 0, lostEvents: 0, ended: 0, lostEnds: 0 };
  #ids = 0;
  #steps = 0;
  /** The time of the next event: just after this machine was started, so that it stays behind the present time. */
  ns = 1_000_000_000;
  misses = 0n;

  constructor({ ringBytes, endsBytes, eventsPerJourney, packets = 8 }: KernelRingsOptions) {
    this.events = new WritableRing(ringBytes);
    this.ends = new WritableRing(endsBytes);
    this.#rings = new Rings(this.events.reader(), this.ends.reader(), () => BigInt(this.ns));
    this.#perJourney = eventsPerJourney;
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
      this.ns += STEP_NS;
      this.#record(packet, this.ns - ((step * 7919) % DISORDER_NS), step % CPUS);
      if (packet.events < this.#perJourney + (packet.id % 3)) continue;
      this.ns += STEP_NS;
      this.#end(packet);
      this.#packets[which] = this.#create();
    }
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
      const at = events.reserve(BEGIN_SIZE);
      if (at === undefined) {
        truth.lostEvents++;
        return;
      }
      packet.isAnnounced = true;
      events.event(at, ns, packet.id, sequence, IPFT_NOTICE_BEGIN, cpu, IPFT_EVENT_NOTICE);
      events.view.setBigUint64(at + BEGIN_SKB, 0xffff888000000000n + BigInt(packet.address), true);
      events.view.setBigUint64(at + BEGIN_ID, BigInt(packet.id), true);
      events.view.setBigUint64(at + BEGIN_PARENT, 0n, true);
      const place = at + BEGIN_PLACE;
      events.view.setUint32(place + PLACE_NETNS, 0xf0000000, true);
      events.view.setUint32(place + PLACE_IFINDEX, 2, true);
      for (let i = 0; i < PLACE_DEVICE_SIZE; i++)
        events.view.setUint8(place + PLACE_DEVICE + i, DEVICE.charCodeAt(i) || 0);
    }
    const at = events.reserve(EVENT_SIZE);
    if (at === undefined) truth.lostEvents++;
    else events.event(at, ns, packet.id, sequence, packet.id % 5, cpu);
  }

  #end(packet: Packet): void {
    const { ends, truth } = this;
    this.#addresses.push(packet.address);
    if (!packet.isAnnounced) return;
    truth.ended++;
    // The names of addresses are all told.
    const own = ends.reserve(END_SYMBOL);
    const at = own ?? this.events.reserve(END_SYMBOL);
    if (at === undefined) {
      truth.lostEnds++;
      return;
    }
    const ring = own === undefined ? this.events : ends;
    ring.event(at, this.ns, packet.id, packet.events, IPFT_NOTICE_END, 0, IPFT_EVENT_NOTICE);
    for (let offset = EVENT_SIZE; offset < END_SYMBOL; offset += 4) ring.view.setUint32(at + offset, 0, true);
    ring.view.setUint32(at + END_ID, packet.id, true);
    ring.view.setUint8(at + END_FLAGS, packet.id % 7 === 0 ? IPFT_JOURNEY_DROPPED : 0);
  }

  read: Readable['read'] = (taker, limit, until) => this.#rings.read(taker, limit, until);

  readRaw: Readable['readRaw'] = (taker, limit, until) => this.#rings.readRaw(taker, limit, until);

  get written(): Readable['written'] {
    return this.#rings.written;
  }

  countUnreadEnds(): number {
    return this.#rings.countUnreadEnds();
  }

  living(): Living[] {
    return this.#packets.map(({ id, events }) => ({ journey: id, events, freeing: undefined }));
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
