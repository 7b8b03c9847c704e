/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where the headers of a packet are. An skb passes functions when its headers are not written yet, and the bytes at their
 * place are an earlier packet's, which had the same memory. So the IP header counts if it lies in the linear part, has
 * the version that skb->protocol says, and:
 *
 * - the packet was received, or given to a device: mac_header is set; or
 * - it has a route: IP writes its header before it sets that. UDP writes its header later: it counts once its checksum is
 *   set up, or IP has sent the packet on.
 *
 * Expressions find the packet by the same rules: src/filter/pcap/headers.ts.
 */
#ifndef IPFT_FIELDS_HEADERS_H
#define IPFT_FIELDS_HEADERS_H

#include "kernel.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8

#define ETHERNET_BYTES 14
/* The least type; what is less is a length. */
#define ETHERNET_TYPES 0x0600
#define VLAN_BYTES 4
#define NOT_SET 0xffff
/* Where UDP's header has its checksum. */
#define UDP_CHECK 6

#define IPPROTO_HOPOPTS 0
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_AH 51
#define IPPROTO_DSTOPTS 60
#define IPPROTO_SCTP 132

/* Extension headers of IPv6 that are followed. */
#define MAX_EXTENSIONS 6

/* As on the wire. */
struct ipft_ipv4 {
	__u8 length_in_words : 4, version : 4;
	__u8 tos;
	__u16 length, id, fragment;
	__u8 ttl, protocol;
	__u16 checksum;
	__u8 saddr[4], daddr[4];
};

struct ipft_ipv6 {
	__u8 class_high : 4, version : 4;
	__u8 label[3];
	__u16 length;
	__u8 protocol, hops;
	__u8 saddr[16], daddr[16];
};

/* The IP header, and the transport header behind it. */
struct ipft_headers {
	const unsigned char *network;
	/* NULL where it is in no linear memory, or the packet is a later fragment */
	const unsigned char *transport;
	/* how many bytes of it are linear */
	__u32 transport_bytes;
	__u8 version;	/* 4 or 6; 0: no IP packet, or not known to be one */
	__u8 protocol;	/* of the transport header */
};

static __always_inline void ipft_find_ipv4(struct ipft_headers *headers, __u32 room)
{
	struct ipft_ipv4 ip;

	if (room < sizeof(ip) || bpf_probe_read_kernel(&ip, sizeof(ip), headers->network))
		return;
	if (ip.version != 4 || ip.length_in_words < 5)
		return;
	headers->version = 4;
	headers->protocol = ip.protocol;
	if (ip.fragment & __builtin_bswap16(0x1fff) || room <= ip.length_in_words * 4)
		return;
	headers->transport = headers->network + ip.length_in_words * 4;
	headers->transport_bytes = room - ip.length_in_words * 4;
}

static __always_inline void ipft_find_ipv6(struct ipft_headers *headers, __u32 room)
{
	__u8 version = 0, protocol = 0, next[4] = {};
	__u32 at = sizeof(struct ipft_ipv6);

	if (room < sizeof(struct ipft_ipv6) || bpf_probe_read_kernel(&version, 1, headers->network) || version >> 4 != 6)
		return;
	headers->version = 6;
	bpf_probe_read_kernel(&protocol, 1, headers->network + __builtin_offsetof(struct ipft_ipv6, protocol));
	headers->protocol = protocol;
#pragma unroll
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		switch (headers->protocol) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_AH:
		case IPPROTO_FRAGMENT:
			break;
		default:
			goto found;
		}
		if (at + 8 > room || bpf_probe_read_kernel(next, sizeof(next), headers->network + at))
			return;
		if (headers->protocol == IPPROTO_FRAGMENT) {
			/* The offset is in the upper 13 bits. */
			if (next[2] || next[3] >> 3) {
				headers->protocol = next[0];
				return;
			}
			at += 8;
		} else if (headers->protocol == IPPROTO_AH) {
			at += (next[1] + 2) * 4;
		} else {
			at += (next[1] + 1) * 8;
		}
		headers->protocol = next[0];
	}
found:
	if (room <= at)
		return;
	headers->transport = headers->network + at;
	headers->transport_bytes = room - at;
}

/* The type in the Ethernet header, or in the VLAN tag behind it, that ends at @at. */
static __always_inline __u16 ipft_read_type(const unsigned char *head, __u32 at)
{
	__u16 type = 0;

	bpf_probe_read_kernel(&type, sizeof(type), head + at - sizeof(type));
	return __builtin_bswap16(type);
}

/* Whether the IP header of a packet that no device had yet is written. If so, but not UDP's, there is no transport. */
static __always_inline int ipft_is_written(struct sk_buff *skb, struct ipft_headers *headers)
{
	struct inet6_skb_parm *parm = (void *)__builtin_preserve_access_index(&skb->cb);

	if (!BPF_CORE_READ(skb, _skb_refdst))
		return 0;
	if (headers->version == 4) {
		/* IP has sent it on when it has set the protocol. */
		if (BPF_CORE_READ(skb, protocol))
			return 1;
		if (BPF_CORE_READ(skb, data) != headers->network)
			return 0;
	} else if (bpf_core_field_exists(parm->nhoff) && BPF_CORE_READ(parm, nhoff)) {
		return 1;
	}
	if (headers->protocol == IPPROTO_UDP && (BPF_CORE_READ(skb, csum_start) != BPF_CORE_READ(skb, transport_header) ||
						 BPF_CORE_READ(skb, csum_offset) != UDP_CHECK)) {
		headers->transport = NULL;
		headers->transport_bytes = 0;
	}
	return 1;
}

/* @headers: all 0 before. */
static __always_inline void ipft_find_headers(struct sk_buff *skb, struct ipft_headers *headers)
{
	const unsigned char *head = BPF_CORE_READ(skb, head);
	__u32 at = BPF_CORE_READ(skb, network_header);
	__u32 mac = BPF_CORE_READ(skb, mac_header);
	__u32 tail = BPF_CORE_READ(skb, tail);
	__u16 type = __builtin_bswap16(BPF_CORE_READ(skb, protocol));

	if (mac != NOT_SET && mac + ETHERNET_BYTES + VLAN_BYTES <= tail) {
		__u32 end = mac + ETHERNET_BYTES;

		if (type == ETH_P_8021Q || type == ETH_P_8021AD) {
			/* The tag is in the packet. */
			if (ipft_read_type(head, end) != type)
				return;
			at = end + VLAN_BYTES;
			type = ipft_read_type(head, at);
		} else if (at <= mac && BPF_CORE_READ(skb, data) > head + mac && ipft_read_type(head, end) == type) {
			/* The network header is not set yet, or is that of a tunnel which was taken off. */
			at = end;
		}
	}
	if (!head || !at || at == NOT_SET || at >= tail)
		return;
	headers->network = head + at;
	if (type == ETH_P_IP || (type == 0 && mac == NOT_SET))
		ipft_find_ipv4(headers, tail - at);
	else if (type == ETH_P_IPV6)
		ipft_find_ipv6(headers, tail - at);
	if (headers->version && mac == NOT_SET && !ipft_is_written(skb, headers))
		__builtin_memset(headers, 0, sizeof(*headers));
}

#endif
