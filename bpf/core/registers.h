/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The arguments of an entered function: the registers in a kprobe's context, in the order of the kernel's struct
 * pt_regs. Written out here so that objects for each machine can be built on any machine.
 */
#ifndef IPFT_REGISTERS_H
#define IPFT_REGISTERS_H

#include "errno.h"

#if defined(__TARGET_ARCH_x86)
struct ipft_registers {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp;
};
#define IPFT_REGISTER_0 di
#define IPFT_REGISTER_1 si
#define IPFT_REGISTER_2 dx
#define IPFT_REGISTER_3 cx
#define IPFT_REGISTER_4 r8
#define IPFT_REGISTER_5 r9
#define IPFT_REGISTER_RETURN ax
#define IPFT_REGISTER_IP ip
/* On the stack. */
#define ipft_return_register(ctx) ipft_read_word((void *)(ctx)->sp)
#define IPFT_BREAKPOINT_BYTES 1	/* a kprobe's handler sees the instruction pointer behind the breakpoint */
#elif defined(__TARGET_ARCH_arm64)
struct ipft_registers {
	__u64 x[31], sp, pc;
};
#define IPFT_REGISTER_0 x[0]
#define IPFT_REGISTER_1 x[1]
#define IPFT_REGISTER_2 x[2]
#define IPFT_REGISTER_3 x[3]
#define IPFT_REGISTER_4 x[4]
#define IPFT_REGISTER_5 x[5]
#define IPFT_REGISTER_RETURN x[0]
#define IPFT_REGISTER_IP pc
#define ipft_return_register(ctx) ((ctx)->x[30])
#define IPFT_BREAKPOINT_BYTES 0
#else
#error "the registers of this machine are not known"
#endif

struct sk_buff;

/* The skb, where it is one of the first arguments: nearly everywhere. */
#define IPFT_SKB_OF(position)							\
	static __always_inline struct sk_buff *ipft_skb_##position(void *ctx)	\
	{									\
		return (struct sk_buff *)((struct ipft_registers *)ctx)->IPFT_REGISTER_##position; \
	}

IPFT_SKB_OF(0)
IPFT_SKB_OF(1)
IPFT_SKB_OF(2)

/*
 * A load for each argument, at a constant offset: the compiler would make a single load at a computed offset, which the
 * verifier does not allow on a program's context.
 */
#define IPFT_LOAD_ARGUMENT(n)							\
	case n:									\
		asm volatile("%0 = *(u64 *)(%1 + %2)"				\
			     : "=r"(argument)					\
			     : "r"(ctx), "i"(__builtin_offsetof(struct ipft_registers, IPFT_REGISTER_##n))); \
		break

/* Argument n, counted from 0, of those that both machines pass in registers; -EINVAL beyond. */
static __always_inline int ipft_register_argument(struct ipft_registers *ctx, __u32 n, __u64 *value)
{
	__u64 argument;

	switch (n) {
	IPFT_LOAD_ARGUMENT(0);
	IPFT_LOAD_ARGUMENT(1);
	IPFT_LOAD_ARGUMENT(2);
	IPFT_LOAD_ARGUMENT(3);
	IPFT_LOAD_ARGUMENT(4);
	IPFT_LOAD_ARGUMENT(5);
	default:
		return -IPFT_EINVAL;
	}
	*value = argument;
	return 0;
}

#endif
