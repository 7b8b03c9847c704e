/* Drops the entries of packets that have no Ethernet header yet, and all returns: those are shorter in nothing. */
#include <ipft/extension.h>

struct sk_buff {
	unsigned int len;
} __attribute__((preserve_access_index));

struct event {
	__u32 len;
} __ipft_event_struct;

struct {
	__uint(type, 1); /* BPF_MAP_TYPE_HASH */
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u32);
} calls SEC(".maps");

/* A function that was entered and has not returned is one whose address was seen an odd number of times. */
__hidden int module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	__u64 function = ipft_func_ip(ctx);
	__u32 one = 1;

	event->len = BPF_CORE_READ(skb, len);
	if (event->len < 98)
		return 1;
	if (bpf_map_lookup_elem(&calls, &function)) {
		bpf_map_delete_elem(&calls, &function);
		return 1;
	}
	bpf_map_update_elem(&calls, &function, &one, 0);
	return 0;
}
