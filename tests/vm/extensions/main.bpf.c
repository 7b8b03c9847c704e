/* The first of two files: has module() and a license. */
#include <ipft/extension.h>

char _license[] SEC("license") = "Dual BSD/GPL";

struct sk_buff;
extern int fill(void *ctx, struct sk_buff *skb, __u8 *data);

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	return fill(ctx, skb, data);
}
