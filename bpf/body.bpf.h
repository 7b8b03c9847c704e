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

#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "event.h"

struct sk_buff {
	__u32 mark;
} __attribute__((preserve_access_index));

/* The user's extension, or no-extension.bpf.c: libbpf's static linker puts it here. */
extern int module(void *ctx, struct sk_buff *skb, __u8 data[IPFT_DATA_SIZE]);

#if !defined(IPFT_MARK_BY_HELPER) && !defined(IPFT_SKB_IS_TYPED)
/*
 * Linux 6.2+: turns any pointer into one that may be read without a helper call. libbpf's linker (1.1) can't link two
 * objects that both declare the same kfunc: for an extension that declares this one, the tracer does without it.
 */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#endif

const volatile struct ipft_config ipft_config SEC(".rodata.ipft") = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 24);	/* replaced before loading: --ring-size */
} ipft_events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ipft_cpu);
} ipft_cpus SEC(".maps");

static __always_inline struct ipft_cpu *ipft_this_cpu(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&ipft_cpus, &key);
}

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

static __always_inline __u64 ipft_cookie(void *ctx);

static __always_inline void ipft_fill(struct ipft_event *event, __u64 skb, __u64 timestamp_ns, __u32 target)
{
	event->skb = skb;
	event->timestamp_ns = timestamp_ns;
	event->target = target & IPFT_TARGET_INDEX;
	event->cpu = bpf_get_smp_processor_id();
}

enum ipft_entered {
	IPFT_DROPPED,		/* by the extension: there is no event */
	IPFT_RECORDED,
	IPFT_NO_ROOM,
};

/* Makes the record of an entry. The extension writes straight into the ring: nothing is copied. */
static __always_inline enum ipft_entered ipft_record_entry(void *ctx, __u64 skb, __u64 timestamp_ns, __u32 target,
							   __u8 depth)
{
	struct ipft_event *event;

	event = bpf_ringbuf_reserve(&ipft_events, sizeof(*event) + ipft_config.data_size, 0);
	if (!event) {
		ipft_count_lost(timestamp_ns);
		return IPFT_NO_ROOM;
	}
	ipft_fill(event, skb, timestamp_ns, target);
	event->flags = 0;
	event->depth = depth;
	if (ipft_config.data_size) {
		ipft_clear(event->data);
		if (module(ctx, (struct sk_buff *)skb, event->data)) {
			bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
			return IPFT_DROPPED;
		}
	}
	/* The reader polls: nobody is woken up. */
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return IPFT_RECORDED;
}

#ifdef IPFT_SKB_IS_TYPED
#define IPFT_SKB_NUMBER(skb) ipft_as_number(skb)
#else
#define IPFT_SKB_NUMBER(skb) ((__u64)(skb))
#endif

/* A function was entered, and its return is not looked for. */
static __always_inline void ipft_trace(void *ctx, struct sk_buff *skb)
{
	if (!ipft_matches(skb) || ipft_sampled_out())
		return;
	ipft_record_entry(ctx, IPFT_SKB_NUMBER(skb), bpf_ktime_get_ns(), ipft_cookie(ctx), 0);
}

#endif
