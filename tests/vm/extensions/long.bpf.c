/* Takes the verifier a while: it looks at each turn of both loops. */
#include <ipft/extension.h>

struct event {
	__u32 sum;
} __ipft_event_struct;

struct sk_buff;

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	__u32 sum = 0;

	for (__u32 i = 0; i < 100; i++) {
		for (__u32 k = 0; k < 100; k++) {
			sum = sum * 31 + data[(i + k) & 63];
			asm volatile("" : "+r"(sum), "+r"(k));
		}
	}
	((struct event *)data)->sum = sum;
	return 0;
}
