/** A ring as the kernel leaves it, with events of packets that pass one after the other: for the user side alone. */
import { EVENT_SIZE } from '../dist/abi/record.js';
import { RingReader } from '../dist/capture/ring.js';

const PAGE = 4096;
const HEADER = 8;
const BEGIN_BYTES = EVENT_SIZE + 48;
const END_BYTES = EVENT_SIZE + 120;
const NOTICE = 128;
const [NOTICE_BEGIN, NOTICE_END] = [1, 3];
const JOURNEY_FLAGS = 1 | 16 | 32;
const STAGE_QUEUED = 2;

/** Writes records one behind the other, as bpf/abi/event.h says. */
class RecordWriter {
  position = 0;

  /** @param {number} sizeBytes a power of two */
  constructor(sizeBytes) {
    this.sizeBytes = sizeBytes;
    this.consumer = new ArrayBuffer(PAGE);
    this.producer = new ArrayBuffer(PAGE + 2 * sizeBytes);
    this.view = new DataView(this.producer, PAGE);
  }

  /** @param {number} bytes */
  record(bytes) {
    const at = this.position;
    if (at + HEADER + bytes > this.sizeBytes) throw new Error('the ring is too small for the benchmark');
    this.view.setUint32(at, bytes, true);
    this.position += HEADER + Math.ceil(bytes / 8) * 8;
    return at + HEADER;
  }

  get memory() {
    new BigUint64Array(this.producer, 0, 1)[0] = BigInt(this.position);
    return { consumer: this.consumer, producer: this.producer, pageSize: PAGE, sizeBytes: this.sizeBytes };
  }

  /**
   * @param {number} at
   * @param {{ ns: bigint, journey: number, sequence: number, target: number, flags?: number }} event
   */
  event(at, { ns, journey, sequence, target, flags = 0 }) {
    const { view } = this;
    view.setBigUint64(at, ns, true);
    view.setUint32(at + 8, journey, true);
    view.setUint32(at + 12, sequence, true);
    view.setUint32(at + 16, target, true);
    view.setUint16(at + 20, journey & 1, true);
    view.setUint8(at + 22, flags);
  }
}

/** As many as the command line reads at a time. */
const BATCH = 1 << 12;
const powerOfTwo = (/** @type {number} */ least) => 2 ** Math.ceil(Math.log2(least));

/**
 * The rings of a trace.
 * @param {{ events: number, eventsPerJourney: number, targets: number, dataSize: number }} shape
 */
export function recordTrace({ events, eventsPerJourney, targets, dataSize }) {
  const journeys = Math.ceil(events / eventsPerJourney);
  const bytes = events * (HEADER + EVENT_SIZE + dataSize) + journeys * (HEADER + BEGIN_BYTES);
  const ring = new RecordWriter(powerOfTwo(bytes));
  const ends = new RecordWriter(powerOfTwo(journeys * (HEADER + END_BYTES)));
  let ns = 3_600_000_000_000n;
  for (let journey = 1, event = 0; event < events; journey++) {
    const begin = ring.record(BEGIN_BYTES);
    const number = { ns, journey, sequence: 0, target: NOTICE_BEGIN, flags: NOTICE };
    ring.event(begin, number);
    const own = begin + EVENT_SIZE;
    ring.view.setBigUint64(own, 0xffff888000000000n + BigInt(journey % 1000) * 256n, true);
    ring.view.setBigUint64(own + 8, BigInt(journey), true);
    ring.view.setUint32(own + 24, 0xf0000000 + (journey & 1), true);
    ring.view.setUint32(own + 28, 2, true);
    Buffer.from(ring.producer, PAGE + own + 32, 16).write('veth-a');
    let sequence = 0;
    for (; sequence < eventsPerJourney && event < events; sequence++, event++) {
      ns += 700n;
      const at = ring.record(EVENT_SIZE + dataSize);
      ring.event(at, { ns, journey, sequence, target: (sequence * 37) % targets });
      for (let i = 0; i < dataSize; i += 4) ring.view.setUint32(at + EVENT_SIZE + i, event + i, true);
    }
    const end = ends.record(END_BYTES);
    ends.event(end, { ns, journey, sequence, target: NOTICE_END, flags: NOTICE });
    ends.view.setUint16(end + EVENT_SIZE + 16, 2, true);
    ends.view.setUint16(end + EVENT_SIZE + 18, 1, true);
    ends.view.setUint8(end + EVENT_SIZE + 20, STAGE_QUEUED);
    ends.view.setUint8(end + EVENT_SIZE + 21, JOURNEY_FLAGS);
  }
  return { rings: { ring: ring.memory, ends: ends.memory }, journeys, endNs: ns };
}

/**
 * Reads both rings as a session does: a batch of events, then the ends of journeys.
 * @param {ReturnType<typeof recordTrace>['rings']} rings
 * @param {import('../dist/base/event.js').RecordTaker} taker
 * @param {(idleMs: number) => void} tick after each batch
 */
export function drain({ ring, ends }, taker, tick) {
  for (const memory of [ring, ends]) new BigUint64Array(memory.consumer, 0, 1)[0] = 0n;
  const events = new RingReader(ring);
  const endings = new RingReader(ends);
  const endBytes = endings.produced;
  for (let total = 0; ; ) {
    const count = events.read(taker, BATCH);
    total += count;
    // The ends that belong to these events, about.
    endings.read(taker, undefined, (endBytes * events.position) / events.produced);
    tick(count === 0 ? 1000 : 0);
    if (count === 0) return total;
  }
}
