/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which packet it is. The address of an skb is no identity: the kernel gives the same memory to the next packet. So each
 * skb that is followed has an entry in ipft_journeys, from its first event until it is freed, with a number that no
 * other has. User space learns of it through notices in the ring.
 *
 * lifecycle.bpf.c works on the same maps.
 */
#ifndef IPFT_JOURNEY_H
#define IPFT_JOURNEY_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "event.h"

struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct net_device {
	char name[IPFT_DEVICE_NAME];
	int ifindex;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

struct sock_common {
	unsigned short skc_family;
	possible_net_t skc_net;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct sk_buff *next;
	struct net_device *dev;
	struct sock *sk;
	__u32 mark;
} __attribute__((preserve_access_index));

const volatile struct ipft_config ipft_config SEC(".rodata.ipft") = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);	/* replaced before loading: --ring-size */
} ipft_events SEC(".maps");

/* The ends of journeys have a ring of their own: where events find no room, it is still known what became of packets. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);	/* replaced before loading */
} ipft_ends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ipft_cpu);
} ipft_cpus SEC(".maps");

/* How many packets can be followed at a time. */
#define IPFT_MAX_JOURNEYS (1 << 16)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IPFT_MAX_JOURNEYS);
	__type(key, __u64);	/* address of the skb */
	__type(value, struct ipft_journey);
} ipft_journeys SEC(".maps");

/*
 * Those that have just ended, for the few functions that are called while the skb is being freed. Nothing takes entries
 * out: the oldest are forgotten.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 12);
	__type(key, __u64);
	__type(value, struct ipft_journey);
} ipft_ended SEC(".maps");

/*
 * How many entries of ipft_journeys have an address with this hash: mostly none, which a packet that does not match
 * finds out with one load.
 */
#define IPFT_FILTER_BITS 14
__u32 ipft_filter[1 << IPFT_FILTER_BITS] SEC(".bss.ipft");
/* What a new entry is before it is filled; not on the stack, of which the extension may want much. */
const struct ipft_journey ipft_new_journey SEC(".rodata.ipft_new") = {};

static __always_inline struct ipft_cpu *ipft_this_cpu(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&ipft_cpus, &key);
}

/* @low: the low half of the skb's address */
static __always_inline __u32 *ipft_filter_of(__u32 low)
{
	return &ipft_filter[(low * 0x9e3779b1u) >> (32 - IPFT_FILTER_BITS)];
}

static __always_inline bool ipft_may_be_known(__u32 low)
{
	return *(volatile __u32 *)ipft_filter_of(low);
}

/* Plain additions suffice: the counters belong to this CPU, and one that an interrupt gets in between of is rare. */
static __always_inline void ipft_count_lost(__u64 timestamp_ns)
{
	struct ipft_cpu *cpu = ipft_this_cpu();

	if (!cpu)
		return;
	if (!cpu->lost++)
		cpu->lost_first_ns = timestamp_ns;
	cpu->lost_last_ns = timestamp_ns;
}

/*
 * A number that no other journey has. Not by an atomic operation: those that tell the old value came with Linux 5.12,
 * and older kernels refuse a program that only mentions them. Instead each CPU counts, and an interrupt that gets in
 * between counts apart. The depth itself needs no protection: an interrupt leaves it as it found it.
 */
static __always_inline __u64 ipft_number_journey(void)
{
	struct ipft_cpu *cpu = ipft_this_cpu();
	volatile __u64 *depth, *births;
	__u64 level, number;

	if (!cpu)
		return 0;
	depth = &cpu->depth;
	level = *depth;
	*depth = level + 1;
	births = &cpu->births[level & (IPFT_DEPTHS - 1)];
	number = *births;
	*births = number + 1;
	*depth = level;
	number = number * IPFT_DEPTHS + (level & (IPFT_DEPTHS - 1));
	return number * ipft_config.cpus + bpf_get_smp_processor_id() + 1;
}

static __always_inline void ipft_forget(__u64 skb)
{
	if (!bpf_map_delete_elem(&ipft_journeys, &skb))
		__sync_fetch_and_add(ipft_filter_of(skb), -1);
}

/* The journey of an skb that is not being freed. */
static __always_inline struct ipft_journey *ipft_find(__u64 skb)
{
	struct ipft_journey *journey = bpf_map_lookup_elem(&ipft_journeys, &skb);

	return journey && journey->number ? journey : NULL;
}

/* Begins the journey of an skb that has none. */
static __always_inline struct ipft_journey *ipft_begin(__u64 skb, __u64 parent, __u8 flags)
{
	struct ipft_journey *journey;
	struct ipft_cpu *cpu;

	__sync_fetch_and_add(ipft_filter_of(skb), 1);
	if (bpf_map_update_elem(&ipft_journeys, &skb, &ipft_new_journey, BPF_NOEXIST)) {
		__sync_fetch_and_add(ipft_filter_of(skb), -1);
		/* Another CPU may have been faster. */
		journey = ipft_find(skb);
		cpu = journey ? NULL : ipft_this_cpu();
		if (cpu)
			cpu->unfollowed++;
		return journey;
	}
	journey = bpf_map_lookup_elem(&ipft_journeys, &skb);
	if (!journey)
		return NULL;
	journey->parent = parent;
	journey->flags = flags | (ipft_config.follow ? IPFT_JOURNEY_FOLLOWED : 0);
	journey->number = ipft_number_journey();
	return journey;
}

static __always_inline void ipft_fill(struct ipft_event *event, const struct ipft_journey *journey, __u64 timestamp_ns,
				      __u32 target)
{
	event->timestamp_ns = timestamp_ns;
	event->journey = journey->number;
	event->sequence = journey->events;
	event->target = target;
	event->cpu = bpf_get_smp_processor_id();
}

static __always_inline void ipft_fill_notice(struct ipft_event *event, const struct ipft_journey *journey,
					     __u64 timestamp_ns, __u32 which)
{
	ipft_fill(event, journey, timestamp_ns, which);
	event->flags = IPFT_EVENT_NOTICE;
	event->depth = 0;
}

/* Namespaces have inodes from here on (PROC_DYNAMIC_FIRST, and a few fixed ones below it). */
#define IPFT_FIRST_NETNS 0xefffff00u

/*
 * The device or socket that tells where a packet is, if that is another one than last time; else 0. skb->dev shares its
 * place with other things while the skb is in certain queues: what is no address is none, and ipft_read_place looks
 * closer.
 */
static __always_inline __u64 ipft_new_whereabouts(struct sk_buff *skb, const struct ipft_journey *journey)
{
	__u64 where = 0;

	if (bpf_core_read(&where, sizeof(where), &skb->dev))
		return 0;
	if ((__s64)where >= 0) {
		if (journey->where || bpf_core_read(&where, sizeof(where), &skb->sk) || (__s64)where >= 0)
			return 0;
		return where | 1;	/* a socket */
	}
	return where == journey->where ? 0 : where;
}

/* @where: as ipft_new_whereabouts tells. Fills `place`, with zeros if it is none. */
static __always_inline void ipft_read_place(__u64 where, struct ipft_place *place)
{
	struct net_device *dev = (void *)where;
	struct sock *sk = (void *)(where & ~1ull);
	struct net *net = NULL;

	__builtin_memset(place, 0, sizeof(*place));
	if (!where)
		return;
	if (where & 1) {
		bpf_core_read(&net, sizeof(net), &sk->__sk_common.skc_net.net);
	} else {
		bpf_core_read(&net, sizeof(net), &dev->nd_net.net);
		bpf_core_read(&place->ifindex, sizeof(place->ifindex), &dev->ifindex);
		bpf_core_read(&place->device, sizeof(place->device), &dev->name);
	}
	bpf_core_read(&place->netns, sizeof(place->netns), &net->ns.inum);
	if (place->netns < IPFT_FIRST_NETNS || (__s32)place->ifindex < 0 || (!(where & 1) && !place->device[0]))
		__builtin_memset(place, 0, sizeof(*place));
}

static __always_inline void ipft_send_end(struct ipft_journey *journey, __u64 timestamp_ns)
{
	struct ipft_end *end;
	struct ipft_cpu *cpu;
	__u64 location;

	end = bpf_ringbuf_reserve(&ipft_ends, sizeof(*end), 0);
	if (!end) {
		cpu = ipft_this_cpu();
		if (cpu)
			cpu->ends_lost++;
		return;
	}
	ipft_fill_notice(&end->event, journey, timestamp_ns, IPFT_NOTICE_END);
	location = journey->location;
	end->location = location;
	end->reason = journey->reason;
	end->ifindex = journey->ifindex;
	end->family = journey->family;
	end->protocol = journey->protocol;
	end->stage = journey->stage;
	end->flags = journey->flags;
	end->reserved = 0;
	__builtin_memcpy(end->device, journey->device, sizeof(end->device));
	__builtin_memset(end->symbol, 0, sizeof(end->symbol));
	if (location && bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_snprintf))
		bpf_snprintf(end->symbol, sizeof(end->symbol), (const char *)ipft_config.symbol_format, &location,
			     sizeof(location));
	bpf_ringbuf_submit(end, BPF_RB_NO_WAKEUP);
}

/* The skb is freed, or as good as freed. */
static __always_inline void ipft_end(__u64 skb, struct ipft_journey *journey)
{
	struct ipft_cpu *cpu;

	if (journey->flags & IPFT_JOURNEY_ENDED)
		return;
	journey->flags |= IPFT_JOURNEY_ENDED;
	if (journey->flags & IPFT_JOURNEY_ANNOUNCED) {
		journey->flags |= IPFT_JOURNEY_END_SENT;
		ipft_send_end(journey, bpf_ktime_get_ns());
	} else if (journey->events) {
		cpu = ipft_this_cpu();
		if (cpu)
			cpu->unseen++;
	}
	journey->cpu = bpf_get_smp_processor_id();
	journey->freeing_ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&ipft_ended, &skb, journey, BPF_ANY);
	ipft_forget(skb);
}

/* Functions that free an skb come right after each other, on the same CPU. */
#define IPFT_TAIL_NS 10000000ull

/*
 * The journey that has just ended, of an skb that one of the functions which free it was called with.
 * @matches: whether the skb has the wanted mark: if not, it may be one that nobody follows, at the same address
 */
static __always_inline struct ipft_journey *ipft_find_ended(__u64 skb, __u32 target, bool matches)
{
	struct ipft_journey *journey = bpf_map_lookup_elem(&ipft_ended, &skb);

	if (!journey || journey->tail & IPFT_TAIL_FINISHED)
		return NULL;
	if ((target & IPFT_TARGET_HEAD && journey->tail & IPFT_TAIL_HEAD) ||
	    (!matches && (journey->cpu != bpf_get_smp_processor_id() ||
			  bpf_ktime_get_ns() - journey->freeing_ns > IPFT_TAIL_NS))) {
		journey->tail |= IPFT_TAIL_FINISHED;
		return NULL;
	}
	return journey;
}

#endif
