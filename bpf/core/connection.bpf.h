/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections: the addresses and ports of followed packets, wherever these have been. A packet between the same two ends
 * belongs to the same connection, in either direction: so answers are known from their first function on. Where NAT
 * changes a followed packet, the kernel side notes both connections, and finds the answer on either side.
 */
#ifndef IPFT_CONNECTION_H
#define IPFT_CONNECTION_H

#include "headers.bpf.h"
#include "neighbours.bpf.h"
#include "place.h"

/* An address of IPv4 is in the first word. */
struct ipft_connection {
	__u64 lesser[2];	/* of the two ends, the address that is less; the same order in both directions */
	__u64 greater[2];
	__u16 lesser_port;	/* in network byte order; of ICMP the identifier, at both ends */
	__u16 greater_port;
	__u32 netns;		/* inode: other namespaces may have the same addresses */
	__u32 protocol;		/* behind IP; IPFT_OF_FRAGMENTS with the fragments of one packet, whose ports hold its identification */
	__u32 is_ipv6;
};

/*
 * The first fragment of a packet alone says who it is for. Where it is a followed packet, its identification is noted as a
 * connection of its own, by which the later ones are found.
 */
#define IPFT_OF_FRAGMENTS 0x100
/* So much later, an identification is another packet's: they have 16 bits with IPv4. */
#define IPFT_FRAGMENTS_NS 2000000000ull
/* The map has so many nanoseconds for each number of fragments. */
#define IPFT_FRAGMENTS_SHIFT 20

/* Which ends of a connection are a followed process's, where that is known. */
enum ipft_own_ends {
	IPFT_OWN_LESSER	 = 1 << 0,
	IPFT_OWN_GREATER = 1 << 1,
};

/* Drops those that no packet had for the longest time. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IPFT_MAX_CONNECTIONS);	/* 1 where there is no need: the user side sets it before loading */
	__type(key, struct ipft_connection);
	__type(value, __u32);	/* enum ipft_own_ends; of fragments, when they were noted: see ipft_fragments_now */
} ipft_connections SEC(".maps");

/* linux/in.h, linux/in6.h */
#define IPFT_IPPROTO_HOPOPTS	0
#define IPFT_IPPROTO_ICMP	1
#define IPFT_IPPROTO_DCCP	33
#define IPFT_IPPROTO_ROUTING	43
#define IPFT_IPPROTO_FRAGMENT	44
#define IPFT_IPPROTO_AH		51
#define IPFT_IPPROTO_ICMPV6	58
#define IPFT_IPPROTO_DSTOPTS	60
#define IPFT_IPPROTO_SCTP	132
#define IPFT_IPPROTO_UDPLITE	136

#define IPFT_ICMP_HLEN 8
/* Types of ICMP with an identifier: echo, timestamp, information and address mask, as requests and replies. */
#define IPFT_ICMP_WITH_ID	(1u << 0 | 1u << 8 | 1u << 13 | 1u << 14 | 1u << 15 | 1u << 16 | \
				 1u << 17 | 1u << 18)
/* Types of ICMP that quote a packet: unreachable, source quench, redirect, time exceeded, parameter problem. */
#define IPFT_ICMP_WITH_QUOTE	(1u << 3 | 1u << 4 | 1u << 5 | 1u << 11 | 1u << 12)
#define IPFT_ICMPV6_LAST_ERROR	4
#define IPFT_ICMPV6_ECHO_REQUEST 128
#define IPFT_ICMPV6_ECHO_REPLY	129

#define IPFT_MAX_EXTENSION_HEADERS 4

/*
 * Whether a connection with this hash may have been noted: most packets of no connection are known by it, without a map.
 * Elements are set and stay so, each with one store: no lock is needed.
 */
#define IPFT_NOTED_BITS 15
__u8 ipft_noted[1 << IPFT_NOTED_BITS] SEC(".bss.ipft");

/*
 * The hash of a connection in one direction. @addresses: the two, XORed. @ports: as in the header, the source in the lower
 * half; 0 where there are none, and of ICMP
 */
static __always_inline __u32 ipft_hash_connection(__u64 addresses, __u32 ports)
{
	return ipft_hash((__u32)(addresses ^ addresses >> 32) ^ ports, IPFT_NOTED_BITS);
}

static __always_inline bool ipft_has_ports(__u32 protocol)
{
	return protocol == IPFT_IPPROTO_TCP || protocol == IPFT_IPPROTO_UDP || protocol == IPFT_IPPROTO_SCTP ||
	       protocol == IPFT_IPPROTO_DCCP || protocol == IPFT_IPPROTO_UDPLITE;
}

/* Adds a connection, of which these ends are a followed process's. Returns whether it is a new one. */
static __always_inline bool ipft_add_connection(const struct ipft_connection *connection, __u32 own_ends)
{
	const __u64 addresses = connection->lesser[0] ^ connection->lesser[1] ^ connection->greater[0] ^
				connection->greater[1];
	__u32 *known = bpf_map_lookup_elem(&ipft_connections, connection);
	__u32 there = 0, back = 0;

	if (known) {
		*known |= own_ends;
		return false;
	}
	if (ipft_has_ports(connection->protocol)) {
		there = connection->lesser_port | (__u32)connection->greater_port << 16;
		back = connection->greater_port | (__u32)connection->lesser_port << 16;
	}
	ipft_noted[ipft_hash_connection(addresses, there)] = 1;
	ipft_noted[ipft_hash_connection(addresses, back)] = 1;
	return !bpf_map_update_elem(&ipft_connections, connection, &own_ends, BPF_ANY);
}

enum ipft_fragment {
	IPFT_NO_FRAGMENT,
	IPFT_FIRST_FRAGMENT,
	IPFT_LATER_FRAGMENT,	/* does not say who it is for */
};

/* Ends of a packet that are being read. */
struct ipft_ends_of_packet {
	__u64 source[2];
	__u64 destination[2];
	__u64 header;		/* address of the header behind IP's */
	__u32 protocol;
	__u32 identification;	/* of a fragment */
	enum ipft_fragment fragment;
};

/* @place: the word with the fragment's offset; @offset, @more: the bits of it that hold the offset, and whether more follow */
static __always_inline enum ipft_fragment ipft_fragment_of(__u16 place, __u16 offset, __u16 more)
{
	if (place & offset)
		return IPFT_LATER_FRAGMENT;
	return place & more ? IPFT_FIRST_FRAGMENT : IPFT_NO_FRAGMENT;
}

static __always_inline void ipft_read_ipv4(__u64 header, struct ipft_ends_of_packet *ends)
{
	const __u64 word = ipft_read_word((void *)header);
	const __u64 addresses = ipft_read_word((void *)(header + 12));

	ends->fragment = ipft_fragment_of(word >> 48, bpf_htons(0x1fff), bpf_htons(0x2000));
	ends->identification = (__u16)(word >> 32);
	ends->protocol = (__u8)(ipft_read_word((void *)(header + 8)) >> 8);
	ends->source[0] = (__u32)addresses;
	ends->destination[0] = addresses >> 32;
	ends->source[1] = ends->destination[1] = 0;
	ends->header = header + (word & 0x0f) * 4;
}

static __always_inline void ipft_read_ipv6(__u64 header, struct ipft_ends_of_packet *ends)
{
	__u64 word = ipft_read_word((void *)header);
	__u32 protocol = (__u8)(word >> 48), i;

	ends->source[0] = ipft_read_word((void *)(header + 8));
	ends->source[1] = ipft_read_word((void *)(header + 16));
	ends->destination[0] = ipft_read_word((void *)(header + 24));
	ends->destination[1] = ipft_read_word((void *)(header + 32));
	ends->fragment = IPFT_NO_FRAGMENT;
	ends->identification = 0;
	header += IPFT_IPV6_HLEN;
	for (i = 0; i < IPFT_MAX_EXTENSION_HEADERS; i++) {
		word = ipft_read_word((void *)header);
		if (protocol == IPFT_IPPROTO_FRAGMENT) {
			ends->fragment = ipft_fragment_of(word >> 16, bpf_htons(0xfff8), bpf_htons(1));
			ends->identification = word >> 32;
			header += 8;
			if (ends->fragment == IPFT_LATER_FRAGMENT)
				break;
		} else if (protocol == IPFT_IPPROTO_HOPOPTS || protocol == IPFT_IPPROTO_ROUTING ||
			   protocol == IPFT_IPPROTO_DSTOPTS) {
			header += 8 + (__u8)(word >> 8) * 8;
		} else if (protocol == IPFT_IPPROTO_AH) {
			header += 8 + (__u8)(word >> 8) * 4;
		} else {
			break;
		}
		protocol = (__u8)word;
	}
	ends->protocol = protocol;
	ends->header = header;
}

/* Whether the bits of a set include a type of ICMP. */
static __always_inline bool ipft_is_one_of(__u32 types, __u8 type)
{
	return type < 32 && types >> type & 1;
}

/* The address of the packet that an error of ICMP quotes; else 0. @word: the first of ICMP's header */
static __always_inline __u64 ipft_quoted_packet(const struct ipft_ends_of_packet *ends, __u64 word)
{
	const __u8 type = word;

	if ((ends->protocol == IPFT_IPPROTO_ICMP && ipft_is_one_of(IPFT_ICMP_WITH_QUOTE, type)) ||
	    (ends->protocol == IPFT_IPPROTO_ICMPV6 && type && type <= IPFT_ICMPV6_LAST_ERROR))
		return ends->header + IPFT_ICMP_HLEN;
	return 0;
}

/* The ports, source first; of ICMP its identifier twice. Returns false for ICMP without one. */
static __always_inline bool ipft_read_ports(__u32 protocol, __u64 word, __u16 *source, __u16 *destination)
{
	*source = *destination = 0;
	if (ipft_has_ports(protocol)) {
		*source = word;
		*destination = word >> 16;
		return true;
	}
	if ((protocol == IPFT_IPPROTO_ICMP && !ipft_is_one_of(IPFT_ICMP_WITH_ID, word)) ||
	    (protocol == IPFT_IPPROTO_ICMPV6 && (__u8)word != IPFT_ICMPV6_ECHO_REQUEST &&
	     (__u8)word != IPFT_ICMPV6_ECHO_REPLY))
		return false;
	if (protocol == IPFT_IPPROTO_ICMP || protocol == IPFT_IPPROTO_ICMPV6)
		*source = *destination = word >> 32;
	return true;
}

/* Puts the two ends in the order that is the same in both directions. Returns whether the source comes last. */
static __always_inline bool ipft_order(const __u64 source[2], const __u64 destination[2], __u16 source_port,
				       __u16 destination_port, struct ipft_connection *connection)
{
	const bool is_swapped = source[0] > destination[0] ||
				(source[0] == destination[0] &&
				 (source[1] > destination[1] ||
				  (source[1] == destination[1] && source_port > destination_port)));

	connection->lesser[0] = is_swapped ? destination[0] : source[0];
	connection->lesser[1] = is_swapped ? destination[1] : source[1];
	connection->greater[0] = is_swapped ? source[0] : destination[0];
	connection->greater[1] = is_swapped ? source[1] : destination[1];
	connection->lesser_port = is_swapped ? destination_port : source_port;
	connection->greater_port = is_swapped ? source_port : destination_port;
	return is_swapped;
}

/* The key of a packet's fragments. Returns whether their source comes last. */
static __always_inline bool ipft_key_of_fragments(const struct ipft_ends_of_packet *ends, struct ipft_connection *connection)
{
	/* IPv4 counts each protocol's packets by itself; IPv6's later fragments do not tell what follows all headers. */
	connection->protocol = IPFT_OF_FRAGMENTS | (connection->is_ipv6 ? 0 : ends->protocol);
	return ipft_order(ends->source, ends->destination, ends->identification, ends->identification >> 16, connection);
}

static __always_inline __u32 ipft_fragments_now(void)
{
	return bpf_ktime_get_ns() >> IPFT_FRAGMENTS_SHIFT;
}

static __always_inline void ipft_read_ends(__u64 header, bool is_ipv6, struct ipft_ends_of_packet *ends)
{
	if (is_ipv6)
		ipft_read_ipv6(header, ends);
	else
		ipft_read_ipv4(header, ends);
}

/*
 * Finds the connection of a packet, or of its fragments where it is a later one. @with_quote: whether an error of ICMP
 * belongs to the connection of the packet that it quotes; if not, it has none. @is_swapped: whether the packet's source
 * comes last. @ends: as they were read. Inlined, since lifecycle.bpf.c must not have functions that are never called.
 */
static __always_inline bool ipft_find_connection(__u64 skb, struct ipft_connection *connection, bool with_quote,
						 bool *is_swapped, struct ipft_ends_of_packet *ends)
{
	struct ipft_memory memory;
	__u64 word, quoted, limit;
	__u16 source, destination;

	ipft_read_network(skb, &memory);
	if (!ipft_is_network(skb, &memory) || memory.protocol == IPFT_ETH_P_ARP)
		return false;
	connection->is_ipv6 = memory.protocol == IPFT_ETH_P_IPV6;
	connection->netns = ipft_netns_of((struct sk_buff *)skb);
	limit = memory.head + memory.tail;
	ipft_read_ends(memory.head + memory.network, connection->is_ipv6, ends);
	if (ends->fragment == IPFT_LATER_FRAGMENT) {
		*is_swapped = ipft_key_of_fragments(ends, connection);
		return true;
	}
	if (ends->header + 8 > limit)
		return false;
	word = ipft_read_word((void *)ends->header);
	quoted = ipft_quoted_packet(ends, word);
	if (quoted) {
		if (!with_quote || quoted + (connection->is_ipv6 ? IPFT_IPV6_HLEN : IPFT_IPV4_HLEN) > limit)
			return false;
		ipft_read_ends(quoted, connection->is_ipv6, ends);
		if (ends->fragment == IPFT_LATER_FRAGMENT || ends->header + 8 > limit)
			return false;
		word = ipft_read_word((void *)ends->header);
	}
	if (!ipft_read_ports(ends->protocol, word, &source, &destination))
		return false;
	connection->protocol = ends->protocol;
	*is_swapped = ipft_order(ends->source, ends->destination, source, destination, connection);
	return true;
}

/* Whether connections are noted. */
static __always_inline bool ipft_notes_connections(void)
{
	return ipft_config.connections || ipft_config.processes;
}

struct sk_buff___inner {
	__u16 inner_network_header;
} __attribute__((preserve_access_index));

/* Whether a packet is in a tunnel: its outer addresses are those of all packets in there. */
static __always_inline bool ipft_is_in_tunnel(__u64 skb)
{
	return (__u16)ipft_read_word(&((struct sk_buff___inner *)skb)->inner_network_header);
}

#endif
