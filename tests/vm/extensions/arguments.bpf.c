/*
 * The packet's length, and what ipft_func_arg says of each argument, and of those that there are not. Takes STACK_BYTES of
 * stack, a multiple of 8, beside what a call of another function takes: 32 bytes.
 */
#include <ipft/extension.h>
#include <bpf/bpf_core_read.h>

struct event {
	__s32 found[8];
	__u32 room;
	__u32 len;
} __ipft_event_struct;

struct sk_buff {
	unsigned int len;
} __attribute__((preserve_access_index));

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	__u64 room[STACK_BYTES / 8 - 1];
	struct event *event = (struct event *)data;
	__u64 value;
	int n;

#pragma unroll
	for (n = 0; n < 8; n++)
		event->found[n] = ipft_func_arg(ctx, n, &value);
	room[0] = sizeof(room);
	/* All of it is in use, as far as the compiler knows. */
	asm volatile("" : : "r"(room) : "memory");
	event->room = room[0];
	bpf_core_read(&value, sizeof(skb->len), &skb->len);
	event->len = (__u32)value;
	return 0;
}
