/** The journeys that live at a point between two chunks of records, for files that begin there. */
import {
  BEGIN_ID,
  BEGIN_PLACE,
  BEGIN_SIZE,
  END_ID,
  EVENT_FLAGS,
  EVENT_JOURNEY,
  EVENT_TARGET,
  EVENT_TIMESTAMP_NS,
  IPFT_EVENT_NOTICE,
  IPFT_MAX_JOURNEYS,
  IPFT_NOTICE_BEGIN,
  IPFT_NOTICE_END,
  IPFT_NOTICE_PLACE,
  MOVED_PLACE,
  PLACE_SIZE,
} from '../abi/layout.js';
import { encodeBegin } from '../abi/notices.js';
import type { Began } from '../base/journey.js';
import {
  GIVEN_UP,
  LENGTH_MASK,
  MAX_CHUNK_BYTES,
  paddedBytes,
  RECORD_HEADER_BYTES,
  STEP_HEADER_BYTES,
  WINDOW_BYTES,
} from './format.js';

/** The most begins in a chunk. */
const MOST_BEGINS = Math.floor(MAX_CHUNK_BYTES / 2 / (RECORD_HEADER_BYTES + BEGIN_SIZE));
const ROW_BYTES = RECORD_HEADER_BYTES + BEGIN_SIZE;
/** The kernel's slot of a journey, which the low bits of its id tell. */
const SLOT_MASK = IPFT_MAX_JOURNEYS - 1;
const FLAGS_SHIFT = (EVENT_FLAGS & 3) * 8;

/** The journeys that live where the records of a file begin. */
export interface Carried {
  /** The contents of the chunks that say which: the oldest first. */
  encode(): Iterable<Uint8Array<ArrayBuffer>>;
}

/** Journeys whose begins have been decoded. */
export class CarriedBegins implements Carried {
  readonly #begins: readonly Began[];

  constructor(begins: Iterable<Began>) {
    this.#begins = [...begins];
  }

  *encode(): Iterable<Uint8Array<ArrayBuffer>> {
    for (let first = 0; first < this.#begins.length; first += MOST_BEGINS) {
      const some = this.#begins.slice(first, first + MOST_BEGINS);
      const content = new Uint8Array(some.length * ROW_BYTES);
      const view = new DataView(content.buffer);
      for (const [index, began] of some.entries()) {
        view.setUint32(index * ROW_BYTES, BEGIN_SIZE, true);
        encodeBegin(view, index * ROW_BYTES + RECORD_HEADER_BYTES, began);
      }
      yield content;
    }
  }
}

/**
 * A begin for each slot of the kernel's table, of which no two journeys share one: it does not grow where ends are lost.
 * Its memory is claimed once.
 */
export class CarriedJourneys implements Carried {
  /** The begins, each behind the header of a record. */
  readonly #rows = new Uint8Array(IPFT_MAX_JOURNEYS * ROW_BYTES);
  readonly #words = new Int32Array(this.#rows.buffer);
  readonly #lives = new Uint8Array(IPFT_MAX_JOURNEYS);
  /** How many journeys live. */
  count = 0;

  /** Takes what the notices of a chunk of records say. @param content of the chunk: whole steps, aligned to 8 */
  apply(content: Uint8Array<ArrayBuffer>): void {
    const { buffer, byteOffset, byteLength } = content;
    const words = new Int32Array(buffer, byteOffset, byteLength >> 2);
    for (let step = 0; step < byteLength; ) {
      const word = step >> 2;
      const end = step + STEP_HEADER_BYTES + words[word + 2]! + words[word + 3]!;
      for (let at = step + STEP_HEADER_BYTES; at < end; ) {
        const header = words[at >> 2]!;
        const record = at + RECORD_HEADER_BYTES;
        const isNotice = (words[(record + EVENT_FLAGS) >> 2]! >> FLAGS_SHIFT) & IPFT_EVENT_NOTICE;
        if (isNotice && !(header & GIVEN_UP)) this.#notice(content, words, record);
        at += paddedBytes((header & LENGTH_MASK) + RECORD_HEADER_BYTES);
      }
      step = end + words[word + 4]! * WINDOW_BYTES;
    }
  }

  #notice(content: Uint8Array, words: Int32Array, at: number): void {
    const id = words[(at + EVENT_JOURNEY) >> 2]!;
    const slot = id & SLOT_MASK;
    const row = slot * ROW_BYTES;
    const begin = row + RECORD_HEADER_BYTES;
    switch (words[(at + EVENT_TARGET) >> 2]) {
      case IPFT_NOTICE_BEGIN:
        // Two CPUs may send the same begin.
        if (this.#lives[slot] && this.#hasId(begin, words, at + BEGIN_ID)) return;
        this.#words[row >> 2] = BEGIN_SIZE;
        this.#rows.set(content.subarray(at, at + BEGIN_SIZE), begin);
        if (!this.#lives[slot]) this.count++;
        this.#lives[slot] = 1;
        break;
      case IPFT_NOTICE_PLACE:
        if (!this.#lives[slot] || this.#words[(begin + EVENT_JOURNEY) >> 2] !== id) return;
        this.#rows.set(content.subarray(at + MOVED_PLACE, at + MOVED_PLACE + PLACE_SIZE), begin + BEGIN_PLACE);
        break;
      case IPFT_NOTICE_END:
        // The next journey with this slot may have begun before the end is read.
        if (!this.#lives[slot] || !this.#hasId(begin, words, at + END_ID)) return;
        this.#lives[slot] = 0;
        this.count--;
        break;
    }
  }

  /** Whether the begin in a row is that of the journey whose id stands at `at`. */
  #hasId(begin: number, words: Int32Array, at: number): boolean {
    const own = (begin + BEGIN_ID) >> 2;
    return this.#words[own] === words[at >> 2] && this.#words[own + 1] === words[(at >> 2) + 1];
  }

  /** The contents of the chunks that say which journeys live now, the oldest first. */
  *encode(): Iterable<Uint8Array<ArrayBuffer>> {
    const view = new DataView(this.#rows.buffer);
    const slots = new Int32Array(this.count);
    const begins = new Float64Array(IPFT_MAX_JOURNEYS);
    let count = 0;
    for (let slot = 0; slot < IPFT_MAX_JOURNEYS; slot++) {
      if (!this.#lives[slot]) continue;
      slots[count++] = slot;
      begins[slot] = Number(view.getBigUint64(slot * ROW_BYTES + RECORD_HEADER_BYTES + EVENT_TIMESTAMP_NS, true));
    }
    // Where the end of a journey was lost, the one that has its address now must come behind it.
    slots.sort((a, b) => begins[a]! - begins[b]!);
    for (let first = 0; first < count; first += MOST_BEGINS) {
      const some = slots.subarray(first, first + MOST_BEGINS);
      const content = new Uint8Array(some.length * ROW_BYTES);
      some.forEach((slot, index) => {
        content.set(this.#rows.subarray(slot * ROW_BYTES, (slot + 1) * ROW_BYTES), index * ROW_BYTES);
      });
      yield content;
    }
  }
}
