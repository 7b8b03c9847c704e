/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The arguments of a function with a trampoline: ctx points to them, each in 8 bytes. */
#ifndef IPFT_TRAMPOLINE_H
#define IPFT_TRAMPOLINE_H

/* The helper knows how many arguments there are (Linux 5.17+). Before, ctx is read as memory. */
static __always_inline int ipft_trampoline_argument(void *ctx, __u32 n, __u64 *value)
{
	if (n >= IPFT_MAX_ARGUMENTS)
		return -IPFT_EINVAL;
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_func_arg))
		return bpf_get_func_arg(ctx, n, value) ? -IPFT_EINVAL : 0;
	return bpf_probe_read_kernel(value, sizeof(*value), (__u64 *)ctx + n) ? -IPFT_EINVAL : 0;
}

/*
 * The address that the function returns to. Behind the arguments, of which the functions with IPFT_TARGET_REPORTS have no
 * more than six, the trampoline keeps the return value, and behind that a frame. The frame holds the address that the
 * trampoline returns to, within the function, and behind it the wanted one; on arm64 with another word in between.
 */
#if defined(__TARGET_ARCH_x86)
#define IPFT_RETURN_BEHIND 1
#else
#define IPFT_RETURN_BEHIND 2
#endif
/* The bytes from a function's beginning to the end of the call of its trampoline, at most. */
#define IPFT_HOOK_BYTES 32
/* Saved registers and padding between the arguments and the frame. */
#define IPFT_FRAME_WORDS 8

static __always_inline __u64 ipft_trampoline_return(__u64 ctx, __u64 address, __u32 target)
{
	const __u64 *words = (__u64 *)ctx + ipft_target_arguments(target);
	__u32 i;

	for (i = 0; i < IPFT_FRAME_WORDS; i++) {
		if (ipft_read_word(words + i) - address - 1 < IPFT_HOOK_BYTES)
			return ipft_read_word(words + i + IPFT_RETURN_BEHIND);
	}
#if defined(__TARGET_ARCH_x86)
	/*
	 * Linux 6.19+ lets the function jump to its trampoline instead of calling it: behind the arguments are the
	 * return value, the saved frame pointer and the wanted address.
	 */
	return ipft_read_word(words + 2);
#else
	return 0;
#endif
}

#endif
