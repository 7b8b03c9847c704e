/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Entries and returns. Whether a packet matches is decided when a function is entered; what the return needs is kept
 * until then. Depth is counted here, where no event is missing: what finds no room in the ring can't upset it.
 */
#ifndef IPFT_GRAPH_H
#define IPFT_GRAPH_H

#include "body.bpf.h"

/* A call that is followed to its return. */
struct ipft_call {
	__u64 skb;
	__u64 entry_ns;
	__u32 target;
	__u16 cpu;		/* where it was entered: the depth is counted there, wherever it returns */
	__u8 depth;
	__u8 entry_lost;
};

/* Replaced before loading where returns are not traced: then they have one entry. */
#define IPFT_MAX_CALLS (1 << 14)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IPFT_MAX_CALLS);
	__type(key, __u64);	/* of the backend's choice, unique among the calls that are open */
	__type(value, struct ipft_call);
} ipft_calls SEC(".maps");

struct ipft_place {
	__u64 skb;
	__u64 cpu;
};

struct ipft_nesting {
	__u64 last_ns;		/* the time of the last event there */
	__u64 depth;		/* how many calls are open */
};

/* The calls of an skb on a CPU. The oldest are forgotten: most skbs that were seen are long gone. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IPFT_MAX_CALLS);
	__type(key, struct ipft_place);
	__type(value, struct ipft_nesting);
} ipft_nestings SEC(".maps");

/* Of the skbs that were followed: when the last one at this address was freed; 0 if none was since it is known. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, IPFT_MAX_CALLS);
	__type(key, __u64);
	__type(value, __u64);
} ipft_freed SEC(".maps");

/*
 * The time of an event that comes after those before it: bpf_ktime_get_ns() may go back a little when the kernel
 * adjusts its clock, and a call would seem to return before it was entered.
 */
static __always_inline __u64 ipft_time_after(const struct ipft_nesting *nesting)
{
	__u64 now = bpf_ktime_get_ns();

	return nesting && nesting->last_ns > now ? nesting->last_ns : now;
}

/* A function that gives the skb's memory back was entered; the mark may have changed since the packet was followed. */
static __always_inline void ipft_note_free(__u64 skb)
{
	__u64 *freed = bpf_map_lookup_elem(&ipft_freed, &skb);

	if (freed)
		*freed = bpf_ktime_get_ns();
}

/*
 * A function was entered with a packet that matches.
 * @key: what ipft_leave will be called with
 * Returns whether it is followed to its return.
 */
static __always_inline bool ipft_enter(void *ctx, __u64 skb, __u64 key)
{
	const __u64 not_freed = 0;
	struct ipft_nesting *nesting;
	struct ipft_place place = {};
	struct ipft_call call = {};
	enum ipft_entered entered;

	call.target = ipft_cookie(ctx);
	if (call.target & IPFT_TARGET_HIDDEN || ipft_sampled_out())
		return false;
	place.skb = skb;
	place.cpu = bpf_get_smp_processor_id();
	nesting = bpf_map_lookup_elem(&ipft_nestings, &place);
	call.skb = skb;
	call.cpu = place.cpu;
	call.entry_ns = ipft_time_after(nesting);
	if (nesting)
		call.depth = nesting->depth < 255 ? nesting->depth : 255;
	entered = ipft_record_entry(ctx, skb, call.entry_ns, call.target, call.depth);
	if (entered == IPFT_DROPPED)
		return false;
	call.entry_lost = entered == IPFT_NO_ROOM;
	if (bpf_map_update_elem(&ipft_calls, &key, &call, BPF_ANY)) {
		ipft_count_lost(call.entry_ns);	/* the return's event */
		return false;
	}
	if (nesting) {
		nesting->depth++;
		nesting->last_ns = call.entry_ns;
	} else {
		struct ipft_nesting first = { .last_ns = call.entry_ns, .depth = 1 };

		bpf_map_update_elem(&ipft_nestings, &place, &first, BPF_ANY);
		bpf_map_update_elem(&ipft_freed, &skb, &not_freed, BPF_NOEXIST);
	}
	return true;
}

/* A number for a call, unique in this trace; never 0. */
static __always_inline __u64 ipft_number_call(void)
{
	struct ipft_cpu *cpu = ipft_this_cpu();

	/* An interrupt in between may take the number: only an atomic operation is safe from that. */
	return cpu ? (__u64)(bpf_get_smp_processor_id() + 1) << 48 | __sync_fetch_and_add(&cpu->calls, 1) : 0;
}

/* A function returned. @key: as given to ipft_enter; one that is unknown is of a call that is not followed */
static __always_inline void ipft_leave(void *ctx, __u64 key)
{
	struct ipft_nesting *nesting;
	struct ipft_call *found, call;
	struct ipft_place place = {};
	struct ipft_event *event;
	__u64 now, *freed;

	found = bpf_map_lookup_elem(&ipft_calls, &key);
	if (!found)
		return;
	call = *found;
	bpf_map_delete_elem(&ipft_calls, &key);
	place.skb = call.skb;
	place.cpu = call.cpu;
	nesting = bpf_map_lookup_elem(&ipft_nestings, &place);
	now = ipft_time_after(nesting);
	if (!call.depth) {
		bpf_map_delete_elem(&ipft_nestings, &place);
	} else if (nesting) {
		nesting->depth = call.depth;
		nesting->last_ns = now;
	}
	event = bpf_ringbuf_reserve(&ipft_events, sizeof(*event) + sizeof(call.entry_ns) + ipft_config.data_size, 0);
	if (!event) {
		ipft_count_lost(now);
		return;
	}
	ipft_fill(event, call.skb, now, call.target);
	event->flags = IPFT_EVENT_RETURN | (call.entry_lost ? IPFT_EVENT_ENTRY_LOST : 0);
	event->depth = call.depth;
	*(__u64 *)event->data = call.entry_ns;
	freed = bpf_map_lookup_elem(&ipft_freed, &call.skb);
	if (call.target & IPFT_TARGET_FREES || (freed && *freed >= call.entry_ns)) {
		/* What is there now is another's. */
		event->flags |= IPFT_EVENT_FREED | IPFT_EVENT_NO_FIELDS;
	} else if (ipft_config.data_size) {
		ipft_clear(event->data + sizeof(call.entry_ns));
		if (module(ctx, (struct sk_buff *)call.skb, event->data + sizeof(call.entry_ns)))
			event->flags |= IPFT_EVENT_NO_FIELDS;
	}
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

#endif
