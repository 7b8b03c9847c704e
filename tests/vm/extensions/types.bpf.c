/* Every kind of value that can be shown, some from the packet and some fixed. */
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define __ipft_sec_skip __attribute__((section("__ipft_skip")))
#define __ipft_ref(name) name __ipft_sec_skip
#define __ipft_event_struct __ipft_event_struct __ipft_sec_skip
#define __ipft_fmt_hex __attribute__((btf_decl_tag("ipft:fmt:hex")))
#define __ipft_fmt_enum(ref) __attribute__((btf_decl_tag("ipft:fmt:enum:" #ref)))
#define __ipft_fmt_enum_flags(ref) __attribute__((btf_decl_tag("ipft:fmt:enum_flags:" #ref)))

enum ether { IPV4 = 0x0008, IPV6 = 0xdd86 } __ipft_ref(ether_ref); /* as network byte order reads here */
enum gso { tcpv4 = 1, dodgy = 2, tcp_ecn = 4, tcp_fixedid = 8, tcpv6 = 16 } __ipft_ref(gso_ref);

struct event {
	unsigned int len;
	__u32 mark __ipft_fmt_hex;
	__u16 protocol __ipft_fmt_enum(ether_ref);
	unsigned int gso_type __ipft_fmt_enum_flags(gso_ref);
	unsigned short gso_size;
	bool linear;
	char letter;
	__s8 tiny;
	long long negative;
	unsigned long long largest;
	struct sk_buff *skb;
} __ipft_event_struct;

struct skb_shared_info {
	unsigned short gso_size;
	unsigned int gso_type;
} __attribute__((preserve_access_index));

struct sk_buff {
	unsigned int len, data_len;
	__u32 mark;
	__be16 protocol;
	unsigned char *head;
	unsigned int end;
} __attribute__((preserve_access_index));

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	struct skb_shared_info *shared = (void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));

	event->len = BPF_CORE_READ(skb, len);
	event->mark = BPF_CORE_READ(skb, mark);
	event->protocol = BPF_CORE_READ(skb, protocol);
	event->gso_size = BPF_CORE_READ(shared, gso_size);
	event->gso_type = BPF_CORE_READ(shared, gso_type);
	event->linear = BPF_CORE_READ(skb, data_len) == 0;
	event->letter = 'i';
	event->tiny = -8;
	event->negative = -9000000000000000001LL;
	event->largest = ~0ULL;
	event->skb = skb;
	return 0;
}
