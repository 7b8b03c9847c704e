/** The numbers of protocols, and the names of those that have no decoder. From IANA's registers. */

/** ETH_P_… of `linux/if_ether.h` */
export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;
export const ETH_P_TEB = 0x6558;
export const ETH_P_IPV6 = 0x86dd;
/** EtherTypes of VLAN tags: 802.1Q, 802.1ad, and an older one of 802.1ad. */
const VLAN_TAGS = [0x8100, 0x88a8, 0x9100];
/** Lower numbers in an Ethernet header are lengths (IEEE 802.3). */
export const ETH_P_802_3_MIN = 0x600;

export function isVlanTag(etherType: number): boolean {
  return VLAN_TAGS.includes(etherType);
}

/** IPPROTO_… of `linux/in.h` and `linux/in6.h` */
export const IPPROTO_HOPOPTS = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_IPIP = 4;
export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_ROUTING = 43;
export const IPPROTO_FRAGMENT = 44;
export const IPPROTO_GRE = 47;
export const IPPROTO_ESP = 50;
export const IPPROTO_AH = 51;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_NONE = 59;
export const IPPROTO_DSTOPTS = 60;
export const IPPROTO_SCTP = 132;
export const IPPROTO_MH = 135;

const ETHER_TYPES: Readonly<Record<number, string>> = {
  ...{ 2114: 'WoL', 8944: 'AVTP', 24579: 'DECnet', 32821: 'RARP', 32923: 'AppleTalk', 33079: 'IPX' },
  ...{ 34824: 'Ethernet flow control', 34825: 'LACP', 34887: 'MPLS', 34888: 'MPLS multicast' },
  ...{ 34915: 'PPPoE discovery', 34916: 'PPPoE', 34958: 'EAPOL', 34978: 'AoE', 35020: 'LLDP' },
  ...{ 35045: 'MACsec', 35063: 'PTP', 35074: 'CFM', 35078: 'FCoE', 35092: 'FIP', 35093: 'RoCE' },
  ...{ 34827: 'PPP', 35006: 'ERSPAN', 8939: 'ERSPAN III', 35151: 'NSH', 17157: 'batman-adv', 254: 'OSI' },
};

const PROTOCOLS: Readonly<Record<number, string>> = {
  ...{ 0: 'HOPOPT', 1: 'ICMP', 2: 'IGMP', 3: 'GGP', 4: 'IPIP', 6: 'TCP', 8: 'EGP', 9: 'IGP', 12: 'PUP', 17: 'UDP' },
  ...{ 27: 'RDP', 33: 'DCCP', 41: 'IPv6', 43: 'routing', 44: 'fragment', 46: 'RSVP', 47: 'GRE', 50: 'ESP', 51: 'AH' },
  ...{ 58: 'ICMPv6', 59: 'no next header', 60: 'destination options', 88: 'EIGRP', 89: 'OSPF', 94: 'IPIP' },
  ...{ 97: 'EtherIP', 103: 'PIM', 108: 'IPComp', 112: 'VRRP', 115: 'L2TP', 124: 'IS-IS', 132: 'SCTP', 133: 'FC' },
  ...{ 135: 'mobility', 136: 'UDPLite', 137: 'MPLS', 139: 'HIP', 140: 'shim6', 143: 'Ethernet' },
};

/** By service access point (IEEE 802.2). */
const ACCESS_POINTS: Readonly<Record<number, string>> = {
  ...{ 66: 'STP', 170: 'SNAP', 224: 'IPX', 240: 'NetBEUI', 254: 'OSI' },
};

/** The name of an EtherType; undefined if it has none here. */
export function etherTypeName(etherType: number): string | undefined {
  return ETHER_TYPES[etherType];
}

/** What a service access point is for; undefined if it has no name here. */
export function accessPointName(accessPoint: number): string | undefined {
  return ACCESS_POINTS[accessPoint];
}

/** The name of an IP protocol; undefined if it has none here. */
export function protocolName(protocol: number): string | undefined {
  return PROTOCOLS[protocol];
}
