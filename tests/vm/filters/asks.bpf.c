/* The smallest program with a filter: for tests that ask the verifier about many. */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct sk_buff;

extern __hidden int ipft_wants(struct sk_buff *skb);

SEC("raw_tp")
int asks(__u64 *ctx)
{
	return ipft_wants((struct sk_buff *)ctx[0]);
}

char asks_license[] SEC("license") = "GPL";
