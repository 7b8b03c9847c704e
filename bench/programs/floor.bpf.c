// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Floors: what a program costs that does next to nothing, attached as the tracer's are. The programs bear the names of
 * the tracer's, so that its backends attach them. FLOOR says what they do:
 *   0  nothing
 *   1  reserve a record of RECORD_BYTES and submit it
 *   2  the same, with one load from the skb (by a helper where kernels can't do it otherwise: LOAD_BY_HELPER)
 */
#include <linux/types.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "../../bpf/abi/target.h"
#include "../../bpf/core/registers.h"

struct sk_buff {
	__u32 len;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 26);
} ipft_events SEC(".maps");

/* The kprobe backend writes into it before Linux 5.15; nobody reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 14);
	__type(key, __u64);
	__type(value, __u32);
} ipft_functions SEC(".maps");

/* The backend kprobe-multi clears it before attaching; nobody reads it. */
__u64 ipft_cookies[1 << IPFT_COOKIE_BITS] SEC(".bss.cookies");

#if FLOOR == 2 && !defined(LOAD_BY_HELPER)
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#endif

static __always_inline int floor_body(struct sk_buff *skb)
{
#if FLOOR > 0
	void *record = bpf_ringbuf_reserve(&ipft_events, RECORD_BYTES, 0);

	if (!record)
		return 0;
#if FLOOR == 2
#ifdef LOAD_BY_HELPER
	bpf_core_read(record, sizeof(__u32), &skb->len);
#else
	skb = bpf_rdonly_cast(skb, bpf_core_type_id_kernel(struct sk_buff));
	*(__u32 *)record = skb->len;
#endif
#endif
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
#endif
	return 0;
}

#define KPROBE_PROGRAM(name, position)								\
	SEC(KPROBE_SECTION)									\
	int ipft_entry_##name(struct ipft_registers *ctx)					\
	{											\
		return floor_body((struct sk_buff *)ctx->IPFT_REGISTER_##position);		\
	}

/* The verifier lets such a program read its arguments only through a helper. */
#define MULTI_PROGRAM(name, position)								\
	SEC("ipft/fentry.multi")								\
	int ipft_entry_##name(__u64 *ctx)							\
	{											\
		__u64 skb = 0;									\
												\
		if (FLOOR == 2)									\
			bpf_get_func_arg(ctx, position, &skb);					\
		return floor_body((struct sk_buff *)skb);					\
	}

#if defined(KPROBE_SECTION)
KPROBE_PROGRAM(0, 0)
KPROBE_PROGRAM(1, 1)
KPROBE_PROGRAM(2, 2)
KPROBE_PROGRAM(deciding, 0)
#else
MULTI_PROGRAM(0, 0)
MULTI_PROGRAM(1, 1)
MULTI_PROGRAM(2, 2)
MULTI_PROGRAM(deciding, 0)
#endif

char floor_license[] SEC("license") = "Dual BSD/GPL";
