// Who talks to whom: protocol, addresses and ports, of IPv4 and IPv6.
// As an expression:
//   --show 'skb->protocol == ETH_P_IP ? ip4(skb)->protocol : ip6(skb)->nexthdr as protocol'
//   --show 'ip4(skb)->saddr, ip4(skb)->daddr, ip6(skb)->saddr as saddr6, ip6(skb)->daddr as daddr6'
//   --show '(skb->protocol == ETH_P_IP ? ip4(skb)->protocol : ip6(skb)->nexthdr) == IPPROTO_TCP
//             ? tcp(skb)->source : udp(skb)->source as sport'
//   --show '(skb->protocol == ETH_P_IP ? ip4(skb)->protocol : ip6(skb)->nexthdr) == IPPROTO_TCP
//             ? tcp(skb)->dest : udp(skb)->dest as dport'
import { extension, ip4, ip6, type sk_buff, tcp, udp } from 'ipft/extension';

const PROTOCOLS: Record<number, string> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };

const protocol = (skb: sk_buff) => ip4(skb).protocol ?? ip6(skb).nexthdr;

export default extension({
  fields: {
    protocol: { read: protocol, show: (number: number) => PROTOCOLS[number] ?? number },
    saddr: (skb) => ip4(skb).saddr,
    daddr: (skb) => ip4(skb).daddr,
    saddr6: (skb) => ip6(skb).saddr,
    daddr6: (skb) => ip6(skb).daddr,
    sport: (skb) => tcp(skb).source ?? udp(skb).source,
    dport: (skb) => tcp(skb).dest ?? udp(skb).dest,
  },
});
