/** The layouts of `bpf/event.h`, mirrored. Offsets and sizes in bytes, little-endian. */
import type { Began, Ended, Living, Moved, Place } from '../base/journey.js';

/** struct ipft_event */
export const EVENT_TIMESTAMP = 0;
export const EVENT_JOURNEY = 8;
export const EVENT_SEQUENCE = 12;
export const EVENT_TARGET = 16;
export const EVENT_CPU = 20;
export const EVENT_FLAGS = 22;
export const EVENT_DEPTH = 23;
export const EVENT_SIZE = 24;

/** Bits of its flags. */
export const IPFT_EVENT_RETURN = 1;
export const IPFT_EVENT_NO_FIELDS = 2;
export const IPFT_EVENT_FREED = 4;
export const IPFT_EVENT_ENTRY_LOST = 8;
export const IPFT_EVENT_NOTICE = 128;

export const IPFT_NOTICE_BEGIN = 1;
export const IPFT_NOTICE_PLACE = 2;
export const IPFT_NOTICE_END = 3;

const IPFT_DEVICE_NAME = 16;
const IPFT_SYMBOL_SIZE = 80;

/** Bits of struct ipft_journey's flags. */
const IPFT_JOURNEY_RECEIVED = 4;
const IPFT_JOURNEY_DROPPED = 8;
const STAGES = ['none', 'sent', 'queued'] as const;

/** Bits of the attach cookie. */
export const TARGET_HIDDEN = 0x80000000;
export const TARGET_FREES = 0x40000000;
export const TARGET_QUEUES = 0x20000000;
export const TARGET_TAIL = 0x10000000;
export const TARGET_RELEASES = 0x08000000;
export const TARGET_HEAD = 0x04000000;
export const TARGET_FINAL = 0x02000000;
export const TARGET_INDEX = TARGET_FINAL - 1;

/** struct ipft_begin; `at` is where its struct ipft_event begins. */
export function decodeBegan(view: DataView, at: number): Began {
  return {
    timestampNs: view.getBigUint64(at + EVENT_TIMESTAMP, true),
    packetId: view.getBigUint64(at + EVENT_SIZE, true),
    journey: view.getUint32(at + EVENT_SIZE + 8, true),
    parent: view.getUint32(at + EVENT_SIZE + 16, true),
    place: decodePlace(view, at + EVENT_SIZE + 24),
  };
}

/** struct ipft_moved */
export function decodeMoved(view: DataView, at: number): Moved | undefined {
  const place = decodePlace(view, at + EVENT_SIZE);
  return place && { journey: view.getUint32(at + EVENT_JOURNEY, true), place };
}

/** struct ipft_place: netns u32, ifindex u32, device char[16]; nothing if it is not known */
function decodePlace(view: DataView, at: number): Place | undefined {
  const netns = view.getUint32(at, true);
  if (netns === 0) return undefined;
  return { netns, ifindex: view.getUint32(at + 4, true), device: decodeText(view, at + 8, IPFT_DEVICE_NAME) };
}

/**
 * struct ipft_end: behind the event location u64, reason u32, ifindex u32, family u16, protocol u16, stage u8, flags u8,
 * 2 bytes, device char[16], symbol char[80]
 */
export function decodeEnded(view: DataView, at: number): Ended {
  const own = at + EVENT_SIZE;
  const flags = view.getUint8(own + 21);
  return {
    journey: view.getUint32(at + EVENT_JOURNEY, true),
    timestampNs: view.getBigUint64(at + EVENT_TIMESTAMP, true),
    events: view.getUint32(at + EVENT_SEQUENCE, true),
    location: view.getBigUint64(own, true),
    reason: view.getUint32(own + 8, true),
    family: view.getUint16(own + 16, true),
    protocol: view.getUint16(own + 18, true),
    stage: STAGES[view.getUint8(own + 20)] ?? 'none',
    received: (flags & IPFT_JOURNEY_RECEIVED) !== 0,
    dropped: (flags & IPFT_JOURNEY_DROPPED) !== 0,
    device: decodeText(view, own + 24, IPFT_DEVICE_NAME),
    symbol: decodeText(view, own + 40, IPFT_SYMBOL_SIZE),
  };
}

/** A char array, up to its first zero byte. */
function decodeText(view: DataView, at: number, size: number): string {
  let length = 0;
  while (length < size && view.getUint8(at + length) !== 0) length++;
  return Buffer.from(view.buffer, view.byteOffset + at, length).toString('utf8');
}

/** struct ipft_config, as the initial value of the section `.rodata.ipft` */
export function encodeConfig(config: {
  mark: number;
  mask: number;
  dataSize: number;
  samplePeriod: number;
  directReads: boolean;
  follow: boolean;
  cpus: number;
  dropHasReason: boolean;
  consumeHasLocation: boolean;
}): Uint8Array {
  const bytes = Buffer.alloc(40);
  // What a masked mark can't be is never found; `-m` says so, the program need not know.
  bytes.writeUInt32LE((config.mark & config.mask) >>> 0, 0);
  bytes.writeUInt32LE(config.mask, 4);
  bytes.writeUInt32LE(config.dataSize, 8);
  bytes.writeUInt32LE(config.samplePeriod, 12);
  bytes.writeUInt32LE(config.directReads ? 1 : 0, 16);
  bytes.writeUInt32LE(config.follow ? 1 : 0, 20);
  bytes.writeUInt32LE(config.cpus, 24);
  bytes.writeUInt32LE(config.dropHasReason ? 1 : 0, 28);
  bytes.writeUInt32LE(config.consumeHasLocation ? 1 : 0, 32);
  bytes.write('%pS', 36, 'latin1');
  return bytes;
}

/** struct ipft_cpu: words of 8 bytes */
export const CPU_SIZE = 104;

/** What one CPU lost since tracing began. */
export interface CpuLoss {
  readonly cpu: number;
  /** Events that found no room in the ring. */
  readonly lost: bigint;
  /** When the first and the last of them were lost: nanoseconds of CLOCK_MONOTONIC. */
  readonly firstNs: bigint;
  readonly lastNs: bigint;
}

/** What all CPUs lost. */
export interface Losses {
  /** Those that lost events. */
  readonly cpus: readonly CpuLoss[];
  /** Events of packets that could not be followed, since too many were followed already. */
  readonly unfollowed: bigint;
  /** Ends of journeys that found no room in the ring. */
  readonly ends: bigint;
  /** Journeys of which no event found room. */
  readonly unseen: bigint;
}

/** Reads the structs ipft_cpu of all CPUs. */
export function decodeLosses(view: DataView): Losses {
  const cpus: CpuLoss[] = [];
  let [unfollowed, ends, unseen] = [0n, 0n, 0n];
  for (let cpu = 0; (cpu + 1) * CPU_SIZE <= view.byteLength; cpu++) {
    const word = (index: number) => view.getBigUint64(cpu * CPU_SIZE + index * 8, true);
    unfollowed += word(5);
    ends += word(6);
    unseen += word(7);
    if (word(0) !== 0n) cpus.push({ cpu, lost: word(0), firstNs: word(1), lastNs: word(2) });
  }
  return { cpus, unfollowed, ends, unseen };
}

/**
 * struct ipft_journey: number u64, parent u64, where u64, freeing_ns u64, location u64, reason u32, events u32, ifindex
 * u32, family u16, protocol u16, stage u8, flags u8, cpu u16, tail u8, 3 bytes, device char[16]
 */
export const JOURNEY_SIZE = 80;

/** A journey that has not ended. */
export function decodeLiving(view: DataView, at: number): Living {
  const journey = view.getUint32(at, true);
  const events = view.getUint32(at + 44, true);
  const freeingNs = view.getBigUint64(at + 24, true);
  if (freeingNs === 0n) return { journey, events, freeing: undefined };
  const flags = view.getUint8(at + 57);
  const freeing: Ended = {
    ...{ journey, events, timestampNs: freeingNs, location: view.getBigUint64(at + 32, true), symbol: '' },
    reason: view.getUint32(at + 40, true),
    family: view.getUint16(at + 52, true),
    protocol: view.getUint16(at + 54, true),
    stage: STAGES[view.getUint8(at + 56)] ?? 'none',
    received: (flags & IPFT_JOURNEY_RECEIVED) !== 0,
    dropped: (flags & IPFT_JOURNEY_DROPPED) !== 0,
    device: decodeText(view, at + 64, IPFT_DEVICE_NAME),
  };
  return { journey, events, freeing };
}
