/**
 * A packet's headers as values. Addresses are text, `10.0.0.1`, `fe80::1`, `52:54:00:12:34:56`; numbers are as the
 * header has them, lengths and offsets in bytes. A member is undefined where its bytes are not known.
 */

/** A packet, from its outermost known header on. */
export interface Packet {
  /** The Ethernet header; undefined where the packet had none yet, or none is used there. */
  readonly ethernet: Ethernet | undefined;
  /** The VLAN tags, outermost first, those that a device keeps beside the packet included. */
  readonly vlans: readonly Vlan[];
  /** The header behind the Ethernet header. */
  readonly network: Network | undefined;
  /** The header behind the network header; undefined in all fragments but the first, too. */
  readonly transport: Transport | undefined;
  /** The tunnel that it carries. */
  readonly tunnel: Tunnel | undefined;
  /** The header that could not be read further, and why. */
  readonly problem: HeaderProblem | undefined;
  /** The length from its first known header on. */
  readonly lengthBytes: number;
  /** How a large packet will be segmented; undefined for others. */
  readonly gso: Gso | undefined;
}

/** Why the rest of a packet is not decoded. */
export interface HeaderProblem {
  /** The header, as `tcp`. */
  readonly header: string;
  /**
   * `truncated`: the known bytes end in it; `malformed`: it contradicts itself; `nested`: it lies within more packets
   * than are decoded.
   */
  readonly kind: 'truncated' | 'malformed' | 'nested';
}

/** The segments that a large packet will be cut into. */
export interface Gso {
  /** Payload of a segment. */
  readonly sizeBytes: number;
  /** The number of segments; 0 if the kernel has not counted them. */
  readonly segments: number;
}

/** An Ethernet header. */
export interface Ethernet {
  /** The sender. */
  readonly source: string;
  /** The receiver. */
  readonly destination: string;
  /** The EtherType behind all VLAN tags, or below 0x600 a length. */
  readonly etherType: number;
}

/** A VLAN tag. */
export interface Vlan {
  /** The EtherType that announces it: 0x8100 (802.1Q), 0x88a8 (802.1ad). */
  readonly protocol: number;
  /** The VLAN. */
  readonly id: number;
  /** Its priority, 0 to 7. */
  readonly priority: number;
  /** Whether it may be dropped first. */
  readonly dropEligible: boolean;
}

/** A network header. */
export type Network = Ipv4 | Ipv6 | Arp | OtherNetwork;

/** A fragment's place in its packet. */
export interface Fragment {
  /** The packet's identification. */
  readonly id: number;
  /** Where its data lie. */
  readonly offsetBytes: number;
  /** Whether others lie behind it. */
  readonly more: boolean;
}

/** An IPv4 header. */
export interface Ipv4 {
  /** Tells network headers apart. */
  readonly kind: 'ipv4';
  /** The sender. */
  readonly source: string;
  /** The receiver. */
  readonly destination: string;
  /** The protocol of its data, behind the extension headers, as `IPPROTO_TCP`. */
  readonly protocol: number;
  /** The hops that are left. */
  readonly ttl: number;
  /** Differentiated services and ECN. */
  readonly tos: number;
  /** Its identification. */
  readonly id: number;
  /** Whether it must not be fragmented. */
  readonly dontFragment: boolean;
  /** Undefined if it is no fragment. */
  readonly fragment: Fragment | undefined;
  /** The names of its options, as `RR`; numbers where they have none. */
  readonly options: readonly string[];
  /** The names of its extension headers: `authentication` is the only one that IPv4 shares with IPv6. */
  readonly extensions: readonly string[];
  /** The length of the data behind the extension headers. */
  readonly payloadBytes: number;
}

/** An IPv6 header with its extension headers. */
export interface Ipv6 {
  /** Tells network headers apart. */
  readonly kind: 'ipv6';
  /** The sender. */
  readonly source: string;
  /** The receiver. */
  readonly destination: string;
  /** The protocol behind the extension headers, as `IPPROTO_TCP`. */
  readonly protocol: number;
  /** The hops that are left. */
  readonly hopLimit: number;
  /** Differentiated services and ECN. */
  readonly trafficClass: number;
  /** Its flow label. */
  readonly flowLabel: number;
  /** Undefined if it is no fragment. */
  readonly fragment: Fragment | undefined;
  /** The names of its extension headers, as `hop-by-hop`, in their order. */
  readonly extensions: readonly string[];
  /** The length of the data behind the extension headers. */
  readonly payloadBytes: number;
}

/** An ARP packet for IPv4. */
export interface Arp {
  /** Tells network headers apart. */
  readonly kind: 'arp';
  /** 1 request, 2 reply. */
  readonly operation: number;
  /** The sender's hardware address. */
  readonly senderMac: string;
  /** The sender's IPv4 address. */
  readonly senderIp: string;
  /** The hardware address that is asked for. */
  readonly targetMac: string;
  /** The IPv4 address that is asked for. */
  readonly targetIp: string;
}

/** A network header that is known by its name alone. */
export interface OtherNetwork {
  /** Tells network headers apart. */
  readonly kind: 'other';
  /** The EtherType; below 0x600 a length. */
  readonly etherType: number;
  /** Its name, as `LLDP`, or of a frame with a length, as `STP`; undefined if it has none here. */
  readonly name: string | undefined;
}

/** The header behind a network header. */
export type Transport = Tcp | Udp | Icmp | Sctp | Esp | OtherTransport;

/** A flag of TCP. */
export type TcpFlag = 'FIN' | 'SYN' | 'RST' | 'PSH' | 'ACK' | 'URG' | 'ECE' | 'CWR' | 'AE';

/** An option of TCP; which of the members it has depends on its name. */
export interface TcpOption {
  /** `mss`, `wscale`, `sackOK`, `sack`, `TS`, `nop`, …; a number where it has none. */
  readonly name: string;
  /** Of `mss` and `wscale`: the value; of `TS`: value and echo; of `sack`: the edges of its blocks. */
  readonly values: readonly number[];
}

/** A TCP header. */
export interface Tcp {
  /** Tells transport headers apart. */
  readonly kind: 'tcp';
  /** The sender's port. */
  readonly sourcePort: number;
  /** The receiver's port. */
  readonly destinationPort: number;
  /** The sequence number, not relative. */
  readonly sequence: number | undefined;
  /** The acknowledgment number, not relative. */
  readonly acknowledgment: number | undefined;
  /** The flags that are set. */
  readonly flags: readonly TcpFlag[] | undefined;
  /** The window, not scaled. */
  readonly window: number | undefined;
  /** The urgent pointer. */
  readonly urgent: number | undefined;
  /** Its options. */
  readonly options: readonly TcpOption[];
  /** The length of its data. */
  readonly payloadBytes: number | undefined;
}

/** A UDP header. */
export interface Udp {
  /** Tells transport headers apart. */
  readonly kind: 'udp';
  /** The sender's port. */
  readonly sourcePort: number;
  /** The receiver's port. */
  readonly destinationPort: number;
  /** The length of its data. */
  readonly payloadBytes: number | undefined;
}

/** An ICMP or ICMPv6 message. */
export interface Icmp {
  /** Tells transport headers apart. */
  readonly kind: 'icmp' | 'icmpv6';
  /** Its type. */
  readonly type: number;
  /** Its code. */
  readonly code: number | undefined;
  /** The type in words, as `echo request`; undefined if it has no name here. */
  readonly name: string | undefined;
  /** The identifier of echo and the like. */
  readonly id: number | undefined;
  /** The sequence number of echo and the like. */
  readonly sequence: number | undefined;
  /** The MTU that a message tells. */
  readonly mtu: number | undefined;
  /** The address that a message is about: of a redirect the gateway, of a neighbour discovery the target. */
  readonly address: string | undefined;
  /** The packet that a message of trouble is about, as far as it quotes it. */
  readonly quoted: Packet | undefined;
  /** Its length, header included. */
  readonly lengthBytes: number;
}

/** An SCTP packet. */
export interface Sctp {
  /** Tells transport headers apart. */
  readonly kind: 'sctp';
  /** The sender's port. */
  readonly sourcePort: number;
  /** The receiver's port. */
  readonly destinationPort: number;
  /** The verification tag. */
  readonly tag: number | undefined;
  /** The names of its chunks, as `INIT`; numbers where they have none. */
  readonly chunks: readonly string[];
}

/** An encrypted IPsec packet. */
export interface Esp {
  /** Tells transport headers apart. */
  readonly kind: 'esp';
  /** The security parameters index. */
  readonly spi: number;
  /** The sequence number. */
  readonly sequence: number;
}

/** A transport header that is known by its name alone. */
export interface OtherTransport {
  /** Tells transport headers apart. */
  readonly kind: 'other';
  /** The protocol number. */
  readonly protocol: number;
  /** Its name, as `IGMP`; undefined if it has none here. */
  readonly name: string | undefined;
}

/**
 * A way to carry a packet in a packet. `ipip` is IPv4 in IPv4, `sit` IPv6 in IPv4, `ip6tnl` either in IPv6; of
 * `wireguard` the inner packet is encrypted.
 */
export type TunnelKind = 'vxlan' | 'geneve' | 'gre' | 'ipip' | 'sit' | 'ip6tnl' | 'gtpu' | 'wireguard';

/** A tunnel's header and the packet within. */
export interface Tunnel {
  /** Tells tunnels apart. */
  readonly kind: TunnelKind;
  /** The network identifier (VXLAN, Geneve), key (GRE) or endpoint identifier (GTP-U), where there is one. */
  readonly id: number | undefined;
  /** In words what it carries besides packets, as `echo request` of GTP-U; undefined for packets. */
  readonly message: string | undefined;
  /** The inner packet; undefined if it is not known. */
  readonly inner: Packet | undefined;
}

/** An address, and a port where the protocol has ports. */
export interface Endpoint {
  /** The address. */
  readonly address: string;
  /** The port. */
  readonly port: number | undefined;
}

/**
 * How a packet was changed on its way: its source was translated (`snat`), or its destination (`dnat`), also where
 * connection tracking takes a translation back; it was put into a tunnel or taken out of one; a VLAN tag was added or
 * taken away.
 */
export type PacketChange =
  | { readonly kind: 'snat' | 'dnat'; readonly from: Endpoint; readonly to: Endpoint }
  | {
      readonly kind: 'encapsulated' | 'decapsulated';
      /** The tunnel. */
      readonly tunnel: TunnelKind;
      /** As `Tunnel.id`. */
      readonly id: number | undefined;
      /** The addresses of the outer header; undefined if they are not known. */
      readonly source: Endpoint | undefined;
      readonly destination: Endpoint | undefined;
    }
  | { readonly kind: 'vlan-pushed' | 'vlan-popped'; readonly id: number };

/** Which packet a journey is of. */
export interface JourneyPacket {
  /** Its headers when they could first be read. */
  readonly first: Packet;
  /** Its headers when they were last read. */
  readonly last: Packet;
  /** How it was changed in between, in the order of time. */
  readonly changes: readonly PacketChange[];
  /** Both in a line, in tcpdump's manner. */
  readonly text: string;
}
