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

static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value)
{
	return ipft_trampoline_argument(ctx, n, value);
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

static __always_inline void ipft_entered_function(__u64 *ctx, bool tail)
{
	ipft_trace(ctx, ipft_skb(ctx, bpf_get_attach_cookie(ctx)), tail);
}

SEC("ipft/fentry.multi")
int ipft_entry(__u64 *ctx)
{
	ipft_entered_function(ctx, false);
	return 0;
}

/* For functions that are called while their skb is being freed. */
SEC("ipft/fentry.multi")
int ipft_entry_tail(__u64 *ctx)
{
	ipft_entered_function(ctx, true);
	return 0;
}

static __always_inline void ipft_session_of(__u64 *ctx, bool tail)
{
	__u64 *session_cookie, number = 0;

	if (ipft_session_is_return(ctx)) {
		session_cookie = ipft_session_cookie(ctx);
		if (*session_cookie)
			ipft_leave(ctx, *session_cookie);
		return;
	}
	if (ipft_enter(ctx, ipft_skb(ctx, bpf_get_attach_cookie(ctx)), tail, ipft_number_call, &number)) {
		session_cookie = ipft_session_cookie(ctx);
		*session_cookie = number;
	}
}

SEC("ipft/fsession.multi")
int ipft_session(__u64 *ctx)
{
	ipft_session_of(ctx, false);
	return 0;
}

SEC("ipft/fsession.multi")
int ipft_session_tail(__u64 *ctx)
{
	ipft_session_of(ctx, true);
	return 0;
}
