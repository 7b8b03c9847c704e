/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Counting instead of events: how often the fields had which values. The data that an event would carry are the key of a
 * map, so a packet that is counted writes nothing to a ring.
 */
#ifndef IPFT_COUNT_H
#define IPFT_COUNT_H

#include "fields.h"

/* Each CPU counts for itself, which no other one must wait for. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);	/* replaced before loading, as key_size is by the size of the data */
	__uint(key_size, 8);
	__uint(value_size, sizeof(__u64));
} ipft_counted SEC(".maps");

/* The binary logarithm of a number that is not 0, rounded down. */
static __always_inline __u32 ipft_log2(__u64 number)
{
	__u32 log = 0, bits;

#pragma unroll
	for (bits = 32; bits; bits /= 2) {
		if (number >> bits) {
			number >>= bits;
			log += bits;
		}
	}
	return log;
}

static __always_inline __u64 ipft_step(__u64 number)
{
	if (!number)
		return IPFT_STEP_ZERO;
	if (ipft_config.histogram == IPFT_HISTOGRAM_SIGNED && (__s64)number < 0)
		return IPFT_STEP_ZERO - 1 - ipft_log2(-number);
	return IPFT_STEP_ZERO + 1 + ipft_log2(number);
}

/* Whether all fields have a value. */
static __always_inline bool ipft_has_values(const __u8 *data)
{
	__u32 i;

	for (i = 0; i < IPFT_MAX_COUNTED_SIZE; i++) {
		if (i >= ipft_config.presences)
			break;
		if (!data[i])
			return false;
	}
	return true;
}

/* Counts a call, or its packet if that is not counted yet. */
IPFT_FUNCTION int ipft_count_hit(void *ctx, __u64 skb, struct ipft_journey *journey)
{
	__u64 data[IPFT_MAX_COUNTED_SIZE / 8] = {}, one = 1, *counter, *number;
	struct ipft_cpu *cpu;
	long error;

	ipft_show(ctx, (struct sk_buff *)skb, (__u8 *)data);
	if (ipft_config.counts == IPFT_COUNTS_PACKETS && !ipft_has_values((__u8 *)data)) {
		journey->left_out = 1;
		return 0;
	}
	journey->flags |= IPFT_JOURNEY_COUNTED;
	if (ipft_config.histogram) {
		number = (__u64 *)((__u8 *)data + (ipft_config.number_at & (IPFT_MAX_COUNTED_SIZE - 8)));
		*number = ipft_step(*number);
	}
	counter = bpf_map_lookup_elem(&ipft_counted, data);
	if (!counter) {
		error = bpf_map_update_elem(&ipft_counted, data, &one, BPF_NOEXIST);
		if (!error)
			return 0;
		/* An interrupt, or another CPU, was faster. */
		counter = error == -IPFT_EEXIST ? bpf_map_lookup_elem(&ipft_counted, data) : NULL;
	}
	if (counter) {
		ipft_count(*counter);
		return 0;
	}
	cpu = ipft_this_cpu();
	if (cpu)
		ipft_count(cpu->uncounted);
	return 0;
}

#endif
