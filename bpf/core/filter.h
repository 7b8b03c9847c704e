/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The filter: which packets are followed. Each call of a traced function compares the mark (mark.h), which is the whole
 * cost for most packets. A packet whose mark matches and that has no journey yet is then handed to ipft_wants(), if the
 * filter has one.
 */
#ifndef IPFT_FILTER_H
#define IPFT_FILTER_H

#include "mark.h"

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
 * Whether to follow a packet whose mark matches and that has no journey. Where the filter is a mark alone, the verifier
 * removes the call.
 */
static __always_inline bool ipft_may_begin(__u64 skb)
{
	return !ipft_config.filters || ipft_wants((struct sk_buff *)skb);
}

#endif
