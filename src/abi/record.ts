/** The layouts of `bpf/abi/event.h`, mirrored. Offsets and sizes in bytes, little-endian. */
import type { Began, Ended, Fate, Living, Moved, Place } from '../base/journey.js';

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
const STAGES = ['none', 'sent', 'queued', 'processed', 'unread'] as const;

/** Bits of the attach cookie. */
export const TARGET_HIDDEN = 0x80000000;
export const TARGET_FREES = 0x40000000;
export const TARGET_QUEUES = 0x20000000;
export const TARGET_TAIL = 0x10000000;
export const TARGET_RELEASES = 0x08000000;
export const TARGET_HEAD = 0x04000000;
export const TARGET_FINAL = 0x02000000;
/** The skb's position among the arguments, from this bit on, and the highest that is told. */
export const TARGET_POSITION = 21;
export const MAX_POSITION = 15;
export const TARGET_REPORTS = 0x00100000;
export const TARGET_DEFERS = 0x00080000;
/** How many arguments extensions can ask for, from this bit on, and the most. */
export const TARGET_ARGUMENTS = 16;
export const MAX_ARGUMENTS = 6;
export const TARGET_INDEX = (1 << TARGET_ARGUMENTS) - 1;

/** Immediates that stand for the mask and the mark in the programs. */
export const IPFT_MASK_PLACE = 0x36c1b5e7;
export const IPFT_MARK_PLACE = 0x52e9a37d;

/** struct ipft_place: netns u32, ifindex u32, device char[16] */
const PLACE_SIZE = 24;
/**
 * What a struct ipft_end has behind its event and the journey's number u64: location u64, reason u32, ifindex u32, family u16, protocol u16, stage u8,
 * flags u8, 2 bytes, device char[16]; then symbol char[80].
 */
const FATE_SIZE = 40;

/** Decodes notices. The same bytes become the same object, once and for all: most packets share a few of them. */
export class NoticeDecoder {
  readonly #places = new Interned(PLACE_SIZE);
  readonly #fates = new Interned(FATE_SIZE);
  /** Names of addresses: the kernel tells each once. */
  readonly #symbols = new Map<bigint, string>();

  /** struct ipft_begin; `at` is where its struct ipft_event begins. */
  began(view: DataView, at: number): Began {
    return {
      timestampNs: view.getBigUint64(at + EVENT_TIMESTAMP, true),
      packetId: view.getBigUint64(at + EVENT_SIZE, true),
      journey: readNumber(view, at + EVENT_SIZE + 8),
      parent: view.getUint32(at + EVENT_SIZE + 16, true),
      place: this.#place(view, at + EVENT_SIZE + 24),
    };
  }

  /** struct ipft_moved; nothing if the place is not known. */
  moved(view: DataView, at: number): Moved | undefined {
    const place = this.#place(view, at + EVENT_SIZE);
    return place && { journey: view.getUint32(at + EVENT_JOURNEY, true), place };
  }

  #place(view: DataView, at: number): Place | undefined {
    return view.getUint32(at, true) === 0 ? undefined : this.#places.get(view, at, decodePlace);
  }

  /** struct ipft_end. @param length of the record: without the symbol, if it was told before */
  ended(view: DataView, at: number, length: number): Ended {
    const own = at + EVENT_SIZE + 8;
    if (at + length > own + FATE_SIZE && view.getUint8(own + FATE_SIZE) !== 0) {
      this.#symbols.set(view.getBigUint64(own, true), decodeText(view, own + FATE_SIZE, IPFT_SYMBOL_SIZE));
    }
    return {
      journey: readNumber(view, at + EVENT_SIZE),
      timestampNs: view.getBigUint64(at + EVENT_TIMESTAMP, true),
      events: view.getUint32(at + EVENT_SEQUENCE, true),
      fate: this.#fates.get(view, own, this.#decodeFate),
    };
  }

  readonly #decodeFate = (view: DataView, at: number): Fate => {
    const location = view.getBigUint64(at, true);
    const flags = view.getUint8(at + 21);
    return {
      ...{ location, symbol: this.#symbols.get(location) ?? '' },
      reason: view.getUint32(at + 8, true),
      family: view.getUint16(at + 16, true),
      protocol: view.getUint16(at + 18, true),
      stage: STAGES[view.getUint8(at + 20)] ?? 'none',
      received: (flags & IPFT_JOURNEY_RECEIVED) !== 0,
      dropped: (flags & IPFT_JOURNEY_DROPPED) !== 0,
      device: decodeText(view, at + 24, IPFT_DEVICE_NAME),
    };
  };
}

/** Values by the bytes that they are decoded from. */
class Interned {
  readonly #words: number;
  /** By a hash of the bytes. */
  readonly #known = new Map<number, { readonly words: Int32Array; readonly value: object }[]>();
  #count = 0;

  /** @param sizeBytes of each value; a multiple of 4 */
  constructor(sizeBytes: number) {
    this.#words = sizeBytes / 4;
  }

  /** @param decode always the same */
  get<T extends object>(view: DataView, at: number, decode: (view: DataView, at: number) => T): T {
    let hash = 0;
    for (let i = 0; i < this.#words; i++) hash = (Math.imul(hash, 31) + view.getInt32(at + i * 4, true)) | 0;
    const alike = this.#known.get(hash);
    for (const { words, value } of alike ?? NONE) {
      let i = 0;
      while (i < words.length && words[i] === view.getInt32(at + i * 4, true)) i++;
      if (i === words.length) return value as T;
    }
    const value = decode(view, at);
    // Forgotten, they are decoded again.
    if (this.#count++ === MAX_INTERNED) {
      this.#known.clear();
      this.#count = 0;
    }
    const words = Int32Array.from({ length: this.#words }, (_, i) => view.getInt32(at + i * 4, true));
    this.#known.set(hash, [...(alike ?? NONE), { words, value }]);
    return value;
  }
}

const NONE: never[] = [];
const MAX_INTERNED = 1 << 16;

/** The number of a journey: less than 2^53, which no trace of whatever length comes near to. */
function readNumber(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000;
}

function decodePlace(view: DataView, at: number): Place {
  const device = decodeText(view, at + 8, IPFT_DEVICE_NAME);
  return { netns: view.getUint32(at, true), ifindex: view.getUint32(at + 4, true), device };
}

/** A char array, up to its first zero byte. */
function decodeText(view: DataView, at: number, size: number): string {
  let length = 0;
  while (length < size && view.getUint8(at + length) !== 0) length++;
  return Buffer.from(view.buffer, view.byteOffset + at, length).toString('utf8');
}

/** struct ipft_config, as the initial value of the section `.rodata.ipft` */
export function encodeConfig(config: {
  dataSize: number;
  samplePeriod: number;
  directReads: boolean;
  follow: boolean;
  dropHasReason: boolean;
  consumeHasLocation: boolean;
}): Uint8Array {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt32LE(config.dataSize, 0);
  bytes.writeUInt32LE(config.samplePeriod, 4);
  bytes.writeUInt32LE(config.directReads ? 1 : 0, 8);
  bytes.writeUInt32LE(config.follow ? 1 : 0, 12);
  bytes.writeUInt32LE(config.dropHasReason ? 1 : 0, 16);
  bytes.writeUInt32LE(config.consumeHasLocation ? 1 : 0, 20);
  bytes.write('%pS', 24, 'latin1');
  return bytes;
}

/** struct ipft_cpu: words of 8 bytes */
export const CPU_SIZE = 64;

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
 * struct ipft_journey: owner u64, number u64, parent u64, where u64, freeing_ns u64, location u64, caller u64, sock u64,
 * reason u32, events u32, ifindex u32, family u16, protocol u16, stage u8, flags u8, cpu u16, tail u8, sock_state u8,
 * 2 bytes, device char[16]
 */
export const JOURNEY_SIZE = 104;
/** Places of the map. */
export const MAX_JOURNEYS = 1 << 17;
/** Bits of the owner of a place where no journey lives. */
const OWNER_BITS = 3;

/** The journeys that have not ended, from all places of the map. */
export function decodeLivings(view: DataView): Living[] {
  const living: Living[] = [];
  for (let at = 0; at + JOURNEY_SIZE <= view.byteLength; at += JOURNEY_SIZE) {
    const low = view.getUint32(at, true);
    if ((low & OWNER_BITS) !== 0 || (low === 0 && view.getUint32(at + 4, true) === 0)) continue;
    living.push(decodeLiving(view, at));
  }
  return living;
}

/** Packets that were followed, whether or not they had events. */
export interface Followed {
  /** How many, or fewer: how many places of the map journeys have, or had. */
  readonly packets: number;
  /** Of how many of them the extension has left out an event. */
  readonly leftOut: number;
}

export function countFollowed(view: DataView): Followed {
  let [packets, leftOut] = [0, 0];
  for (let at = 0; at + JOURNEY_SIZE <= view.byteLength; at += JOURNEY_SIZE) {
    if (view.getUint32(at, true) === 0 && view.getUint32(at + 4, true) === 0) continue;
    packets++;
    if (view.getUint8(at + 86) !== 0) leftOut++;
  }
  return { packets, leftOut };
}

function decodeLiving(view: DataView, at: number): Living {
  const journey = view.getUint32(at + 8, true);
  const events = view.getUint32(at + 68, true);
  const freeingNs = view.getBigUint64(at + 32, true);
  if (freeingNs === 0n) return { journey, events, freeing: undefined };
  const flags = view.getUint8(at + 81);
  const fate: Fate = {
    ...{ location: view.getBigUint64(at + 40, true), symbol: '', reason: view.getUint32(at + 64, true) },
    family: view.getUint16(at + 76, true),
    protocol: view.getUint16(at + 78, true),
    stage: STAGES[view.getUint8(at + 80)] ?? 'none',
    received: (flags & IPFT_JOURNEY_RECEIVED) !== 0,
    dropped: (flags & IPFT_JOURNEY_DROPPED) !== 0,
    device: decodeText(view, at + 88, IPFT_DEVICE_NAME),
  };
  return { journey, events, freeing: { journey: readNumber(view, at + 8), events, timestampNs: freeingNs, fate } };
}
