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

static __always_inline int ipft_session(void *ctx, struct sk_buff *skb, bool frees)
{
	__u64 *cookie, number;

	if (ipft_session_is_return(ctx)) {
		cookie = ipft_session_cookie(ctx);
		ipft_leave(ctx, *cookie);
		return 0;
	}
	if (frees)
		ipft_note_free((__u64)skb);
	if (!ipft_matches(skb))
		return IPFT_WITHOUT_RETURN;
	number = ipft_number_call();
	if (!number || !ipft_enter(ctx, (__u64)skb, number))
		return IPFT_WITHOUT_RETURN;
	cookie = ipft_session_cookie(ctx);
	*cookie = number;
	return IPFT_WITH_RETURN;
}

#define IPFT_SESSION(name, position, frees)							\
	SEC("ipft/kprobe.session")								\
	int ipft_session_##name(struct ipft_registers *ctx)					\
	{											\
		return ipft_session(ctx, (struct sk_buff *)ctx->IPFT_REGISTER_##position, frees);	\
	}

IPFT_SESSION(0, 0, false)
IPFT_SESSION(1, 1, false)
IPFT_SESSION(2, 2, false)
IPFT_SESSION(3, 3, false)
IPFT_SESSION(4, 4, false)
/* For functions that free their first argument. */
IPFT_SESSION(free, 0, true)
