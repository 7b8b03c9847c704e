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

/* For extensions: `ctx` is not the same with every backend, these are. See include/ipft/extension.h. */
__hidden int ipft_func_arg(void *ctx, __u32 n, __u64 *value)
{
	return ipft_register_argument(ctx, n, value);
}

__hidden __u64 ipft_func_ip(void *ctx)
{
	return bpf_get_func_ip(ctx);
}

#define IPFT_ENTRY(position)								\
	SEC("kprobe.multi")								\
	int ipft_entry_##position(struct ipft_registers *ctx)				\
	{										\
		ipft_trace(ctx, (struct sk_buff *)ctx->IPFT_REGISTER_##position);	\
		return 0;								\
	}

IPFT_ENTRY(0)
IPFT_ENTRY(1)
IPFT_ENTRY(2)
IPFT_ENTRY(3)
IPFT_ENTRY(4)
