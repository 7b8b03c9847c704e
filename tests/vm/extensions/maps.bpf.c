/* What any BPF object may have: a license, maps, globals, constants, and functions of its own. */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char _license[] SEC("license") = "GPL";

struct event {
	__u32 seen;	/* events of this packet's length so far */
	__u32 count;	/* events in all */
	__u32 doubled;
} __ipft_event_struct __attribute__((section("__ipft_skip")));

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} events SEC(".maps");

struct sk_buff {
	unsigned int len;
};

__u32 count;
const volatile __u32 factor = 2;

static __noinline __u32 multiply(__u32 value)
{
	return value * factor;
}

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	__u32 len = BPF_CORE_READ(skb, len), one = 1, *seen;

	seen = bpf_map_lookup_elem(&events, &len);
	if (seen)
		event->seen = ++*seen;
	else if (!bpf_map_update_elem(&events, &len, &one, BPF_ANY))
		event->seen = 1;
	event->count = ++count;
	event->doubled = multiply(len);
	return 0;
}
