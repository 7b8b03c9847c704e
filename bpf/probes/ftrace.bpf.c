// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Backend ftrace (Linux 5.5+): fentry and fexit. The kernel wants a program of its own for each function. libbpf loads
 * these once for each position of the skb; src/probes/ftrace.ts loads their finished instructions again for each function,
 * with two constants replaced.
 *
 * build: .with-calls -DIPFT_WITH_CALLS
 */
#define IPFT_SKB_IS_TYPED
#define IPFT_BY_HELPER
#include "../core/graph.bpf.h"
#include "trampoline.h"

/* A constant that the user side replaces: see enum ipft_function_constant. */
#define IPFT_CONSTANT(variable, placeholder)							\
	asm volatile("%0 = %1 ll" : "=r"(variable) : "i"((__u64)(placeholder) << 32 | (placeholder)))

static __always_inline __u64 ipft_cookie(void *ctx)
{
	__u64 cookie;

	IPFT_CONSTANT(cookie, IPFT_COOKIE_PLACEHOLDER);
	return cookie;
}

/* Before Linux 5.15 the user side tells it; 0 if the user side does not know it. */
static __always_inline __u64 ipft_address(void *ctx)
{
	__u64 address;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_func_ip))
		return bpf_get_func_ip(ctx);
	IPFT_CONSTANT(address, IPFT_ADDRESS_PLACEHOLDER);
	return address;
}

__hidden __u64 ipft_func_ip(void *ctx)
{
	return ipft_address(ctx);
}

static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value)
{
	return ipft_trampoline_argument(ctx, n, value);
}

__hidden int ipft_func_arg(void *ctx, __u32 n, __u64 *value)
{
	return ipft_argument_of_function(ctx, n, value);
}

static __always_inline __u64 ipft_return_address(void *ctx, __u32 target)
{
	return ipft_trampoline_return(ipft_as_number(ctx), ipft_address(ctx), target);
}

/* The address of the arguments on the stack: the same at the entry and at the return, and no other open call's. */
static __always_inline __u64 ipft_call_key(void *ctx)
{
	return ipft_as_number(ctx);
}

#define IPFT_POSITION(name, position, kind)							\
	static __always_inline struct sk_buff *ipft_skb_##name(void *ctx)			\
	{											\
		return (struct sk_buff *)((__u64 *)ctx)[position];				\
	}											\
	SEC("ipft/fentry")									\
	int ipft_entry_##name(__u64 *ctx)							\
	{											\
		return ipft_entered_function(ctx, ipft_skb_##name, kind);			\
	}											\
	SEC("ipft/fentry")									\
	int ipft_enter_##name(__u64 *ctx)							\
	{											\
		ipft_entered_call(ctx, ipft_skb_##name, kind);					\
		return 0;									\
	}

IPFT_POSITION(0, 0, IPFT_PLAIN)
IPFT_POSITION(1, 1, IPFT_PLAIN)
IPFT_POSITION(2, 2, IPFT_PLAIN)
IPFT_POSITION(3, 3, IPFT_PLAIN)
IPFT_POSITION(4, 4, IPFT_PLAIN)
IPFT_POSITION(5, 5, IPFT_PLAIN)
IPFT_POSITION(6, 6, IPFT_PLAIN)
IPFT_POSITION(7, 7, IPFT_PLAIN)
IPFT_POSITION(8, 8, IPFT_PLAIN)
IPFT_POSITION(9, 9, IPFT_PLAIN)
IPFT_POSITION(10, 10, IPFT_PLAIN)
IPFT_POSITION(11, 11, IPFT_PLAIN)
IPFT_POSITION(deciding_0, 0, IPFT_DECIDING)
IPFT_POSITION(deciding_1, 1, IPFT_DECIDING)

SEC("ipft/fexit")
int ipft_return(__u64 *ctx)
{
	ipft_leave(ctx, ipft_as_number(ctx));
	return 0;
}
