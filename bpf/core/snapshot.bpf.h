/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Snapshots: the first bytes of a followed packet, from its Ethernet header on where it has one, else from its network
 * header. The first is taken as soon as the headers can be read, others when the packet is somewhere new, or has other
 * addresses. Every event of a followed packet looks at the addresses, so that looking must be cheap.
 */
#ifndef IPFT_SNAPSHOT_H
#define IPFT_SNAPSHOT_H

#include "connection.bpf.h"
#include "headers.bpf.h"

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

IPFT_FUNCTION int ipft_find_network(__u64 skb, struct ipft_memory *memory)
{
	return ipft_is_network(skb, memory);
}

/* The size of a snapshot with its bytes. */
#define IPFT_SNAPSHOT_BYTES (sizeof(struct ipft_snapshot) + ipft_config.snaplen)

/*
 * Fills a snapshot if the headers can be read, and keeps a hash of them, so that the next event takes none unless they
 * change. Returns whether they can. @ifindex: of the device where the packet is
 */
IPFT_FUNCTION int ipft_fill_snapshot(__u64 skb, struct ipft_journey *journey, __u32 ifindex,
				     struct ipft_snapshot *snapshot)
{
	struct ipft_memory memory;
	__u32 begin, bytes, gso;
	bool has_ethernet, is_ipv6;

	ipft_read_memory(skb, &memory);
	has_ethernet = ipft_find_ethernet(skb, ifindex, &memory);
	if (!has_ethernet && !ipft_find_network(skb, &memory))
		goto none;
	begin = has_ethernet ? memory.mac : memory.network;
	bytes = memory.tail - begin;
	barrier_var(bytes);
	if (bytes > ipft_config.snaplen)
		bytes = ipft_config.snaplen;
	if (bpf_probe_read_kernel(snapshot + 1, bytes, (void *)(memory.head + begin)))
		goto none;
	snapshot->length = (__u32)ipft_read_word(&((struct sk_buff___headers *)skb)->len) + memory.data - begin;
	snapshot->captured = bytes;
	snapshot->protocol = memory.protocol;
	*(__u32 *)&snapshot->vlan_protocol = ipft_vlan_tag(skb);
	gso = ipft_read_word(&((struct skb_shared_info *)(memory.head + memory.end))->gso_size);
	*(__u32 *)&snapshot->gso_size = gso;
	snapshot->has_ethernet = has_ethernet;
	is_ipv6 = memory.protocol == IPFT_ETH_P_IPV6;
	journey->is_ipv6 = is_ipv6;
	journey->headers = ipft_hash_headers(memory.head + memory.network, is_ipv6);
	return 1;
none:
	journey->headers = 0;
	snapshot->captured = 0;
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
