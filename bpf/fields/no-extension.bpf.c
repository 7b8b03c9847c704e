// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Takes the extension's place when there is none. The verifier sees that it is never called, and removes the call. */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct sk_buff;

__hidden int module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	return 0;
}
