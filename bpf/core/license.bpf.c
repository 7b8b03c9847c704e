// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The licence of the linked program, which decides what helpers it may call. An object of its own, since libbpf's
 * linker refuses two that differ: this one is left out if the extension has a licence.
 */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

char ipft_license[] SEC("license") = "Dual BSD/GPL";
