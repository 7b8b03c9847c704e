// SPDX-License-Identifier: MIT
/* The socket that the packet belongs to: its cookie (SO_COOKIE; 0 until someone asked for it), family and owner. */
#include <ipft/extension.h>

enum family { unix = 1, inet = 2, inet6 = 10, netlink = 16, packet = 17 } __ipft_ref(families);

struct event {
	__u64 cookie;
	__u16 family __ipft_fmt_enum(families);
	__u32 uid;
} __ipft_event_struct;

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	__u32 val;
} kuid_t;

struct sock_common {
	unsigned short skc_family;
	atomic64_t skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
	kuid_t sk_uid;
};

struct sk_buff {
	struct sock *sk;
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	struct sock *sk = BPF_CORE_READ(skb, sk);

	if (!sk)
		return 0;	/* received, and not given to a socket yet */
	event->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	event->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	event->uid = BPF_CORE_READ(sk, sk_uid.val);
	return 0;
}
