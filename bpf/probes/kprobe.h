/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Programs of kprobes that see entries only; kprobe and kprobe-multi attach them in different ways. */
#ifndef IPFT_KPROBE_H
#define IPFT_KPROBE_H

#include "../core/body.bpf.h"
#include "../core/registers.h"

static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value)
{
	return ipft_register_argument(ctx, n, value);
}

/* For extensions, since `ctx` differs between backends: see include/ipft/extension.h. */
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

/* A program for each position that an skb often has, and one for all others and for functions that decide. */
#define IPFT_ENTRIES(section)				\
	IPFT_ENTRY(section, 0, 0, IPFT_PLAIN)		\
	IPFT_ENTRY(section, 1, 1, IPFT_PLAIN)		\
	IPFT_ENTRY(section, 2, 2, IPFT_PLAIN)		\
	IPFT_ENTRY(section, deciding, by_cookie, IPFT_DECIDING)

#endif
