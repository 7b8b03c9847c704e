/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What every backend does at a traced function: look at the mark, and if it is the wanted one, make a record and let
 * the extension fill in its part. graph.bpf.h adds what returns need.
 *
 * A backend defines, before it includes this:
 *   IPFT_SKB_IS_TYPED	if the verifier knows that its skb is one: then it can be read without help
 * and after it:
 *   ipft_cookie(ctx)	the attach cookie of the function that was hit
 *
 * All names that the linker sees begin with ipft_, so that an extension can use any other.
 */
#ifndef IPFT_BODY_H
#define IPFT_BODY_H

#include "journey.bpf.h"

/* The user's extension, or no-extension.bpf.c: libbpf's static linker puts it here. */
extern int module(void *ctx, struct sk_buff *skb, __u8 data[IPFT_DATA_SIZE]);

#if !defined(IPFT_MARK_BY_HELPER) && !defined(IPFT_SKB_IS_TYPED)
/*
 * Linux 6.2+: turns any pointer into one that may be read without a helper call. libbpf's linker (1.1) can't link two
 * objects that both declare the same kfunc: for an extension that declares this one, the tracer does without it.
 */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#endif

static __always_inline bool ipft_matches(struct sk_buff *skb)
{
	const __u32 mask = ipft_config.mask, wanted = ipft_config.mark;
	__u32 mark;

	/*
	 * A load without a helper costs nothing that could be measured, but reads 0 from a pointer that leads nowhere.
	 * Where 0 is what is looked for, only the helper can tell the two apart. Such a load from a NULL skb is a page
	 * fault that the kernel mends; one that looks for the place in the wrong table (before Linux 6.4, in programs
	 * that call functions) panics instead: there the user side forbids direct reads. barrier_var keeps the compiler
	 * from sharing the load between the branches: the verifier wants one kind of pointer in each.
	 */
#ifdef IPFT_SKB_IS_TYPED
	if (wanted && ipft_config.direct_reads) {
		mark = skb->mark;
		barrier_var(mark);
		return (mark & mask) == wanted;
	}
#elif !defined(IPFT_MARK_BY_HELPER)
	if (wanted && ipft_config.direct_reads && bpf_rdonly_cast) {
		skb = bpf_rdonly_cast(skb, bpf_core_type_id_kernel(struct sk_buff));
		mark = skb->mark;
		barrier_var(mark);
		return (mark & mask) == wanted;
	}
#endif
	if (bpf_core_read(&mark, sizeof(mark), &skb->mark))
		return false;
	return (mark & mask) == wanted;
}

/* Whether the sample period leaves out this event. */
static __always_inline bool ipft_sampled_out(void)
{
	struct ipft_cpu *cpu;

	if (ipft_config.sample_period <= 1)
		return false;
	cpu = ipft_this_cpu();
	return cpu && cpu->matched++ % ipft_config.sample_period;
}

/* The buffer is all zero when module() is entered. The verifier knows data_size, and so does away with what is beyond. */
static __always_inline void ipft_clear(__u8 *data)
{
	__u32 at;

	__builtin_memset(data, 0, IPFT_DATA_SIZE);
	for (at = IPFT_DATA_SIZE; at < IPFT_MAX_DATA_SIZE; at += 8) {
		if (at >= ipft_config.data_size)
			break;
		*(__u64 *)(data + at) = 0;
	}
}

/*
 * A pointer that the verifier knows, as the plain number that module() gets from every backend. Through memory: that
 * is the one way on which the verifier forgets what it knows.
 */
static __always_inline __u64 ipft_as_number(const void *pointer)
{
	__u64 here = (__u64)pointer, number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &here);
	return number;
}

#ifdef IPFT_SKB_IS_TYPED
#define IPFT_SKB_NUMBER(skb) ipft_as_number(skb)
/* The verifier allows no arithmetic with its pointers but this, which makes a number of their low half. */
static __always_inline __u32 ipft_low_half(const void *pointer)
{
	__u64 low;

	asm volatile("r1 = %1; w1 -= 0; %0 = r1" : "=r"(low) : "r"(pointer) : "r1");
	return low;
}
#else
#define IPFT_SKB_NUMBER(skb) ((__u64)(skb))
#define ipft_low_half(pointer) ((__u32)(__u64)(pointer))
#endif

static __always_inline __u64 ipft_cookie(void *ctx);
static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value);

/* A function that was hit, and the packet that it was hit with. */
struct ipft_hit {
	struct ipft_journey *journey;
	__u64 skb;
	__u32 target;		/* the cookie */
};

/*
 * Whether a function was hit with a packet that is followed: one that matches, or that is followed whatever its mark.
 * @tail: whether it is one of the functions that are called while an skb is being freed
 */
static __always_inline bool ipft_hits(void *ctx, struct sk_buff *skb, bool tail, struct ipft_hit *hit)
{
	const bool matches = ipft_matches(skb);
	struct ipft_journey *journey;

	if (!matches && !ipft_may_be_known(ipft_low_half(skb)) && !(tail && ipft_config.follow))
		return false;
	hit->skb = IPFT_SKB_NUMBER(skb);
	journey = ipft_find(hit->skb);
	/* It is being freed, yet here it is with a function that has no part in that: the end was missed. */
	if (journey && !tail && journey->freeing_ns) {
		ipft_end(hit->skb, journey);
		journey = NULL;
	}
	hit->target = ipft_cookie(ctx);
	if (!journey && tail)
		journey = ipft_find_ended(hit->skb, hit->target, matches);
	if (!journey && matches)
		journey = ipft_begin(hit->skb, 0, 0);
	if (!journey)
		return false;
	if (hit->target & IPFT_TARGET_HEAD)
		journey->tail |= IPFT_TAIL_HEAD;
	hit->journey = journey;
	/* What ends or leads on a journey must not be missed, though its mark has changed. */
	return matches || journey->flags & IPFT_JOURNEY_FOLLOWED ||
	       hit->target & (IPFT_TARGET_FREES | IPFT_TARGET_RELEASES | IPFT_TARGET_QUEUES);
}

/* What the function means for the journey, before its event and behind it. */
static __always_inline void ipft_before(void *ctx, const struct ipft_hit *hit)
{
	struct ipft_journey *journey = hit->journey;
	struct sock *sk = NULL;

	if (!(hit->target & IPFT_TARGET_QUEUES) || ipft_argument(ctx, 0, (__u64 *)&sk))
		return;
	journey->stage = IPFT_STAGE_QUEUED;
	bpf_core_read(&journey->family, sizeof(journey->family), &sk->__sk_common.skc_family);
	bpf_core_read(&journey->protocol, sizeof(journey->protocol), &sk->sk_protocol);
}

static __always_inline void ipft_after(const struct ipft_hit *hit)
{
	struct ipft_journey *journey = hit->journey;

	if (hit->target & IPFT_TARGET_FREES || (hit->target & IPFT_TARGET_RELEASES && journey->freeing_ns))
		ipft_end(hit->skb, journey);
	if (hit->target & IPFT_TARGET_FINAL) {
		/* What ipft_end has kept of it. */
		struct ipft_journey *ended = bpf_map_lookup_elem(&ipft_ended, &hit->skb);

		if (ended)
			ended->tail |= IPFT_TAIL_FINISHED;
	}
	/* Its first event came when it had ended. */
	if ((journey->flags & (IPFT_JOURNEY_ENDED | IPFT_JOURNEY_ANNOUNCED | IPFT_JOURNEY_END_SENT)) ==
	    (IPFT_JOURNEY_ENDED | IPFT_JOURNEY_ANNOUNCED)) {
		journey->flags |= IPFT_JOURNEY_END_SENT;
		ipft_send_end(journey, bpf_ktime_get_ns());
	}
}

/* Whether the function makes an event of the packet. */
static __always_inline bool ipft_makes_event(struct sk_buff *skb, const struct ipft_hit *hit)
{
	if (hit->target & IPFT_TARGET_HIDDEN)
		return false;
	/* One that came here only because of its function. */
	if (hit->target & (IPFT_TARGET_FREES | IPFT_TARGET_RELEASES | IPFT_TARGET_QUEUES) &&
	    !(hit->journey->flags & IPFT_JOURNEY_FOLLOWED) && !ipft_matches(skb))
		return false;
	return !ipft_sampled_out();
}

enum ipft_entered {
	IPFT_DROPPED,		/* by the extension: there is no event */
	IPFT_RECORDED,
	IPFT_NO_ROOM,
};

/* Says where the packet is, if that is somewhere new. If there is no room, the next event tries again. */
static __always_inline void ipft_note_place(struct sk_buff *skb, struct ipft_journey *journey, __u64 timestamp_ns)
{
	__u64 where = ipft_new_whereabouts(skb, journey);
	struct ipft_moved *moved;

	if (!where)
		return;
	moved = bpf_ringbuf_reserve(&ipft_events, sizeof(*moved), 0);
	if (!moved)
		return;
	ipft_fill_notice(&moved->event, journey, timestamp_ns, IPFT_NOTICE_PLACE);
	ipft_read_place(where, &moved->place);
	if (!moved->place.netns) {
		bpf_ringbuf_discard(moved, BPF_RB_NO_WAKEUP);
		return;
	}
	journey->where = where;
	bpf_ringbuf_submit(moved, BPF_RB_NO_WAKEUP);
}

/* Says that the journey has begun. Returns whether there was room for that. */
static __always_inline bool ipft_announce(struct sk_buff *skb, const struct ipft_hit *hit, __u64 timestamp_ns)
{
	struct ipft_journey *journey = hit->journey;
	__u64 where = ipft_new_whereabouts(skb, journey);
	struct ipft_begin *begin;

	begin = bpf_ringbuf_reserve(&ipft_events, sizeof(*begin), 0);
	if (!begin)
		return false;
	ipft_fill_notice(&begin->event, journey, timestamp_ns, IPFT_NOTICE_BEGIN);
	begin->skb = hit->skb;
	begin->number = journey->number;
	begin->parent = journey->parent;
	ipft_read_place(where, &begin->place);
	if (begin->place.netns)
		journey->where = where;
	journey->flags |= IPFT_JOURNEY_ANNOUNCED;
	bpf_ringbuf_submit(begin, BPF_RB_NO_WAKEUP);
	return true;
}

/*
 * Makes the record of an entry, and before the first one the notice that the journey has begun. The extension writes
 * straight into the ring: nothing is copied.
 */
static __always_inline enum ipft_entered ipft_record_entry(void *ctx, struct sk_buff *skb, const struct ipft_hit *hit,
							   __u64 timestamp_ns, __u8 depth)
{
	struct ipft_journey *journey = hit->journey;
	struct ipft_event *event = NULL;
	__u8 *data;

	if (journey->flags & IPFT_JOURNEY_ANNOUNCED) {
		ipft_note_place(skb, journey, timestamp_ns);
	} else if (!ipft_announce(skb, hit, timestamp_ns)) {
		/* Without its beginning nobody knows whose event it is. */
		journey->events++;
		ipft_count_lost(timestamp_ns);
		return IPFT_NO_ROOM;
	}
	event = bpf_ringbuf_reserve(&ipft_events, sizeof(*event) + ipft_config.data_size, 0);
	if (!event) {
		journey->events++;
		ipft_count_lost(timestamp_ns);
		return IPFT_NO_ROOM;
	}
	ipft_fill(event, journey, timestamp_ns, hit->target & IPFT_TARGET_INDEX);
	event->flags = 0;
	event->depth = depth;
	if (ipft_config.data_size) {
		data = (__u8 *)(event + 1);
		ipft_clear(data);
		if (module(ctx, (struct sk_buff *)hit->skb, data)) {
			bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
			return IPFT_DROPPED;
		}
	}
	journey->events++;
	/* The reader polls: nobody is woken up. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return IPFT_RECORDED;
}

/* A function was entered, and its return is not looked for. */
static __always_inline void ipft_trace(void *ctx, struct sk_buff *skb, bool tail)
{
	struct ipft_hit hit = {};

	if (!ipft_hits(ctx, skb, tail, &hit))
		return;
	ipft_before(ctx, &hit);
	if (ipft_makes_event(skb, &hit))
		ipft_record_entry(ctx, skb, &hit, bpf_ktime_get_ns(), 0);
	ipft_after(&hit);
}

#endif
