/* Functions of all kinds: static, global, called back by helpers, and one that no kernel with callbacks ever calls. */
#include <linux/bpf.h>
#include <ipft/extension.h>

struct event {
	__u32 loops;		/* 0 + 1 + 2 + 3 */
	__u32 entries;		/* of a map */
	__u32 twice;
	__u32 squared;
} __ipft_event_struct;

struct sk_buff;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 5);
	__type(key, __u32);
	__type(value, __u32);
} numbers SEC(".maps");

static long
add_index(__u32 index, void *context)
{
	*(__u32 *)context += index;
	return 0;
}

static long
count_entry(void *map, __u32 *key, __u32 *value, __u32 *context)
{
	*context += 1;
	return 0;
}

static __noinline int
twice(int number)
{
	return number * 2;
}

/* Not hidden: the verifier looks at it by itself. */
__noinline int
square(int number)
{
	return number * number;
}

/* Unreachable where there is bpf_loop: the kernel leaves it out. */
static __noinline int
loop_by_hand(int number)
{
	return number + 1;
}

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	__u32 loops = 0, entries = 0;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_loop))
		bpf_loop(4, add_index, &loops, 0);
	else
		loops = loop_by_hand((__u64)ctx);
	bpf_for_each_map_elem(&numbers, count_entry, &entries, 0);
	event->loops = loops;
	event->entries = entries;
	event->twice = twice(loops);
	event->squared = square(loops);
	return 0;
}
