import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BEGIN_SIZE,
  END_SIZE,
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
  MOVED_SIZE,
  RETURN_ENTRY_NS,
  RETURN_SIZE,
} from '../abi/layout.js';
import type { RecordTaker, TraceEvent } from '../base/event.js';
import { RingReader } from './ring.js';

/** Takes events, and says which notices come between them. */
const taker = (event: (event: TraceEvent) => void, notice: (what: string) => void = () => {}): RecordTaker => ({
  event,
  began: ({ journey }) => notice(`began ${journey}`),
  moved: ({ journey }) => notice(`moved ${journey}`),
  snapshot: ({ journey }) => notice(`snapshot ${journey}`),
  process: ({ journey }) => notice(`process ${journey}`),
  ended: ({ journey }) => notice(`ended ${journey}`),
});

const PAGE = 4096;
const SIZE = 4096;

/** A ring as the kernel would fill it. */
class FakeRing {
  readonly consumer = new ArrayBuffer(PAGE);
  readonly producer: ArrayBuffer;
  readonly #view: DataView;
  #position = 0;

  constructor(
    start = 0,
    readonly size = SIZE,
  ) {
    this.producer = new ArrayBuffer(PAGE + 2 * size);
    this.#view = new DataView(this.producer);
    this.#position = start;
    new BigUint64Array(this.consumer)[0] = BigInt(start);
    this.#view.setBigUint64(0, BigInt(start), true);
  }

  reader() {
    return new RingReader({ consumer: this.consumer, producer: this.producer, pageSize: PAGE, sizeBytes: this.size });
  }

  get free(): number {
    return this.size - (this.#position - Number(new BigUint64Array(this.consumer)[0]));
  }

  /** @param flags of the header: busy bit 31, discard bit 30 */
  add(target: number, dataBytes: number, flags = 0, eventFlags = 0, ns = 0): () => void {
    const record = Buffer.alloc(EVENT_SIZE + dataBytes, target & 255);
    record.fill(0, 0, EVENT_SIZE);
    record.writeUInt32LE(ns, EVENT_TIMESTAMP_NS);
    record.writeUInt32LE(target, EVENT_TARGET);
    record.writeUInt16LE(3, EVENT_CPU);
    record.writeUInt8(eventFlags, EVENT_FLAGS);
    return this.addRecord(record, flags);
  }

  /** A record of these bytes. Returns what submits it, if it is busy. */
  addRecord(record: Uint8Array, flags = 0): () => void {
    const at = this.#position % this.size;
    const mapped = new Uint8Array(this.producer, PAGE);
    const set = (offset: number, bytes: Uint8Array) => {
      const place = (at + offset) % this.size;
      const whole = Math.min(bytes.length, this.size - place);
      // mapped twice: what is written at one place is seen at both
      mapped.set(bytes, place);
      mapped.set(bytes.subarray(0, whole), this.size + place);
      mapped.set(bytes.subarray(whole), 0);
    };
    const header = (length: number) => new Uint8Array(Uint32Array.of(length, 0).buffer);
    set(0, header((flags | record.length) >>> 0));
    set(8, record);
    this.#position += (record.length + 8 + 7) & ~7;
    this.#view.setBigUint64(0, BigInt(this.#position), true);
    return () => set(0, header(record.length));
  }
}

test('RingReader: all records in order, over many rounds of the ring, also beyond 32 bits', () => {
  const record = fc.record({ data: fc.integer({ min: 0, max: 200 }), discard: fc.boolean(), read: fc.boolean() });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 300 }), fc.constantFrom(0, 2 ** 32 - 4096, 2 ** 45), (records, start) => {
      const ring = new FakeRing(start);
      const reader = ring.reader();
      const expected: number[] = [];
      const seen: number[] = [];
      const read = () =>
        reader.read(
          taker((event) => {
            seen.push(event.target);
            expect(event.cpu).toBe(3);
            expect(event.data.getUint8(event.dataOffset)).toBe(event.target & 255);
          }),
        );
      for (const [index, { data, discard, read: readNow }] of records.entries()) {
        if (ring.free < EVENT_SIZE + data + 16) read();
        ring.add(index, data + 1, discard ? 0x40000000 : 0);
        if (!discard) expected.push(index);
        if (readNow) read();
      }
      read();
      expect(seen).toEqual(expected);
      expect(ring.free).toBe(SIZE);
    }),
  );
});

test('RingReader: records as they are, in pieces that are whole, with the notices among them', () => {
  const record = fc.record({
    ...{ data: fc.integer({ min: 1, max: 200 }), isNotice: fc.boolean(), discard: fc.boolean(), read: fc.boolean() },
    limit: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 300 }), fc.constantFrom(0, 2 ** 32 - 4096, 2 ** 45), (records, start) => {
      const ring = new FakeRing(start);
      const reader = ring.reader();
      const seen = { targets: [] as number[], notices: [] as number[] };
      const expected = { targets: [] as number[], notices: [] as number[] };
      let newest = 0;
      const read = (limit?: number) => {
        let counted = 0;
        const events = reader.readRaw(
          {
            notice: (data, at, length) => {
              expect(length).toBeGreaterThan(EVENT_SIZE);
              seen.notices.push(data.getUint32(at + EVENT_TARGET, true));
            },
            records: (name, bytes) => {
              expect(name).toBe('ends');
              const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
              for (let at = 0; at < bytes.length; ) {
                const header = view.getUint32(at, true);
                const isEvent = !(header & 0x40000000) && !(view.getUint8(at + 8 + EVENT_FLAGS) & IPFT_EVENT_NOTICE);
                if (isEvent) newest = view.getUint32(at + 8 + EVENT_TIMESTAMP_NS, true);
                counted += isEvent ? 1 : 0;
                if (!(header & 0x40000000)) seen.targets.push(view.getUint32(at + 8 + EVENT_TARGET, true));
                at += ((header & 0x3fffffff) + 15) & ~7;
                expect(at).toBeLessThanOrEqual(bytes.length);
              }
            },
          },
          'ends',
          limit,
        );
        expect(events).toBe(counted);
        expect(reader.newestNs).toBe(BigInt(newest));
      };
      for (const [index, { data, isNotice, discard, read: readNow, limit }] of records.entries()) {
        if (ring.free < EVENT_SIZE + data + 16) read();
        ring.add(index, data, discard ? 0x40000000 : 0, isNotice ? IPFT_EVENT_NOTICE : 0, index + 1);
        if (!discard) expected.targets.push(index);
        if (!discard && isNotice) expected.notices.push(index);
        if (readNow) read(limit);
      }
      read();
      expect(seen).toEqual(expected);
      expect(ring.free).toBe(SIZE);
    }),
  );
});

test('RingReader: a record that is not submitted yet, and all behind it, wait', () => {
  const ring = new FakeRing();
  const reader = ring.reader();
  const seen: number[] = [];
  ring.add(1, 8);
  const submit = ring.add(2, 8, 0x80000000);
  ring.add(3, 8);
  expect(reader.read(taker((event) => seen.push(event.target)))).toBe(1);
  expect(seen).toEqual([1]);
  submit();
  expect(reader.read(taker((event) => seen.push(event.target)))).toBe(2);
  expect(seen).toEqual([1, 2, 3]);
});

test('RingReader: an event has what the kernel wrote, to the last bit of each word, wherever it lies in the ring', () => {
  const u32 = fc.oneof(fc.nat(0xffffffff), fc.constantFrom(0x80000000, 0xffffffff));
  const event = fc.record({
    ...{ timestampLow: u32, timestampHigh: u32, journey: u32, sequence: u32, target: u32 },
    ...{ cpu: fc.nat(0xffff), depth: fc.nat(255), entryLow: u32, entryHigh: u32, data: u32 },
    ...{ isReturn: fc.boolean(), hasFields: fc.boolean(), skbFreed: fc.boolean(), entryLost: fc.boolean() },
  });
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 40 }), fc.nat(511), (events, start) => {
      const ring = new FakeRing(start * 8);
      const reader = ring.reader();
      for (const wanted of events) {
        const bytes = Buffer.alloc((wanted.isReturn ? RETURN_SIZE : EVENT_SIZE) + 4);
        bytes.writeUInt32LE(wanted.timestampLow, EVENT_TIMESTAMP_NS);
        bytes.writeUInt32LE(wanted.timestampHigh, EVENT_TIMESTAMP_NS + 4);
        bytes.writeUInt32LE(wanted.journey, EVENT_JOURNEY);
        bytes.writeUInt32LE(wanted.sequence, EVENT_SEQUENCE);
        bytes.writeUInt32LE(wanted.target, EVENT_TARGET);
        bytes.writeUInt16LE(wanted.cpu, EVENT_CPU);
        const flags =
          (wanted.isReturn ? IPFT_EVENT_RETURN : 0) |
          (wanted.hasFields ? 0 : IPFT_EVENT_NO_FIELDS) |
          (wanted.skbFreed ? IPFT_EVENT_FREED : 0) |
          (wanted.entryLost ? IPFT_EVENT_ENTRY_LOST : 0);
        bytes.writeUInt8(flags, EVENT_FLAGS);
        bytes.writeUInt8(wanted.depth, EVENT_DEPTH);
        if (wanted.isReturn) {
          bytes.writeUInt32LE(wanted.entryLow, RETURN_ENTRY_NS);
          bytes.writeUInt32LE(wanted.entryHigh, RETURN_ENTRY_NS + 4);
        }
        bytes.writeUInt32LE(wanted.data, bytes.length - 4);
        ring.addRecord(bytes);
        let seen = 0;
        reader.read(
          taker((event) => {
            // Where it is, and what is known of its partner, others say.
            const { data, dataOffset, place: _place, snapshot: _snapshot, partnerLost: _partnerLost, ...read } = event;
            // Of an entry nobody asks when it was entered: what stands there is another event's.
            const entry = wanted.isReturn ? {} : { entryLow: read.entryLow, entryHigh: read.entryHigh };
            expect({ ...read, data: data.getUint32(dataOffset, true) }).toEqual({ ...wanted, ...entry });
            seen++;
          }),
        );
        expect(seen).toBe(1);
      }
    }),
  );
});

test('RingReader: no further than to where the ring was filled a while ago', () => {
  const ring = new FakeRing();
  const reader = ring.reader();
  const seen: number[] = [];
  const take = taker((event) => seen.push(event.target));
  ring.add(1, 8);
  ring.add(2, 8);
  const before = reader.produced;
  ring.add(3, 8);
  expect(reader.position).toBe(0);
  expect(reader.read(take, undefined, before)).toBe(2);
  expect(reader.position).toBe(before);
  expect(reader.read(take, undefined, before)).toBe(0);
  expect(reader.read(take)).toBe(1);
  expect(reader.position).toBe(reader.produced);
  expect(seen).toEqual([1, 2, 3]);
});

test('RingReader: the kernel is told of room while much is read, not for each record', () => {
  const ring = new FakeRing(0, 1 << 20);
  const consumed = new BigUint64Array(ring.consumer);
  const reader = ring.reader();
  let records = 0;
  for (; ring.free >= 4096; records++) ring.add(records, 4000);
  const told: bigint[] = [];
  reader.read(
    taker(() => {
      if (consumed[0] !== told.at(-1)) told.push(consumed[0] ?? 0n);
    }),
  );
  expect(told[0]).toBe(0n);
  expect(told.length).toBeGreaterThanOrEqual(4);
  expect(told.length).toBeLessThan(records / 8);
  expect(ring.free).toBe(1 << 20);
});

test('RingReader: a place that is not known is no news', () => {
  const ring = new FakeRing();
  const notice = Buffer.alloc(MOVED_SIZE);
  notice.writeUInt32LE(IPFT_NOTICE_PLACE, EVENT_TARGET);
  notice.writeUInt8(IPFT_EVENT_NOTICE, EVENT_FLAGS);
  ring.addRecord(notice);
  const seen: unknown[] = [];
  const reader = ring.reader();
  reader.read({ ...taker(() => {}), moved: (news) => seen.push(news) });
  expect(seen).toEqual([]);
  expect(ring.free).toBe(SIZE);
});

test('RingReader: no more than the limit at a time', () => {
  const ring = new FakeRing();
  const reader = ring.reader();
  for (let i = 0; i < 10; i++) ring.add(i, 8);
  const seen: number[] = [];
  const take = taker((event) => seen.push(event.target));
  expect(reader.read(take, 4)).toBe(4);
  expect(reader.read(take, 4)).toBe(4);
  expect(reader.read(take, 4)).toBe(2);
  expect(reader.read(take, 4)).toBe(0);
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test('RingReader: notices come between the events, and are none', () => {
  const ring = new FakeRing();
  const reader = ring.reader();
  const seen: string[] = [];
  const notice = (which: number, size: number) => ring.add(which, size - EVENT_SIZE, 0, IPFT_EVENT_NOTICE);
  notice(IPFT_NOTICE_BEGIN, BEGIN_SIZE);
  ring.add(7, 8);
  notice(IPFT_NOTICE_PLACE, MOVED_SIZE);
  ring.add(8, 8);
  notice(IPFT_NOTICE_END, END_SIZE);
  notice(99, EVENT_SIZE + 8); // of a later version
  const events = reader.read(
    taker(
      (event) => seen.push(`event ${event.target}`),
      (what) => seen.push(what.replace(/\d+/, '')),
    ),
  );
  expect(events).toBe(2);
  expect(seen).toEqual(['began ', 'event 7', 'moved ', 'event 8', 'ended ']);
  expect(ring.free).toBe(SIZE);
});
