/** Decodes what stands before a network header: Ethernet and VLAN tags; and ARP, which stands in its place. */
import type { Arp, Ethernet, Vlan } from '../base/packet.js';
import { accessPointName, ETH_P_IP, isVlanTag } from './numbers.js';
import { type Decoded, MALFORMED, type Slice, TRUNCATED } from './slice.js';

const ETHERNET_BYTES = 14;
const VLAN_BYTES = 4;
const ARP_BYTES = 28;
const SNAP_BYTES = 8;
const SNAP_ACCESS_POINTS = 0xaaaa;
/** The control field of LLC that SNAP has. */
const UNNUMBERED = 3;

/** An Ethernet header; its `etherType` may announce VLAN tags. */
export function decodeEthernet(slice: Slice): Decoded<Ethernet> {
  if (!slice.has(ETHERNET_BYTES)) return TRUNCATED;
  const header = { source: slice.mac(6), destination: slice.mac(0), etherType: slice.u16(12) };
  return { header, payload: slice.behind(ETHERNET_BYTES) };
}

/** The tags that stand one behind the other, and the EtherType behind the last. */
export interface VlanStack {
  readonly tags: readonly Vlan[];
  readonly etherType: number;
}

/** @param etherType announces the first tag, or is no tag's */
export function decodeVlans(slice: Slice, etherType: number): Decoded<VlanStack> {
  const tags: Vlan[] = [];
  let rest = slice;
  let next = etherType;
  while (isVlanTag(next)) {
    if (!rest.has(VLAN_BYTES)) return { header: { tags, etherType: next }, problem: 'truncated' };
    tags.push(createVlan(next, rest.u16(0)));
    next = rest.u16(2);
    rest = rest.behind(VLAN_BYTES);
  }
  return { header: { tags, etherType: next }, payload: rest };
}

/** @param value the 16 bits of the tag: priority, drop eligibility, number */
export function createVlan(protocol: number, value: number): Vlan {
  return { protocol, id: value & 0xfff, priority: value >> 13, dropEligible: (value & 0x1000) !== 0 };
}

/** The EtherType of SNAP, and what lies behind it. */
export interface Snap {
  readonly etherType: number;
  readonly payload: Slice;
}

/** What a frame has behind a length: LLC (IEEE 802.2), by the name of what it carries, or SNAP with an EtherType. */
export function decodeLlc(slice: Slice): string | Snap {
  const isSnap = slice.has(SNAP_BYTES) && slice.u16(0) === SNAP_ACCESS_POINTS && slice.u8(2) === UNNUMBERED;
  // The organization 0 has EtherTypes.
  if (isSnap && slice.u24(3) === 0) return { etherType: slice.u16(6), payload: slice.behind(SNAP_BYTES) };
  return (slice.has(1) ? accessPointName(slice.u8(0)) : undefined) ?? 'LLC';
}

/** ARP for IPv4 over Ethernet (RFC 826); other kinds of it have no header here. */
export function decodeArp(slice: Slice): Decoded<Arp> {
  if (!slice.has(8)) return TRUNCATED;
  const isEthernet = slice.u16(0) === 1 && slice.u8(4) === 6;
  if (!isEthernet || slice.u16(2) !== ETH_P_IP || slice.u8(5) !== 4) return MALFORMED;
  if (!slice.has(ARP_BYTES)) return TRUNCATED;
  return {
    header: {
      ...{ kind: 'arp', operation: slice.u16(6) },
      ...{ senderMac: slice.mac(8), senderIp: slice.ipv4(14) },
      ...{ targetMac: slice.mac(18), targetIp: slice.ipv4(24) },
    },
  };
}
