/**
 * Constants that kernel code has as macros, of which BTF knows nothing. Enumerators need no entry here. Pure.
 *
 * Sources: `linux/if_ether.h`, `linux/socket.h`, `linux/if_packet.h`, `linux/skbuff.h`, `net/ip.h`, `linux/if_arp.h`,
 * `linux/icmp.h`, `linux/icmpv6.h`, `net/tcp.h`, `linux/if_vlan.h`, `linux/netfilter.h`, `linux/pkt_cls.h`.
 */
export const CONSTANTS: Readonly<Record<string, number>> = {
  ...{ true: 1, false: 0, NULL: 0 },
  ...{ ETH_ALEN: 6, ETH_HLEN: 14, ETH_DATA_LEN: 1500, IFNAMSIZ: 16, VLAN_HLEN: 4 },
  ...{ ETH_P_IP: 0x0800, ETH_P_ARP: 0x0806, ETH_P_IPV6: 0x86dd, ETH_P_8021Q: 0x8100, ETH_P_8021AD: 0x88a8 },
  ...{ ETH_P_ALL: 3, ETH_P_802_3: 1, ETH_P_802_2: 4, ETH_P_RARP: 0x8035, ETH_P_TEB: 0x6558, ETH_P_LLDP: 0x88cc },
  ...{ ETH_P_MPLS_UC: 0x8847, ETH_P_MPLS_MC: 0x8848, ETH_P_PPP_DISC: 0x8863, ETH_P_PPP_SES: 0x8864, ETH_P_PAE: 0x888e },
  ...{ AF_UNSPEC: 0, AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16, AF_PACKET: 17, AF_VSOCK: 40, AF_XDP: 44 },
  ...{ PF_UNSPEC: 0, PF_UNIX: 1, PF_INET: 2, PF_INET6: 10, PF_NETLINK: 16, PF_PACKET: 17 },
  ...{ PACKET_HOST: 0, PACKET_BROADCAST: 1, PACKET_MULTICAST: 2, PACKET_OTHERHOST: 3, PACKET_OUTGOING: 4 },
  ...{ PACKET_LOOPBACK: 5, PACKET_USER: 6, PACKET_KERNEL: 7 },
  ...{ CHECKSUM_NONE: 0, CHECKSUM_UNNECESSARY: 1, CHECKSUM_COMPLETE: 2, CHECKSUM_PARTIAL: 3 },
  ...{ IP_CE: 0x8000, IP_DF: 0x4000, IP_MF: 0x2000, IP_OFFSET: 0x1fff },
  ...{
    ARPHRD_ETHER: 1,
    ARPHRD_PPP: 512,
    ARPHRD_TUNNEL: 768,
    ARPHRD_LOOPBACK: 772,
    ARPHRD_IPGRE: 778,
    ARPHRD_NONE: 0xfffe,
  },
  ...{ ICMP_ECHOREPLY: 0, ICMP_DEST_UNREACH: 3, ICMP_REDIRECT: 5, ICMP_ECHO: 8, ICMP_TIME_EXCEEDED: 11 },
  ...{ ICMP_FRAG_NEEDED: 4, ICMP_PORT_UNREACH: 3, ICMP_HOST_UNREACH: 1, ICMP_NET_UNREACH: 0 },
  ...{ ICMPV6_DEST_UNREACH: 1, ICMPV6_PKT_TOOBIG: 2, ICMPV6_TIME_EXCEED: 3, ICMPV6_PARAMPROB: 4 },
  ...{ ICMPV6_ECHO_REQUEST: 128, ICMPV6_ECHO_REPLY: 129 },
  ...{ TCPHDR_FIN: 0x01, TCPHDR_SYN: 0x02, TCPHDR_RST: 0x04, TCPHDR_PSH: 0x08, TCPHDR_ACK: 0x10, TCPHDR_URG: 0x20 },
  ...{ TCPHDR_ECE: 0x40, TCPHDR_CWR: 0x80 },
  ...{ VLAN_VID_MASK: 0x0fff, VLAN_PRIO_MASK: 0xe000, VLAN_PRIO_SHIFT: 13 },
  ...{ NF_DROP: 0, NF_ACCEPT: 1, NF_STOLEN: 2, NF_QUEUE: 3, NF_REPEAT: 4 },
  ...{ TC_ACT_UNSPEC: -1, TC_ACT_OK: 0, TC_ACT_SHOT: 2, TC_ACT_STOLEN: 4, TC_ACT_QUEUED: 5, TC_ACT_REDIRECT: 7 },
};
