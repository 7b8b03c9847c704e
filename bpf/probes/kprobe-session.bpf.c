// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Backend kprobe-multi with returns (Linux 6.10+ with CONFIG_FPROBE): as kprobe-multi.bpf.c, with programs that also
 * run when the function returns. The session cookie holds the call's number.
 *
 * build: .by-helper -DIPFT_BY_HELPER
 * build: -ctx -DIPFT_SESSION_TAKES_CTX
 * build: -ctx.by-helper -DIPFT_SESSION_TAKES_CTX -DIPFT_BY_HELPER
 */
#define IPFT_KEYS_ARE_FOLLOWED
#include "cookie.h"
#include "../core/graph.bpf.h"
#include "../core/registers.h"
#include "../core/session.h"

static __always_inline __u64 ipft_cookie(void *ctx)
{
	return ipft_remembered_cookie(ctx);
}

static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value)
{
	return ipft_register_argument(ctx, n, value);
}

static __always_inline __u64 ipft_call_key(void *ctx)
{
	return ipft_number_call();
}

/* At a return the registers no longer hold the arguments. */
__hidden int ipft_func_arg(void *ctx, __u32 n, __u64 *value)
{
	if (ipft_session_is_return(ctx))
		return -IPFT_EINVAL;
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
	return ipft_return_register((struct ipft_registers *)ctx);
}

static __always_inline int ipft_session(void *ctx, struct sk_buff *(*skb_of)(void *), enum ipft_kind kind)
{
	__u64 *cookie, number;

	if (ipft_session_is_return(ctx)) {
		cookie = ipft_session_cookie(ctx);
		ipft_leave(ctx, *cookie);
		return 0;
	}
	number = ipft_entered_call(ctx, skb_of, kind);
	if (!number)
		return IPFT_WITHOUT_RETURN;
	cookie = ipft_session_cookie(ctx);
	*cookie = number;
	return IPFT_WITH_RETURN;
}

#define IPFT_SESSION(name, position, kind)							\
	SEC("ipft/kprobe.session")								\
	int ipft_session_##name(struct ipft_registers *ctx)					\
	{											\
		return ipft_session(ctx, ipft_skb_##position, kind);				\
	}

IPFT_SESSION(0, 0, IPFT_PLAIN)
IPFT_SESSION(1, 1, IPFT_PLAIN)
IPFT_SESSION(2, 2, IPFT_PLAIN)
IPFT_SESSION(deciding, by_cookie, IPFT_DECIDING)
