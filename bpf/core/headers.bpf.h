/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The headers of a packet, in the memory of an skb.
 *
 * An skb passes functions at which its headers are not there yet, or are an earlier packet's, which had the same memory:
 * its header offsets alone can't be trusted. A header counts as the packet's by the rules of src/filter/pcap/headers.ts,
 * which finds the packet for expressions; ipft_find_ethernet and ipft_find_network have what is stricter here.
 */
#ifndef IPFT_HEADERS_H
#define IPFT_HEADERS_H

#include <bpf/bpf_endian.h>
#include "journey.bpf.h"

struct sk_buff___headers {
	struct sock *sk;
	unsigned long _skb_refdst;
	unsigned int len;
	int skb_iif;
	__be16 vlan_proto;	/* vlan_tci is behind it */
	__u16 csum_start;	/* csum_offset is behind it */
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
	__u16 mac_header;
	unsigned int tail;
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
} __attribute__((preserve_access_index));

struct sk_buff___type {
	__u8 pkt_type : 3;
} __attribute__((preserve_access_index));

/* Before Linux 6.2. Later a tag is there if its protocol is not 0. */
struct sk_buff___vlan_present {
	__u8 vlan_present : 1;
} __attribute__((preserve_access_index));

/* IPv6's use of skb->cb. */
struct inet6_skb_parm {
	__u16 nhoff;
} __attribute__((preserve_access_index));

struct skb_shared_info {
	unsigned short gso_size;	/* gso_segs is behind it */
} __attribute__((preserve_access_index));

/* include/linux/if_ether.h */
#define IPFT_ETH_HLEN		14
#define IPFT_ETH_P_IP		bpf_htons(0x0800)
#define IPFT_ETH_P_ARP		bpf_htons(0x0806)
#define IPFT_ETH_P_8021Q	bpf_htons(0x8100)
#define IPFT_ETH_P_IPV6		bpf_htons(0x86dd)
#define IPFT_ETH_P_8021AD	bpf_htons(0x88a8)
#define IPFT_ETH_P_802_3	bpf_htons(0x0001)
#define IPFT_ETH_P_802_2	bpf_htons(0x0004)
#define IPFT_ETH_P_802_3_MIN	0x0600	/* the least type; what is less is a length */

#define IPFT_VLAN_HLEN		4
#define IPFT_ARP_HLEN		28
#define IPFT_IPV4_HLEN		20
#define IPFT_IPV6_HLEN		40
#define IPFT_NO_MAC_HEADER	0xffff
#define IPFT_IPPROTO_UDP	17
#define IPFT_UDP_CHECK		6	/* where UDP's header has its checksum */

/* An skb's memory. Numbers are offsets from its head. */
struct ipft_memory {
	__u64 head;		/* address */
	__u32 data;
	__u32 tail;
	__u32 end;
	__u16 network;
	__u16 mac;
	__u16 protocol;		/* in network byte order */
};

#ifdef IPFT_BY_HELPER
/*
 * The members from `protocol` to `data` lie side by side on every kernel, and are read at once, from the last multiple of 8
 * bytes on. Their offsets are constants when the verifier sees them. Some kernels have 8 bytes more between them
 * (CONFIG_KCOV).
 */
#define IPFT_MEMORY_BYTES 48
#define IPFT_MEMORY_MEMBER(type, member)							\
	(*(type *)(bytes + ((bpf_core_field_offset(struct sk_buff___headers, member) - begin) & 0x3f)))

static __always_inline void ipft_read_memory(__u64 skb, struct ipft_memory *memory)
{
	__u8 bytes[0x40] __attribute__((aligned(8)));
	__u64 begin = bpf_core_field_offset(struct sk_buff___headers, protocol) & ~7u;

	/* Otherwise the compiler joins pointers and small offsets with `or`, which the verifier refuses. */
	barrier_var(begin);
	if (bpf_probe_read_kernel(bytes, IPFT_MEMORY_BYTES, (void *)(skb + begin)))
		__builtin_memset(bytes, 0, IPFT_MEMORY_BYTES);
	memory->head = IPFT_MEMORY_MEMBER(__u64, head);
	memory->data = IPFT_MEMORY_MEMBER(__u64, data) - memory->head;
	memory->tail = IPFT_MEMORY_MEMBER(__u32, tail);
	memory->end = IPFT_MEMORY_MEMBER(__u32, end);
	memory->network = IPFT_MEMORY_MEMBER(__u16, network_header);
	memory->mac = IPFT_MEMORY_MEMBER(__u16, mac_header);
	memory->protocol = IPFT_MEMORY_MEMBER(__u16, protocol);
}

struct ipft_words {
	__u64 first, second, third, fourth, fifth, sixth;
};

#define IPFT_READ_WORDS(name, at, bytes)				\
	struct ipft_words name##_read = {}, *name = &name##_read;	\
									\
	bpf_probe_read_kernel(name, bytes, (void *)(at))

static __always_inline __u64 ipft_network_header(__u64 skb)
{
	struct ipft_memory memory;

	ipft_read_memory(skb, &memory);
	return memory.head + memory.network;
}
#else
static __always_inline void ipft_read_memory(__u64 skb, struct ipft_memory *memory)
{
	struct sk_buff___headers *headers = bpf_rdonly_cast((void *)skb, bpf_core_type_id_kernel(struct sk_buff));
	/* sk_buff_data_t tail, end: side by side. */
	const __u64 ends = ipft_read_word(&((struct sk_buff___headers *)skb)->tail);
	__u64 offsets;

	memory->head = (__u64)headers->head;
	memory->data = (__u64)headers->data - memory->head;
	memory->tail = ends;
	memory->end = ends >> 32;
	/* Each load takes eight instructions: on most kernels one reads all three. */
	if (bpf_core_field_offset(struct sk_buff___headers, network_header) ==
		    bpf_core_field_offset(struct sk_buff___headers, protocol) + 4 &&
	    bpf_core_field_offset(struct sk_buff___headers, mac_header) ==
		    bpf_core_field_offset(struct sk_buff___headers, protocol) + 6) {
		offsets = ipft_read_word(&((struct sk_buff___headers *)skb)->protocol);
		memory->protocol = offsets;
		memory->network = offsets >> 32;
		memory->mac = offsets >> 48;
		return;
	}
	memory->network = headers->network_header;
	memory->mac = headers->mac_header;
	memory->protocol = headers->protocol;
}

/* A struct of the kernel's interface, so that every kernel has it, with members of 8 bytes. */
struct rtnl_link_stats64 {
	__u64 rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors, tx_errors;
};

#define first rx_packets
#define second tx_packets
#define third rx_bytes
#define fourth tx_bytes
#define fifth rx_errors
#define sixth tx_errors

#define IPFT_READ_WORDS(name, at, bytes)							\
	struct rtnl_link_stats64 *name =							\
		bpf_rdonly_cast((void *)(at), bpf_core_type_id_kernel(struct rtnl_link_stats64))

static __always_inline __u64 ipft_network_header(__u64 skb)
{
	struct sk_buff___headers *headers = bpf_rdonly_cast((void *)skb, bpf_core_type_id_kernel(struct sk_buff));

	return (__u64)headers->head + headers->network_header;
}
#endif

/* As ipft_read_memory, with the network header of a packet that a driver has handed over, where nobody has set it. */
static __always_inline void ipft_read_network(__u64 skb, struct ipft_memory *memory)
{
	ipft_read_memory(skb, memory);
	if (memory->mac != IPFT_NO_MAC_HEADER && memory->network <= memory->mac)
		memory->network = memory->data;
}

/* Whether the Ethernet header belongs to where the packet is. That of a forwarded packet stays where it was. */
static __always_inline bool ipft_has_own_ethernet(__u64 skb, __u32 ifindex, const struct ipft_memory *memory)
{
	__u32 received;

	if (memory->data == memory->mac)
		return true;
	received = ipft_read_word(&((struct sk_buff___headers *)skb)->skb_iif);
	return !received || received == ifindex;
}

/*
 * Whether the packet begins with Ethernet's header: its type is skb->protocol, and it stands right before the network
 * header, or before VLAN tags that do. After a tunnel was taken off, the outer IP header may stand in its place.
 */
static __always_inline bool ipft_find_ethernet(__u64 skb, __u32 ifindex, const struct ipft_memory *memory)
{
	const __u16 protocol = memory->protocol;
	__u32 network = memory->network;
	__u16 type;

	if (memory->mac == IPFT_NO_MAC_HEADER || memory->mac + IPFT_ETH_HLEN > memory->tail)
		return false;
	/* The network header is that of a tunnel which was taken off, or not set yet. */
	if (network <= memory->mac)
		network = memory->data;
	network -= memory->mac + IPFT_ETH_HLEN;
	if (network && ((network != IPFT_VLAN_HLEN && network != 2 * IPFT_VLAN_HLEN) ||
			(protocol != IPFT_ETH_P_8021Q && protocol != IPFT_ETH_P_8021AD)))
		return false;
	type = ipft_read_word((void *)(memory->head + memory->mac + IPFT_ETH_HLEN - 2));
	if (type != protocol && (bpf_ntohs(type) >= IPFT_ETH_P_802_3_MIN ||
				 (protocol != IPFT_ETH_P_802_2 && protocol != IPFT_ETH_P_802_3)))
		return false;
	return ipft_has_own_ethernet(skb, ifindex, memory);
}

/*
 * Whether UDP may stand behind an IP header with this protocol: the extension headers of IPv6 do not tell. Fragments of
 * IPv6 are made when all headers are written.
 */
static __always_inline bool ipft_may_have_udp(__u8 protocol)
{
	switch (protocol) {
	case 0:		/* hop-by-hop options */
	case 43:	/* routing */
	case 60:	/* destination options */
	case IPFT_IPPROTO_UDP:
		return true;
	default:
		return false;
	}
}

static __always_inline bool ipft_is_sent_on_by_ipv6(__u64 skb)
{
	struct inet6_skb_parm *parm = (void *)skb;
	__u64 at = bpf_core_field_offset(struct sk_buff, cb);

	if (!bpf_core_field_exists(parm->nhoff))
		return false;
	at += bpf_core_field_offset(struct inet6_skb_parm, nhoff);
	return (__u16)ipft_read_word((void *)(skb + at));
}

/*
 * Whether the IP header of a packet that is being sent, and the header behind it, are written. @protocol: what the IP
 * header says is behind it
 */
static __always_inline bool ipft_is_written(__u64 skb, bool is_ipv6, bool is_sent_on, __u8 protocol)
{
	struct sk_buff___headers *headers = (void *)skb;
	const __u32 checksum = ipft_read_word(&headers->csum_start);

	if (!ipft_read_word(&headers->_skb_refdst))
		return false;
	if (is_ipv6 && is_sent_on)
		return true;
	if (!checksum && !(__u32)ipft_read_word(&headers->skb_iif) && !ipft_read_word(&((struct sk_buff *)skb)->sk))
		return false;
	return is_sent_on || !ipft_may_have_udp(protocol) ||
	       checksum == ((__u16)ipft_read_word(&headers->transport_header) | IPFT_UDP_CHECK << 16);
}

/*
 * Whether a header of skb->protocol stands at skb->network_header. IPv4 sets the protocol of what it sends late: then it
 * is set in @memory.
 */
static __always_inline bool ipft_is_network(__u64 skb, struct ipft_memory *memory)
{
	const bool is_being_sent = memory->mac == IPFT_NO_MAC_HEADER;
	const __u64 header = memory->head + memory->network;
	const __u32 room = memory->tail - memory->network;
	bool is_sent_on;
	__u64 word;

	if (!memory->network || memory->network > memory->tail || room < IPFT_IPV4_HLEN)
		return false;
	word = ipft_read_word((void *)header);
	switch (memory->protocol) {
	case 0:
	case IPFT_ETH_P_IP:
		if ((word & 0xf0) != 0x40 || (word & 0x0f) < IPFT_IPV4_HLEN / 4)
			return false;
		is_sent_on = memory->protocol;
		if (!is_sent_on && (!is_being_sent || memory->data != memory->network))
			return false;
		memory->protocol = IPFT_ETH_P_IP;
		return !is_being_sent || ipft_is_written(skb, false, is_sent_on, ipft_read_word((void *)(header + 9)));
	case IPFT_ETH_P_IPV6:
		if ((word & 0xf0) != 0x60 || room < IPFT_IPV6_HLEN)
			return false;
		return !is_being_sent || ipft_is_written(skb, true, ipft_is_sent_on_by_ipv6(skb), word >> 48);
	case IPFT_ETH_P_ARP:
		return !is_being_sent && (__u16)word == bpf_htons(1) && room >= IPFT_ARP_HLEN;
	default:
		return false;
	}
}

/* The accelerated VLAN tag: its protocol in the lower half, its value in the upper one; or 0. */
static __always_inline __u32 ipft_vlan_tag(__u64 skb)
{
	struct sk_buff___vlan_present *older = (void *)skb;

	if (bpf_core_field_exists(older->vlan_present) && !BPF_CORE_READ_BITFIELD_PROBED(older, vlan_present))
		return 0;
	return ipft_read_word(&((struct sk_buff___headers *)skb)->vlan_proto);
}

#endif
