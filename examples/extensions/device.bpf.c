// SPDX-License-Identifier: MIT
/* Where the packet is: device and network namespace (its inode, as `ls -iL /proc/PID/ns/net` shows it). */
#include <ipft/extension.h>

struct event {
	char device[16];
	int ifindex;
	__u32 netns;
} __ipft_event_struct;

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	char name[16];
	int ifindex;
	possible_net_t nd_net;
};

struct sk_buff {
	struct net_device *dev;
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	struct net_device *dev = BPF_CORE_READ(skb, dev);

	if (!dev)
		return 0;	/* not given to a device yet */
	BPF_CORE_READ_STR_INTO(&event->device, dev, name);
	event->ifindex = BPF_CORE_READ(dev, ifindex);
	event->netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	return 0;
}
