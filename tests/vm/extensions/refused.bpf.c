/* Writes past its buffer: the verifier refuses it. */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct event {
	unsigned int len;
} __ipft_event_struct __attribute__((section("__ipft_skip")));

struct sk_buff;

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	*(volatile __u64 *)(data + 4096) = 1; /* the culprit */
	return 0;
}
