// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Backend fentry-multi (Linux 7.2+): one program for all functions of the kernel proper, or of a module, in one link.
 * The lowest byte of the attach cookie is the skb's position among the arguments.
 */
#define IPFT_SESSION_TAKES_CTX
#include "graph.bpf.h"
#include "session.h"
#include "trampoline.h"

#define IPFT_COOKIE_POSITION 0xff
#define IPFT_COOKIE_SHIFT 8

static __always_inline __u64 ipft_cookie(void *ctx)
{
	return bpf_get_attach_cookie(ctx) >> IPFT_COOKIE_SHIFT;
}

__hidden int ipft_func_arg(void *ctx, __u32 n, __u64 *value)
{
	return ipft_trampoline_argument(ctx, n, value);
}

__hidden __u64 ipft_func_ip(void *ctx)
{
	return bpf_get_func_ip(ctx);
}

static __always_inline struct sk_buff *ipft_skb(void *ctx, __u64 cookie)
{
	__u64 skb = 0;

	bpf_get_func_arg(ctx, cookie & IPFT_COOKIE_POSITION, &skb);
	return (struct sk_buff *)skb;
}

SEC("ipft/fentry.multi")
int ipft_entry(__u64 *ctx)
{
	ipft_trace(ctx, ipft_skb(ctx, bpf_get_attach_cookie(ctx)));
	return 0;
}

SEC("ipft/fsession.multi")
int ipft_session(__u64 *ctx)
{
	__u64 *session_cookie, cookie, number;
	struct sk_buff *skb;

	if (ipft_session_is_return(ctx)) {
		session_cookie = ipft_session_cookie(ctx);
		if (*session_cookie)
			ipft_leave(ctx, *session_cookie);
		return 0;
	}
	cookie = bpf_get_attach_cookie(ctx);
	skb = ipft_skb(ctx, cookie);
	if (cookie >> IPFT_COOKIE_SHIFT & IPFT_TARGET_FREES)
		ipft_note_free((__u64)skb);
	if (!ipft_matches(skb))
		return 0;
	number = ipft_number_call();
	if (number && ipft_enter(ctx, (__u64)skb, number)) {
		session_cookie = ipft_session_cookie(ctx);
		*session_cookie = number;
	}
	return 0;
}
