/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whose a followed packet is: the process that sent it, and the one that it is for. who.bpf.c notes which processes have
 * which sockets. A packet that is being sent has its socket; so has one that was received, once the kernel has looked for
 * it before the route, or gives it to the socket. Only packets with a journey are looked at, and where their socket has
 * changed.
 */
#ifndef IPFT_WHO_H
#define IPFT_WHO_H

#include "headers.bpf.h"

/* The sockets of all processes by their address. Drops those that were not looked for the longest. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IPFT_MAX_HOLDERS);	/* 1 where nobody asks: the user side sets it before loading */
	__type(key, __u64);
	__type(value, struct ipft_holder);
} ipft_holders SEC(".maps");

/* net/tcp_states.h: of a request for a connection, which stands for a socket */
#define IPFT_TCP_NEW_SYN_RECV 12

struct sock_common___request {
	struct sock *skc_listener;
} __attribute__((preserve_access_index));

/* Whether processes are told: see IPFT_WHO_PLACEHOLDER. As ipft_takes_snapshots. @any: a number that the verifier can't know */
static __always_inline bool ipft_tells_who(__u64 any)
{
#if defined(IPFT_SKB_IS_TYPED) && !defined(IPFT_WITH_CALLS)
	return false;
#else
	return any >= IPFT_WHO_PLACEHOLDER;
#endif
}

/* Tells of the process that has a socket, if it is known. Returns 0 where there is no room for that. */
IPFT_FUNCTION int ipft_note_process(struct ipft_journey *journey, __u64 sk, enum ipft_party party, __u64 timestamp_ns)
{
	struct ipft_holder *holder;
	struct ipft_whose *whose;
	__u8 state = 0;

	bpf_core_read(&state, sizeof(state), &((struct sock *)sk)->__sk_common.skc_state);
	if (state == IPFT_TCP_NEW_SYN_RECV)
		sk = ipft_read_word(&((struct sock_common___request *)sk)->skc_listener);
	holder = bpf_map_lookup_elem(&ipft_holders, &sk);
	if (!holder)
		return 1;
	whose = bpf_ringbuf_reserve(&ipft_events, sizeof(*whose), 0);
	if (!whose)
		return 0;
	ipft_fill_notice(&whose->event, journey, timestamp_ns, IPFT_NOTICE_PROCESS);
	whose->process = *holder;
	whose->party = party;
	whose->reserved = 0;
	bpf_ringbuf_submit(whose, BPF_RB_NO_WAKEUP);
	return 1;
}

/*
 * Whose socket a packet has. One that was received keeps its sender's, where both are on this machine, until IP drops it:
 * it has its receiver's only when it has a route.
 */
static __always_inline int ipft_party_of(struct sk_buff___headers *skb)
{
	if (!(__u32)ipft_read_word(&skb->skb_iif))
		return IPFT_PARTY_SENDER;
	return ipft_read_word(&skb->_skb_refdst) ? IPFT_PARTY_RECEIVER : 0;
}

/* Tells of the processes that a packet's sockets belong to. What finds no room is tried again at the next event. */
IPFT_FUNCTION int ipft_note_processes(__u64 skb, struct ipft_journey *journey, __u64 timestamp_ns)
{
	const __u64 sk = ipft_read_word(&((struct sk_buff *)skb)->sk);
	int party;

	if (journey->looked & IPFT_LOOKED_LATER) {
		const __u64 sender = journey->looked & ~(__u64)IPFT_LOOKED_LATER;

		if (!ipft_note_process(journey, sender, IPFT_PARTY_SENDER, timestamp_ns))
			return 0;
		journey->looked = sender;
	}
	/* Given to a socket, which skb->sk may not tell. */
	if (journey->sock) {
		if (ipft_note_process(journey, journey->sock, IPFT_PARTY_RECEIVER, timestamp_ns))
			journey->looked = IPFT_LOOKED_ENOUGH;
		return 0;
	}
	if (!sk || sk == journey->looked)
		return 0;
	party = ipft_party_of((struct sk_buff___headers *)skb);
	if (party && !ipft_note_process(journey, sk, party, timestamp_ns))
		return 0;
	journey->looked = party == IPFT_PARTY_RECEIVER ? IPFT_LOOKED_ENOUGH : sk;
	return 0;
}

/* Looks whether a packet has another socket than the last time. The journey has been announced. */
static __always_inline void ipft_look_for_processes(__u64 skb, struct ipft_journey *journey, __u64 timestamp_ns)
{
	__u64 sk;

	if (journey->looked == IPFT_LOOKED_ENOUGH)
		return;
	sk = ipft_read_word(&((struct sk_buff *)skb)->sk);
	if ((sk && sk != journey->looked) || journey->sock || journey->looked & IPFT_LOOKED_LATER)
		ipft_note_processes(skb, journey, timestamp_ns);
}

#endif
