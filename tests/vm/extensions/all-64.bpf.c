/* A small struct, and a module() that looks at and writes all 64 bytes of its buffer. */
#include <ipft/extension.h>

struct event {
	__u32 dirty;	/* the bits that were set in any byte of the buffer */
} __ipft_event_struct;

struct sk_buff;

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	__u32 dirty = 0;
	int i;

	/* Without a branch in the loop: Linux 5.10 would try both ways of each. */
	for (i = 0; i < 64; i++) {
		dirty |= data[i];
		data[i] = 0xaa;
	}
	*(__u32 *)data = dirty;
	return 0;
}
