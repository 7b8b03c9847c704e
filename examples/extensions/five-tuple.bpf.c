// SPDX-License-Identifier: MIT
/* Who talks to whom: addresses, protocol and ports, of IPv4 and IPv6. */
#include <ipft/extension.h>

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd

enum protocol { icmp = 1, tcp = 6, udp = 17, icmpv6 = 58, sctp = 132 } __ipft_ref(protocols);

struct event {
	__u8 protocol __ipft_fmt_enum(protocols);
	__u8 saddr[16] __ipft_fmt_ip;
	__u8 daddr[16] __ipft_fmt_ip;
	__u16 sport __ipft_fmt_be16;
	__u16 dport __ipft_fmt_be16;
} __ipft_event_struct;

struct sk_buff {
	__be16 protocol;
	unsigned char *head;
	__u16 network_header;
};

/* The headers as they are on the wire: nothing for libbpf to look up. */
struct ipv4_header {
	__u8 length_in_words : 4, version : 4;
	__u8 skipped[8];
	__u8 protocol;
	__u8 checksum[2];
	__u8 saddr[4], daddr[4];
};

struct ipv6_header {
	__u8 skipped[6];
	__u8 protocol;
	__u8 hops;
	__u8 saddr[16], daddr[16];
};

/* An IPv4 address as IPv6 has it: ::ffff:10.0.0.1. */
static __always_inline void
set_ipv4(__u8 to[16], const __u8 address[4])
{
	to[10] = to[11] = 0xff;
	__builtin_memcpy(to + 12, address, 4);
}

/* TCP, UDP and SCTP begin with the ports. */
static __always_inline void
read_ports(struct event *event, unsigned char *transport)
{
	if (event->protocol == icmp || event->protocol == icmpv6)
		return;
	bpf_probe_read_kernel(&event->sport, 2, transport);
	bpf_probe_read_kernel(&event->dport, 2, transport + 2);
}

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	unsigned char *network = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	struct ipv4_header v4;
	struct ipv6_header v6;

	switch (__builtin_bswap16(BPF_CORE_READ(skb, protocol))) {
	case ETH_P_IP:
		if (bpf_probe_read_kernel(&v4, sizeof(v4), network))
			return 0;
		event->protocol = v4.protocol;
		set_ipv4(event->saddr, v4.saddr);
		set_ipv4(event->daddr, v4.daddr);
		read_ports(event, network + v4.length_in_words * 4);
		return 0;
	case ETH_P_IPV6:
		if (bpf_probe_read_kernel(&v6, sizeof(v6), network))
			return 0;
		event->protocol = v6.protocol;
		__builtin_memcpy(event->saddr, v6.saddr, 16);
		__builtin_memcpy(event->daddr, v6.daddr, 16);
		/* Extension headers are not followed: with them there are no ports. */
		read_ports(event, network + sizeof(v6));
		return 0;
	default:
		return 0;
	}
}
