/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Attach cookies of kprobe-multi, remembered. The kernel searches for a cookie among all functions of the link, which
 * takes longer than all the rest of an event; here a hash of the function's address leads to it.
 */
#ifndef IPFT_COOKIE_H
#define IPFT_COOKIE_H

#include "../core/journey.bpf.h"

/*
 * The low half of a function's address in the high half, its cookie in the low half, so that one load reads both. No
 * two functions share the low half of their address: the kernel and its modules lie within 4 GiB.
 */
__u64 ipft_cookies[1 << IPFT_COOKIE_BITS] SEC(".bss.cookies");

static __always_inline __u32 ipft_remembered_cookie(void *ctx)
{
	const __u32 address = bpf_get_func_ip(ctx);
	volatile __u64 *remembered = &ipft_cookies[ipft_hash(address, IPFT_COOKIE_BITS)];
	const __u64 known = *remembered;
	__u32 cookie;

	if ((__u32)(known >> 32) == address)
		return known;
	cookie = bpf_get_attach_cookie(ctx);
	*remembered = (__u64)address << 32 | cookie;
	return cookie;
}

#endif
