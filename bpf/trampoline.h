/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where a function's arguments are when a trampoline calls: ctx points to them, each in 8 bytes. */
#ifndef IPFT_TRAMPOLINE_H
#define IPFT_TRAMPOLINE_H

#define IPFT_EINVAL 22
/* As many as the other backends know. */
#define IPFT_ARGUMENTS 6

/* The helper is inlined and knows how many there are (Linux 5.17+); before, the function's own memory is read. */
static __always_inline int ipft_trampoline_argument(void *ctx, __u32 n, __u64 *value)
{
	if (n >= IPFT_ARGUMENTS)
		return -IPFT_EINVAL;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_func_arg))
		return bpf_get_func_arg(ctx, n, value) ? -IPFT_EINVAL : 0;
	return bpf_probe_read_kernel(value, sizeof(*value), (__u64 *)ctx + n) ? -IPFT_EINVAL : 0;
}

#endif
