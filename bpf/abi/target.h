/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Attach cookies, which tell a program the function that it is attached to. */
#ifndef IPFT_TARGET_H
#define IPFT_TARGET_H

/* The low bits are the index into the table of targets; the others are the function's roles in a journey. */
enum ipft_target {
	IPFT_TARGET_INDEX = 0xffff,
	IPFT_TARGET_ARGUMENTS = 16,		/* from this bit on: the number of arguments that ipft_func_arg can read */
	IPFT_TARGET_DEFERS = 1u << 19,		/* another CPU frees the skb, some time later */
	IPFT_TARGET_REPORTS = 1u << 20,		/* frees, and tells tracepoints its return address as the location */
	IPFT_TARGET_POSITION = 21,		/* from this bit on: the skb's position among the arguments */
	IPFT_TARGET_FINAL = 1u << 25,		/* the last function that is called with an skb */
	IPFT_TARGET_HEAD = 1u << 26,		/* skb_release_head_state: called once for each skb that is freed */
	IPFT_TARGET_RELEASES = 1u << 27,	/* frees the skb's data: of an skb that is being freed, its call is the last one seen */
	IPFT_TARGET_TAIL = 1u << 28,		/* may be called while the skb is being freed */
	IPFT_TARGET_QUEUES = 1u << 29,		/* its first argument is the socket that gets the skb */
	IPFT_TARGET_FREES = 1u << 30,		/* frees the skb in any case */
	IPFT_TARGET_HIDDEN = 1u << 31,		/* makes no events: attached to for its roles only */
};

enum ipft_target_limit {
	IPFT_MAX_POSITION = 15,
	IPFT_MAX_ARGUMENTS = 6,			/* the arguments in registers on every machine */
};

/* Position of the skb among the arguments. */
static inline __attribute__((always_inline)) __u32 ipft_target_position(__u32 target)
{
	return (target >> IPFT_TARGET_POSITION) & IPFT_MAX_POSITION;
}

/* How many arguments ipft_func_arg knows. */
static inline __attribute__((always_inline)) __u32 ipft_target_arguments(__u32 target)
{
	return (target >> IPFT_TARGET_ARGUMENTS) & 7;
}

/* The attach cookies of functions that make packets of an skb, which is their first argument. */
enum ipft_copy {
	IPFT_COPY = 0,				/* returns a copy */
	IPFT_SEGMENTS = 1,			/* returns a list of them */
	IPFT_FRAGMENTS = 2,			/* its second argument is a struct ip_fraglist_iter, which has the list */
	IPFT_FRAGMENTS6 = 3,			/* the same with a struct ip6_fraglist_iter */
	IPFT_MORPH = 4,				/* returns the skb, which is a copy of the second argument now */
};

/* The cookies that the programs of kprobe-multi keep; see probes/cookie.h. */
enum ipft_cookies_size {
	IPFT_COOKIE_BITS = 14,
};

/*
 * Backend ftrace: placeholders of the cookie and the function's address in a program that is loaded for each function.
 * Each is a constant with this value in both halves, which the user side replaces.
 */
enum ipft_function_constant {
	IPFT_COOKIE_PLACEHOLDER = 0x69c00c1e,
	IPFT_ADDRESS_PLACEHOLDER = 0x69add7e5,
};

#endif
