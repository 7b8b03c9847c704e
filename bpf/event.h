/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What kernel side and user side agree on. src/tracer/record.ts mirrors every struct here: change both together.
 * Native byte order, no padding.
 */
#ifndef IPFT_EVENT_H
#define IPFT_EVENT_H

/* One record of the ring. 24 bytes without an extension, 24 + ipft_config.data_size with one. */
struct ipft_event {
	__u64 skb;		/* address of the skb */
	__u64 timestamp_ns;	/* bpf_ktime_get_ns(): CLOCK_MONOTONIC */
	__u32 target;		/* index into the table of targets: the attach cookie */
	__u16 cpu;
	__u16 flags;		/* IPFT_EVENT_* */
	__u8 data[];		/* the extension's, all zero when module() is entered */
};

#define IPFT_EVENT_RETURN 1	/* the function returned; without it: it was entered */

/* Written by the user side before loading; constants to the verifier, which removes the branches that they rule out. */
struct ipft_config {
	__u32 mark;		/* what the masked mark must be */
	__u32 mask;
	__u32 data_size;	/* bytes of ipft_event.data: 0, or from IPFT_DATA_SIZE to IPFT_MAX_DATA_SIZE, a multiple of 8 */
	__u32 sample_period;	/* keep one matching event in this many, on each CPU; 0 and 1 keep all */
};

/* module() may always write this much, and as much as its event struct holds, if that is more. */
#define IPFT_DATA_SIZE 64
#define IPFT_MAX_DATA_SIZE 1024

/* One for each CPU, in the only entry of the map ipft_cpus. */
struct ipft_cpu {
	__u64 lost;		/* events that found no room in the ring */
	__u64 lost_first_ns;	/* when the first and the last of them were lost */
	__u64 lost_last_ns;
	__u64 matched;		/* events before sampling; counted only if there is a sample period */
};

#endif
