// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Backend kprobe-multi (Linux 5.18+ with CONFIG_FPROBE): the programs of kprobe.h, each
 * attached to all its functions in one link.
 *
 * build: .by-helper -DIPFT_BY_HELPER
 */
#include "cookie.h"
#include "kprobe.h"

static __always_inline __u64 ipft_cookie(void *ctx)
{
	return ipft_remembered_cookie(ctx);
}

static __always_inline __u64 ipft_address(void *ctx)
{
	return bpf_get_func_ip(ctx);
}

IPFT_ENTRIES("kprobe.multi")
