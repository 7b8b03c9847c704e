// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Where a packet has a header: for the code that the user side makes of expressions. */
#include "headers.h"

/* HEADERS of src/expression/typed.ts. */
enum ipft_header {
	IPFT_HEADER_ETH,
	IPFT_HEADER_IP4,
	IPFT_HEADER_IP6,
	IPFT_HEADER_TCP,
	IPFT_HEADER_UDP,
	IPFT_HEADER_ICMP,
	IPFT_HEADER_ICMP6,
};

#define IPPROTO_ICMP 1
#define IPPROTO_ICMPV6 58

#define TCP_BYTES 20
#define UDP_BYTES 8
#define ICMP_BYTES 8

/* The Ethernet header: it counts where the type in it is that of the packet, or less, which is a length. */
static __always_inline __u64 ipft_ethernet_header(struct sk_buff *skb)
{
	const unsigned char *head = BPF_CORE_READ(skb, head);
	__u32 mac = BPF_CORE_READ(skb, mac_header);
	__u32 network = BPF_CORE_READ(skb, network_header);
	__u16 type, protocol = __builtin_bswap16(BPF_CORE_READ(skb, protocol));

	if (!head || mac == NOT_SET || mac + ETHERNET_BYTES > BPF_CORE_READ(skb, tail))
		return 0;
	type = ipft_read_type(head, mac + ETHERNET_BYTES);
	if (type != protocol && type >= ETHERNET_TYPES)
		return 0;
	/* A header that was left by another device stands farther away. */
	if (network > mac && network != mac + ETHERNET_BYTES && network != mac + ETHERNET_BYTES + VLAN_BYTES)
		return 0;
	return (__u64)head + mac;
}

/*
 * @header: enum ipft_header
 * Returns the address of the header, all of which lies in the linear part; 0 where the packet has none, or it is not known
 * to be written. The function is neither static nor hidden, so that the verifier checks it once, and not for each call.
 */
__noinline __u64 ipft_find_header(__u64 number, __u32 header)
{
	struct sk_buff *skb = (struct sk_buff *)number;
	struct ipft_headers headers = {};
	__u8 protocol;
	__u32 bytes;

	if (header == IPFT_HEADER_ETH)
		return ipft_ethernet_header(skb);
	ipft_find_headers(skb, &headers);
	switch (header) {
	case IPFT_HEADER_IP4:
		return headers.version == 4 ? (__u64)headers.network : 0;
	case IPFT_HEADER_IP6:
		return headers.version == 6 ? (__u64)headers.network : 0;
	case IPFT_HEADER_TCP:
		protocol = IPPROTO_TCP;
		bytes = TCP_BYTES;
		break;
	case IPFT_HEADER_UDP:
		protocol = IPPROTO_UDP;
		bytes = UDP_BYTES;
		break;
	case IPFT_HEADER_ICMP:
		protocol = IPPROTO_ICMP;
		bytes = ICMP_BYTES;
		break;
	case IPFT_HEADER_ICMP6:
		protocol = IPPROTO_ICMPV6;
		bytes = ICMP_BYTES;
		break;
	default:
		return 0;
	}
	return headers.protocol == protocol && headers.transport_bytes >= bytes ? (__u64)headers.transport : 0;
}
