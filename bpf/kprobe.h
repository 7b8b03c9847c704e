/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs of kprobes that see entries only have in common, however they are attached. */
#ifndef IPFT_KPROBE_H
#define IPFT_KPROBE_H

#include "body.bpf.h"
#include "registers.h"

static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value)
{
	return ipft_register_argument(ctx, n, value);
}

/* For extensions: `ctx` is not the same with every backend, this is. See include/ipft/extension.h. */
__hidden int ipft_func_arg(void *ctx, __u32 n, __u64 *value)
{
	return ipft_register_argument(ctx, n, value);
}

#define IPFT_ENTRY(section, name, position, tail)						\
	SEC(section)										\
	int ipft_entry_##name(struct ipft_registers *ctx)					\
	{											\
		ipft_trace(ctx, (struct sk_buff *)ctx->IPFT_REGISTER_##position, tail);		\
		return 0;									\
	}

/*
 * A program for each position that the skb can have among the arguments; one for functions that are called while their
 * first argument is being freed; one for functions that make no events: what the kernel misses of them is counted apart.
 */
#define IPFT_ENTRIES(section)			\
	IPFT_ENTRY(section, 0, 0, false)	\
	IPFT_ENTRY(section, 1, 1, false)	\
	IPFT_ENTRY(section, 2, 2, false)	\
	IPFT_ENTRY(section, 3, 3, false)	\
	IPFT_ENTRY(section, 4, 4, false)	\
	IPFT_ENTRY(section, tail, 0, true)	\
	IPFT_ENTRY(section, watch, 1, false)

#endif
