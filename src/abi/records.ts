/** Decodes the records of the rings (`bpf/abi/record.h`), wherever their bytes lie. Pure. */
import { createEvent, type RecordTaker, type TraceEvent } from '../base/event.js';
import {
  BEGIN_SIZE,
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
  IPFT_NOTICE_PROCESS,
  IPFT_NOTICE_SNAPSHOT,
  MOVED_SIZE,
  RETURN_ENTRY_NS,
  RETURN_SIZE,
} from './layout.js';
import { NoticeDecoder } from './notices.js';

/** Which words of an event hold what; CPU, flags and depth share the last one. */
const TIMESTAMP_WORD = EVENT_TIMESTAMP_NS / 4;
const JOURNEY_WORD = EVENT_JOURNEY / 4;
const SEQUENCE_WORD = EVENT_SEQUENCE / 4;
const TARGET_WORD = EVENT_TARGET / 4;
const LAST_WORD = EVENT_CPU / 4;
const FLAGS_SHIFT = (EVENT_FLAGS - EVENT_CPU) * 8;
const DEPTH_SHIFT = (EVENT_DEPTH - EVENT_CPU) * 8;

/** Decodes records of one memory. The event that it lends is the same object each time. */
export class RecordDecoder {
  /** The memory. */
  readonly data: DataView<ArrayBuffer>;
  readonly #words: Int32Array;
  readonly #event: TraceEvent;
  readonly #notices: NoticeDecoder;

  /** @param data little-endian records, aligned to 8 bytes @param notices shared by decoders whose records belong together */
  constructor(data: DataView<ArrayBuffer>, notices = new NoticeDecoder()) {
    this.data = data;
    this.#words = new Int32Array(data.buffer, data.byteOffset, data.byteLength >> 2);
    this.#event = createEvent(data);
    this.#notices = notices;
  }

  /** The time of the event that was decoded last: nanoseconds of CLOCK_MONOTONIC; 0 before the first one. */
  get newestNs(): bigint {
    return (BigInt(this.#event.timestampHigh) << 32n) | BigInt(this.#event.timestampLow);
  }

  /**
   * Hands a record to `taker`.
   * @param at the offset of the record's first byte
   * @param length of the record
   * @returns whether it is an event
   */
  decode(taker: RecordTaker, at: number, length: number): boolean {
    // All of the event is in words; the last one has CPU, flags and depth.
    const words = this.#words;
    const word = at >> 2;
    const last = words[word + LAST_WORD]!;
    const flags = (last >> FLAGS_SHIFT) & 0xff;
    if (flags & IPFT_EVENT_NOTICE) {
      this.#takeNotice(taker, at, length);
      return false;
    }
    const event = this.#event;
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
    event.dataOffset = at + EVENT_SIZE;
    if (event.isReturn) {
      event.entryLow = event.data.getUint32(at + RETURN_ENTRY_NS, true);
      event.entryHigh = event.data.getUint32(at + RETURN_ENTRY_NS + 4, true);
      event.dataOffset = at + RETURN_SIZE;
    }
    taker.event(event);
    return true;
  }

  /** Whether the record at an offset is a notice; if not, it is an event. */
  isNotice(at: number): boolean {
    return ((this.#words[(at >> 2) + LAST_WORD]! >> FLAGS_SHIFT) & IPFT_EVENT_NOTICE) !== 0;
  }

  /** Takes the time of the event at an offset as `newestNs`. */
  seeTime(at: number): void {
    const word = (at >> 2) + TIMESTAMP_WORD;
    this.#event.timestampLow = this.#words[word]! >>> 0;
    this.#event.timestampHigh = this.#words[word + 1]! >>> 0;
  }

  /** Notices are a few for each journey: they may be objects of their own. */
  #takeNotice(taker: RecordTaker, at: number, length: number): void {
    const { data } = this.#event;
    switch (data.getUint32(at + EVENT_TARGET, true)) {
      case IPFT_NOTICE_BEGIN:
        taker.began(this.#notices.began(data, at));
        this.#takeSnapshot(taker, at, length, BEGIN_SIZE);
        break;
      case IPFT_NOTICE_PLACE: {
        const moved = this.#notices.moved(data, at);
        if (moved) taker.moved(moved);
        this.#takeSnapshot(taker, at, length, MOVED_SIZE);
        break;
      }
      case IPFT_NOTICE_SNAPSHOT:
        this.#takeSnapshot(taker, at, length, EVENT_SIZE);
        break;
      case IPFT_NOTICE_PROCESS: {
        const whose = this.#notices.whose(data, at);
        if (whose) taker.process(whose);
        break;
      }
      case IPFT_NOTICE_END:
        taker.ended(this.#notices.ended(data, at, length));
        break;
    }
  }

  /** Hands on the snapshot that may stand behind a notice. @param noticeBytes the size of the notice without it */
  #takeSnapshot(taker: RecordTaker, at: number, length: number, noticeBytes: number): void {
    if (length <= noticeBytes) return;
    const snapped = this.#notices.snapshot(this.#event.data, at, at + noticeBytes, at + length);
    if (snapped) taker.snapshot(snapped);
  }
}
