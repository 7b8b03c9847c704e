/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where a packet is, and whether packets are wanted there. */
#ifndef IPFT_PLACE_H
#define IPFT_PLACE_H

#include "journey.bpf.h"

/*
 * The inode of the namespace that a device or a socket is in; else a number less than IPFT_FIRST_NETNS, or that of no
 * namespace: skb->dev holds other values while the skb is in certain queues.
 */
static __always_inline __u32 ipft_netns_at(const possible_net_t *at)
{
	struct net *net = (void *)ipft_read_word(&at->net);

	return ipft_read_word(&net->ns.inum);
}

/* The inode of the namespace where a packet is: that of its device, or while it has none, that of its socket. */
static __always_inline __u32 ipft_netns_of(struct sk_buff *skb)
{
	struct net_device *dev = (void *)ipft_read_word(&skb->dev);
	struct sock *sk;
	__u32 netns = 0;

	if ((__s64)dev < 0)
		netns = ipft_netns_at(&dev->nd_net);
	if (netns >= IPFT_FIRST_NETNS)
		return netns;
	sk = (void *)ipft_read_word(&skb->sk);
	return (__s64)sk < 0 ? ipft_netns_at(&sk->__sk_common.skc_net) : 0;
}

static __always_inline bool ipft_is_in_wanted_netns(__u32 netns)
{
	__u32 i;

	for (i = 0; i < IPFT_MAX_WANTED_PLACES && i < ipft_config.places.netns_count; i++) {
		if (netns == ipft_config.places.netns[i])
			return true;
	}
	return false;
}

static __always_inline bool ipft_is_on_wanted_device(struct net_device *dev, __u32 netns)
{
	const volatile struct ipft_wanted_device *wanted;
	__u64 name[2];
	__u32 i;

	if ((__s64)dev >= 0)
		return false;
	name[0] = ipft_read_word(&dev->name[0]);
	name[1] = ipft_read_word(&dev->name[8]);
	for (i = 0; i < IPFT_MAX_WANTED_PLACES && i < ipft_config.places.device_count; i++) {
		wanted = &ipft_config.places.devices[i];
		if ((name[0] & wanted->mask[0]) == wanted->name[0] && (name[1] & wanted->mask[1]) == wanted->name[1] &&
		    (!wanted->netns || wanted->netns == netns))
			return true;
	}
	return false;
}

/* Whether a packet is where packets are wanted. Where they are wanted anywhere, the verifier removes all of it. */
static __always_inline bool ipft_is_at_wanted_place(struct sk_buff *skb)
{
	struct net_device *dev;
	__u32 netns;

	if (!ipft_config.places.netns_count && !ipft_config.places.device_count)
		return true;
	dev = (void *)ipft_read_word(&skb->dev);
	netns = ipft_netns_of(skb);
	if (ipft_config.places.netns_count && !ipft_is_in_wanted_netns(netns))
		return false;
	return !ipft_config.places.device_count || ipft_is_on_wanted_device(dev, netns);
}

#endif
