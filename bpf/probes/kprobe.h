/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs of kprobes that see entries only have in common, however they are attached. */
#ifndef IPFT_KPROBE_H
#define IPFT_KPROBE_H

#include "../core/body.bpf.h"
#include "../core/registers.h"

static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value)
{
	return ipft_register_argument(ctx, n, value);
}

/* For extensions: `ctx` is not the same with every backend, this is. See include/ipft/extension.h. */
__hidden int ipft_func_arg(void *ctx, __u32 n, __u64 *value)
{
	return ipft_argument_of_function(ctx, n, value);
}

/* The address of the traced function. */
__hidden __u64 ipft_func_ip(void *ctx)
{
	return ipft_address(ctx);
}

#define IPFT_ENTRY(section, name, position, kind)						\
	SEC(section)										\
	int ipft_entry_##name(struct ipft_registers *ctx)					\
	{											\
		return ipft_entered_function(ctx, ipft_skb_##position, kind);			\
	}

/* A program for each position that an skb often has among the arguments, one for the rest and for what decides. */
#define IPFT_ENTRIES(section)				\
	IPFT_ENTRY(section, 0, 0, IPFT_PLAIN)		\
	IPFT_ENTRY(section, 1, 1, IPFT_PLAIN)		\
	IPFT_ENTRY(section, 2, 2, IPFT_PLAIN)		\
	IPFT_ENTRY(section, deciding, by_cookie, IPFT_DECIDING)

#endif
