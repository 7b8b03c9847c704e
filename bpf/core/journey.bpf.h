/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Journeys. The address of an skb does not identify a packet: the kernel gives the same memory to the next one. So each
 * followed skb has a slot of ipft_journeys, from its first event until it is freed, with an id that no other journey
 * has. Notices in the ring tell the user side of it.
 *
 * lifecycle.bpf.c uses the same maps.
 */
#ifndef IPFT_JOURNEY_H
#define IPFT_JOURNEY_H

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../abi/config.h"
#include "../abi/cpu.h"
#include "../abi/journey.h"
#include "../abi/record.h"
#include "errno.h"
#include "../abi/target.h"

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
	unsigned char skc_state;
	possible_net_t skc_net;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u8 sk_shutdown;
} __attribute__((preserve_access_index));

struct sk_buff {
	struct sk_buff *next;
	struct net_device *dev;
	struct sock *sk;
	__u32 mark;
	char cb[48];
	void *destructor;
} __attribute__((preserve_access_index));

struct tcp_skb_cb {
	__u32 seq;
	__u32 end_seq;
	__u8 tcp_flags;
} __attribute__((preserve_access_index));

struct tcp_sock {
	__u32 copied_seq;
} __attribute__((preserve_access_index));

#ifndef IPFT_BY_HELPER
/*
 * Linux 6.2+: turns a number into a pointer that can be read without a helper. libbpf's linker (1.1) can't link two
 * objects that declare the same kfunc: for an extension that declares this one, and for older kernels, there is a
 * second build without it.
 */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#endif

/*
 * Code that seldom runs stands in functions of its own: programs are smaller, the verifier is done sooner, and the stack
 * holds little while the extension runs. Not so where programs read through pointers that may lead nowhere: there
 * calling functions panics some kernels (see ipft_matches). With an extension or a filter they call functions anyway.
 */
#if defined(IPFT_SKB_IS_TYPED) && !defined(IPFT_WITH_CALLS)
#define IPFT_FUNCTION static __always_inline
#define IPFT_HAS_FILTERS false
#else
#define IPFT_FUNCTION static __noinline
#define IPFT_HAS_FILTERS true	/* besides the mark */
#endif

const volatile struct ipft_config ipft_config SEC(".rodata.ipft") = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);	/* replaced before loading: --ring-size */
} ipft_events SEC(".maps");

/* Ends have a ring of their own: the fate of packets is known even where events find no room. */
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

/*
 * The journeys: an open hash table. The journey of an skb is in its home slot, which the skb's address leads to, or in
 * one of the slots behind it: usually one load. The kernel's own hash maps take ten times as long, since they walk
 * lists that change meanwhile; here a journey keeps its slot.
 */
#define IPFT_NEAR_SLOTS 8	/* the home slot, and those behind it where a journey may lie */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);	/* the user side reads which journeys have not ended */
	__uint(max_entries, IPFT_MAX_JOURNEYS);
	__type(key, __u32);
	__type(value, struct ipft_journey);
} ipft_journeys SEC(".maps");

/*
 * The number of living journeys whose address has this hash. Usually 0, so that a packet that does not match is known by
 * one load not to be followed.
 */
#define IPFT_KNOWN_BITS 14
__u32 ipft_known[1 << IPFT_KNOWN_BITS] SEC(".bss.ipft");
/* The number of living journeys that are followed whatever their mark. Usually 0; with --follow, all of them. */
__u32 ipft_followed SEC(".bss.ipft");
/* With filters: when the last journey of an skb whose address has this hash ended; 0: none has. */
#define IPFT_ENDED_BITS 12
__u64 ipft_ended[1 << IPFT_ENDED_BITS] SEC(".bss.ipft");
/* The locations whose names the user side has been told. */
#define IPFT_TOLD_BITS 8
__u64 ipft_told[1 << IPFT_TOLD_BITS] SEC(".bss.ipft");
#ifdef IPFT_BY_HELPER
/* The number of claims that are being made right now to a slot with this index, or one that shares it: see ipft_claim. */
#define IPFT_CLAIMS (1 << 14)
__u32 ipft_claims[IPFT_CLAIMS] SEC(".bss.ipft");
#endif

static __always_inline struct ipft_cpu *ipft_this_cpu(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&ipft_cpus, &key);
}

/* The only arithmetic that the verifier allows on a typed pointer: it makes a number of the low half. */
static __always_inline __u32 ipft_low_half(const void *pointer)
{
	__u64 low;

	asm volatile("r1 = %1; w1 -= 0; %0 = r1" : "=r"(low) : "r"(pointer) : "r1");
	return low;
}

/* A hash of the low half of an address. */
static __always_inline __u32 ipft_hash(__u32 low, __u32 bits)
{
	return (low * 0x9e3779b1u) >> (32 - bits);
}

/* @low: the low half of the skb's address */
static __always_inline bool ipft_may_be_known(__u32 low)
{
	return *(volatile __u32 *)&ipft_known[ipft_hash(low, IPFT_KNOWN_BITS)];
}

/*
 * Reads the 8 bytes at an address of the kernel; 0 if nothing is mapped there. Needs no helper where the kernel casts
 * numbers to pointers. The struct is one that every kernel has, with a member of 8 bytes at its beginning.
 */
struct timespec64 {
	long long tv_sec;
} __attribute__((preserve_access_index));

static __always_inline __u64 ipft_read_word(const void *address)
{
#ifdef IPFT_BY_HELPER
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), address);
	return word;
#else
	struct timespec64 *word = bpf_rdonly_cast(address, bpf_core_type_id_kernel(struct timespec64));

	return word->tv_sec;
#endif
}

/* Adds 1. The result must not be used: kernels before 5.12 refuse a program that asks for it. */
#define ipft_count(counter) ((void)__sync_fetch_and_add(&(counter), 1))

static __always_inline void ipft_count_lost(__u64 timestamp_ns)
{
	struct ipft_cpu *cpu = ipft_this_cpu();

	if (!cpu)
		return;
	if (!cpu->lost_first_ns)
		cpu->lost_first_ns = timestamp_ns;
	cpu->lost_last_ns = timestamp_ns;
	ipft_count(cpu->lost);
}

static __always_inline struct ipft_journey *ipft_journey_at(__u32 slot)
{
	slot &= IPFT_MAX_JOURNEYS - 1;
	return bpf_map_lookup_elem(&ipft_journeys, &slot);
}

/* Finds the slot with an owner, among those where the journey of the skb can be. */
IPFT_FUNCTION struct ipft_journey *ipft_search(__u64 skb, __u64 owner)
{
	const __u32 home = ipft_hash(skb, IPFT_JOURNEY_BITS);
	struct ipft_journey *journey;
	__u32 i;

	for (i = 0; i < IPFT_NEAR_SLOTS; i++) {
		journey = ipft_journey_at(home + i);
		if (journey && journey->owner == owner)
			return journey;
	}
	return NULL;
}

/* The living journey of an skb. */
static __always_inline struct ipft_journey *ipft_find(__u64 skb)
{
	struct ipft_journey *journey = ipft_journey_at(ipft_hash(skb, IPFT_JOURNEY_BITS));

	if (journey && journey->owner == skb)
		return journey;
	return ipft_may_be_known(skb) ? ipft_search(skb, skb) : NULL;
}

/*
 * Gives a slot an owner, unless it has got another one meanwhile. Returns whether it did. Kernels before 5.12 refuse a
 * program with an atomic compare and exchange, but know an atomic addition: each claim adds 1 to a counter, and succeeds
 * if the counter is 1 then. Of two claims at the same time both may fail; the counter is 0 again afterwards.
 */
static __always_inline bool ipft_claim(struct ipft_journey *journey, __u32 slot, __u64 before, __u64 owner)
{
#ifdef IPFT_BY_HELPER
	__u32 *claims = &ipft_claims[slot & (IPFT_CLAIMS - 1)];
	bool is_mine;

	__sync_fetch_and_add(claims, 1);
	is_mine = *(volatile __u32 *)claims == 1 && *(volatile __u64 *)&journey->owner == before;
	if (is_mine)
		*(volatile __u64 *)&journey->owner = owner;
	__sync_fetch_and_add(claims, -1);
	return is_mine;
#else
	return __sync_val_compare_and_swap(&journey->owner, before, owner) == before;
#endif
}

/*
 * Claims a slot for an skb that has no journey: the slot of the last journey at its address, which would be mistaken for
 * this one later; or a free slot; or one whose journey has ended. The journey's id is made of the slot's index and of
 * how often the slot has been claimed. A slot has one journey at a time, so no two journeys get the same id, whatever
 * CPU or interrupt comes in between, and living journeys differ in the low half.
 */
IPFT_FUNCTION struct ipft_journey *ipft_take_slot(__u64 skb)
{
	const __u32 home = ipft_hash(skb, IPFT_JOURNEY_BITS);
	struct ipft_journey *journey;
	__u64 owner = 0, before = 0;
	__u32 i, slot = home, worth, best = 0;

	for (i = 0; i < IPFT_NEAR_SLOTS; i++) {
		/* The first slot stays empty: the id 0 stands for no journey. */
		if (!((home + i) & (IPFT_MAX_JOURNEYS - 1)))
			continue;
		journey = ipft_journey_at(home + i);
		if (!journey)
			return NULL;
		owner = journey->owner;
		/* Another CPU began the journey of this skb meanwhile. */
		if (owner == skb || owner == (skb | IPFT_OWNER_BUSY))
			return NULL;
		worth = owner == (skb | IPFT_OWNER_ENDED) ? 3 : !owner ? 2 : owner & IPFT_OWNER_ENDED ? 1 : 0;
		if (worth > best) {
			best = worth;
			slot = home + i;
			before = owner;
		}
	}
	if (!best)
		return NULL;
	slot &= IPFT_MAX_JOURNEYS - 1;
	journey = bpf_map_lookup_elem(&ipft_journeys, &slot);
	if (!journey || !ipft_claim(journey, slot, before, skb | IPFT_OWNER_BUSY))
		return NULL;
	journey->id = journey->id ? journey->id + IPFT_MAX_JOURNEYS : slot;
	return journey;
}

/* Publishes the owner of a slot whose other members are written. */
static __always_inline void ipft_hand_over(struct ipft_journey *journey, __u64 owner)
{
#ifdef IPFT_BY_HELPER
	barrier();
	journey->owner = owner;
#else
	__sync_lock_test_and_set(&journey->owner, owner);
#endif
}

/* Begins the journey of an skb that has none. */
IPFT_FUNCTION struct ipft_journey *ipft_begin(__u64 skb, __u64 parent, __u8 flags)
{
	struct ipft_journey *journey = ipft_take_slot(skb);
	struct ipft_cpu *cpu;

	if (!journey) {
		/* No slot is free, or another CPU began the journey. */
		journey = ipft_search(skb, skb);
		cpu = journey ? NULL : ipft_this_cpu();
		if (cpu)
			ipft_count(cpu->unfollowed);
		return journey;
	}
	if (ipft_config.follow)
		flags |= IPFT_JOURNEY_FOLLOWED;
	journey->parent = parent;
	journey->where = 0;
	journey->freeing_ns = 0;
	journey->location = 0;
	journey->caller = 0;
	journey->sock = 0;
	journey->looked = 0;
	journey->reason = 0;
	journey->events = 0;
	journey->ifindex = 0;
	journey->family = 0;
	journey->protocol = 0;
	journey->stage = IPFT_STAGE_NONE;
	journey->flags = flags;
	journey->cpu = 0;
	journey->tail = 0;
	journey->left_out = 0;
	journey->sock_state = 0;
	__builtin_memset(journey->device, 0, sizeof(journey->device));
	if (flags & IPFT_JOURNEY_FOLLOWED)
		__sync_fetch_and_add(&ipft_followed, 1);
	__sync_fetch_and_add(&ipft_known[ipft_hash(skb, IPFT_KNOWN_BITS)], 1);
	ipft_hand_over(journey, skb);
	return journey;
}

static __always_inline void ipft_fill(struct ipft_event *event, const struct ipft_journey *journey, __u64 timestamp_ns,
				      __u32 target)
{
	event->timestamp_ns = timestamp_ns;
	event->journey = journey->id;
	event->sequence = journey->events;
	event->target = target;
	event->cpu = bpf_get_smp_processor_id();
}

/* Counts an event that has its number. Events at the same time may have the same number; the count is right. */
static __always_inline void ipft_count_event(struct ipft_journey *journey)
{
	ipft_count(journey->events);
}

static __always_inline void ipft_fill_notice(struct ipft_event *event, const struct ipft_journey *journey,
					     __u64 timestamp_ns, __u32 which)
{
	ipft_fill(event, journey, timestamp_ns, which);
	event->flags = IPFT_EVENT_NOTICE;
	event->depth = 0;
}

/* The least inode of a namespace (PROC_DYNAMIC_FIRST, less a few fixed ones). */
#define IPFT_FIRST_NETNS 0xefffff00u

/*
 * The address of the device or socket that tells where a packet is, if it is another one than the last time; else 0.
 * skb->dev holds other values while the skb is in certain queues: here values that are no addresses are refused,
 * ipft_read_place refuses the rest.
 */
static __always_inline __u64 ipft_new_whereabouts(struct sk_buff *skb, const struct ipft_journey *journey)
{
	__u64 where;

	where = ipft_read_word(&skb->dev);
	if ((__s64)where >= 0) {
		if (journey->where)
			return 0;
		where = ipft_read_word(&skb->sk);
		return (__s64)where < 0 ? where | 1 /* a socket */ : 0;
	}
	return where == journey->where ? 0 : where;
}

/* @where: from ipft_new_whereabouts. Fills `place` with zeros if it is no device and no socket. */
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

/* Fills an end, except for its symbol. */
static __always_inline void ipft_fill_end(struct ipft_end *end, const struct ipft_journey *journey, __u64 timestamp_ns)
{
	ipft_fill_notice(&end->event, journey, timestamp_ns, IPFT_NOTICE_END);
	end->id = journey->id;
	end->location = journey->location;
	end->reason = journey->reason;
	end->ifindex = journey->ifindex;
	end->family = journey->family;
	end->protocol = journey->protocol;
	end->stage = journey->stage;
	end->flags = journey->flags;
	end->reserved = 0;
	__builtin_memcpy(end->device, journey->device, sizeof(end->device));
}

/*
 * Writes the end of a journey: to the ring of ends, or if that is full, among the events. Finding the symbol of the
 * location takes longer than all the rest, so each is written once, and again where two share an element of ipft_told.
 * ipft_told is read before room is reserved: the record with the symbol must come before any record that omits it.
 */
static __always_inline void ipft_send_end(struct ipft_journey *journey, __u64 timestamp_ns)
{
	__u64 location = journey->location;
	__u64 *told = &ipft_told[ipft_hash(location, IPFT_TOLD_BITS)];
	struct ipft_end *end;
	struct ipft_cpu *cpu;

	if (location && *(volatile __u64 *)told != location &&
	    bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_snprintf)) {
		end = bpf_ringbuf_reserve(&ipft_ends, sizeof(*end), 0);
		if (end) {
			ipft_fill_end(end, journey, timestamp_ns);
			__builtin_memset(end->symbol, 0, sizeof(end->symbol));
			bpf_snprintf(end->symbol, sizeof(end->symbol), (const char *)ipft_config.symbol_format, &location,
				     sizeof(location));
			bpf_ringbuf_submit(end, BPF_RB_NO_WAKEUP);
			*told = location;
			return;
		}
	} else {
		end = bpf_ringbuf_reserve(&ipft_ends, IPFT_END_BYTES, 0);
	}
	if (!end)
		end = bpf_ringbuf_reserve(&ipft_events, IPFT_END_BYTES, 0);
	if (!end) {
		cpu = ipft_this_cpu();
		if (cpu)
			ipft_count(cpu->ends_lost);
		return;
	}
	ipft_fill_end(end, journey, timestamp_ns);
	bpf_ringbuf_submit(end, BPF_RB_NO_WAKEUP);
}

#define IPFT_IPPROTO_TCP 6

/* enum of net/tcp_states.h */
#define IPFT_TCP_SYN_SENT	2
#define IPFT_TCP_TIME_WAIT	6
#define IPFT_TCP_CLOSE		7
#define IPFT_TCP_LISTEN		10

/* include/net/tcp.h */
#define IPFT_TCPHDR_FIN 1
#define IPFT_TCPHDR_SYN 2
#define IPFT_TCPHDR_RST 4

#define IPFT_SHUTDOWN_MASK 3

/* How much of a packet its TCP socket has taken in. */
struct ipft_taken {
	__u32 payload;		/* bytes */
	__u32 unread;		/* of these: not read by the application */
	__u8 flags;
};

/* False unless the packet was handed to a TCP socket, in a state in which it takes data in. */
static __always_inline bool ipft_look_at_socket(__u64 skb, const struct ipft_journey *journey, struct ipft_taken *taken)
{
	struct tcp_skb_cb *control = (void *)&((struct sk_buff *)skb)->cb[0];
	struct tcp_sock *sk = (void *)journey->sock;
	__u32 begin = 0, end = 0, read = 0;
	const __u8 state = journey->sock_state;

	if (journey->stage != IPFT_STAGE_QUEUED || journey->protocol != IPFT_IPPROTO_TCP || state == IPFT_TCP_LISTEN ||
	    state == IPFT_TCP_CLOSE || state == IPFT_TCP_SYN_SENT)
		return false;
	taken->flags = 0;
	if (bpf_core_read(&begin, sizeof(begin), &control->seq) || bpf_core_read(&end, sizeof(end), &control->end_seq) ||
	    bpf_core_read(&taken->flags, sizeof(taken->flags), &control->tcp_flags))
		return false;
	/* SYN and FIN take a sequence number each, and hold no data. */
	if (taken->flags & IPFT_TCPHDR_SYN)
		begin++;
	if (taken->flags & IPFT_TCPHDR_FIN)
		end--;
	taken->payload = end - begin;
	taken->unread = taken->payload;
	/* A socket in TIME_WAIT is another, smaller struct, and takes in no data. */
	if (!taken->payload || state == IPFT_TCP_TIME_WAIT)
		return true;
	if (bpf_core_read(&read, sizeof(read), &sk->copied_seq))
		return false;
	if ((__s32)(end - read) <= 0)
		taken->unread = 0;
	else if ((__s32)(read - begin) > 0)
		taken->unread = end - read;
	return true;
}

/*
 * Whether TCP closes a socket that holds unread data of the packet. It frees them as if they had been read: no tracepoint
 * tells of the loss.
 */
static __always_inline bool ipft_is_unread(__u64 skb, const struct ipft_journey *journey)
{
	struct sock *sk = (void *)journey->sock;
	struct ipft_taken taken;
	__u8 shutdown = 0;

	if (journey->flags & (IPFT_JOURNEY_DROPPED | IPFT_JOURNEY_CONSUMED) || !journey->sock ||
	    journey->sock_state == IPFT_TCP_TIME_WAIT || !ipft_look_at_socket(skb, journey, &taken) || !taken.unread)
		return false;
	bpf_core_read(&shutdown, sizeof(shutdown), &sk->sk_shutdown);
	return (shutdown & IPFT_SHUTDOWN_MASK) == IPFT_SHUTDOWN_MASK;
}

/* Ends a journey: its skb is freed, or certain to be. */
IPFT_FUNCTION int ipft_end(__u64 skb, struct ipft_journey *journey)
{
	struct ipft_cpu *cpu;

	if (journey->flags & IPFT_JOURNEY_ENDED)
		return 0;
	if (ipft_is_unread(skb, journey))
		journey->stage = IPFT_STAGE_UNREAD;
	journey->flags |= IPFT_JOURNEY_ENDED;
	if (journey->flags & IPFT_JOURNEY_ANNOUNCED) {
		journey->flags |= IPFT_JOURNEY_END_SENT;
		ipft_send_end(journey, bpf_ktime_get_ns());
	} else if (ipft_config.counts) {
		cpu = journey->left_out && !(journey->flags & IPFT_JOURNEY_COUNTED) ? ipft_this_cpu() : NULL;
		if (cpu)
			ipft_count(cpu->valueless);
	} else if (journey->events) {
		cpu = ipft_this_cpu();
		if (cpu)
			ipft_count(cpu->unseen);
	}
	journey->cpu = bpf_get_smp_processor_id();
	journey->freeing_ns = bpf_ktime_get_ns();
	if (ipft_config.filters)
		ipft_ended[ipft_hash(skb, IPFT_ENDED_BITS)] = journey->freeing_ns;
	if (journey->flags & IPFT_JOURNEY_FOLLOWED)
		__sync_fetch_and_add(&ipft_followed, -1);
	__sync_fetch_and_add(&ipft_known[ipft_hash(skb, IPFT_KNOWN_BITS)], -1);
	/* The slot keeps the journey for the functions that are called while the skb is being freed. */
	ipft_hand_over(journey, skb | IPFT_OWNER_ENDED);
	return 0;
}

/* Functions that free an skb are called one right after the other, on the same CPU. */
#define IPFT_TAIL_NS 10000000ull
/* If the packet matches, it is hardly another one: the task that frees it may have been interrupted for long. */
#define IPFT_MATCHING_TAIL_NS 1000000000ull

/* Whether ipft_find_ended may find a journey where there are filters. */
static __always_inline bool ipft_may_have_ended(__u64 skb)
{
	const __u64 ended_ns = *(volatile __u64 *)&ipft_ended[ipft_hash(skb, IPFT_ENDED_BITS)];

	return ended_ns && (__s64)(bpf_ktime_get_ns() - ended_ns) <= (__s64)IPFT_TAIL_NS;
}

/*
 * The journey that has just ended, of an skb that is being freed: a function that has a part in that is called with it.
 * @matches: whether the packet matches; if not, it may be another one at the same address
 */
static __always_inline struct ipft_journey *ipft_find_ended(__u64 skb, __u32 target, bool matches)
{
	struct ipft_journey *journey = ipft_search(skb, skb | IPFT_OWNER_ENDED);

	if (!journey || journey->tail & IPFT_TAIL_FINISHED)
		return NULL;
	if ((target & IPFT_TARGET_HEAD && journey->tail & IPFT_TAIL_HEAD) ||
	    (!matches && journey->cpu != bpf_get_smp_processor_id()) ||
	    bpf_ktime_get_ns() - journey->freeing_ns > (matches ? IPFT_MATCHING_TAIL_NS : IPFT_TAIL_NS)) {
		journey->tail |= IPFT_TAIL_FINISHED;
		return NULL;
	}
	return journey;
}

#endif
