// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Backend kprobe-multi with returns (Linux 6.10+ with CONFIG_FPROBE): as kprobe-multi.bpf.c, with programs that also
 * run when the function returns. The session cookie holds the call's number.
 */
#include "graph.bpf.h"
#include "registers.h"
#include "session.h"

static __always_inline __u64 ipft_cookie(void *ctx)
{
	return bpf_get_attach_cookie(ctx);
}

static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value)
{
	return ipft_register_argument(ctx, n, value);
}

/* At a return the registers hold something else. */
__hidden int ipft_func_arg(void *ctx, __u32 n, __u64 *value)
{
	if (ipft_session_is_return(ctx))
		return -IPFT_EINVAL;
	return ipft_register_argument(ctx, n, value);
}

__hidden __u64 ipft_func_ip(void *ctx)
{
	return bpf_get_func_ip(ctx);
}

static __always_inline int ipft_session(void *ctx, struct sk_buff *skb, bool tail)
{
	__u64 *cookie, number = 0;

	if (ipft_session_is_return(ctx)) {
		cookie = ipft_session_cookie(ctx);
		ipft_leave(ctx, *cookie);
		return 0;
	}
	if (!ipft_enter(ctx, skb, tail, ipft_number_call, &number))
		return IPFT_WITHOUT_RETURN;
	cookie = ipft_session_cookie(ctx);
	*cookie = number;
	return IPFT_WITH_RETURN;
}

#define IPFT_SESSION(name, position, tail)							\
	SEC("ipft/kprobe.session")								\
	int ipft_session_##name(struct ipft_registers *ctx)					\
	{											\
		return ipft_session(ctx, (struct sk_buff *)ctx->IPFT_REGISTER_##position, tail);	\
	}

IPFT_SESSION(0, 0, false)
IPFT_SESSION(1, 1, false)
IPFT_SESSION(2, 2, false)
IPFT_SESSION(3, 3, false)
IPFT_SESSION(4, 4, false)
/* For functions that are called while their first argument is being freed. */
IPFT_SESSION(tail, 0, true)
/* For functions that make no events: what the kernel misses of them is counted apart. */
IPFT_SESSION(watch, 1, false)
