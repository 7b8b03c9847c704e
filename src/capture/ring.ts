/**
 * Reading the BPF ring buffer in place. Requires Linux 5.8.
 *
 * Layout, from the kernel's `kernel/bpf/ringbuf.c` and `linux/bpf.h`: the map is mmapped as a consumer page (its first
 * 8 bytes: up to where has been read), a producer page (up to where has been reserved), and the data, which the kernel
 * maps twice in a row, so that a record never wraps. A record is an 8-byte header and its bytes, filled up to 8:
 *
 *     length u32: bits 0-29, BUSY bit 31 (reserved, not submitted), DISCARD bit 30;  page offset u32
 */

import {
  EVENT_CPU,
  EVENT_DEPTH,
  EVENT_FLAGS,
  EVENT_JOURNEY,
  EVENT_SEQUENCE,
  EVENT_SIZE,
  EVENT_TARGET,
  EVENT_TIMESTAMP_NS,
  IPFT_EVENT_ENTRY_LOST,
  IPFT_EVENT_FREED,
  IPFT_EVENT_NO_FIELDS,
  IPFT_EVENT_NOTICE,
  IPFT_EVENT_RETURN,
  IPFT_NOTICE_BEGIN,
  IPFT_NOTICE_END,
  IPFT_NOTICE_PLACE,
  RETURN_ENTRY_NS,
  RETURN_SIZE,
} from '../abi/layout.js';
import { NoticeDecoder } from '../abi/notices.js';
import { createEvent, type RecordTaker, type TraceEvent } from '../base/event.js';
import { Mapping, PROT_READ, PROT_WRITE } from '../sys/libc.js';

const BPF_RINGBUF_BUSY_BIT = 0x80000000;
const BPF_RINGBUF_DISCARD_BIT = 0x40000000;
const BPF_RINGBUF_HDR_SZ = 8;
const LENGTH_MASK = 0x3fffffff;
/** The indexes of an event's words; CPU, flags and depth share the last one. */
const TIMESTAMP_WORD = EVENT_TIMESTAMP_NS / 4;
const JOURNEY_WORD = EVENT_JOURNEY / 4;
const SEQUENCE_WORD = EVENT_SEQUENCE / 4;
const TARGET_WORD = EVENT_TARGET / 4;
const LAST_WORD = EVENT_CPU / 4;
const FLAGS_SHIFT = (EVENT_FLAGS - EVENT_CPU) * 8;
const DEPTH_SHIFT = (EVENT_DEPTH - EVENT_CPU) * 8;

/** The number of bytes after which the kernel is told that they are free. */
const COMMIT_BYTES = 1 << 18;

/** The memory of a ring, as the kernel maps it. */
export interface RingMemory {
  /** The consumer page. */
  readonly consumer: ArrayBuffer;
  /** The producer page and, behind it, the data twice. */
  readonly producer: ArrayBuffer;
  readonly pageSize: number;
  /** The size of the data; a power of two. */
  readonly sizeBytes: number;
}

/** Reads the records of a ring. Views of the ring's memory leave it only in lent events. */
export class RingReader {
  readonly #consumed: BigUint64Array;
  readonly #produced: BigUint64Array;
  readonly #words: Int32Array;
  readonly #mask: number;
  readonly #event: TraceEvent;
  readonly #notices = new NoticeDecoder();
  /** The position of this reader; the kernel's may be behind it. */
  #position: number;

  constructor({ consumer, producer, pageSize, sizeBytes }: RingMemory) {
    this.#consumed = new BigUint64Array(consumer, 0, 1);
    this.#produced = new BigUint64Array(producer, 0, 1);
    this.#words = new Int32Array(producer, pageSize, (2 * sizeBytes) / 4);
    this.#mask = sizeBytes - 1;
    this.#position = Number(this.#consumed[0]);
    const data = new DataView(producer, pageSize, 2 * sizeBytes);
    this.#event = createEvent(data);
  }

  /** The number of bytes that the kernel has written so far. */
  get produced(): number {
    return Number(Atomics.load(this.#produced, 0));
  }

  /** The number of bytes that have been read so far. It stays below `produced` while a record is being written. */
  get position(): number {
    return this.#position;
  }

  /** The time of the event that was read last, in nanoseconds of CLOCK_MONOTONIC; 0 before the first event. */
  get newestNs(): bigint {
    return (BigInt(this.#event.timestampHigh) << 32n) | BigInt(this.#event.timestampLow);
  }

  /** The number of records that have not been read. */
  countUnread(): number {
    const end = this.produced;
    let count = 0;
    for (let position = this.#position; position < end; count++) {
      const header = Atomics.load(this.#words, (position & this.#mask) >> 2);
      if (header & BPF_RINGBUF_BUSY_BIT) break;
      position += ((header & LENGTH_MASK) + BPF_RINGBUF_HDR_SZ + 7) & ~7;
    }
    return count;
  }

  /**
   * The position up to which the ring has only complete records that are older than `beforeNs`. There follows a newer
   * record, one that is still being written, or the end.
   * @param until a former `produced`, the furthest position
   */
  positionBefore(beforeNs: bigint, until = Number.POSITIVE_INFINITY): number {
    const words = this.#words;
    const end = Math.min(this.produced, until);
    const [low, high] = [Number(beforeNs & 0xffffffffn), Number(beforeNs >> 32n)];
    let position = this.#position;
    while (position < end) {
      const at = position & this.#mask;
      const header = Atomics.load(words, at >> 2);
      if (header & BPF_RINGBUF_BUSY_BIT) break;
      const word = ((at + BPF_RINGBUF_HDR_SZ) >> 2) + TIMESTAMP_WORD;
      const its = words[word + 1]! >>> 0;
      const isOlder = its < high || (its === high && words[word]! >>> 0 < low);
      if (!isOlder && !(header & BPF_RINGBUF_DISCARD_BIT)) break;
      position += ((header & LENGTH_MASK) + BPF_RINGBUF_HDR_SZ + 7) & ~7;
    }
    return position;
  }

  /**
   * Hands the records that are in the ring to `taker`, oldest first. Events are lent for the time of the call.
   * @param limit the most records, so that the caller gets its turn
   * @param until a former `produced`, where reading stops
   * @returns the number of events
   */
  read(taker: RecordTaker, limit = Number.POSITIVE_INFINITY, until = Number.POSITIVE_INFINITY): number {
    const event = this.#event;
    const data = event.data;
    const words = this.#words;
    const end = Math.min(this.produced, until);
    let position = this.#position;
    let committed = position;
    let count = 0;
    let others = 0;
    while (position < end && count + others < limit) {
      // A bitwise operation keeps the low 32 bits of a double up to 2^53, which is reached after years of events.
      const at = position & this.#mask;
      // Atomic, so that the bytes behind the header are not read before the header says that they are complete.
      const header = Atomics.load(words, at >> 2);
      if (header & BPF_RINGBUF_BUSY_BIT) break;
      const length = header & LENGTH_MASK;
      const record = at + BPF_RINGBUF_HDR_SZ;
      // An event is read in words; the last one has CPU, flags and depth.
      const word = record >> 2;
      const last = words[word + LAST_WORD]!;
      const flags = (last >> FLAGS_SHIFT) & 0xff;
      if (header & BPF_RINGBUF_DISCARD_BIT) {
        // The program has discarded the record.
        others++;
      } else if (flags & IPFT_EVENT_NOTICE) {
        this.#takeNotice(taker, record, length);
        others++;
      } else {
        event.journey = words[word + JOURNEY_WORD]! >>> 0;
        event.sequence = words[word + SEQUENCE_WORD]! >>> 0;
        event.timestampLow = words[word + TIMESTAMP_WORD]! >>> 0;
        event.timestampHigh = words[word + TIMESTAMP_WORD + 1]! >>> 0;
        event.target = words[word + TARGET_WORD]! >>> 0;
        event.cpu = last & 0xffff;
        event.isReturn = (flags & IPFT_EVENT_RETURN) !== 0;
        event.hasFields = (flags & IPFT_EVENT_NO_FIELDS) === 0;
        event.skbFreed = (flags & IPFT_EVENT_FREED) !== 0;
        event.entryLost = (flags & IPFT_EVENT_ENTRY_LOST) !== 0;
        event.depth = (last >> DEPTH_SHIFT) & 0xff;
        event.dataOffset = record + EVENT_SIZE;
        if (event.isReturn) {
          event.entryLow = data.getUint32(record + RETURN_ENTRY_NS, true);
          event.entryHigh = data.getUint32(record + RETURN_ENTRY_NS + 4, true);
          event.dataOffset = record + RETURN_SIZE;
        }
        taker.event(event);
        count++;
      }
      position += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7;
      if (position - committed >= COMMIT_BYTES) {
        this.#commit(position);
        committed = position;
      }
    }
    if (position !== committed) this.#commit(position);
    return count;
  }

  /** Notices become objects of their own: a journey has only a few. */
  #takeNotice(taker: RecordTaker, at: number, length: number): void {
    const { data } = this.#event;
    switch (data.getUint32(at + EVENT_TARGET, true)) {
      case IPFT_NOTICE_BEGIN:
        taker.began(this.#notices.began(data, at));
        break;
      case IPFT_NOTICE_PLACE: {
        const moved = this.#notices.moved(data, at);
        if (moved) taker.moved(moved);
        break;
      }
      case IPFT_NOTICE_END:
        taker.ended(this.#notices.ended(data, at, length));
        break;
    }
  }

  #commit(position: number): void {
    this.#position = position;
    Atomics.store(this.#consumed, 0, BigInt(position));
  }
}

/** A ring of the running kernel. */
export class Ring implements Disposable {
  readonly #mappings: Mapping[] = [];
  #reader: RingReader | undefined;

  /**
   * @param mapFd a BPF_MAP_TYPE_RINGBUF, which may be closed afterwards
   * @param sizeBytes its max_entries
   * @param pageSize of this machine
   */
  constructor(mapFd: number, sizeBytes: number, pageSize: number) {
    try {
      const map = (offset: number, length: number, protection: number) => {
        const mapping = new Mapping(mapFd, offset, length, protection);
        this.#mappings.push(mapping);
        return mapping.buffer;
      };
      const consumer = map(0, pageSize, PROT_READ | PROT_WRITE);
      const producer = map(pageSize, pageSize + 2 * sizeBytes, PROT_READ);
      this.#reader = new RingReader({ consumer, producer, pageSize, sizeBytes });
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** See `RingReader.read`. After disposal it reads nothing. */
  read(taker: RecordTaker, limit?: number, until?: number): number {
    return this.#reader?.read(taker, limit, until) ?? 0;
  }

  /** See `RingReader.countUnread`. */
  countUnread(): number {
    return this.#reader?.countUnread() ?? 0;
  }

  /** See `RingReader.newestNs`. */
  get newestNs(): bigint {
    return this.#reader?.newestNs ?? 0n;
  }

  /** See `RingReader.positionBefore`. */
  positionBefore(beforeNs: bigint, until?: number): number {
    return this.#reader?.positionBefore(beforeNs, until) ?? 0;
  }

  /** See `RingReader.position`. */
  get position(): number {
    return this.#reader?.position ?? 0;
  }

  /** See `RingReader.produced`. */
  get produced(): number {
    return this.#reader?.produced ?? 0;
  }

  [Symbol.dispose](): void {
    // The reader goes first: reading memory that is not mapped would crash the process.
    this.#reader = undefined;
    for (const mapping of this.#mappings.splice(0)) mapping[Symbol.dispose]();
  }
}
