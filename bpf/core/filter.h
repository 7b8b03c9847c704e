/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which packets are followed. Each call of a traced function compares the mark (mark.h), which is all that most packets
 * cost. A packet whose mark matches and that has no journey yet is then shown to ipft_wants(), if the filter brings one.
 */
#ifndef IPFT_FILTER_H
#define IPFT_FILTER_H

#include "mark.h"

/*
 * The part of the filter that is a program. This one stands for a filter that is a mark alone; libbpf's linker replaces
 * it by the function of the filter's object.
 *
 * @skb: a plain number, also in typed programs, which may lead nowhere: it is read with helpers. The network header may
 * not be there yet, or no more.
 * Returns whether to follow the packet. Is asked again for a packet that it has rejected, at each function that the
 * packet passes. 256 bytes of stack are left for it at least.
 */
__hidden __weak int ipft_wants(struct sk_buff *skb)
{
	return 1;
}

/*
 * Whether a packet is to be followed, whose mark matches and that has no journey. Where the filter is a mark alone, the
 * verifier knows so and removes the call.
 */
static __always_inline bool ipft_may_begin(__u64 skb)
{
	return !ipft_config.filters || ipft_wants((struct sk_buff *)skb);
}

#endif
