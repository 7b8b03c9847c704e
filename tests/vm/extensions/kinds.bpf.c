/* Fields of several kinds, one of them an address, whose name only the kernel knows. */
#include <ipft/extension.h>

enum ether { IPV4 = 0x0008 } __ipft_ref(ether_ref); /* as network byte order reads on this machine */

struct event {
	__u32 len;
	__u32 mark __ipft_fmt_hex;
	__u16 protocol __ipft_fmt_enum(ether_ref);
	void *destructor __ipft_fmt_symbol;
} __ipft_event_struct;

struct sk_buff {
	unsigned int len;
	__u32 mark;
	__be16 protocol;
	void (*destructor)(struct sk_buff *skb);
} __attribute__((preserve_access_index));

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;

	event->len = BPF_CORE_READ(skb, len);
	event->mark = BPF_CORE_READ(skb, mark);
	event->protocol = BPF_CORE_READ(skb, protocol);
	event->destructor = BPF_CORE_READ(skb, destructor);
	return 0;
}
