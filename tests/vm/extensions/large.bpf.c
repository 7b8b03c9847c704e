/* An event of 1024 bytes; what is not written is zero. */
#include <ipft/extension.h>

struct event {
	__u32 first;
	__u8 middle[1016];
	__u32 last;
} __ipft_event_struct;

struct sk_buff;

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;

	event->first = 1;
	event->last = 0xffffffff;
	return 0;
}
