// SPDX-License-Identifier: MIT
/* Length and segmentation: how much of the packet is in fragments, and into what it will be cut. */
#include <ipft/extension.h>

enum gso_type {
	tcpv4 = 1 << 0,
	dodgy = 1 << 1,
	tcp_ecn = 1 << 2,
	tcp_fixedid = 1 << 3,
	tcpv6 = 1 << 4,
	fcoe = 1 << 5,
	gre = 1 << 6,
	gre_csum = 1 << 7,
	ipxip4 = 1 << 8,
	ipxip6 = 1 << 9,
	udp_tunnel = 1 << 10,
	udp_tunnel_csum = 1 << 11,
	partial = 1 << 12,
	tunnel_remcsum = 1 << 13,
	sctp = 1 << 14,
	esp = 1 << 15,
	udp = 1 << 16,
	udp_l4 = 1 << 17,
	fraglist = 1 << 18,
} __ipft_ref(gso_types);

struct event {
	__u32 len;
	__u32 data_len;		/* the part of it that is in fragments */
	__u16 gso_size;		/* payload of a segment; 0: not to be cut */
	__u16 gso_segs;
	__u32 gso_type __ipft_fmt_enum_flags(gso_types);
} __ipft_event_struct;

struct skb_shared_info {
	unsigned short gso_size, gso_segs;
	unsigned int gso_type;
};

struct sk_buff {
	unsigned int len, data_len;
	unsigned char *head;
	unsigned int end;	/* where the shared info lies, from head */
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	struct skb_shared_info *shared = (void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));

	event->len = BPF_CORE_READ(skb, len);
	event->data_len = BPF_CORE_READ(skb, data_len);
	event->gso_size = BPF_CORE_READ(shared, gso_size);
	event->gso_segs = BPF_CORE_READ(shared, gso_segs);
	event->gso_type = BPF_CORE_READ(shared, gso_type);
	return 0;
}
