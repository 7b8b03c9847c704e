// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Backend fentry-multi (Linux 7.2+): a program for each position that the skb often has, attached to all its functions
 * of the kernel proper in one link. For each module it is loaded again.
 *
 * build: .by-helper -DIPFT_BY_HELPER
 */
#define IPFT_SESSION_TAKES_CTX
#define IPFT_KEYS_ARE_FOLLOWED
#include "../core/graph.bpf.h"
#include "../core/session.h"
#include "trampoline.h"

static __always_inline __u64 ipft_cookie(void *ctx)
{
	return bpf_get_attach_cookie(ctx);
}

static __always_inline __u64 ipft_call_key(void *ctx)
{
	return ipft_number_call();
}

static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value)
{
	return ipft_trampoline_argument(ctx, n, value);
}

__hidden int ipft_func_arg(void *ctx, __u32 n, __u64 *value)
{
	return ipft_argument_of_function(ctx, n, value);
}

static __always_inline __u64 ipft_address(void *ctx)
{
	return bpf_get_func_ip(ctx);
}

__hidden __u64 ipft_func_ip(void *ctx)
{
	return ipft_address(ctx);
}

static __always_inline __u64 ipft_return_address(void *ctx, __u32 target)
{
	return ipft_trampoline_return((__u64)ctx, ipft_address(ctx), target);
}

/* The verifier refuses direct reads of the context in such programs; as a plain address it may be read. */
static __always_inline struct sk_buff *ipft_skb(void *ctx, __u32 position)
{
#ifdef IPFT_BY_HELPER
	__u64 skb = 0;

	bpf_get_func_arg(ctx, position, &skb);
	return (struct sk_buff *)skb;
#else
	return (struct sk_buff *)ipft_read_word((__u64 *)ctx + position);
#endif
}

static __always_inline void ipft_session_of(__u64 *ctx, struct sk_buff *(*skb_of)(void *), enum ipft_kind kind)
{
	__u64 *session_cookie, number;

	if (ipft_session_is_return(ctx)) {
		session_cookie = ipft_session_cookie(ctx);
		if (*session_cookie)
			ipft_leave(ctx, *session_cookie);
		return;
	}
	number = ipft_entered_call(ctx, skb_of, kind);
	if (number) {
		session_cookie = ipft_session_cookie(ctx);
		*session_cookie = number;
	}
}

#define IPFT_SKB_OF(position)									\
	static __always_inline struct sk_buff *ipft_skb_##position(void *ctx)			\
	{											\
		return ipft_skb(ctx, position);							\
	}

IPFT_SKB_OF(0)
IPFT_SKB_OF(1)
IPFT_SKB_OF(2)

/* The skb at the position that the cookie tells, which may be any. */
static __always_inline struct sk_buff *ipft_skb_anywhere(void *ctx)
{
	__u64 skb = 0;

	bpf_get_func_arg(ctx, ipft_target_position(ipft_cookie(ctx)), &skb);
	return (struct sk_buff *)skb;
}

#define IPFT_POSITION(name, position, kind)							\
	SEC("ipft/fentry.multi")								\
	int ipft_entry_##name(__u64 *ctx)							\
	{											\
		return ipft_entered_function(ctx, ipft_skb_##position, kind);			\
	}											\
	SEC("ipft/fsession.multi")								\
	int ipft_session_##name(__u64 *ctx)							\
	{											\
		ipft_session_of(ctx, ipft_skb_##position, kind);				\
		return 0;									\
	}

IPFT_POSITION(0, 0, IPFT_PLAIN)
IPFT_POSITION(1, 1, IPFT_PLAIN)
IPFT_POSITION(2, 2, IPFT_PLAIN)
IPFT_POSITION(deciding, anywhere, IPFT_DECIDING)
