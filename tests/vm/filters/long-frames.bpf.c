/*
 * Wants frames of 1,242 bytes and more: what `ping -s 1200` sends, where it has its Ethernet header. Elsewhere the same
 * packet is shorter, and followed all the same once it is.
 */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct sk_buff {
	unsigned int len;
} __attribute__((preserve_access_index));

/* How often it was asked, with the answer no or yes. */
struct {
	__uint(type, 2); /* BPF_MAP_TYPE_ARRAY */
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} answers SEC(".maps");

int ipft_wants(struct sk_buff *skb)
{
	__u32 answer = BPF_CORE_READ(skb, len) >= 1242;
	__u64 *count = bpf_map_lookup_elem(&answers, &answer);

	if (count)
		__sync_fetch_and_add(count, 1);
	return answer;
}
