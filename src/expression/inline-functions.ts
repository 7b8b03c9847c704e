/**
 * Functions and macros of the kernel's headers that people know from its source, and what says the same here. They are
 * inlined: there is nothing to call. Pure.
 */

const headerOf = (name: string) => `${name}(skb)`;
const socket = (struct: string) => `((struct ${struct} *)skb->sk)`;

export const INLINE_FUNCTIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{ eth_hdr: headerOf('eth'), skb_eth_hdr: headerOf('eth'), ip_hdr: headerOf('ip4'), ipv6_hdr: headerOf('ip6') },
    ...{ tcp_hdr: headerOf('tcp'), udp_hdr: headerOf('udp'), icmp_hdr: headerOf('icmp'), icmp6_hdr: headerOf('icmp6') },
    skb_network_header: '(skb->head + skb->network_header)',
    skb_transport_header: '(skb->head + skb->transport_header)',
    skb_mac_header: '(skb->head + skb->mac_header)',
    skb_shinfo: '((struct skb_shared_info *)(skb->head + skb->end))',
    skb_headlen: '(skb->len - skb->data_len)',
    skb_is_gso: '((struct skb_shared_info *)(skb->head + skb->end))->gso_size',
    skb_dst: '((struct dst_entry *)(skb->_skb_refdst & ~1UL))',
    skb_rtable: '((struct rtable *)(skb->_skb_refdst & ~1UL))',
    skb_nfct: '((struct nf_conn *)(skb->_nfct & ~7UL))',
    TCP_SKB_CB: '((struct tcp_skb_cb *)&skb->cb[0])',
    ...{ tcp_sk: socket('tcp_sock'), udp_sk: socket('udp_sock'), inet_sk: socket('inet_sock') },
    ...{ inet_csk: socket('inet_connection_sock'), inet6_sk: '((struct inet_sock *)skb->sk)->pinet6' },
    dev_net: 'skb->dev->nd_net.net',
    sock_net: 'skb->sk->sk_net.net',
  }),
);
