/*
 * What ipft_func_arg says of each argument, and of those that there are not. Takes STACK_BYTES of stack, a multiple of 8,
 * beside what a call of another function takes: 32 bytes.
 */
#include <ipft/extension.h>

struct event {
	__s32 found[8];
	__u32 room;
} __ipft_event_struct;

struct sk_buff;

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	volatile __u64 room[STACK_BYTES / 8 - 1];
	struct event *event = (struct event *)data;
	__u64 value;
	int n;

#pragma unroll
	for (n = 0; n < 8; n++)
		event->found[n] = ipft_func_arg(ctx, n, &value);
	room[0] = sizeof(room);
	event->room = room[0];
	return 0;
}
