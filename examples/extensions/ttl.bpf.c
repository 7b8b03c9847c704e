// SPDX-License-Identifier: MIT
/* The time to live of an IPv4 packet, which each router counts down. Other packets are left out. */
#include <ipft/extension.h>

#define ETH_P_IP 0x0800

struct event {
	__u8 ttl;
} __ipft_event_struct;

struct sk_buff {
	__be16 protocol;
	unsigned char *head;
	__u16 network_header;	/* where the IP header begins, from head */
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	unsigned char *ip = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);

	if (BPF_CORE_READ(skb, protocol) != __builtin_bswap16(ETH_P_IP))
		return 1;	/* not shown */
	bpf_probe_read_kernel(&event->ttl, sizeof(event->ttl), ip + 8);
	return 0;
}
