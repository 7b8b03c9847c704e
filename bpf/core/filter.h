/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The filter: which packets are followed. Each call of a traced function compares the mark (mark.h), which is the whole
 * cost for most packets. A packet whose mark matches and that has no journey yet is then asked about, if the filter has
 * more than the mark: it must be at a wanted place, and ipft_wants() must want it.
 */
#ifndef IPFT_FILTER_H
#define IPFT_FILTER_H

#include "mark.h"
#include "owners.bpf.h"
#include "place.h"

/*
 * The part of the filter that is a program. This stub is for a filter that is a mark alone; libbpf's linker replaces it
 * by the function of the filter's object.
 *
 * @skb: a plain number, also in typed programs, and possibly an invalid pointer: it is read with helpers. The network
 * header may be missing.
 *
 * Returns whether to follow the packet. A rejected packet is asked about again at each function that it passes. At
 * least 256 bytes of stack are left for it.
 */
__hidden __weak int ipft_wants(struct sk_buff *skb)
{
	return 1;
}

/*
 * The other part that is a program: a condition over what the packet, its call and the kernel's structs say. Replaced as
 * ipft_wants is, and asked behind it.
 *
 * @ctx: that of a traced function's program, for ipft_func_arg() and ipft_func_ip(). The programs of tracepoints have
 * stubs of both, which have no answer.
 */
__hidden __weak int ipft_is_where(void *ctx, struct sk_buff *skb)
{
	return 1;
}

/* What the programs of the filter say. What is not there is known to the verifier, which removes the call. */
static __always_inline bool ipft_is_taken_by_programs(void *ctx, struct sk_buff *skb)
{
	return (!ipft_config.wants || ipft_wants(skb)) && (!ipft_config.where || ipft_is_where(ctx, skb));
}

/*
 * Where packets of connections are followed, their marks are not compared before they are asked about: answers have none.
 * Whether a packet has the mark then.
 */
static __always_inline bool ipft_is_marked(struct sk_buff *skb)
{
	__u32 mark = 0;

	if (!ipft_config.mask)
		return true;
	bpf_core_read(&mark, sizeof(mark), &skb->mark);
	return !((mark ^ ipft_config.mark) & ipft_config.mask);
}

/* Whether a packet belongs to a followed process, where only these are wanted. */
static __always_inline bool ipft_is_of_process(struct sk_buff *skb)
{
	return !ipft_config.processes || ipft_is_owned(skb) || ipft_find_relations(skb);
}

/* Whether a packet is what is asked for, but for the programs. */
static __always_inline bool ipft_is_otherwise_asked_for(struct sk_buff *skb)
{
	return ipft_is_marked(skb) && ipft_is_at_wanted_place(skb) && ipft_is_of_process(skb);
}

/* Whether a packet may be chosen at all: where packets of processes are wanted, most are known not to be. */
static __always_inline bool ipft_may_be_chosen(struct sk_buff *skb)
{
	return !ipft_config.processes || ipft_config.connections || ipft_may_be_of_process((__u64)skb) ||
	       (ipft_config.neighbours && ipft_may_be_about_neighbour(skb));
}

/* Whether the filter wants a packet whose mark matches. */
static __always_inline bool ipft_is_asked_for(void *ctx, struct sk_buff *skb)
{
	return ipft_is_otherwise_asked_for(skb) && ipft_is_taken_by_programs(ctx, skb);
}

/* The same, or whether it is followed besides: it belongs to the connection of a followed packet, or to its neighbours. */
static __always_inline bool ipft_is_chosen(void *ctx, struct sk_buff *skb)
{
	if (!ipft_may_be_chosen(skb))
		return false;
	return ipft_is_asked_for(ctx, skb) ||
	       (ipft_added_relations() && ipft_find_relations(skb) & ipft_added_relations());
}

/*
 * Whether to follow a packet whose mark matches and that has no journey. Where the filter is a mark alone, the verifier
 * removes the call.
 */
static __always_inline bool ipft_may_begin(void *ctx, __u64 number)
{
	return !IPFT_HAS_FILTERS || !ipft_config.filters || ipft_is_chosen(ctx, (struct sk_buff *)number);
}

#endif
