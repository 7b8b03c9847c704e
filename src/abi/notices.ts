/** Decodes notices: the records of `bpf/abi/record.h` for begins, moves, snapshots and ends. */
import type { Began, Ended, Fate, Moved, Place, Snapped } from '../base/journey.js';
import type { FindControlGroup, JourneyProcess, Whose } from '../base/process.js';
import { decodeFate, FATE_OF_END } from './fate.js';
import { Interned } from './interned.js';
import {
  BEGIN_ID,
  BEGIN_PARENT,
  BEGIN_PLACE,
  BEGIN_SKB,
  END_ID,
  END_LOCATION,
  END_SYMBOL,
  END_SYMBOL_SIZE,
  EVENT_FLAGS,
  EVENT_JOURNEY,
  EVENT_SEQUENCE,
  EVENT_TARGET,
  EVENT_TIMESTAMP_NS,
  HOLDER_CGROUP,
  HOLDER_NAME,
  HOLDER_NAME_SIZE,
  HOLDER_PID,
  HOLDER_SIZE,
  IPFT_EVENT_NOTICE,
  IPFT_NOTICE_BEGIN,
  IPFT_PARTY_RECEIVER,
  IPFT_PARTY_SENDER,
  MOVED_PLACE,
  PLACE_DEVICE,
  PLACE_DEVICE_SIZE,
  PLACE_IFINDEX,
  PLACE_NETNS,
  PLACE_SIZE,
  SNAPSHOT_CAPTURED,
  SNAPSHOT_GSO_SEGMENTS,
  SNAPSHOT_GSO_SIZE,
  SNAPSHOT_HAS_ETHERNET,
  SNAPSHOT_LENGTH,
  SNAPSHOT_PROTOCOL,
  SNAPSHOT_SIZE,
  SNAPSHOT_VLAN_PROTOCOL,
  SNAPSHOT_VLAN_VALUE,
  WHOSE_PARTY,
  WHOSE_PROCESS,
} from './layout.js';
import { decodeText, readJourneyId } from './values.js';

/** The most names of locations: more than a kernel has calls that free packets. */
const MAX_SYMBOLS = 1 << 16;

/**
 * Decodes notices; `at` is the offset of the record. Most packets share a few places, fates and processes, which are
 * interned.
 */
export class NoticeDecoder {
  readonly #places = new Interned(0, PLACE_SIZE);
  readonly #fates = new Interned(END_LOCATION, END_SYMBOL);
  /** The names of locations: the kernel tells each name once. */
  readonly #symbols = new Map<bigint, string>();
  readonly #processes = new Interned(0, HOLDER_SIZE);
  readonly #findGroup: FindControlGroup;

  /** @param findGroup asked when the first notice of a process is decoded, and again while it does not know the group */
  constructor(findGroup: FindControlGroup = () => undefined) {
    this.#findGroup = findGroup;
  }

  /** struct ipft_begin */
  began(view: DataView, at: number): Began {
    return {
      timestampNs: view.getBigUint64(at + EVENT_TIMESTAMP_NS, true),
      packetId: view.getBigUint64(at + BEGIN_SKB, true),
      journey: readJourneyId(view, at + BEGIN_ID),
      parent: view.getUint32(at + BEGIN_PARENT, true),
      place: this.#place(view, at + BEGIN_PLACE),
    };
  }

  /** struct ipft_moved; undefined if the place is not known. */
  moved(view: DataView, at: number): Moved | undefined {
    const place = this.#place(view, at + MOVED_PLACE);
    return place && { journey: view.getUint32(at + EVENT_JOURNEY, true), place };
  }

  /** struct ipft_whose; undefined for a party that is not known. */
  whose(view: DataView, at: number): Whose | undefined {
    const party = view.getUint32(at + WHOSE_PARTY, true);
    if (party !== IPFT_PARTY_SENDER && party !== IPFT_PARTY_RECEIVER) return undefined;
    return {
      journey: view.getUint32(at + EVENT_JOURNEY, true),
      party: party === IPFT_PARTY_SENDER ? 'sender' : 'receiver',
      process: this.#process(this.#processes.get(view, at + WHOSE_PROCESS, decodeHolder)),
    };
  }

  #process(holder: Holder): JourneyProcess {
    if (holder.process) return holder.process;
    const { pid, command, group } = holder;
    const found = this.#findGroup(group);
    const { path, container, unit, pod } = found ?? {};
    const process = { pid, command, cgroup: path, container, unit, pod };
    if (found || group === 0n) holder.process = process;
    return process;
  }

  /** What the kernel side has called a location, as `name+0x10/0x40 [module]`. */
  symbolOf(location: bigint): string | undefined {
    return this.#symbols.get(location);
  }

  #place(view: DataView, at: number): Place | undefined {
    return view.getUint32(at + PLACE_NETNS, true) === 0 ? undefined : this.#places.get(view, at, decodePlace);
  }

  /**
   * struct ipft_snapshot; undefined if there is none, or the kernel could not read the headers.
   * @param record where the notice begins
   * @param at where the snapshot does
   * @param end where the record ends
   */
  snapshot(view: DataView, record: number, at: number, end: number): Snapped | undefined {
    const begin = at + SNAPSHOT_SIZE;
    const captured = begin < end ? Math.min(view.getUint16(at + SNAPSHOT_CAPTURED, true), end - begin) : 0;
    if (captured === 0) return undefined;
    const vlan = view.getUint16(at + SNAPSHOT_VLAN_PROTOCOL);
    const gso = view.getUint16(at + SNAPSHOT_GSO_SIZE, true);
    return {
      journey: view.getUint32(record + EVENT_JOURNEY, true),
      snapshot: {
        bytes: new Uint8Array(view.buffer.slice(view.byteOffset + begin, view.byteOffset + begin + captured)),
        hasEthernet: view.getUint32(at + SNAPSHOT_HAS_ETHERNET, true) !== 0,
        protocol: view.getUint16(at + SNAPSHOT_PROTOCOL),
        lengthBytes: view.getUint32(at + SNAPSHOT_LENGTH, true),
        vlan: vlan === 0 ? undefined : { protocol: vlan, value: view.getUint16(at + SNAPSHOT_VLAN_VALUE, true) },
        gso: gso === 0 ? undefined : { sizeBytes: gso, segments: view.getUint16(at + SNAPSHOT_GSO_SEGMENTS, true) },
      },
    };
  }

  /** struct ipft_end. @param length of the record, which has no symbol if the symbol was told before */
  ended(view: DataView, at: number, length: number): Ended {
    if (length > END_SYMBOL && view.getUint8(at + END_SYMBOL) !== 0) {
      const location = view.getBigUint64(at + END_LOCATION, true);
      if (this.#symbols.size < MAX_SYMBOLS) {
        this.#symbols.set(location, decodeText(view, at + END_SYMBOL, END_SYMBOL_SIZE));
      }
    }
    return {
      journey: readJourneyId(view, at + END_ID),
      timestampNs: view.getBigUint64(at + EVENT_TIMESTAMP_NS, true),
      events: view.getUint32(at + EVENT_SEQUENCE, true),
      fate: this.#fates.get(view, at, this.#decodeFate),
    };
  }

  readonly #decodeFate = (view: DataView, at: number): Fate => decodeFate(view, at, FATE_OF_END, this.#symbols);
}

/**
 * Writes a struct ipft_begin.
 * @param view all zero, from `at` on
 * @param parent the short id stands for the id: nothing more is known of it
 */
export function encodeBegin(
  view: DataView,
  at: number,
  { journey, timestampNs, packetId, parent, place }: Began,
): void {
  view.setBigUint64(at + EVENT_TIMESTAMP_NS, timestampNs, true);
  view.setUint32(at + EVENT_JOURNEY, journey >>> 0, true);
  view.setUint32(at + EVENT_TARGET, IPFT_NOTICE_BEGIN, true);
  view.setUint8(at + EVENT_FLAGS, IPFT_EVENT_NOTICE);
  view.setBigUint64(at + BEGIN_SKB, packetId, true);
  view.setBigUint64(at + BEGIN_ID, BigInt(journey), true);
  view.setBigUint64(at + BEGIN_PARENT, BigInt(parent), true);
  if (!place) return;
  view.setUint32(at + BEGIN_PLACE + PLACE_NETNS, place.netns, true);
  view.setUint32(at + BEGIN_PLACE + PLACE_IFINDEX, place.ifindex, true);
  Buffer.from(view.buffer, view.byteOffset + at + BEGIN_PLACE + PLACE_DEVICE, PLACE_DEVICE_SIZE).write(place.device);
}

/** A process that has sockets. */
interface Holder {
  readonly pid: number | undefined;
  readonly command: string;
  readonly group: bigint;
  /** Set when its control group is known. */
  process: JourneyProcess | undefined;
}

/** struct ipft_holder */
function decodeHolder(view: DataView, at: number): Holder {
  const pid = view.getUint32(at + HOLDER_PID, true);
  return {
    pid: pid === 0 ? undefined : pid,
    command: decodeText(view, at + HOLDER_NAME, HOLDER_NAME_SIZE),
    group: view.getBigUint64(at + HOLDER_CGROUP, true),
    process: undefined,
  };
}

/** struct ipft_place */
function decodePlace(view: DataView, at: number): Place {
  return {
    netns: view.getUint32(at + PLACE_NETNS, true),
    ifindex: view.getUint32(at + PLACE_IFINDEX, true),
    device: decodeText(view, at + PLACE_DEVICE, PLACE_DEVICE_SIZE),
  };
}
