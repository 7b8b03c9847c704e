/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What every backend does at a traced function: look at the mark, and if it is the wanted one, make a record and let
 * the sources of fields write theirs (fields.h). graph.bpf.h adds what returns need.
 *
 * A backend defines, before it includes this:
 *   IPFT_SKB_IS_TYPED	if the verifier knows that its skb is one: then it can be read without help
 * and after it:
 *   ipft_cookie(ctx)	the attach cookie of the function that was hit
 *   ipft_address(ctx)	its address
 *
 * All names that the linker sees begin with ipft_, so that an extension can use any other.
 */
#ifndef IPFT_BODY_H
#define IPFT_BODY_H

#include "count.bpf.h"
#include "filter.h"
#include "snapshot.bpf.h"
#include "who.bpf.h"

/* Whether the sample period leaves out this event. */
static __always_inline bool ipft_sampled_out(void)
{
	struct ipft_cpu *cpu;
	__u64 matched;

	if (ipft_config.sample_period <= 1)
		return false;
	cpu = ipft_this_cpu();
	if (!cpu)
		return false;
	matched = *(volatile __u64 *)&cpu->matched;
	ipft_count(cpu->matched);
	return matched % ipft_config.sample_period;
}

/*
 * A typed pointer as the plain number that module() gets from every backend. Through memory, which is the only way to
 * make the verifier drop the type.
 */
static __always_inline __u64 ipft_as_number(const void *pointer)
{
	__u64 here = (__u64)pointer, number = 0;

	bpf_probe_read_kernel(&number, sizeof(number), &here);
	return number;
}

#ifdef IPFT_SKB_IS_TYPED
#define IPFT_SKB_NUMBER(skb) ipft_as_number(skb)
#define IPFT_SKB_LOW_HALF(skb) ipft_low_half(skb)
#else
#define IPFT_SKB_NUMBER(skb) ((__u64)(skb))
#define IPFT_SKB_LOW_HALF(skb) ((__u32)(__u64)(skb))
#endif

static __always_inline __u64 ipft_cookie(void *ctx);
static __always_inline __u64 ipft_address(void *ctx);
static __always_inline int ipft_argument(void *ctx, __u32 n, __u64 *value);

/* The body of ipft_func_arg, so that extensions see the same arguments with all backends. */
static __always_inline int ipft_argument_of_function(void *ctx, __u32 n, __u64 *value)
{
	/* Registers beyond the last argument hold any value. */
	if (n >= ipft_target_arguments(ipft_cookie(ctx)))
		return -IPFT_EINVAL;
	return ipft_argument(ctx, n, value);
}

/* The functions that a program is attached to. */
enum ipft_kind {
	IPFT_PLAIN,		/* functions without a role in a journey: nearly all */
	IPFT_DECIDING,		/* functions that free the skb or are called meanwhile, or give it to a socket */
};

/*
 * The skb, whose position the cookie tells. For functions that are few or seldom called: a link for each position would
 * take the kernel a while to release.
 */
static __always_inline struct sk_buff *ipft_skb_by_cookie(void *ctx)
{
	__u64 skb = 0;

	ipft_argument(ctx, ipft_target_position(ipft_cookie(ctx)), &skb);
	return (struct sk_buff *)skb;
}

/*
 * Whether a packet is not followed and surely not of a followed process: as nearly all, where packets of processes are asked
 * for. This is asked before ipft_judge, since even calling that costs much. The build with helpers asks there alone: here
 * they would take the stack that an extension has.
 */
static __always_inline bool ipft_is_of_others(void *ctx, struct sk_buff *(*skb_of)(void *), enum ipft_kind kind)
{
#ifdef IPFT_BY_HELPER
	return false;
#else
	__u64 skb = 0;
	__u32 target;

	if (kind == IPFT_DECIDING) {
		/* The cookie is looked for once. */
		target = ipft_cookie(ctx);
		ipft_argument(ctx, ipft_target_position(target), &skb);
		if (target & IPFT_TARGET_TAIL && ipft_may_have_ended(skb))
			return false;
	} else {
		skb = (__u64)skb_of(ctx);
	}
	return !ipft_may_be_known(skb) && !ipft_may_be_of_process(skb);
#endif
}

/* What the filter says of a call. */
enum ipft_verdict {
	IPFT_REJECTED,		/* the packet is not followed */
	IPFT_UNMATCHED,		/* the packet has a journey, or the call is of interest for its role */
	IPFT_MATCHED,
};

/*
 * Asks the filter about a call, where it has more than a mark. Without following, a known packet is asked about, too: it
 * makes events only where it matches.
 */
static __always_inline enum ipft_verdict ipft_judge(void *ctx, struct sk_buff *skb, enum ipft_kind kind, bool matches,
						    enum ipft_filters filters)
{
	const __u64 number = IPFT_SKB_NUMBER(skb);
	bool is_known;

	if (!matches)
		return IPFT_UNMATCHED;
	/* Without a mark, NULL matches as well: it would find the slot that stays empty. */
	if (!number)
		return IPFT_REJECTED;
	is_known = ipft_may_be_known(number) || (kind == IPFT_DECIDING && ipft_cookie(ctx) & IPFT_TARGET_TAIL &&
						 ipft_may_have_ended(number));
	if (is_known && ipft_config.follow)
		return IPFT_MATCHED;
	if (filters == IPFT_FILTERS_BY_PROGRAM ? ipft_is_taken_by_programs(ctx, (struct sk_buff *)number) :
						 ipft_is_chosen(ctx, (struct sk_buff *)number))
		return IPFT_MATCHED;
	return is_known ? IPFT_UNMATCHED : IPFT_REJECTED;
}

/*
 * Functions of their own, which return before anything else runs: an extension, which the linker adds, has the stack that
 * it has without a filter. An expression alone is asked without them, which saves each packet a call.
 */
IPFT_FUNCTION int ipft_judge_plain(void *ctx, struct sk_buff *skb, bool matches)
{
	return ipft_judge(ctx, skb, IPFT_PLAIN, matches, IPFT_FILTERS_BY_MORE);
}

IPFT_FUNCTION int ipft_judge_deciding(void *ctx, struct sk_buff *skb, bool matches)
{
	return ipft_judge(ctx, skb, IPFT_DECIDING, matches, IPFT_FILTERS_BY_MORE);
}

/*
 * Whether a packet is not followed. This is all that runs in most calls: the rest stands in functions of their own, so
 * that registers are saved only there. For the same reason the context is kept in memory, and the skb is read again.
 */
static __always_inline bool ipft_passes_by(void **ctx, struct sk_buff *(*skb_of)(void *), enum ipft_kind kind,
					   bool *matches)
{
	const __u64 question = ipft_mark_question();
	void *volatile kept = *ctx;
	enum ipft_filters filters;
	int verdict;

	if (IPFT_HAS_FILTERS && question == IPFT_ASKS_FOR_PROCESS && ipft_is_of_others(*ctx, skb_of, kind))
		return true;
	*matches = question || ipft_has_wanted_mark(skb_of(kept));
	/* A deciding function must see a followed packet though its mark has changed. */
	if (!*matches && kind == IPFT_PLAIN && !*(volatile __u32 *)&ipft_followed)
		return true;
	*ctx = kept;
	if (!*matches && !(kind == IPFT_DECIDING && ipft_config.follow) &&
	    !ipft_may_be_known(IPFT_SKB_LOW_HALF(skb_of(*ctx))))
		return true;
	filters = ipft_config.filters;
	if (!IPFT_HAS_FILTERS || filters == IPFT_FILTERS_NOTHING)
		return false;
	if (filters == IPFT_FILTERS_BY_PROGRAM)
		verdict = ipft_judge(*ctx, skb_of(*ctx), kind, *matches, IPFT_FILTERS_BY_PROGRAM);
	else
		verdict = kind == IPFT_DECIDING ? ipft_judge_deciding(*ctx, skb_of(*ctx), *matches) :
						  ipft_judge_plain(*ctx, skb_of(*ctx), *matches);
	*ctx = kept;
	*matches = verdict == IPFT_MATCHED;
	return verdict == IPFT_REJECTED;
}

/* A call of a traced function with a packet. */
struct ipft_hit {
	struct ipft_event *event;	/* its record, while the extension fills it */
	struct ipft_journey *journey;
	__u64 skb;
	__u32 target;		/* the cookie */
	bool matches;
};

/*
 * Whether a function is called as the destructor of a packet that is being freed. There are many, and any module may
 * bring more. The kernel clears the skb's destructor only when it has returned.
 */
static __always_inline bool ipft_is_destructor(void *ctx, __u64 skb)
{
	const __u64 address = ipft_address(ctx);

	return address && ipft_read_word(&((struct sk_buff *)skb)->destructor) == address;
}

/* Whether a function was called with a followed packet: one that matches, or that is followed whatever its mark. */
static __always_inline bool ipft_hits(void *ctx, struct sk_buff *skb, enum ipft_kind kind, bool matches,
				      struct ipft_hit *hit)
{
	struct ipft_journey *journey;
	bool tail;

	hit->skb = IPFT_SKB_NUMBER(skb);
	hit->matches = matches;
	hit->target = ipft_cookie(ctx);
	tail = kind == IPFT_DECIDING && hit->target & IPFT_TARGET_TAIL;
	journey = ipft_find(hit->skb);
	/*
	 * An skb that is being freed comes to no such function: the call that ends it was missed, and this is another
	 * packet.
	 */
	if (journey && !tail && journey->freeing_ns && !ipft_is_destructor(ctx, hit->skb)) {
		ipft_end(hit->skb, journey);
		journey = NULL;
	}
	if (!journey && tail)
		journey = ipft_find_ended(hit->skb, hit->target, matches && !ipft_config.filters);
	if (!journey && matches && ipft_may_begin(ctx, hit->skb))
		journey = ipft_begin(hit->skb, 0, 0);
	if (!journey)
		return false;
	if (kind == IPFT_DECIDING && hit->target & IPFT_TARGET_HEAD)
		journey->tail |= IPFT_TAIL_HEAD;
	hit->journey = journey;
	return matches || journey->flags & IPFT_JOURNEY_FOLLOWED ||
	       (kind == IPFT_DECIDING &&
		hit->target & (IPFT_TARGET_FREES | IPFT_TARGET_RELEASES | IPFT_TARGET_QUEUES | IPFT_TARGET_DEFERS));
}

/*
 * Another CPU will free the skb. By then the socket may be gone and its memory used again: its state is read now, and
 * not later.
 */
IPFT_FUNCTION int ipft_defer(__u64 skb, struct ipft_journey *journey)
{
	if (ipft_is_unread(skb, journey))
		journey->stage = IPFT_STAGE_UNREAD;
	journey->sock = 0;
	return 0;
}

/* Update the journey by the function's roles, before and after the event is emitted. */
static __always_inline void ipft_before(void *ctx, enum ipft_kind kind, const struct ipft_hit *hit)
{
	struct ipft_journey *journey = hit->journey;
	struct sock *sk = NULL;

	if (kind != IPFT_DECIDING)
		return;
	if (hit->target & IPFT_TARGET_DEFERS)
		ipft_defer(hit->skb, journey);
	if (!(hit->target & IPFT_TARGET_QUEUES) || ipft_argument(ctx, 0, (__u64 *)&sk))
		return;
	journey->stage = IPFT_STAGE_QUEUED;
	journey->sock = (__u64)sk;
	bpf_core_read(&journey->family, sizeof(journey->family), &sk->__sk_common.skc_family);
	bpf_core_read(&journey->sock_state, sizeof(journey->sock_state), &sk->__sk_common.skc_state);
	/* A socket in TIME_WAIT belongs to TCP; its struct is too short to hold the protocol. */
	if (journey->sock_state == IPFT_TCP_TIME_WAIT)
		journey->protocol = IPFT_IPPROTO_TCP;
	else
		bpf_core_read(&journey->protocol, sizeof(journey->protocol), &sk->sk_protocol);
	/* The function may make no event. Where the journey's begin is still to come, the event behind it looks. */
	if (ipft_tells_who((__u64)sk) && journey->flags & IPFT_JOURNEY_ANNOUNCED)
		ipft_look_for_processes(hit->skb, journey, bpf_ktime_get_ns());
}

static __always_inline void ipft_after(const struct ipft_hit *hit)
{
	struct ipft_journey *journey = hit->journey;

	if (hit->target & IPFT_TARGET_FREES || (hit->target & IPFT_TARGET_RELEASES && journey->freeing_ns))
		ipft_end(hit->skb, journey);
	if (hit->target & IPFT_TARGET_FINAL)
		journey->tail |= IPFT_TAIL_FINISHED;
	/* The journey's first event came after its end. */
	if ((journey->flags & (IPFT_JOURNEY_ENDED | IPFT_JOURNEY_ANNOUNCED | IPFT_JOURNEY_END_SENT)) ==
	    (IPFT_JOURNEY_ENDED | IPFT_JOURNEY_ANNOUNCED)) {
		journey->flags |= IPFT_JOURNEY_END_SENT;
		ipft_send_end(journey, bpf_ktime_get_ns());
	}
}

IPFT_FUNCTION int ipft_after_extension(const struct ipft_hit *hit)
{
	ipft_after(hit);
	return 0;
}

/* Whether the function makes an event of the packet. */
static __always_inline bool ipft_makes_event(enum ipft_kind kind, const struct ipft_hit *hit)
{
	if (kind != IPFT_PLAIN) {
		if (hit->target & IPFT_TARGET_HIDDEN)
			return false;
		/* Not a followed packet: the call is only of interest for its role. */
		if (!hit->matches && !(hit->journey->flags & IPFT_JOURNEY_FOLLOWED))
			return false;
	}
	return !ipft_sampled_out();
}

/* Whether the memory of an skb's data may have been given back. */
static __always_inline bool ipft_may_have_no_data(const struct ipft_hit *hit)
{
	return hit->target & IPFT_TARGET_TAIL || hit->journey->freeing_ns;
}

/* Reserves a notice, and room for the snapshot behind it where packets have snapshots. */
#define IPFT_RESERVE_WITH_SNAPSHOT(notice, timestamp_ns)						\
	(ipft_takes_snapshots(timestamp_ns) ?								\
		 bpf_ringbuf_reserve(&ipft_events, sizeof(*(notice)) + IPFT_SNAPSHOT_BYTES, 0) :	\
		 bpf_ringbuf_reserve(&ipft_events, sizeof(*(notice)), 0))

/* Fills the snapshot behind a notice. */
static __always_inline void ipft_add_snapshot(const struct ipft_hit *hit, __u64 timestamp_ns, __u32 ifindex,
					      struct ipft_snapshot *snapshot)
{
	if (!ipft_takes_snapshots(timestamp_ns))
		return;
	if (ipft_may_have_no_data(hit))
		snapshot->captured = 0;
	else if (ipft_fill_snapshot(hit->skb, hit->journey, ifindex, snapshot))
		ipft_expect_answers(hit->skb, timestamp_ns);
}

/*
 * Sends a notice of the packet's new place, and a snapshot with it. If there is no room, the next event tries again.
 * Returns whether it was sent.
 */
IPFT_FUNCTION int ipft_note_place(const struct ipft_hit *hit, __u64 where, __u64 timestamp_ns)
{
	struct ipft_journey *journey = hit->journey;
	struct ipft_moved *moved;

	moved = IPFT_RESERVE_WITH_SNAPSHOT(moved, timestamp_ns);
	if (!moved)
		return 0;
	ipft_fill_notice(&moved->event, journey, timestamp_ns, IPFT_NOTICE_PLACE);
	ipft_read_place(where, &moved->place);
	if (!moved->place.netns) {
		bpf_ringbuf_discard(moved, BPF_RB_NO_WAKEUP);
		return 0;
	}
	journey->where = where;
	ipft_add_snapshot(hit, timestamp_ns, moved->place.ifindex, (struct ipft_snapshot *)(moved + 1));
	bpf_ringbuf_submit(moved, BPF_RB_NO_WAKEUP);
	return 1;
}

/* Sends a snapshot of a packet that has other headers, or whose headers can be read at last. */
IPFT_FUNCTION int ipft_note_headers(const struct ipft_hit *hit, __u64 timestamp_ns)
{
	const struct net_device *dev = (void *)hit->journey->where;
	struct ipft_event *event;

	event = bpf_ringbuf_reserve(&ipft_events, sizeof(*event) + IPFT_SNAPSHOT_BYTES, 0);
	if (!event)
		return 0;
	ipft_fill_notice(event, hit->journey, timestamp_ns, IPFT_NOTICE_SNAPSHOT);
	if (ipft_fill_snapshot(hit->skb, hit->journey, ipft_read_word(&dev->ifindex), (struct ipft_snapshot *)(event + 1))) {
		bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
		ipft_expect_answers(hit->skb, timestamp_ns);
	} else {
		bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
	}
	return 0;
}

/* Sends the begin of a journey, and a snapshot with it. Returns whether there was room. */
IPFT_FUNCTION int ipft_announce(const struct ipft_hit *hit, __u64 where, __u64 timestamp_ns)
{
	struct ipft_journey *journey = hit->journey;
	struct ipft_begin *begin;

	begin = IPFT_RESERVE_WITH_SNAPSHOT(begin, timestamp_ns);
	if (!begin)
		return 0;
	ipft_fill_notice(&begin->event, journey, timestamp_ns, IPFT_NOTICE_BEGIN);
	begin->skb = hit->skb;
	begin->id = journey->id;
	begin->parent = journey->parent;
	ipft_read_place(where, &begin->place);
	if (begin->place.netns)
		journey->where = where;
	journey->flags |= IPFT_JOURNEY_ANNOUNCED;
	ipft_add_snapshot(hit, timestamp_ns, begin->place.ifindex, (struct ipft_snapshot *)(begin + 1));
	bpf_ringbuf_submit(begin, BPF_RB_NO_WAKEUP);
	if (ipft_tells_who(timestamp_ns))
		ipft_look_for_processes(hit->skb, journey, timestamp_ns);
	return 1;
}

/* Looks at the headers of a packet at an event in the same place as the last one. */
static __always_inline void ipft_look_at_headers(const struct ipft_hit *hit, enum ipft_kind kind, __u64 timestamp_ns)
{
	if (kind == IPFT_DECIDING && ipft_may_have_no_data(hit))
		return;
	if (!ipft_has_known_headers(hit->skb, hit->journey))
		ipft_note_headers(hit, timestamp_ns);
}

/* Counts an event that finds no room. */
static __always_inline void ipft_lose(struct ipft_journey *journey, __u64 timestamp_ns)
{
	ipft_count_event(journey);
	ipft_count_lost(timestamp_ns);
}

/*
 * Reserves the record of an entry, and sends the journey's begin before the first one; with an extension the begin
 * waits until the extension has taken the event (ipft_begin_record). The extension writes into the ring: nothing is
 * copied. Returns 0, and has counted the event, if there is no room. The record is returned in @hit: older verifiers
 * would not know that a returned pointer can't be NULL.
 */
static __always_inline int ipft_open_record(struct sk_buff *skb, struct ipft_hit *hit, enum ipft_kind kind,
					    bool is_extended, __u64 timestamp_ns, __u8 depth)
{
	const __u32 data_size = is_extended ? ipft_config.data_size : 0;
	struct ipft_journey *journey = hit->journey;
	struct ipft_event *event;
	__u64 where;

	where = ipft_new_whereabouts(skb, journey);
	if (journey->flags & IPFT_JOURNEY_ANNOUNCED) {
		if (!(where && ipft_note_place(hit, where, timestamp_ns)) && ipft_takes_snapshots(timestamp_ns))
			ipft_look_at_headers(hit, kind, timestamp_ns);
		if (ipft_tells_who(timestamp_ns))
			ipft_look_for_processes(hit->skb, journey, timestamp_ns);
	} else if (!data_size && !ipft_announce(hit, where, timestamp_ns)) {
		/* Without the begin no one can tell whose event it is. */
		goto lost;
	}
	event = bpf_ringbuf_reserve(&ipft_events, sizeof(*event) + data_size, 0);
	if (!event)
		goto lost;
	ipft_fill(event, journey, timestamp_ns, hit->target & IPFT_TARGET_INDEX);
	event->flags = 0;
	event->depth = depth;
	if (data_size)
		ipft_clear((__u8 *)(event + 1));
	hit->event = event;
	return 1;
lost:
	ipft_lose(journey, timestamp_ns);
	return 0;
}

/*
 * The extension has taken the first event of a journey. The begin must come before it in the ring: so the record is
 * copied behind the begin. Returns 0, and has counted the event, if there is no room.
 */
IPFT_FUNCTION int ipft_begin_record(struct ipft_hit *hit)
{
	struct ipft_journey *journey = hit->journey;
	struct ipft_event *event = hit->event, *moved = NULL;
	const __u64 timestamp_ns = event->timestamp_ns;

	if (ipft_announce(hit, ipft_new_whereabouts((struct sk_buff *)hit->skb, journey), timestamp_ns))
		moved = bpf_ringbuf_reserve(&ipft_events, sizeof(*moved) + ipft_config.data_size, 0);
	if (moved) {
		__builtin_memcpy(moved, event, sizeof(*moved));
		bpf_probe_read_kernel(moved + 1, ipft_config.data_size, event + 1);
		bpf_ringbuf_submit(moved, BPF_RB_NO_WAKEUP);
		ipft_count_event(journey);
	}
	bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
	if (moved)
		return 1;
	ipft_lose(journey, timestamp_ns);
	return 0;
}

/* The result of filling a record. */
enum ipft_filled {
	IPFT_DROPPED,		/* the extension leaves out the event */
	IPFT_LOST,
	IPFT_WRITTEN,
};

/*
 * Has the extension fill in its part of a record, and submits the record. A packet whose events the extension leaves
 * out has neither begin nor end in the rings.
 */
static __always_inline enum ipft_filled ipft_fill_record(void *ctx, struct ipft_hit *hit)
{
	if (!ipft_write_fields(ctx, &hit->skb, (__u8 **)&hit->event, sizeof(*hit->event))) {
		hit->journey->left_out = 1;
		bpf_ringbuf_discard(hit->event, BPF_RB_NO_WAKEUP);
		return IPFT_DROPPED;
	}
	if (ipft_config.data_size && !(hit->journey->flags & IPFT_JOURNEY_ANNOUNCED))
		return ipft_begin_record(hit) ? IPFT_WRITTEN : IPFT_LOST;
	ipft_count_event(hit->journey);
	/* The reader polls, and needs no wakeup. */
	bpf_ringbuf_submit(hit->event, BPF_RB_NO_WAKEUP);
	return IPFT_WRITTEN;
}

/*
 * A function was entered; its return is not traced. Returns whether there is a record. @hit has the journey, if the
 * packet is followed.
 */
static __always_inline int ipft_open_entry(void *ctx, struct sk_buff *skb, enum ipft_kind kind, bool matches,
					   bool is_extended, struct ipft_hit *hit)
{
	if (!ipft_hits(ctx, skb, kind, matches, hit)) {
		hit->journey = NULL;
		return 0;
	}
	ipft_before(ctx, kind, hit);
	if (!ipft_makes_event(kind, hit))
		return 0;
	return ipft_open_record(skb, hit, kind, is_extended, bpf_ktime_get_ns(), 0);
}

/* Without an extension: one function. */
static __always_inline void ipft_trace(void *ctx, struct sk_buff *skb, enum ipft_kind kind, bool matches)
{
	struct ipft_hit hit = {};

	if (ipft_open_entry(ctx, skb, kind, matches, false, &hit)) {
		ipft_count_event(hit.journey);
		/* The reader polls, and needs no wakeup. */
		bpf_ringbuf_submit(hit.event, BPF_RB_NO_WAKEUP);
	}
	if (kind == IPFT_DECIDING && hit.journey)
		ipft_after(&hit);
}

#define IPFT_TRACED(name, kind)									\
	IPFT_FUNCTION int ipft_traced_##name(void *ctx, struct sk_buff *skb, bool matches)	\
	{											\
		ipft_trace(ctx, skb, kind, matches);						\
		return 0;									\
	}

IPFT_TRACED(plain, IPFT_PLAIN)
IPFT_TRACED(deciding, IPFT_DECIDING)

/*
 * With an extension: the parts before and after it are functions of their own, so that the stack holds nothing but the
 * hit while it runs.
 */
#define IPFT_EXTENDED(name, kind)								\
	IPFT_FUNCTION int ipft_open_##name(void *ctx, struct sk_buff *skb, bool matches, struct ipft_hit *hit) \
	{											\
		return ipft_open_entry(ctx, skb, kind, matches, true, hit);			\
	}											\
	IPFT_FUNCTION int ipft_extended_##name(void *ctx, struct sk_buff *skb, bool matches)	\
	{											\
		struct ipft_hit hit;								\
												\
		if (ipft_open_##name(ctx, skb, matches, &hit))					\
			ipft_fill_record(ctx, &hit);						\
		if (kind == IPFT_DECIDING && hit.journey)					\
			ipft_after_extension(&hit);						\
		return 0;									\
	}

IPFT_EXTENDED(plain, IPFT_PLAIN)
IPFT_EXTENDED(deciding, IPFT_DECIDING)

/*
 * Where packets or calls are counted: there is no record. One function for all kinds of functions: those without a role
 * ask a few questions in vain.
 */
IPFT_FUNCTION int ipft_counted_call(void *ctx, struct sk_buff *skb, bool matches)
{
	struct ipft_hit hit;

	if (!ipft_hits(ctx, skb, IPFT_DECIDING, matches, &hit))
		return 0;
	ipft_before(ctx, IPFT_DECIDING, &hit);
	if (!(ipft_config.counts == IPFT_COUNTS_PACKETS && hit.journey->flags & IPFT_JOURNEY_COUNTED) &&
	    ipft_makes_event(IPFT_DECIDING, &hit))
		ipft_count_hit(ctx, hit.skb, hit.journey);
	ipft_after_extension(&hit);
	return 0;
}

/* The entry of a function. @skb_of: returns the skb argument */
static __always_inline int ipft_entered_function(void *ctx, struct sk_buff *(*skb_of)(void *), enum ipft_kind kind)
{
	bool matches;

	if (ipft_passes_by(&ctx, skb_of, kind, &matches))
		return 0;
	/* The build without functions has no fields to count by either. */
	if (IPFT_HAS_FILTERS && ipft_config.counts)
		return ipft_counted_call(ctx, skb_of(ctx), matches);
	if (ipft_config.data_size) {
		if (kind == IPFT_DECIDING)
			return ipft_extended_deciding(ctx, skb_of(ctx), matches);
		return ipft_extended_plain(ctx, skb_of(ctx), matches);
	}
	if (kind == IPFT_DECIDING)
		return ipft_traced_deciding(ctx, skb_of(ctx), matches);
	return ipft_traced_plain(ctx, skb_of(ctx), matches);
}

#endif
