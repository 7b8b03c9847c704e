/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What every backend does at a traced function: look at the mark, and if it is the wanted one, make a record and let
 * the extension fill in its part.
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

#ifndef IPFT_MARK_BY_HELPER
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

static __always_inline bool ipft_matches(struct sk_buff *skb)
{
	const __u32 mask = ipft_config.mask, wanted = ipft_config.mark;
	__u32 mark;

#ifndef IPFT_MARK_BY_HELPER
	/*
	 * A load through bpf_rdonly_cast costs nothing that could be measured, but reads 0 from a pointer that leads
	 * nowhere. Where 0 is what is looked for, only the helper can tell the two apart.
	 */
	if (wanted && bpf_rdonly_cast) {
		skb = bpf_rdonly_cast(skb, bpf_core_type_id_kernel(struct sk_buff));
		mark = skb->mark;
		/* Keeps the compiler from sharing this load with the other branch: the verifier wants one kind of pointer. */
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
	__u32 key = 0;

	if (ipft_config.sample_period <= 1)
		return false;
	cpu = bpf_map_lookup_elem(&ipft_cpus, &key);
	return cpu && cpu->matched++ % ipft_config.sample_period;
}

/* Plain additions suffice: the counters belong to this CPU, and the kernel runs no program within another on it. */
static __always_inline void ipft_count_lost(__u64 timestamp_ns)
{
	struct ipft_cpu *cpu;
	__u32 key = 0;

	cpu = bpf_map_lookup_elem(&ipft_cpus, &key);
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

/* The attach cookie of the function that was hit: each backend has its own way to it. */
static __always_inline __u64 ipft_cookie(void *ctx);

static __always_inline void ipft_trace(void *ctx, struct sk_buff *skb, __u16 flags)
{
	struct ipft_event *event;
	__u64 timestamp_ns;

	if (!ipft_matches(skb) || ipft_sampled_out())
		return;
	timestamp_ns = bpf_ktime_get_ns();
	event = bpf_ringbuf_reserve(&ipft_events, sizeof(*event) + ipft_config.data_size, 0);
	if (!event) {
		ipft_count_lost(timestamp_ns);
		return;
	}
	event->skb = (__u64)skb;
	event->timestamp_ns = timestamp_ns;
	event->target = ipft_cookie(ctx);
	event->cpu = bpf_get_smp_processor_id();
	event->flags = flags;
	/* The extension writes straight into the ring: nothing is copied. The reader polls: nobody is woken up. */
	if (ipft_config.data_size) {
		ipft_clear(event->data);
		if (module(ctx, skb, event->data)) {
			bpf_ringbuf_discard(event, BPF_RB_NO_WAKEUP);
			return;
		}
	}
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

#endif
