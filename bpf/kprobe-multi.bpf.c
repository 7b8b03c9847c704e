// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Backend kprobe-multi (Linux 5.18+ with CONFIG_FPROBE): one program for each position that the skb can have among the
 * arguments, each attached to all its functions in one link.
 */
#include "body.bpf.h"
#include "registers.h"

static __always_inline __u64 ipft_cookie(void *ctx)
{
	return bpf_get_attach_cookie(ctx);
}

static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value)
{
	return ipft_register_argument(ctx, n, value);
}

/* For extensions: `ctx` is not the same with every backend, these are. See include/ipft/extension.h. */
__hidden int ipft_func_arg(void *ctx, __u32 n, __u64 *value)
{
	return ipft_register_argument(ctx, n, value);
}

__hidden __u64 ipft_func_ip(void *ctx)
{
	return bpf_get_func_ip(ctx);
}

#define IPFT_ENTRY(name, position, tail)							\
	SEC("kprobe.multi")									\
	int ipft_entry_##name(struct ipft_registers *ctx)					\
	{											\
		ipft_trace(ctx, (struct sk_buff *)ctx->IPFT_REGISTER_##position, tail);		\
		return 0;									\
	}

IPFT_ENTRY(0, 0, false)
IPFT_ENTRY(1, 1, false)
IPFT_ENTRY(2, 2, false)
IPFT_ENTRY(3, 3, false)
IPFT_ENTRY(4, 4, false)
/* For functions that are called while their first argument is being freed. */
IPFT_ENTRY(tail, 0, true)
/* For functions that make no events: what the kernel misses of them is counted apart. */
IPFT_ENTRY(watch, 1, false)
