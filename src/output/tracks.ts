/**
 * Where journeys lie in a picture: in a lane of their flow, below the network namespace of their first event. A lane is
 * used again when its journey has ended, so that a long trace has as many as journeys lasted at the same time, not as
 * there were journeys. Pure.
 */
import type { Packet } from '../base/packet.js';
import { flowOf, formatFlow } from '../packets/endpoints.js';
import { protocolName } from '../packets/numbers.js';
import { Lanes } from './lanes.js';

export interface TrackTaker {
  /** A namespace is new. @param track its number; those of namespaces and lanes are counted together, from 1 */
  addNamespace(track: number, netns: number): void;
  addLane(track: number, namespace: number, name: string): void;
  /**
   * A journey is a copy of another one, and both have been placed.
   * @param at the time of the copy, within its parent
   */
  addCopy(parent: Placed, copy: Placed, at: bigint): void;
}

/** A journey in its lane. */
export interface Placed {
  readonly number: number;
  readonly track: number;
  readonly beginNs: bigint;
  readonly endNs: bigint;
}

/** The most flows that have lanes of their own; those of later ones are shared. */
export const MAX_FLOWS = 1000;
/** The most journeys that are remembered for their copies, and as copies of journeys that are still to come. */
const MAX_REMEMBERED = 1 << 14;
/** The memory of a remembered journey, and of a flow, on the engine's heap, roughly. */
const REMEMBERED_BYTES = 250;
const FLOW_BYTES = 500;

interface Flow {
  readonly name: string;
  readonly lanes: Lanes;
  /** The number of each lane's track. */
  readonly tracks: number[];
}

interface Namespace {
  readonly track: number;
  readonly flows: Map<string, Flow>;
}

export class Tracks {
  readonly #taker: TrackTaker;
  readonly #namespaces = new Map<number, Namespace>();
  #flows = 0;
  #tracks = 0;
  /** Times are counted from here, to be exact as doubles for some months. */
  #originNs: bigint | undefined;
  /** The last journeys that were placed, each at its number modulo `MAX_REMEMBERED`. */
  readonly #placed: (Placed | undefined)[] = new Array(MAX_REMEMBERED).fill(undefined);
  /** Copies whose parent has not come, by its number. */
  readonly #orphans = new Map<number, Placed[]>();
  #orphanCount = 0;

  constructor(taker: TrackTaker) {
    this.#taker = taker;
  }

  /** The memory on the engine's heap, roughly. */
  get keptBytes(): number {
    return (MAX_REMEMBERED + this.#orphanCount) * REMEMBERED_BYTES + this.#flows * FLOW_BYTES;
  }

  /** The number of another track, which is none of a journey. */
  create(): number {
    return ++this.#tracks;
  }

  /** Takes a lane. @param netns 0 if it is not known @param flow as `nameFlow` makes it */
  take(netns: number, flow: string, beginNs: bigint, endNs: bigint): number {
    this.#originNs ??= beginNs;
    const namespace = this.#namespaces.get(netns) ?? this.#addNamespace(netns);
    const { lanes, name, tracks } = namespace.flows.get(flow) ?? this.#addFlow(namespace, flow);
    const lane = lanes.take(Number(beginNs - this.#originNs), Number(endNs - this.#originNs));
    const known = tracks[lane];
    if (known !== undefined) return known;
    const track = this.create();
    tracks[lane] = track;
    this.#taker.addLane(track, namespace.track, name);
    return track;
  }

  #addNamespace(netns: number): Namespace {
    const namespace: Namespace = { track: this.create(), flows: new Map() };
    this.#namespaces.set(netns, namespace);
    this.#taker.addNamespace(namespace.track, netns);
    return namespace;
  }

  #addFlow({ flows }: Namespace, wanted: string): Flow {
    const name = this.#flows < MAX_FLOWS ? wanted : 'other flows';
    const known = flows.get(name);
    if (known) return known;
    this.#flows++;
    const flow: Flow = { name, lanes: new Lanes(), tracks: [] };
    flows.set(name, flow);
    return flow;
  }

  /** Remembers a journey that has been drawn, and tells of the copies that are known with it. */
  remember(placed: Placed, parent: number): void {
    this.#placed[placed.number % MAX_REMEMBERED] = placed;
    const copies = this.#orphanCount > 0 ? this.#orphans.get(placed.number) : undefined;
    if (copies) {
      this.#orphans.delete(placed.number);
      this.#orphanCount -= copies.length;
      for (const copy of copies) this.#tell(placed, copy);
    }
    if (parent === 0) return;
    const its = this.#placed[parent % MAX_REMEMBERED];
    if (its?.number === parent) this.#tell(its, placed);
    else this.#addOrphan(parent, placed);
  }

  #addOrphan(parent: number, copy: Placed): void {
    // Parents of so many copies hardly come any more. To look for the oldest of them would take longer than all else.
    if (this.#orphanCount === MAX_REMEMBERED) {
      this.#orphans.clear();
      this.#orphanCount = 0;
    }
    const known = this.#orphans.get(parent);
    if (known) known.push(copy);
    else this.#orphans.set(parent, [copy]);
    this.#orphanCount++;
  }

  #tell(parent: Placed, copy: Placed): void {
    const { beginNs, endNs } = parent;
    const at = copy.beginNs < beginNs ? beginNs : copy.beginNs;
    this.#taker.addCopy(parent, copy, at > endNs ? endNs : at);
  }
}

/** What all packets between the same addresses and ports, in the same direction, have in common: `a:1 > b:2 TCP`. */
export function nameFlow(packet: Packet | undefined): string {
  const { network } = packet ?? {};
  if (!packet || !network) return 'packets';
  const flow = flowOf(packet);
  if (flow) return `${formatFlow(flow)} ${protocolName(flow.protocol) ?? flow.protocol}`;
  if (network.kind === 'arp') return 'ARP';
  return (network.kind === 'other' && network.name) || 'not IP';
}

/** The halves of a connection's number. */
export type Connection = readonly [low: number, high: number];

/**
 * A number of 64 bits for the packets between the same addresses and ports, in both directions: in two halves.
 * @returns undefined for packets that are not of IP
 */
export function connectionOf(packet: Packet): Connection | undefined {
  const flow = flowOf(packet);
  if (!flow) return undefined;
  const { source, destination, protocol } = flow;
  const ends = [source, destination].map(({ address, port }) => `${address} ${port}`).sort();
  const text = `${protocol} ${ends.join(' ')}`;
  return [hash(text, 0x811c9dc5), hash(text, 0x01000193)];
}

/** FNV-1a of 32 bits. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
