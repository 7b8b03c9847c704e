/** Compares two states of a packet: how it was changed between them. */
import type { Endpoint, Packet, PacketChange, Tunnel } from '../base/packet.js';
import { flowOf, formatEndpoint, formatFlow } from './endpoints.js';
import { formatTunnelName } from './text.js';

/** A change, and the packet that was changed: the number of packets that it lay in when it was first read. */
export interface LevelChange {
  readonly level: number;
  readonly change: PacketChange;
}

/** Follows the states of a packet, from the first on. */
export class ChangeFinder {
  readonly changes: LevelChange[] = [];
  #last: Packet;
  /**
   * For each of the packets within each other, outermost first: the number of packets that it lay in at first; -1 for a
   * packet that was put around it since.
   */
  #levels: number[];

  constructor(first: Packet) {
    this.#last = first;
    this.#levels = nestingOf(first).map((_, level) => level);
  }

  /** The next state. */
  add(packet: Packet): void {
    const before = nestingOf(this.#last);
    const after = nestingOf(packet);
    this.#compareVlans(this.#last, packet);
    const added = Math.max(0, after.length - before.length);
    const removed = Math.max(0, before.length - after.length);
    for (let i = removed - 1; i >= 0; i--) this.#addTunnel('decapsulated', before[i], this.#levels[i] ?? 0);
    const kept = this.#levels.slice(removed);
    for (let i = added - 1; i >= 0; i--) this.#addTunnel('encapsulated', after[i], kept[0] ?? 0);
    this.#levels = [...Array<number>(added).fill(-1), ...kept];
    for (let i = 0; i < kept.length; i++) {
      const [old, now] = [before[removed + i], after[added + i]];
      if (old && now) this.#compareFlows(old, now, kept[i] ?? 0);
    }
    this.#last = packet;
  }

  #add(level: number, change: PacketChange): void {
    this.changes.push({ level: Math.max(0, level), change });
  }

  #addTunnel(kind: 'encapsulated' | 'decapsulated', outer: Packet | undefined, level: number): void {
    if (!outer?.tunnel) return;
    const flow = flowOf(outer);
    const { kind: tunnel, id } = outer.tunnel;
    this.#add(level, { kind, tunnel, id, source: flow?.source, destination: flow?.destination });
  }

  #compareFlows(old: Packet, now: Packet, level: number): void {
    const [before, after] = [flowOf(old), flowOf(now)];
    // Another protocol: a header that is not known stands before this one.
    if (!before || !after || before.protocol !== after.protocol) return;
    this.#compareEnds(level, 'snat', before.source, after.source);
    this.#compareEnds(level, 'dnat', before.destination, after.destination);
  }

  /** The kernel writes port and address one after the other, and a function between the two sees one of them changed. */
  #compareEnds(level: number, kind: 'snat' | 'dnat', old: Endpoint, now: Endpoint): void {
    if (!differs(old, now)) return;
    const last = this.changes.at(-1);
    if (last?.level === level && last.change.kind === kind && isOtherHalf(last.change, old, now)) {
      this.changes.pop();
      this.#add(level, { kind, from: last.change.from, to: now });
    } else {
      this.#add(level, { kind, from: old, to: now });
    }
  }

  /** Tags are added and taken away at the front. */
  #compareVlans({ vlans: old }: Packet, { vlans: now }: Packet): void {
    for (const { id } of old.slice(0, Math.max(0, old.length - now.length))) this.#add(0, { kind: 'vlan-popped', id });
    for (const { id } of now.slice(0, Math.max(0, now.length - old.length))) this.#add(0, { kind: 'vlan-pushed', id });
  }
}

/** A packet and those within it, outermost first; undefined for one that is known to be there, and no more. */
function nestingOf(packet: Packet): (Packet | undefined)[] {
  const nesting: (Packet | undefined)[] = [];
  for (let one: Packet | undefined = packet; one; ) {
    nesting.push(one);
    const { tunnel }: Packet = one;
    if (!tunnel || !carriesPacket(tunnel)) break;
    if (!tunnel.inner) nesting.push(undefined);
    one = tunnel.inner;
  }
  return nesting;
}

function carriesPacket({ kind, message }: Tunnel): boolean {
  return message === undefined || (kind === 'wireguard' && message === 'data');
}

/** Whether of address and port one was translated before, and the other one now. */
function isOtherHalf({ from, to }: { from: Endpoint; to: Endpoint }, old: Endpoint, now: Endpoint): boolean {
  return (
    (from.address === to.address) !== (old.address === now.address) &&
    (from.port === to.port) !== (old.port === now.port)
  );
}

/** A fragment may have no ports. */
function differs(before: Endpoint, after: Endpoint): boolean {
  if (before.address !== after.address) return true;
  return before.port !== undefined && after.port !== undefined && before.port !== after.port;
}

/** `SNAT 192.0.2.1:61001`, `in VXLAN vni 100 10.0.0.1:40000 > 10.0.0.2:4789`, `vlan 5 pushed` */
export function formatChange(change: PacketChange): string {
  switch (change.kind) {
    case 'snat':
    case 'dnat':
      return `${change.kind.toUpperCase()} ${formatEndpoint(change.to)}`;
    case 'vlan-pushed':
    case 'vlan-popped':
      return `vlan ${change.id} ${change.kind === 'vlan-pushed' ? 'pushed' : 'popped'}`;
    case 'encapsulated':
    case 'decapsulated': {
      const { kind, tunnel, id, source, destination } = change;
      const flow = source && destination ? ` ${formatFlow({ source, destination })}` : '';
      return `${kind === 'encapsulated' ? 'in' : 'out of'} ${formatTunnelName({ kind: tunnel, id }, ' ')}${flow}`;
    }
  }
}
