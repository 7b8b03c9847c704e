/**
 * Reading the BPF ring buffer in place. Requires Linux 5.8.
 *
 * Layout, from the kernel's `kernel/bpf/ringbuf.c` and `linux/bpf.h`: the map is mmapped as a consumer page (its first
 * 8 bytes: up to where has been read), a producer page (up to where has been reserved), and the data, which the kernel
 * maps twice in a row, so that a record never wraps. A record is an 8-byte header and its bytes, filled up to 8:
 *
 *     length u32: bits 0-29, BUSY bit 31 (reserved, not submitted), DISCARD bit 30;  page offset u32
 */

import { EVENT_TIMESTAMP_NS } from '../abi/layout.js';
import type { NoticeDecoder } from '../abi/notices.js';
import { RecordDecoder } from '../abi/records.js';
import type { RawTaker, RecordTaker, RingName } from '../base/event.js';
import { Mapping, PROT_READ, PROT_WRITE } from '../sys/libc.js';

const BPF_RINGBUF_BUSY_BIT = 0x80000000;
const BPF_RINGBUF_DISCARD_BIT = 0x40000000;
const BPF_RINGBUF_HDR_SZ = 8;
const LENGTH_MASK = 0x3fffffff;
const TIMESTAMP_WORD = EVENT_TIMESTAMP_NS / 4;

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
  readonly #decoder: RecordDecoder;
  /** The position of this reader; the kernel's may be behind it. */
  #position: number;

  /** @param notices see `RecordDecoder` */
  constructor({ consumer, producer, pageSize, sizeBytes }: RingMemory, notices?: NoticeDecoder) {
    this.#consumed = new BigUint64Array(consumer, 0, 1);
    this.#produced = new BigUint64Array(producer, 0, 1);
    this.#words = new Int32Array(producer, pageSize, (2 * sizeBytes) / 4);
    this.#mask = sizeBytes - 1;
    this.#position = Number(this.#consumed[0]);
    this.#decoder = new RecordDecoder(new DataView(producer, pageSize, 2 * sizeBytes), notices);
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
    return this.#decoder.newestNs;
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
    const decoder = this.#decoder;
    const words = this.#words;
    const end = Math.min(this.produced, until);
    let position = this.#position;
    let committed = position;
    let count = 0;
    let others = 0;
    while (position < end && count + others < limit) {
      // Doubles up to 2^53 have their low 32 bits intact in a bitwise operation: years of events.
      const at = position & this.#mask;
      // Atomic: the bytes behind the header must not be read before it says that they are complete.
      const header = Atomics.load(words, at >> 2);
      if (header & BPF_RINGBUF_BUSY_BIT) break;
      const length = header & LENGTH_MASK;
      // The program may have given the record up.
      if (!(header & BPF_RINGBUF_DISCARD_BIT) && decoder.decode(taker, at + BPF_RINGBUF_HDR_SZ, length)) count++;
      else others++;
      position += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7;
      if (position - committed >= COMMIT_BYTES) {
        this.#commit(position);
        committed = position;
      }
    }
    if (position !== committed) this.#commit(position);
    return count;
  }

  /**
   * As `read`, without decoding.
   * @param taker gets the notices, one by one, and the records in a piece or two
   */
  readRaw(taker: RawTaker, ring: RingName, limit = Number.POSITIVE_INFINITY, until = Number.POSITIVE_INFINITY): number {
    const decoder = this.#decoder;
    const words = this.#words;
    const mask = this.#mask;
    const begin = this.#position;
    const first = begin & mask;
    // Relative to `first`, since positions may be too large for whole numbers of 32 bits.
    const end = Math.min(this.produced, until) - begin;
    let next = 0;
    let piece = 0;
    let newest = -1;
    let count = 0;
    let others = 0;
    const lend = () => {
      const at = (first + piece) & mask;
      taker.records(ring, new Uint8Array(words.buffer, words.byteOffset + at, next - piece));
      if (taker.decoded) this.#decode(taker.decoded, at, at + next - piece);
      piece = next;
    };
    while (next < end && count + others < limit) {
      const at = (first + next) & mask;
      // The data lie there twice, but only as far as a record needs that is at the end of the first.
      if (at < ((first + piece) & mask)) lend();
      const header = Atomics.load(words, at >> 2);
      if (header & BPF_RINGBUF_BUSY_BIT) break;
      const record = at + BPF_RINGBUF_HDR_SZ;
      const length = header & LENGTH_MASK;
      if (header & BPF_RINGBUF_DISCARD_BIT) others++;
      else if (decoder.isNotice(record)) {
        taker.notice(decoder.data, record, length);
        others++;
      } else {
        newest = record;
        count++;
      }
      next += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7;
    }
    if (newest >= 0) decoder.seeTime(newest);
    if (next === 0) return 0;
    lend();
    this.#commit(begin + next);
    return count;
  }

  /** Hands on the records between two offsets, which are complete. */
  #decode(taker: RecordTaker, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const header = this.#words[at >> 2]!;
      const length = header & LENGTH_MASK;
      if (!(header & BPF_RINGBUF_DISCARD_BIT)) this.#decoder.decode(taker, at + BPF_RINGBUF_HDR_SZ, length);
      at += (length + BPF_RINGBUF_HDR_SZ + 7) & ~7;
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
   * @param notices see `RecordDecoder`
   */
  constructor(mapFd: number, sizeBytes: number, pageSize: number, notices?: NoticeDecoder) {
    try {
      const map = (offset: number, length: number, protection: number) => {
        const mapping = new Mapping(mapFd, offset, length, protection);
        this.#mappings.push(mapping);
        return mapping.buffer;
      };
      const consumer = map(0, pageSize, PROT_READ | PROT_WRITE);
      const producer = map(pageSize, pageSize + 2 * sizeBytes, PROT_READ);
      this.#reader = new RingReader({ consumer, producer, pageSize, sizeBytes }, notices);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** See `RingReader.read`. After disposal it reads nothing. */
  read(taker: RecordTaker, limit?: number, until?: number): number {
    return this.#reader?.read(taker, limit, until) ?? 0;
  }

  /** See `RingReader.readRaw`. */
  readRaw(taker: RawTaker, ring: RingName, limit?: number, until?: number): number {
    return this.#reader?.readRaw(taker, ring, limit, until) ?? 0;
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
