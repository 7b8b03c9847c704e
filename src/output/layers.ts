/**
 * Which layer of the kernel's network a function belongs to, by its name and its module. It is a help for the eye: a
 * function that the table does not know has no layer.
 */

/** By module, for those that are one layer. */
const MODULES: readonly (readonly [layer: string, module: RegExp])[] = [
  ['bridge', /^(bridge|br_netfilter)$/],
  ['netfilter', /^(nf_|nft_|xt_|ipt_|ip6t_|ebt_|nfnetlink|ip6?_tables|ip6?table_|x_tables|ebtable|ip_set|ip_vs)/],
  [
    'tunnel',
    /^(vxlan|geneve|ip_gre|ip6_gre|gre|ipip|sit|ip6_tunnel|ip_tunnel|tunnel4|tunnel6|gtp|wireguard|udp_tunnel)/,
  ],
  ['qdisc', /^(sch_|cls_|act_|em_)/],
  ['xfrm', /^(xfrm|esp4|esp6|ah4|ah6|ipcomp)/],
  ['sctp', /^sctp/],
  ['socket', /^(af_packet|unix|af_key|packet_diag)$/],
  [
    'driver',
    /^(veth|virtio_net|tun|tap|dummy|ifb|nlmon|vrf|macvlan|macvtap|ipvlan|bonding|team|e1000e?|igb|igc|ixgbe(vf)?|i40e|iavf|ice|mlx4_en|mlx5_core|bnx2x?|bnxt_en|tg3|r8169|8139cp|8139too|ena|gve|vmxnet3|hv_netvsc|xen_netfront|xen_netback|mana|atlantic|sfc|stmmac|usbnet|iwlwifi|mac80211)$/,
  ],
];

/** By the function's name: the first that matches. What belongs to two layers stands with the more particular one. */
const FUNCTIONS: readonly (readonly [layer: string, name: RegExp])[] = [
  ['netfilter', /^_*(nf|nft|nfnl|nfqnl|ipt|ip6t|xt|ebt|nfulnl|ip_vs)_/],
  ['bridge', /^_*br_/],
  [
    'tunnel',
    /^_*(ip_tunnel|lwtunnel|seg6|ip6_tunnel|ip6_tnl|iptunnel|udp_tunnel|udp_encap|vxlan|geneve|gre|ipgre|ip6gre|ipip|ip4ip6|ip6ip6|sit|gtp|wg|tunnel[46])_/,
  ],
  ['xfrm', /^_*(xfrm[46]?|esp[46]?|ah[46]?|ipcomp[46]?)_/],
  [
    'qdisc',
    /^_*(qdisc|sch|pfifo|bfifo|fq|fq_codel|codel|htb|tbf|sfq|prio|noqueue|mq|netem|tc|tcf|cls|clsact|ingress|dequeue_skb|sch_direct_xmit)(_|$)/,
  ],
  ['neighbour', /^_*(neigh|pneigh|neightbl|arp|ndisc)_/],
  ['icmp', /^_*(icmp|icmp6|icmpv6|igmp6?|mld|ping)_/],
  ['tcp', /^_*(tcp|tcp4|tcp6|tcpv4|tcpv6|mptcp|subflow|cookie)_/],
  ['udp', /^_*(udp|udp4|udp6|udpv4|udpv6|udplite|udplitev6)_/],
  ['sctp', /^_*sctp_/],
  [
    'socket',
    /^_*(sock|sk|raw|raw6|rawv6|unix|packet|tpacket|inet_recvmsg|inet_sendmsg|datagram|skb_copy_datagram|skb_recv|skb_queue_(tail|purge)|skb_set_owner|skb_consume_udp|skb_do_copy_data|skb_splice)(_|$)/,
  ],
  ['security', /^_*(security|selinux|apparmor|smack|tomoyo|netlbl|cipso|calipso)_/],
  ['ip', /^_*(ip|ip4|ip6|ipv4|ipv6|inet6?|fib6?|rt6|ipmr|ip6mr|mr|pim6?|dst)_/],
  ['bpf', /^_*(bpf|xdp|cgroup_bpf)_/],
  ['driver', /^_*(veth|virtnet|netkit|tun|dummy|loopback|macvlan|ipvlan|bond|e1000e?|ixgbe|i40e|ice|mlx5e?|vmxnet3)_/],
  [
    'device',
    /^_*(dev|netif|netdev|napi|gro|eth|validate_xmit|skb_gro|vlan|process_backlog|enqueue_to_backlog|generic_xdp|do_xdp_generic|deliver|skb_network_protocol|skb_mac_gso_segment|skb_gso|skb_csum_hwoffload_help|passthru_features_check)(_|$)/,
  ],
  ['skb', /^_*(skb|kfree_skb|kfree_skbmem|consume_skb|pskb|alloc_skb|build_skb|napi_build_skb|sock_rfree|sock_wfree)/],
];

/** What stands where the layer is not known. */
const UNKNOWN_LAYER = '-';

/** The width of the longest. */
export const LAYER_WIDTH = 9;

/** `netfilter`; `-` for a function that the table does not know. */
export function layerOf(module: string, name: string): string {
  const found = MODULES.find(([, pattern]) => pattern.test(module)) ?? FUNCTIONS.find(([, one]) => one.test(name));
  return found?.[0] ?? UNKNOWN_LAYER;
}
