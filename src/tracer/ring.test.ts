import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { RecordTaker, TraceEvent } from '../base/event.js';
import { RingReader } from './ring.js';

/** Takes events, and says which notices come between them. */
const taker = (event: (event: TraceEvent) => void, notice: (what: string) => void = () => {}): RecordTaker => ({
  event,
  began: ({ journey }) => notice(`began ${journey}`),
  moved: ({ journey }) => notice(`moved ${journey}`),
  ended: ({ journey }) => notice(`ended ${journey}`),
});

const PAGE = 4096;
const SIZE = 4096;

/** A ring as the kernel would fill it. */
class FakeRing {
  readonly consumer = new ArrayBuffer(PAGE);
  readonly producer = new ArrayBuffer(PAGE + 2 * SIZE);
  readonly #view = new DataView(this.producer);
  #position = 0;

  constructor(start = 0) {
    this.#position = start;
    new BigUint64Array(this.consumer)[0] = BigInt(start);
    this.#view.setBigUint64(0, BigInt(start), true);
  }

  reader() {
    return new RingReader({ consumer: this.consumer, producer: this.producer, pageSize: PAGE, sizeBytes: SIZE });
  }

  get free(): number {
    return SIZE - (this.#position - Number(new BigUint64Array(this.consumer)[0]));
  }

  /** @param flags of the header: busy bit 31, discard bit 30 */
  add(target: number, dataBytes: number, flags = 0, eventFlags = 0): () => void {
    const at = this.#position % SIZE;
    const length = 24 + dataBytes;
    const set = (offset: number, value: number, bytes: number) => {
      for (let i = 0; i < bytes; i++) {
        const byte = Math.floor(value / 256 ** i) % 256;
        const place = at + offset + i;
        // mapped twice: what is written at one place is seen at both
        this.#view.setUint8(PAGE + (place % SIZE), byte);
        this.#view.setUint8(PAGE + SIZE + (place % SIZE), byte);
      }
    };
    set(0, (flags | length) >>> 0, 4);
    set(8 + 16, target, 4);
    set(8 + 20, 3, 2);
    set(8 + 22, eventFlags, 1);
    for (let i = 0; i < dataBytes; i++) set(8 + 24 + i, target, 1);
    this.#position += (length + 8 + 7) & ~7;
    this.#view.setBigUint64(0, BigInt(this.#position), true);
    return () => set(0, length, 4);
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
        if (ring.free < 24 + data + 16) read();
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
  const NOTICE = 128;
  ring.add(1, 48, 0, NOTICE);
  ring.add(7, 8);
  ring.add(2, 24, 0, NOTICE);
  ring.add(8, 8);
  ring.add(3, 120, 0, NOTICE);
  ring.add(99, 8, 0, NOTICE); // of a later version
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
