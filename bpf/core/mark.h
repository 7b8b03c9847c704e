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

/* enum ipft_mark_question. The verifier knows it, and leaves out what is not asked, and the question. */
static __always_inline __u64 ipft_mark_question(void)
{
	__u64 question;

	asm volatile("%0 = %1" : "=r"(question) : "i"(IPFT_MARK_QUESTION_PLACEHOLDER));
	return question;
}

static __always_inline bool ipft_has_wanted_mark(struct sk_buff *skb)
{
	__u32 mark;

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

static __always_inline bool ipft_matches(struct sk_buff *skb)
{
	return ipft_mark_question() || ipft_has_wanted_mark(skb);
}

#endif
