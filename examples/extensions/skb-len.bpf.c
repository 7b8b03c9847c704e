// SPDX-License-Identifier: MIT
/* The smallest extension: the packet's length at each function. */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define __ipft_sec_skip __attribute__((section("__ipft_skip")))
#define __ipft_event_struct __ipft_event_struct __ipft_sec_skip

struct event {
	unsigned int len;
} __ipft_event_struct;

/* A part of the kernel's struct: libbpf finds the member's real place. */
struct sk_buff {
	unsigned int len;
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;

	event->len = BPF_CORE_READ(skb, len);
	return 0;
}
