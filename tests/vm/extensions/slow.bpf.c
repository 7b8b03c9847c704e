/* Takes the CPU long, and the verifier short: most is done by a function of the kernel. */
#include <ipft/extension.h>

struct event {
	__u8 bytes[32];
} __ipft_event_struct;

struct sk_buff;

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	for (int i = 0; i < 3000; i++)
		bpf_probe_read_kernel(data, 32, skb);
	return 0;
}
