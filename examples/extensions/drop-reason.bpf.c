// SPDX-License-Identifier: MIT
/* Why a packet was dropped, at the functions that free it with a reason (Linux 5.17+). Other events are left out. */
#include <ipft/extension.h>

struct sk_buff;

/* The numbers differ from kernel to kernel: libbpf puts in the running kernel's. */
enum skb_drop_reason {
	SKB_CONSUMED,
	SKB_DROP_REASON_NOT_SPECIFIED,
	SKB_DROP_REASON_NO_SOCKET,
	SKB_DROP_REASON_NETFILTER_DROP,
	SKB_DROP_REASON_UDP_CSUM,
	SKB_DROP_REASON_TCP_CSUM,
};

enum reason { other, consumed, not_specified, no_socket, netfilter_drop, udp_csum, tcp_csum } __ipft_ref(reasons);

struct event {
	__u32 reason __ipft_fmt_enum(reasons);
	__u32 number;		/* as the kernel has it */
} __ipft_event_struct;

/* Where they are; 0 on a kernel that does not have one. */
extern const void kfree_skb_reason __ksym __weak;	/* (skb, reason) */
extern const void sk_skb_reason_drop __ksym __weak;	/* (sk, skb, reason) */

#define IS(name) \
	(bpf_core_enum_value_exists(enum skb_drop_reason, name) && number == bpf_core_enum_value(enum skb_drop_reason, name))

static __always_inline enum reason
name_of(__u32 number)
{
	if (IS(SKB_CONSUMED))
		return consumed;
	if (IS(SKB_DROP_REASON_NOT_SPECIFIED))
		return not_specified;
	if (IS(SKB_DROP_REASON_NO_SOCKET))
		return no_socket;
	if (IS(SKB_DROP_REASON_NETFILTER_DROP))
		return netfilter_drop;
	if (IS(SKB_DROP_REASON_UDP_CSUM))
		return udp_csum;
	if (IS(SKB_DROP_REASON_TCP_CSUM))
		return tcp_csum;
	return other;
}

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	__u64 ip = ipft_func_ip(ctx), reason = 0;

	if (ip == (__u64)&sk_skb_reason_drop)
		ipft_func_arg(ctx, 2, &reason);
	else if (ip == (__u64)&kfree_skb_reason)
		ipft_func_arg(ctx, 1, &reason);
	else
		return 1;
	event->number = reason;
	event->reason = name_of(reason);
	return 0;
}
