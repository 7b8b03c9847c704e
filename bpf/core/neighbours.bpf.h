/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packets that ask for the hardware address of a neighbour, and those that tell it: ARP's, and neighbour discovery's of
 * IPv6. They have no socket of a process, and no port. Those that the kernel exchanges since a packet of a followed process
 * waits for them are known by the neighbour's address: owners.bpf.c sees for whom the kernel asks. An answer is known
 * where the question came from, and wherever a followed question has been: there it is made.
 */
#ifndef IPFT_NEIGHBOURS_H
#define IPFT_NEIGHBOURS_H

#include "headers.bpf.h"
#include "place.h"

/* A neighbour. An address of IPv4 is in the first word. */
struct ipft_neighbour {
	__u64 address[2];
	__u32 netns;		/* inode of the device's */
	__u32 ifindex;		/* of the device that leads to it */
};

/*
 * What is known of a neighbour that packets of followed processes needed. The kernel asks in rounds: from when it needs
 * the address to when it has it or gives up. Members of struct neighbour tell one from the next.
 */
struct ipft_asked {
	__u64 until_ns;		/* questions and answers belong to followed processes; 0: they do not */
	__u64 confirmed;	/* neighbour.confirmed when a packet joined, or when the kernel asked */
	__u64 updated;		/* neighbour.updated then */
	__u8 joined;		/* a packet of a followed process has come since the kernel asked for the last time: */
	__u8 joined_round;	/* and to a round in which the kernel had asked already */
	__u8 ours;		/* the round is for such a packet */
	__u8 once;		/* not asked from here: a question came here, and one answer belongs to it */
	__u32 unused;
};

/* Drops those that were not looked for the longest. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IPFT_MAX_NEIGHBOURS);	/* 1 where nobody asks for them: the user side sets it before loading */
	__type(key, struct ipft_neighbour);
	__type(value, struct ipft_asked);
} ipft_neighbours SEC(".maps");

/* The kernel asks three times, a second apart. */
#define IPFT_ANSWER_NS		3000000000ull

#define IPFT_ND_HLEN		24
#define IPFT_ND_SOLICITATION	135
#define IPFT_ND_ADVERTISEMENT	136
#define IPFT_ND_SOLICITED	0x40	/* the flag of an advertisement that answers */
#define IPFT_NEXT_ICMPV6	58
/* Of Ethernet and IPv4: the protocol and the lengths of the addresses, behind the type of the hardware. */
#define IPFT_ARP_OF_IPV4	0x04060008u
#define IPFT_ARP_REQUEST	bpf_htons(1)
#define IPFT_ARP_REPLY		bpf_htons(2)
#define IPFT_MAC_MASK		0xffffffffffffull

#define IPFT_PACKET_OTHERHOST	3	/* linux/if_packet.h */

struct net_device___hardware {
	unsigned char *dev_addr;
} __attribute__((preserve_access_index));

struct sock___kernel {
	unsigned int sk_kern_sock : 1;
} __attribute__((preserve_access_index));

/* A packet that asks for a neighbour, or tells of one. */
struct ipft_neighbour_message {
	struct ipft_neighbour about;
	bool is_request;
	bool is_sent;		/* the kernel has made it, to send it by this device */
	bool is_received;	/* for this device */
};

static __always_inline bool ipft_is_sent_by_kernel(__u64 skb)
{
	const __u64 sk = ipft_read_word(&((struct sk_buff *)skb)->sk);

	return sk && BPF_CORE_READ_BITFIELD_PROBED((struct sock___kernel *)sk, sk_kern_sock);
}

/* @memory: with the network header */
static __always_inline bool ipft_read_arp(__u64 skb, const struct ipft_memory *memory, struct ipft_neighbour_message *message)
{
	const __u64 header = memory->head + memory->network, dev = ipft_read_word(&((struct sk_buff *)skb)->dev);
	__u64 word, own, sender, target;
	__u32 sender_address, target_address;

	/* One that is being made is written when it has its Ethernet header: before, it may be what was there last. */
	if (memory->mac == IPFT_NO_MAC_HEADER && memory->data >= memory->network)
		return false;
	word = ipft_read_word((void *)header);
	if ((__u32)(word >> 16) != IPFT_ARP_OF_IPV4 || memory->network + IPFT_ARP_HLEN > memory->tail)
		return false;
	sender = ipft_read_word((void *)(header + 8)) & IPFT_MAC_MASK;
	sender_address = ipft_read_word((void *)(header + 14));
	target = ipft_read_word((void *)(header + 18)) & IPFT_MAC_MASK;
	target_address = ipft_read_word((void *)(header + 20)) >> 32;
	own = ipft_read_word((void *)ipft_read_word(&((struct net_device___hardware *)dev)->dev_addr)) & IPFT_MAC_MASK;
	message->is_request = (__u16)(word >> 48) == IPFT_ARP_REQUEST;
	/* Who tells of itself unasked tells it to itself. */
	if (!message->is_request && ((__u16)(word >> 48) != IPFT_ARP_REPLY || sender_address == target_address))
		return false;
	message->about.address[0] = message->is_request ? target_address : sender_address;
	message->about.address[1] = 0;
	/* What a process sends by a socket of its own has that socket. */
	message->is_sent = sender == own && !ipft_read_word(&((struct sk_buff *)skb)->sk);
	message->is_received = target == own;
	return true;
}

static __always_inline bool ipft_read_discovery(__u64 skb, const struct ipft_memory *memory,
						struct ipft_neighbour_message *message)
{
	const __u16 transport = ipft_read_word(&((struct sk_buff___headers *)skb)->transport_header);
	__u64 at = memory->head + memory->network, word;

	if (memory->mac == IPFT_NO_MAC_HEADER && memory->data == transport) {
		/* Its IPv6 header is written last. */
		at = memory->head + transport;
	} else {
		word = ipft_read_word((void *)at);
		if ((word & 0xf0) != 0x60 || (__u8)(word >> 48) != IPFT_NEXT_ICMPV6)
			return false;
		at += IPFT_IPV6_HLEN;
	}
	if (at + IPFT_ND_HLEN > memory->head + memory->tail)
		return false;
	word = ipft_read_word((void *)at);
	message->is_request = (__u8)word == IPFT_ND_SOLICITATION;
	if (!message->is_request && ((__u8)word != IPFT_ND_ADVERTISEMENT || !((word >> 32) & IPFT_ND_SOLICITED)))
		return false;
	message->about.address[0] = ipft_read_word((void *)(at + 8));
	message->about.address[1] = ipft_read_word((void *)(at + 16));
	message->is_sent = ipft_is_sent_by_kernel(skb);
	message->is_received = !message->is_sent &&
			       BPF_CORE_READ_BITFIELD_PROBED((struct sk_buff___type *)skb, pkt_type) != IPFT_PACKET_OTHERHOST;
	return true;
}

static __always_inline bool ipft_read_neighbour_message(__u64 skb, struct ipft_neighbour_message *message)
{
	const struct net_device *dev = (void *)ipft_read_word(&((struct sk_buff *)skb)->dev);
	struct ipft_memory memory;

	if ((__s64)dev >= 0)
		return false;
	ipft_read_network(skb, &memory);
	if (memory.protocol == IPFT_ETH_P_ARP ? !ipft_read_arp(skb, &memory, message) :
						memory.protocol != IPFT_ETH_P_IPV6 ||
							!ipft_read_discovery(skb, &memory, message))
		return false;
	message->about.netns = ipft_netns_at(&dev->nd_net);
	message->about.ifindex = ipft_read_word(&dev->ifindex);
	return true;
}

/*
 * Whether a packet may be about a neighbour: false of nearly all. One of IPv6 that has its header is told from others by
 * that, as all of ICMPv6.
 */
static __always_inline bool ipft_may_be_about_neighbour(struct sk_buff *skb)
{
	const struct sk_buff___headers *headers = (void *)skb;
	const __u16 protocol = ipft_read_word(&headers->protocol);
	__u8 type;

	if (protocol != IPFT_ETH_P_IPV6)
		return protocol == IPFT_ETH_P_ARP;
	type = ipft_read_word((void *)ipft_read_word(&headers->data));
	return type == IPFT_ND_SOLICITATION || type == IPFT_ND_ADVERTISEMENT;
}

/* Whether a packet is a question that the kernel asks for a followed process, or an answer to one. */
static __always_inline bool ipft_is_about_asked(struct sk_buff *skb)
{
	struct ipft_neighbour_message message;
	const struct ipft_asked *asked;

	if (!ipft_read_neighbour_message((__u64)skb, &message))
		return false;
	asked = bpf_map_lookup_elem(&ipft_neighbours, &message.about);
	if (!asked || bpf_ktime_get_ns() >= asked->until_ns)
		return false;
	if (message.is_request)
		return message.is_sent && !asked->once;
	return message.is_received || asked->once;
}

/*
 * Notes that a followed question is here, so that the answer is known from the first function on; or that it was answered.
 * Returns whether the packet is about a neighbour.
 */
IPFT_FUNCTION int ipft_expect_neighbour(__u64 skb, __u64 timestamp_ns)
{
	struct ipft_neighbour_message message;
	const struct ipft_asked *asked;
	struct ipft_asked expected = { .until_ns = timestamp_ns + IPFT_ANSWER_NS, .once = 1 };

	if (!ipft_read_neighbour_message(skb, &message))
		return 0;
	asked = bpf_map_lookup_elem(&ipft_neighbours, &message.about);
	if (asked && !asked->once)
		return 1;
	if (message.is_request)
		bpf_map_update_elem(&ipft_neighbours, &message.about, &expected, BPF_ANY);
	else if (asked)
		bpf_map_delete_elem(&ipft_neighbours, &message.about);
	return 1;
}

#endif
