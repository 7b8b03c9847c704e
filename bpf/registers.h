/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where a function's arguments are when it is entered: the registers that a kprobe's context holds, in the order of
 * the kernel's struct pt_regs. Written out here so that objects for each machine can be built on any.
 */
#ifndef IPFT_REGISTERS_H
#define IPFT_REGISTERS_H

#if defined(__TARGET_ARCH_x86)
struct ipft_registers {
	__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
};
#define IPFT_ARGUMENT_0(ctx) ((ctx)->di)
#define IPFT_ARGUMENT_1(ctx) ((ctx)->si)
#define IPFT_ARGUMENT_2(ctx) ((ctx)->dx)
#define IPFT_ARGUMENT_3(ctx) ((ctx)->cx)
#define IPFT_ARGUMENT_4(ctx) ((ctx)->r8)
#elif defined(__TARGET_ARCH_arm64)
struct ipft_registers {
	__u64 x[31];
};
#define IPFT_ARGUMENT_0(ctx) ((ctx)->x[0])
#define IPFT_ARGUMENT_1(ctx) ((ctx)->x[1])
#define IPFT_ARGUMENT_2(ctx) ((ctx)->x[2])
#define IPFT_ARGUMENT_3(ctx) ((ctx)->x[3])
#define IPFT_ARGUMENT_4(ctx) ((ctx)->x[4])
#else
#error "the registers of this machine are not known"
#endif

#endif
