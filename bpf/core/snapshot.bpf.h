/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Snapshots: the first bytes of a followed packet, from its Ethernet header on where it has one, else from its network
 * header. The first is taken as soon as the headers can be read, others when the packet is somewhere new, or has other
 * addresses. Every event of a followed packet looks at the addresses, so that looking must be cheap.
 *
 * Headers may be missing, or stale: the offsets may be left over from another layer, and the bytes from another packet. A
 * header is the packet's if it lies in the linear part and is what skb->protocol says.
 */
#ifndef IPFT_SNAPSHOT_H
#define IPFT_SNAPSHOT_H

#include <bpf/bpf_endian.h>
#include "journey.bpf.h"

struct sk_buff___headers {
	struct net_device *dev;
	unsigned int len;
	int skb_iif;
	__be16 vlan_proto;	/* vlan_tci is behind it */
	__be16 protocol;
	__u16 network_header;
	__u16 mac_header;
	unsigned int tail;
	unsigned int end;
	unsigned char *head;
	unsigned char *data;
} __attribute__((preserve_access_index));

/* Before Linux 6.2. Later a tag is there if its protocol is not 0. */
struct sk_buff___vlan_present {
	__u8 vlan_present : 1;
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
#define IPFT_ETH_P_802_3_MIN	0x0600

#define IPFT_VLAN_HLEN		4
#define IPFT_ARP_HLEN		28
#define IPFT_IPV4_HLEN		20
#define IPFT_IPV6_HLEN		40
#define IPFT_NO_MAC_HEADER	0xffff

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
	__u64 first, second, third, fourth, fifth;
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

	memory->head = (__u64)headers->head;
	memory->data = (__u64)headers->data - memory->head;
	memory->tail = headers->tail;
	memory->end = headers->end;
	memory->network = headers->network_header;
	memory->mac = headers->mac_header;
	memory->protocol = headers->protocol;
}

/* A struct of the kernel's interface, so that every kernel has it, with members of 8 bytes. */
struct rtnl_link_stats64 {
	__u64 rx_packets, tx_packets, rx_bytes, tx_bytes, rx_errors;
};

#define first rx_packets
#define second tx_packets
#define third rx_bytes
#define fourth tx_bytes
#define fifth rx_errors

#define IPFT_READ_WORDS(name, at, bytes)							\
	struct rtnl_link_stats64 *name =							\
		bpf_rdonly_cast((void *)(at), bpf_core_type_id_kernel(struct rtnl_link_stats64))

static __always_inline __u64 ipft_network_header(__u64 skb)
{
	struct sk_buff___headers *headers = bpf_rdonly_cast((void *)skb, bpf_core_type_id_kernel(struct sk_buff));

	return (__u64)headers->head + headers->network_header;
}
#endif

#define IPFT_SPREAD 0x9e3779b97f4a7c15ull

/*
 * A hash of addresses and ports, and of the four bytes behind these. @header: the address of an IP header without options;
 * or of anything: then what is there is hashed
 */
static __always_inline __u64 ipft_hash_headers(__u64 header, bool is_ipv6)
{
	if (is_ipv6) {
		IPFT_READ_WORDS(words, header + 8, 40);

		return (((words->first * IPFT_SPREAD + words->second) * IPFT_SPREAD + words->third) * IPFT_SPREAD +
			words->fourth) ^ words->fifth;
	} else {
		IPFT_READ_WORDS(words, header + 12, 16);

		return words->first ^ words->second;
	}
}

/* Whether the Ethernet header belongs to where the packet is. That of a forwarded packet stays where it was. */
static __always_inline bool ipft_has_own_ethernet(__u64 skb, const struct ipft_memory *memory)
{
	struct sk_buff___headers *headers = (void *)skb;
	struct net_device *dev;
	__u32 received;

	if (memory->data == memory->mac)
		return true;
	received = ipft_read_word(&headers->skb_iif);
	if (!received)
		return true;
	dev = (void *)ipft_read_word(&headers->dev);
	return (__u32)ipft_read_word(&dev->ifindex) == received;
}

/* Whether the bytes at skb->mac_header are an Ethernet header, and VLAN tags, in front of the network header. */
static __always_inline bool ipft_has_ethernet(__u64 skb, const struct ipft_memory *memory)
{
	__u32 network = memory->network;
	__u16 type;

	if (memory->mac == IPFT_NO_MAC_HEADER || memory->mac + IPFT_ETH_HLEN > memory->tail)
		return false;
	/* A driver has handed it over, and nobody has set the network header. */
	if (network < memory->mac)
		network = memory->data;
	type = ipft_read_word((void *)(memory->head + memory->mac + IPFT_ETH_HLEN - 2));
	switch (network - memory->mac) {
	case IPFT_ETH_HLEN:
		if (type != memory->protocol && bpf_ntohs(type) >= IPFT_ETH_P_802_3_MIN)
			return false;
		break;
	case IPFT_ETH_HLEN + IPFT_VLAN_HLEN:
	case IPFT_ETH_HLEN + 2 * IPFT_VLAN_HLEN:
		if (type != IPFT_ETH_P_8021Q && type != IPFT_ETH_P_8021AD)
			return false;
		break;
	default:
		return false;
	}
	return ipft_has_own_ethernet(skb, memory);
}

/* Whether the bytes at skb->network_header are a header of skb->protocol. */
static __always_inline bool ipft_has_network(const struct ipft_memory *memory)
{
	const __u32 room = memory->tail - memory->network;
	__u16 word;

	if (!memory->network || memory->network > memory->tail)
		return false;
	word = ipft_read_word((void *)(memory->head + memory->network));
	switch (memory->protocol) {
	case IPFT_ETH_P_IP:
		return room >= IPFT_IPV4_HLEN && (word & 0xf0) == 0x40 && (word & 0x0f) >= IPFT_IPV4_HLEN / 4;
	case IPFT_ETH_P_IPV6:
		return room >= IPFT_IPV6_HLEN && (word & 0xf0) == 0x60;
	case IPFT_ETH_P_ARP:
		return room >= IPFT_ARP_HLEN && word == bpf_htons(1);
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

/* Sends a snapshot that begins at an offset of the skb's memory. Returns whether there was room. */
static __always_inline bool ipft_send_snapshot(__u64 skb, const struct ipft_journey *journey, __u64 timestamp_ns,
					       const struct ipft_memory *memory, bool has_ethernet)
{
	const __u32 begin = has_ethernet ? memory->mac : memory->network;
	struct skb_shared_info *shared = (void *)(memory->head + memory->end);
	struct ipft_snapshot *snapshot;
	__u32 tag, gso, bytes;

	snapshot = bpf_ringbuf_reserve(&ipft_events, sizeof(*snapshot) + ipft_config.snaplen, 0);
	if (!snapshot)
		return false;
	ipft_fill_notice(&snapshot->event, journey, timestamp_ns, IPFT_NOTICE_SNAPSHOT);
	snapshot->length = (__u32)ipft_read_word(&((struct sk_buff___headers *)skb)->len) + memory->data - begin;
	snapshot->protocol = memory->protocol;
	tag = ipft_vlan_tag(skb);
	snapshot->vlan_protocol = tag;
	snapshot->vlan_value = tag >> 16;
	gso = ipft_read_word(&shared->gso_size);
	snapshot->gso_size = gso;
	snapshot->gso_segments = gso >> 16;
	snapshot->has_ethernet = has_ethernet;
	__builtin_memset(snapshot->reserved, 0, sizeof(snapshot->reserved));
	bytes = memory->tail - begin;
	barrier_var(bytes);
	if (bytes > ipft_config.snaplen)
		bytes = ipft_config.snaplen;
	snapshot->captured = bytes;
	if (bpf_probe_read_kernel(snapshot + 1, bytes, (void *)(memory->head + begin)))
		snapshot->captured = 0;
	bpf_ringbuf_submit(snapshot, BPF_RB_NO_WAKEUP);
	return true;
}

/*
 * Takes a snapshot if the headers can be read, and keeps a hash of them, so that the next event does not try again unless
 * they change. It tries again where there is no room in the ring, and where the packet has no protocol yet.
 */
IPFT_FUNCTION int ipft_take_snapshot(__u64 skb, struct ipft_journey *journey, __u64 timestamp_ns)
{
	struct ipft_memory memory;
	bool has_ethernet, is_ipv6;

	ipft_read_memory(skb, &memory);
	/* The headers of a packet that is being made: its protocol comes last. */
	if (!memory.protocol)
		return 0;
	has_ethernet = ipft_has_ethernet(skb, &memory);
	if ((has_ethernet || ipft_has_network(&memory)) &&
	    !ipft_send_snapshot(skb, journey, timestamp_ns, &memory, has_ethernet))
		return 0;
	is_ipv6 = memory.protocol == IPFT_ETH_P_IPV6;
	journey->is_ipv6 = is_ipv6;
	journey->headers = ipft_hash_headers(memory.head + memory.network, is_ipv6);
	return 0;
}

/*
 * Whether packets have snapshots: see IPFT_SNAPSHOTS_PLACEHOLDER. Taking one needs functions, which one build must not
 * have (see IPFT_FUNCTION): the user side takes another one then.
 */
static __always_inline bool ipft_takes_snapshots(__u64 timestamp_ns)
{
#if defined(IPFT_SKB_IS_TYPED) && !defined(IPFT_WITH_CALLS)
	return false;
#else
	return timestamp_ns >= IPFT_SNAPSHOTS_PLACEHOLDER;
#endif
}

/* Whether the addresses are those of the last snapshot, or of the last try to take one. */
static __always_inline bool ipft_has_known_headers(__u64 skb, const struct ipft_journey *journey)
{
	return ipft_hash_headers(ipft_network_header(skb), journey->is_ipv6) == journey->headers;
}

#endif
