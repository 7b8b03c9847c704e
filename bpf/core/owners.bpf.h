/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets of processes. owners.bpf.c knows which processes are followed, and notes which sockets are theirs, and where
 * these take packets. A packet belongs to them if such a socket sends it, if its connection is that of a followed packet,
 * or if it goes to an address and port of such a socket. A received packet's socket does not count: a raw socket gets
 * copies of what is for others.
 */
#ifndef IPFT_OWNERS_H
#define IPFT_OWNERS_H

#include "connection.bpf.h"
#include "../abi/process.h"

/* The sockets of followed processes by their address, with the process. Drops those that were not looked for the longest. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IPFT_MAX_SOCKETS);	/* 1 where there is no need, as for all maps here */
	__type(key, __u64);
	__type(value, __u32);
} ipft_sockets SEC(".maps");

/* Where a socket takes packets from anyone. An address of IPv4 is in the first word; 0: any address. */
struct ipft_endpoint {
	__u64 address[2];
	__u32 netns;		/* inode */
	__u16 port;		/* in network byte order */
	__u8 protocol;
	__u8 is_ipv6;
};

/* Sockets that share an endpoint, as with SO_REUSEPORT. Of more than these, the others are not known. */
#define IPFT_MAX_TAKERS 4

struct ipft_takers {
	__u64 sockets[IPFT_MAX_TAKERS];
};

/* Their sockets. What a closed one has left is recognized by that: its port is 0, or it has another owner. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IPFT_MAX_ENDPOINTS);
	__type(key, struct ipft_endpoint);
	__type(value, struct ipft_takers);
} ipft_endpoints SEC(".maps");

/* Whether a socket, or an endpoint, may be known: as ipft_noted. */
#define IPFT_OWNED_BITS 14
__u8 ipft_owned[1 << IPFT_OWNED_BITS] SEC(".bss.ipft");
#define IPFT_PORT_BITS 12
#define IPFT_PORT_SHIFT (16 - IPFT_PORT_BITS)	/* of a port in network byte order, to its element */
__u8 ipft_ports[1 << IPFT_PORT_BITS] SEC(".bss.ipft");

struct sock_common___ends {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;		/* the local port, in host byte order */
	struct {
		__u64 words[2];
	} skc_v6_daddr, skc_v6_rcv_saddr;
} __attribute__((preserve_access_index));

static __always_inline bool ipft_may_own(__u32 sk)
{
	return *(volatile __u8 *)&ipft_owned[ipft_hash(sk, IPFT_OWNED_BITS)];
}

/* Whether a followed process has the socket that sends a packet. */
static __always_inline bool ipft_is_owned(struct sk_buff *skb)
{
	const __u64 sk = ipft_read_word(&skb->sk);

	return sk && ipft_may_own(sk) && !(__u32)ipft_read_word(&((struct sk_buff___headers *)skb)->skb_iif) &&
	       bpf_map_lookup_elem(&ipft_sockets, &sk);
}

/* What ipft_may_be_of_process needs of an skb. Read apart, since each load takes eight instructions. */
struct ipft_glance {
	struct sock *sk;
	__u64 header;		/* address of the network header, as ipft_read_network finds it */
};

static __always_inline void ipft_glance_at(__u64 skb, struct ipft_glance *glance)
{
#ifdef IPFT_BY_HELPER
	struct ipft_memory memory;

	ipft_read_network(skb, &memory);
	glance->sk = (struct sock *)ipft_read_word(&((struct sk_buff *)skb)->sk);
	glance->header = memory.head + memory.network;
#else
	struct sk_buff___headers *headers = bpf_rdonly_cast((void *)skb, bpf_core_type_id_kernel(struct sk_buff));
	const __u16 network = headers->network_header, mac = headers->mac_header;

	glance->sk = headers->sk;
	if (network <= mac && mac != IPFT_NO_MAC_HEADER)
		glance->header = (__u64)headers->data;
	else
		glance->header = (__u64)headers->head + network;
#endif
}

/*
 * Whether a packet may belong to followed processes: false of nearly all others. Looks at what stands at fixed places;
 * packets that have it elsewhere, and errors of ICMP, may belong to them.
 */
static __always_inline bool ipft_may_be_of_process(__u64 skb)
{
	struct ipft_glance glance;
	__u64 addresses;
	__u32 ports;
	__u8 protocol;

	ipft_glance_at(skb, &glance);
	if (glance.sk && ipft_may_own(ipft_low_half(glance.sk)))
		return true;
	{
		IPFT_READ_WORDS(words, glance.header, 48);
		const __u64 first = words->first;

		if ((first & 0xff) == 0x45) {
			if ((__u16)(first >> 48) & bpf_htons(0x1fff))
				return true;
			protocol = words->second >> 8;
			addresses = words->second >> 32 ^ (__u32)words->third;
			ports = words->third >> 32;
		} else if ((first & 0xf0) == 0x60) {
			protocol = first >> 48;
			addresses = words->second ^ words->third ^ words->fourth ^ words->fifth;
			ports = words->sixth;
		} else {
			return (first & 0xf0) == 0x40;
		}
	}
	if (!ipft_has_ports(protocol)) {
		if (protocol != IPFT_IPPROTO_ICMP)
			return true;
		/* The identifier is the port at both ends. */
		if (!ipft_is_one_of(IPFT_ICMP_WITH_ID, ports))
			return true;
		ports = 0;
	}
	return *(volatile __u8 *)&ipft_noted[ipft_hash_connection(addresses, ports)] ||
	       *(volatile __u8 *)&ipft_ports[ports >> (16 + IPFT_PORT_SHIFT)];
}

struct dst_entry {
	struct net_device *dev;
} __attribute__((preserve_access_index));

struct in_ifaddr {
	struct in_ifaddr *ifa_next;
	__be32 ifa_local;
} __attribute__((preserve_access_index));

struct in_device {
	struct in_ifaddr *ifa_list;
} __attribute__((preserve_access_index));

struct list_head {
	struct list_head *next;
} __attribute__((preserve_access_index));

struct inet6_ifaddr {
	struct {
		__u64 words[2];
	} addr;
	struct list_head if_list;
} __attribute__((preserve_access_index));

struct inet6_dev {
	struct list_head addr_list;
} __attribute__((preserve_access_index));

struct net_device___addresses {
	unsigned int flags;
	struct in_device *ip_ptr;
	struct inet6_dev *ip6_ptr;
} __attribute__((preserve_access_index));

#define IPFT_IFF_LOOPBACK	(1 << 3)	/* linux/if.h */
#define IPFT_PACKET_BROADCAST	1		/* linux/if_packet.h */
#define IPFT_PACKET_MULTICAST	2
#define IPFT_SKB_DST_PTRMASK	(~1ull)		/* linux/skbuff.h */
#define IPFT_MAX_DEVICE_ADDRESSES 8

static __always_inline bool ipft_is_loopback(__u64 dev)
{
	return (__s64)dev < 0 && (__u32)ipft_read_word(&((struct net_device___addresses *)dev)->flags) & IPFT_IFF_LOOPBACK;
}

/* Whether an address is one of a device. Of many, those that were added last are not looked at. */
static __always_inline bool ipft_has_address(const struct net_device___addresses *dev, const __u64 address[2],
					     bool is_ipv6)
{
	struct in_ifaddr *address4;
	const __u64 *address6;
	struct list_head *entry;
	int i;

	if (is_ipv6) {
		entry = (void *)ipft_read_word(&((struct inet6_dev *)ipft_read_word(&dev->ip6_ptr))->addr_list.next);
		for (i = 0; i < IPFT_MAX_DEVICE_ADDRESSES && entry; i++) {
			address6 = (void *)entry - bpf_core_field_offset(struct inet6_ifaddr, if_list) +
				   bpf_core_field_offset(struct inet6_ifaddr, addr);
			if (ipft_read_word(address6) == address[0] && ipft_read_word(address6 + 1) == address[1])
				return true;
			entry = (void *)ipft_read_word(&entry->next);
		}
		return false;
	}
	address4 = (void *)ipft_read_word(&((struct in_device *)ipft_read_word(&dev->ip_ptr))->ifa_list);
	for (i = 0; i < IPFT_MAX_DEVICE_ADDRESSES && address4; i++) {
		if ((__u32)ipft_read_word(&address4->ifa_local) == (__u32)address[0])
			return true;
		address4 = (void *)ipft_read_word(&address4->ifa_next);
	}
	return false;
}

/*
 * Whether a packet is for this machine. Routes to its addresses lead to the loopback device. Before there is a route, the
 * address is looked for at the device.
 */
static __always_inline bool ipft_is_for_here(struct sk_buff *skb, const __u64 address[2], bool is_ipv6)
{
	const __u64 dst = ipft_read_word(&((struct sk_buff___headers *)skb)->_skb_refdst) & IPFT_SKB_DST_PTRMASK;
	const __u64 dev = ipft_read_word(&skb->dev);
	__u8 type;

	if (ipft_is_loopback(dev))
		return true;
	type = BPF_CORE_READ_BITFIELD_PROBED((struct sk_buff___type *)skb, pkt_type);
	if (type == IPFT_PACKET_BROADCAST || type == IPFT_PACKET_MULTICAST)
		return true;
	if (dst)
		return ipft_is_loopback(ipft_read_word(&((struct dst_entry *)dst)->dev));
	return (__s64)dev < 0 && ipft_has_address((void *)dev, address, is_ipv6);
}

/* Whether a socket still takes packets at a port, and belongs to a followed process. */
static __always_inline bool ipft_takes(__u64 sk, __u16 port)
{
	const struct sock_common___ends *common = (void *)sk;

	return sk && (__u16)ipft_read_word(&common->skc_num) == bpf_ntohs(port) &&
	       bpf_map_lookup_elem(&ipft_sockets, &sk);
}

/* Whether one of a followed process's sockets takes packets at an endpoint. */
static __always_inline bool ipft_is_taken(const struct ipft_endpoint *endpoint)
{
	const struct ipft_takers *takers = bpf_map_lookup_elem(&ipft_endpoints, endpoint);
	__u32 i;

	if (!takers)
		return false;
	for (i = 0; i < IPFT_MAX_TAKERS; i++)
		if (ipft_takes(takers->sockets[i], endpoint->port))
			return true;
	return false;
}

/* Fills in one end of a connection. */
static __always_inline void ipft_fill_endpoint(const struct ipft_connection *connection, bool is_greater,
					       struct ipft_endpoint *endpoint)
{
	const __u64 *address = is_greater ? connection->greater : connection->lesser;

	endpoint->address[0] = address[0];
	endpoint->address[1] = address[1];
	endpoint->netns = connection->netns;
	endpoint->port = is_greater ? connection->greater_port : connection->lesser_port;
	endpoint->protocol = connection->protocol;
	endpoint->is_ipv6 = connection->is_ipv6;
}

/* Whether a packet goes to a socket of a followed process. */
static __always_inline bool ipft_goes_to_endpoint(struct sk_buff *skb, const struct ipft_connection *connection,
						  bool is_swapped)
{
	struct ipft_endpoint endpoint;
	__u64 address[2];

	ipft_fill_endpoint(connection, !is_swapped, &endpoint);
	if (ipft_is_taken(&endpoint))
		return true;
	address[0] = endpoint.address[0];
	address[1] = endpoint.address[1];
	endpoint.address[0] = endpoint.address[1] = 0;
	return ipft_is_taken(&endpoint) && ipft_is_for_here(skb, address, connection->is_ipv6);
}

#define IPFT_TCP_TIME_WAIT	6	/* linux/tcp.h, include/net/tcp_states.h */
#define IPFT_TCP_NEW_SYN_RECV	12

/* Whether a socket of nobody that is followed sends a packet from where a followed one has sent, as it has the port now. */
static __always_inline bool ipft_is_sent_by_another(struct sk_buff *skb, const struct ipft_connection *connection,
						    bool is_swapped, __u32 own_ends)
{
	const __u64 sk = ipft_read_word(&skb->sk);
	const __u16 port = is_swapped ? connection->greater_port : connection->lesser_port;
	__u8 state;

	if (!sk || !(own_ends & (is_swapped ? IPFT_OWN_GREATER : IPFT_OWN_LESSER)) ||
	    (__u32)ipft_read_word(&((struct sk_buff___headers *)skb)->skb_iif) || bpf_map_lookup_elem(&ipft_sockets, &sk))
		return false;
	/* What stands for a closed socket, or for one that is not there yet, is nobody's; the kernel's own have no port. */
	state = ipft_read_word(&((struct sock_common *)sk)->skc_state);
	return state != IPFT_TCP_TIME_WAIT && state != IPFT_TCP_NEW_SYN_RECV &&
	       (__u16)ipft_read_word(&((struct sock_common___ends *)sk)->skc_num) == bpf_ntohs(port);
}

/* Whether a packet is between the ends of a followed one. Where another process has such an end now, it is not. */
static __always_inline bool ipft_is_of_connection(struct sk_buff *skb, const struct ipft_connection *connection,
						  bool is_swapped)
{
	const __u32 *own_ends = bpf_map_lookup_elem(&ipft_connections, connection);
	struct ipft_endpoint endpoint;
	bool is_taken;

	if (!own_ends)
		return false;
	if (connection->protocol & IPFT_OF_FRAGMENTS)
		return ipft_fragments_now() - *own_ends <= IPFT_FRAGMENTS_NS >> IPFT_FRAGMENTS_SHIFT;
	if (!ipft_config.processes || !ipft_is_sent_by_another(skb, connection, is_swapped, *own_ends))
		return true;
	ipft_fill_endpoint(connection, is_swapped, &endpoint);
	is_taken = ipft_is_taken(&endpoint);
	endpoint.address[0] = endpoint.address[1] = 0;
	is_taken |= ipft_is_taken(&endpoint);
	/* It is one that was made of a socket that listens, though nobody has seen that; else they share the port. */
	if (is_taken)
		return connection->protocol == IPFT_IPPROTO_TCP;
	bpf_map_delete_elem(&ipft_connections, connection);
	return false;
}

/* How a packet belongs to what was followed before. */
enum ipft_relation {
	IPFT_IS_OF_CONNECTION = 1 << 0,	/* it is between the ends of a followed packet */
	IPFT_GOES_TO_ENDPOINT = 1 << 1,	/* it goes to a socket of a followed process */
	IPFT_IS_ABOUT_NEIGHBOUR = 1 << 2,	/* the kernel asks so for a packet of a followed process, or gets the answer */
};

/* One function for both questions, since reading headers takes many instructions. */
IPFT_FUNCTION int ipft_find_relations(struct sk_buff *skb)
{
	struct ipft_connection connection;
	struct ipft_ends_of_packet ends;
	bool is_swapped;
	int relations = 0;

	if (ipft_config.neighbours && ipft_is_about_asked(skb))
		return ipft_is_at_wanted_place(skb) ? IPFT_IS_ABOUT_NEIGHBOUR : 0;
	if (!ipft_notes_connections() || !ipft_find_connection((__u64)skb, &connection, true, &is_swapped, &ends))
		return 0;
	if (ipft_is_of_connection(skb, &connection, is_swapped))
		relations |= IPFT_IS_OF_CONNECTION;
	else if (ipft_config.processes && ends.fragment != IPFT_LATER_FRAGMENT &&
		 ipft_goes_to_endpoint(skb, &connection, is_swapped))
		relations |= IPFT_GOES_TO_ENDPOINT;
	return relations;
}

/* Notes the connection of a followed packet, and its other fragments. Returns whether the connection is a new one. */
IPFT_FUNCTION int ipft_note_connection(__u64 skb)
{
	struct ipft_connection connection;
	struct ipft_ends_of_packet ends;
	__u32 own_ends = 0, now;
	bool is_swapped, is_new;

	if (ipft_config.processes && ipft_is_in_tunnel(skb))
		return 0;
	if (!ipft_find_connection(skb, &connection, false, &is_swapped, &ends) || ends.fragment == IPFT_LATER_FRAGMENT)
		return 0;
	if (ipft_config.processes && ipft_is_owned((struct sk_buff *)skb))
		own_ends = is_swapped ? IPFT_OWN_GREATER : IPFT_OWN_LESSER;
	is_new = ipft_add_connection(&connection, own_ends);
	if (ends.fragment == IPFT_FIRST_FRAGMENT) {
		ipft_key_of_fragments(&ends, &connection);
		now = ipft_fragments_now();
		bpf_map_update_elem(&ipft_connections, &connection, &now, BPF_ANY);
	}
	return is_new;
}

/* Where answers are followed: called where a packet has another place, or other headers. */
static __always_inline void ipft_expect_answers(__u64 skb, __u64 timestamp_ns)
{
	struct ipft_cpu *cpu;

	if (ipft_config.neighbours && ipft_expect_neighbour(skb, timestamp_ns))
		return;
	if (!ipft_notes_connections() || !ipft_note_connection(skb))
		return;
	cpu = ipft_this_cpu();
	if (cpu)
		ipft_count(cpu->connections);
}

/* The relations of packets that are followed whatever else is asked for. */
static __always_inline int ipft_added_relations(void)
{
	return (ipft_config.connections ? IPFT_IS_OF_CONNECTION : 0) |
	       (ipft_config.neighbours ? IPFT_IS_ABOUT_NEIGHBOUR : 0);
}

#endif
