/** A ring as the kernel leaves it, with events of packets that pass one after the other: for the user side alone. */
import {
  BEGIN_ID,
  BEGIN_PLACE,
  BEGIN_SIZE,
  BEGIN_SKB,
  END_FAMILY,
  END_FLAGS,
  END_ID,
  END_PROTOCOL,
  END_STAGE,
  END_SYMBOL,
  EVENT_CPU,
  EVENT_FLAGS,
  EVENT_JOURNEY,
  EVENT_SEQUENCE,
  EVENT_SIZE,
  EVENT_TARGET,
  EVENT_TIMESTAMP_NS,
  IPFT_EVENT_NOTICE,
  IPFT_JOURNEY_ANNOUNCED,
  IPFT_JOURNEY_CONSUMED,
  IPFT_JOURNEY_ENDED,
  IPFT_NOTICE_BEGIN,
  IPFT_NOTICE_END,
  IPFT_STAGE_QUEUED,
  PLACE_DEVICE,
  PLACE_DEVICE_SIZE,
  PLACE_IFINDEX,
  PLACE_NETNS,
  SNAPSHOT_CAPTURED,
  SNAPSHOT_HAS_ETHERNET,
  SNAPSHOT_LENGTH,
  SNAPSHOT_PROTOCOL,
  SNAPSHOT_SIZE,
} from '../dist/abi/layout.js';
import { RingReader } from '../dist/capture/ring.js';
import { Rings } from '../dist/capture/rings.js';

const PAGE = 4096;
const HEADER = 8;
/** Without the symbol, which the kernel side tells once. */
const END_BYTES = END_SYMBOL;
const JOURNEY_FLAGS = IPFT_JOURNEY_ANNOUNCED | IPFT_JOURNEY_CONSUMED | IPFT_JOURNEY_ENDED;

/** Writes records one behind the other, as bpf/abi/record.h says. */
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
    view.setBigUint64(at + EVENT_TIMESTAMP_NS, ns, true);
    view.setUint32(at + EVENT_JOURNEY, journey, true);
    view.setUint32(at + EVENT_SEQUENCE, sequence, true);
    view.setUint32(at + EVENT_TARGET, target, true);
    view.setUint16(at + EVENT_CPU, journey & 1, true);
    view.setUint8(at + EVENT_FLAGS, flags);
  }
}

/** Where packets vary, they take so many paths, some of them far more often than others. */
const PATHS = 40;

/** As many as the command line reads at a time. */
export const BATCH = 1 << 12;
const powerOfTwo = (/** @type {number} */ least) => 2 ** Math.ceil(Math.log2(least));

/**
 * The rings of a trace.
 * @param {{ events: number, eventsPerJourney: number, targets: number, dataSize: number, snaplen?: number, isVaried?: boolean }} shape
 * `snaplen`: the bytes of each packet that stand in its begin; `isVaried`: packets take one of some paths, and the time
 * between two events is another each time, as it is of real packets: such records can't be compressed as well
 */
export function recordTrace({ events, eventsPerJourney, targets, dataSize, snaplen = 0, isVaried = false }) {
  const random = createRandom();
  const journeys = Math.ceil(events / eventsPerJourney);
  const beginBytes = BEGIN_SIZE + (snaplen > 0 ? SNAPSHOT_SIZE + Math.ceil(snaplen / 8) * 8 : 0);
  const bytes = events * (HEADER + EVENT_SIZE + dataSize) + journeys * (HEADER + beginBytes);
  const ring = new RecordWriter(powerOfTwo(bytes));
  const ends = new RecordWriter(powerOfTwo(journeys * (HEADER + END_BYTES)));
  let ns = 3_600_000_000_000n;
  for (let journey = 1, event = 0; event < events; journey++) {
    const begin = ring.record(beginBytes);
    const number = { ns, journey, sequence: 0, target: IPFT_NOTICE_BEGIN, flags: IPFT_EVENT_NOTICE };
    ring.event(begin, number);
    const place = begin + BEGIN_PLACE;
    ring.view.setBigUint64(begin + BEGIN_SKB, 0xffff888000000000n + BigInt(journey % 1000) * 256n, true);
    ring.view.setBigUint64(begin + BEGIN_ID, BigInt(journey), true);
    ring.view.setUint32(place + PLACE_NETNS, 0xf0000000 + (journey & 1), true);
    ring.view.setUint32(place + PLACE_IFINDEX, 2, true);
    Buffer.from(ring.producer, PAGE + place + PLACE_DEVICE, PLACE_DEVICE_SIZE).write('veth-a');
    if (snaplen > 0) writeSnapshot(ring.view, begin + BEGIN_SIZE, snaplen);
    let sequence = 0;
    for (; sequence < eventsPerJourney && event < events; sequence++, event++) {
      ns += isVaried ? BigInt(200 + Math.floor(-1500 * Math.log(1 - random()))) : 700n;
      const at = ring.record(EVENT_SIZE + dataSize);
      const path = isVaried ? Math.floor(PATHS ** ((journey * 0.618034) % 1)) : 0;
      ring.event(at, { ns, journey, sequence, target: (path * 131 + sequence * 37) % targets });
      for (let i = 0; i < dataSize; i += 4) ring.view.setUint32(at + EVENT_SIZE + i, event + i, true);
    }
    const end = ends.record(END_BYTES);
    ends.event(end, { ns, journey, sequence, target: IPFT_NOTICE_END, flags: IPFT_EVENT_NOTICE });
    ends.view.setBigUint64(end + END_ID, BigInt(journey), true);
    ends.view.setUint16(end + END_FAMILY, 2, true);
    ends.view.setUint16(end + END_PROTOCOL, 1, true);
    ends.view.setUint8(end + END_STAGE, IPFT_STAGE_QUEUED);
    ends.view.setUint8(end + END_FLAGS, JOURNEY_FLAGS);
  }
  return { rings: { ring: ring.memory, ends: ends.memory }, journeys, endNs: ns };
}

/** Numbers from 0 to 1, the same in each run. */
function createRandom() {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
}

/** A packet of 1,500 bytes. @param {DataView} view @param {number} at @param {number} snaplen */
function writeSnapshot(view, at, snaplen) {
  view.setUint32(at + SNAPSHOT_LENGTH, 1514, true);
  view.setUint16(at + SNAPSHOT_CAPTURED, snaplen, true);
  view.setUint16(at + SNAPSHOT_PROTOCOL, 0x800);
  view.setUint8(at + SNAPSHOT_HAS_ETHERNET, 1);
  for (let i = 0; i < snaplen; i++) view.setUint8(at + SNAPSHOT_SIZE + i, i);
}

/**
 * The rings of a trace as a session reads them, from their beginning.
 * @param {ReturnType<typeof recordTrace>} trace
 */
export function openRings({ rings: { ring, ends }, endNs }) {
  for (const memory of [ring, ends]) new BigUint64Array(memory.consumer, 0, 1)[0] = 0n;
  return new Rings(new RingReader(ring), new RingReader(ends), () => endNs + 1n);
}

/**
 * Reads until there is nothing more.
 * @param {() => import('../dist/base/record-source.js').Reading} read a batch
 * @param {(idleMs: number) => void} tick after each batch
 */
export function drain(read, tick = () => {}) {
  for (let isDrained = false; !isDrained; ) {
    const { drained } = read();
    isDrained = drained;
    tick(drained ? 1000 : 0);
  }
}
