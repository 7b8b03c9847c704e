// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Backend kprobe (any kernel): as kprobe-multi.bpf.c, attached to a perf event for each function.
 *
 * build: .by-helper -DIPFT_BY_HELPER
 */
#include "kprobe.h"

/* Linux 5.8 to 5.14 have no cookies for kprobes: there the function is found by its address. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);		/* replaced before loading, where it is needed */
	__type(key, __u64);
	__type(value, __u32);
} ipft_functions SEC(".maps");

static __always_inline __u64 ipft_address(void *ctx)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_func_ip))
		return bpf_get_func_ip(ctx);
	return ((struct ipft_registers *)ctx)->IPFT_REGISTER_IP - IPFT_BREAKPOINT_BYTES;
}

static __always_inline __u64 ipft_cookie(void *ctx)
{
	__u32 *target;
	__u64 address;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_attach_cookie))
		return bpf_get_attach_cookie(ctx);
	address = ((struct ipft_registers *)ctx)->IPFT_REGISTER_IP - IPFT_BREAKPOINT_BYTES;
	target = bpf_map_lookup_elem(&ipft_functions, &address);
	return target ? *target : IPFT_TARGET_INDEX;
}

IPFT_ENTRIES("kprobe")
