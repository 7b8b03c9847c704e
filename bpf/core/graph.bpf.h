/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Entries and returns. Whether a packet is followed is decided at the entry, which keeps what its return needs. Depth
 * is counted here: events that find no room in the ring don't change it.
 */
#ifndef IPFT_GRAPH_H
#define IPFT_GRAPH_H

#include "body.bpf.h"

/* A call that is followed to its return. */
struct ipft_call {
	__u64 skb;
	__u64 journey;
	__u64 entry_ns;
	__u32 target;
	__u16 cpu;		/* of the entry: the depth is counted there, wherever the call returns */
	__u8 depth;
	__u8 entry_lost;
};

/* 1 where returns are not traced: the user side sets it before loading. */
#define IPFT_MAX_CALLS (1 << 14)

/* Drops the oldest calls, whose returns the kernel has left out. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IPFT_MAX_CALLS);
	__type(key, __u64);	/* ipft_call_key(): unique among open calls */
	__type(value, struct ipft_call);
} ipft_calls SEC(".maps");

struct ipft_nest {
	__u64 journey;
	__u64 cpu;
};

struct ipft_nesting {
	__u64 last_ns;		/* the time of the last event there */
	__u64 depth;		/* the number of open calls */
};

/* The open calls of a journey on a CPU. Drops the oldest, whose journeys have mostly ended. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IPFT_MAX_CALLS);
	__type(key, struct ipft_nest);
	__type(value, struct ipft_nesting);
} ipft_nestings SEC(".maps");

/*
 * The time of an event, not before that of the last event there: bpf_ktime_get_ns() may go back a little when the
 * kernel adjusts its clock, and a call would seem to return before it was entered.
 */
static __always_inline __u64 ipft_time_after(const struct ipft_nesting *nesting)
{
	__u64 now = bpf_ktime_get_ns();

	return nesting && nesting->last_ns > now ? nesting->last_ns : now;
}

/* Of each backend: the key that ipft_leave is called with when this call returns; 0 if the return can't be seen. */
static __always_inline __u64 ipft_call_key(void *ctx);

/* Of each backend: the address that the function returns to; 0 if it is not known. */
static __always_inline __u64 ipft_return_address(void *ctx, __u32 target);

/* A call that is entered, while the extension runs. */
struct ipft_entering {
	struct ipft_hit hit;
	struct ipft_nesting *nesting;
	__u64 key;		/* 0 if the return is not traced */
	__u64 entry_ns;
	__u8 depth;
};

/* As ipft_open_entry. */
static __always_inline int ipft_open_call(void *ctx, struct sk_buff *skb, enum ipft_kind kind, bool matches,
					  struct ipft_entering *entering)
{
	struct ipft_hit *hit = &entering->hit;
	struct ipft_nesting *nesting;
	struct ipft_nest nest = {};
	__u64 key;

	if (!ipft_hits(ctx, skb, kind, matches, hit)) {
		hit->journey = NULL;
		return 0;
	}
	ipft_before(ctx, kind, hit);
	/* To see the return, the kernel replaces the return address, and the tracepoints tell the replaced one. */
	if (hit->target & IPFT_TARGET_REPORTS)
		hit->journey->caller = ipft_return_address(ctx, hit->target);
	if (!ipft_makes_event(kind, hit))
		return 0;
	key = ipft_call_key(ctx);
	if (!key)
		return 0;
	nest.journey = hit->journey->id;
	nest.cpu = bpf_get_smp_processor_id();
	nesting = bpf_map_lookup_elem(&ipft_nestings, &nest);
	entering->nesting = nesting;
	entering->key = key;
	entering->entry_ns = ipft_time_after(nesting);
	if (nesting)
		entering->depth = nesting->depth < 255 ? nesting->depth : 255;
	return ipft_open_record(skb, hit, kind, true, entering->entry_ns, entering->depth);
}

IPFT_FUNCTION int ipft_open_call_plain(void *ctx, struct sk_buff *skb, bool matches, struct ipft_entering *entering)
{
	return ipft_open_call(ctx, skb, IPFT_PLAIN, matches, entering);
}

IPFT_FUNCTION int ipft_open_call_deciding(void *ctx, struct sk_buff *skb, bool matches, struct ipft_entering *entering)
{
	return ipft_open_call(ctx, skb, IPFT_DECIDING, matches, entering);
}

/* Keeps what the return needs. Returns the call's key, or 0 if there is no room. */
IPFT_FUNCTION __u64 ipft_follow_call(const struct ipft_entering *entering, bool entry_lost)
{
	struct ipft_nesting *nesting = entering->nesting;
	struct ipft_journey *journey = entering->hit.journey;
	struct ipft_nest nest = {};
	struct ipft_call call = {};
	__u64 key = entering->key;

	nest.journey = journey->id;
	nest.cpu = bpf_get_smp_processor_id();
	call.skb = entering->hit.skb;
	call.journey = nest.journey;
	call.target = entering->hit.target;
	call.cpu = nest.cpu;
	call.entry_ns = entering->entry_ns;
	call.depth = entering->depth;
	call.entry_lost = entry_lost;
	if (bpf_map_update_elem(&ipft_calls, &key, &call, BPF_ANY)) {
		ipft_count_event(journey);
		ipft_count_lost(call.entry_ns);	/* the return's event */
		return 0;
	}
	if (nesting) {
		nesting->depth++;
		nesting->last_ns = call.entry_ns;
	} else {
		struct ipft_nesting first = { .last_ns = call.entry_ns, .depth = 1 };

		bpf_map_update_elem(&ipft_nestings, &nest, &first, BPF_ANY);
	}
	return key;
}

/*
 * A function was entered with a packet that may be followed. Returns the call's key, or 0 if its return is not traced.
 */
static __always_inline __u64 ipft_enter(void *ctx, struct sk_buff *skb, enum ipft_kind kind, bool matches)
{
	struct ipft_entering entering = {};
	enum ipft_filled filled;
	bool has_room;
	__u64 key = 0;

	if (kind == IPFT_DECIDING)
		has_room = ipft_open_call_deciding(ctx, skb, matches, &entering);
	else
		has_room = ipft_open_call_plain(ctx, skb, matches, &entering);
	if (has_room) {
		filled = ipft_fill_record(ctx, &entering.hit);
		if (filled == IPFT_DROPPED)
			entering.key = 0;
		has_room = filled != IPFT_LOST;
	}
	if (entering.key && entering.hit.journey)
		key = ipft_follow_call(&entering, !has_room);
	if (kind == IPFT_DECIDING && entering.hit.journey)
		ipft_after_extension(&entering.hit);
	return key;
}

IPFT_FUNCTION __u64 ipft_enter_plain(void *ctx, struct sk_buff *skb, bool matches)
{
	return ipft_enter(ctx, skb, IPFT_PLAIN, matches);
}

IPFT_FUNCTION __u64 ipft_enter_deciding(void *ctx, struct sk_buff *skb, bool matches)
{
	return ipft_enter(ctx, skb, IPFT_DECIDING, matches);
}

/* The body of a program at the entry of a function. Returns as ipft_enter. @skb_of: finds the skb among the arguments */
static __always_inline __u64 ipft_entered_call(void *ctx, struct sk_buff *(*skb_of)(void *), enum ipft_kind kind)
{
	bool matches;

	if (ipft_passes_by(&ctx, skb_of, kind, &matches))
		return 0;
	if (kind == IPFT_DECIDING)
		return ipft_enter_deciding(ctx, skb_of(ctx), matches);
	return ipft_enter_plain(ctx, skb_of(ctx), matches);
}

/* A number for a call, unique in this trace; never 0. */
static __always_inline __u64 ipft_number_call(void)
{
	struct ipft_cpu *cpu = ipft_this_cpu();

	/* Atomic, since an interrupt in between may take a number, too. */
	return cpu ? (__u64)(bpf_get_smp_processor_id() + 1) << 48 | __sync_fetch_and_add(&cpu->calls, 1) : 0;
}

/* A call that returns, while the extension runs. */
struct ipft_leaving {
	struct ipft_return *record;
	__u64 skb;
};

/*
 * A function returned: makes room for its record. Returns whether there is one.
 * @key: from ipft_call_key(). An unknown key is that of a call which is not followed, except with IPFT_KEYS_ARE_FOLLOWED
 */
IPFT_FUNCTION int ipft_open_return(__u64 key, struct ipft_leaving *leaving)
{
	struct ipft_journey *journey;
	struct ipft_nesting *nesting;
	struct ipft_call *found, call;
	struct ipft_nest nest = {};
	struct ipft_return *record;
	struct ipft_event *event;
	bool freed;
	__u64 now;

	found = bpf_map_lookup_elem(&ipft_calls, &key);
	if (!found) {
#ifdef IPFT_KEYS_ARE_FOLLOWED
		/* The map has dropped it, since too many calls were open. */
		ipft_count_lost(bpf_ktime_get_ns());
#endif
		return 0;
	}
	call = *found;
	bpf_map_delete_elem(&ipft_calls, &key);
	leaving->skb = call.skb;
	nest.journey = call.journey;
	nest.cpu = call.cpu;
	nesting = bpf_map_lookup_elem(&ipft_nestings, &nest);
	now = ipft_time_after(nesting);
	if (!call.depth) {
		bpf_map_delete_elem(&ipft_nestings, &nest);
	} else if (nesting) {
		nesting->depth = call.depth;
		nesting->last_ns = now;
	}
	/* Another packet may have the address now. */
	journey = ipft_find(call.skb);
	freed = !journey || journey->id != call.journey;
	if (freed) {
		journey = ipft_search(call.skb, call.skb | IPFT_OWNER_ENDED);
		if (journey && journey->id != call.journey)
			journey = NULL;
	} else if (call.target & IPFT_TARGET_REPORTS) {
		journey->caller = 0;
	}
	/* An event needs the begin of its journey before it. */
	record = NULL;
	if (!journey || journey->flags & IPFT_JOURNEY_ANNOUNCED)
		record = bpf_ringbuf_reserve(&ipft_events, sizeof(*record) + ipft_config.data_size, 0);
	if (!record) {
		if (journey)
			ipft_count_event(journey);
		ipft_count_lost(now);
		return 0;
	}
	event = &record->event;
	event->timestamp_ns = now;
	event->journey = call.journey;
	event->sequence = IPFT_SEQUENCE_UNKNOWN;
	if (journey) {
		event->sequence = journey->events;
		ipft_count_event(journey);
	}
	event->target = call.target & IPFT_TARGET_INDEX;
	event->cpu = bpf_get_smp_processor_id();
	event->flags = IPFT_EVENT_RETURN | (call.entry_lost ? IPFT_EVENT_ENTRY_LOST : 0);
	event->depth = call.depth;
	record->entry_ns = call.entry_ns;
	if (freed)
		event->flags |= IPFT_EVENT_FREED | IPFT_EVENT_NO_FIELDS;
	else if (ipft_config.data_size)
		ipft_clear((__u8 *)(record + 1));
	leaving->record = record;
	return 1;
}

/* A function returned. @key: as ipft_open_return */
IPFT_FUNCTION int ipft_leave(void *ctx, __u64 key)
{
	struct ipft_leaving leaving = {};

	if (!ipft_open_return(key, &leaving))
		return 0;
	if (ipft_config.data_size && !(leaving.record->event.flags & IPFT_EVENT_FREED) &&
	    !ipft_write_fields(ctx, &leaving.skb, (__u8 **)&leaving.record, sizeof(*leaving.record)))
		leaving.record->event.flags |= IPFT_EVENT_NO_FIELDS;
	bpf_ringbuf_submit(leaving.record, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
