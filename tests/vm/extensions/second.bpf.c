/* The second of two files: has the event struct, another license of the same name, and asks for arguments. */
#include <ipft/extension.h>

char _license[] SEC("license") = "GPL";

struct event {
	void *ip __ipft_fmt_symbol;
	__u64 third __ipft_fmt_hex;	/* third argument; of ip_output: the skb */
	int beyond;			/* what asking for the 100th gives */
	struct sk_buff *skb;
} __ipft_event_struct;

__hidden int
fill(void *ctx, struct sk_buff *skb, __u8 *data)
{
	struct event *event = (struct event *)data;
	__u64 nothing = 0;

	event->ip = (void *)ipft_func_ip(ctx);
	event->beyond = ipft_func_arg(ctx, 99, &nothing);
	ipft_func_arg(ctx, 2, &event->third);
	event->skb = skb;
	bpf_printk("ipft test");
	return 0;
}
