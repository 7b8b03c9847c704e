/* Never ends: the verifier refuses it. */
#include <ipft/extension.h>

struct event {
	int a;
} __ipft_event_struct;

struct sk_buff;

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	volatile int x = 0;

	for (;;)
		x++;
	return x;
}
