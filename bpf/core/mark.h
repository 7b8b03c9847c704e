/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whether a packet has the wanted mark. Nearly all calls of traced functions end here. */
#ifndef IPFT_MARK_H
#define IPFT_MARK_H

#include "journey.bpf.h"

/* Whether a mark is the wanted one: see IPFT_MARK_PLACEHOLDER. */
static __always_inline bool ipft_is_wanted(__u64 mark)
{
	asm volatile("%0 &= %1" : "+r"(mark) : "i"(IPFT_MASK_PLACEHOLDER));
	asm volatile("%0 ^= %1" : "+r"(mark) : "i"(IPFT_MARK_PLACEHOLDER));
	return !(__u32)mark;
}

/* Whether every mark matches, so that it need not be read. The verifier knows it, and leaves out the rest or the question. */
static __always_inline bool ipft_any_mark(void)
{
	__u64 any;

	asm volatile("%0 = %1" : "=r"(any) : "i"(IPFT_ANY_MARK_PLACEHOLDER));
	return any;
}

static __always_inline bool ipft_matches(struct sk_buff *skb)
{
	__u32 mark;

	if (ipft_any_mark())
		return true;
	/*
	 * A load without a helper costs too little to measure, but reads 0 from an invalid pointer. If 0 is the wanted
	 * mark, only the helper tells the two apart: then the user side takes the build with helpers. Such a load from
	 * a NULL skb is a page fault that the kernel mends; a kernel that looks into the wrong exception table (before
	 * Linux 6.4, in programs that call functions) panics instead: there, too, the helper is used.
	 *
	 * barrier_var keeps the compiler from sharing the load between the branches: the verifier wants one kind of
	 * pointer in each.
	 */
#if defined(IPFT_SKB_IS_TYPED)
	if (ipft_config.direct_reads) {
		mark = skb->mark;
		barrier_var(mark);
		return ipft_is_wanted(mark);
	}
#elif !defined(IPFT_BY_HELPER)
	skb = bpf_rdonly_cast(skb, bpf_core_type_id_kernel(struct sk_buff));
	return ipft_is_wanted(skb->mark);
#endif
	if (bpf_core_read(&mark, sizeof(mark), &skb->mark))
		return false;
	return ipft_is_wanted(mark);
}

#endif
