/* A non-zero return drops the event: only packets of more than 1000 bytes are shown. */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct event {
	unsigned int len;
} __ipft_event_struct __attribute__((section("__ipft_skip")));

struct sk_buff {
	unsigned int len;
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	unsigned int len = BPF_CORE_READ(skb, len);

	*(unsigned int *)data = len;
	return len <= 1000;
}
