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

#define IPFT_ENTRY(position)								\
	SEC("kprobe.multi")								\
	int ipft_entry_##position(struct ipft_registers *ctx)				\
	{										\
		ipft_trace(ctx, (struct sk_buff *)IPFT_ARGUMENT_##position(ctx), 0);	\
		return 0;								\
	}

IPFT_ENTRY(0)
IPFT_ENTRY(1)
IPFT_ENTRY(2)
IPFT_ENTRY(3)
IPFT_ENTRY(4)
