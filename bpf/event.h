/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What kernel side and user side agree on. src/tracer/record.ts mirrors every struct here: change both together.
 * Native byte order, no padding.
 */
#ifndef IPFT_EVENT_H
#define IPFT_EVENT_H

/*
 * One record of the ring. 24 bytes without an extension, 24 + ipft_config.data_size with one. With IPFT_EVENT_RETURN
 * there are 8 more: data begins with the time of the call's entry (__u64, as timestamp_ns), the extension's follow.
 */
struct ipft_event {
	__u64 skb;		/* address of the skb */
	__u64 timestamp_ns;	/* bpf_ktime_get_ns(): CLOCK_MONOTONIC */
	__u32 target;		/* index into the table of targets */
	__u16 cpu;
	__u8 flags;		/* IPFT_EVENT_* */
	__u8 depth;		/* traced calls of this skb that were open on this CPU; 255 for more. Only with returns */
	__u8 data[];		/* the extension's, all zero when module() is entered */
};

#define IPFT_EVENT_RETURN	1	/* the function returned; without it: it was entered */
#define IPFT_EVENT_NO_FIELDS	2	/* the extension's data are not there: it dropped them, or the skb was freed */
#define IPFT_EVENT_FREED	4	/* of a return: the skb was freed during the call */
#define IPFT_EVENT_ENTRY_LOST	8	/* of a return: the entry's record found no room */

/* The attach cookie: the index into the table of targets, and these. */
#define IPFT_TARGET_HIDDEN	(1u << 31)	/* makes no events: it is attached for what it does */
#define IPFT_TARGET_FREES	(1u << 30)	/* gives the skb's memory back */
#define IPFT_TARGET_INDEX	(IPFT_TARGET_FREES - 1)

/* Written by the user side before loading; constants to the verifier, which removes the branches that they rule out. */
struct ipft_config {
	__u32 mark;		/* what the masked mark must be */
	__u32 mask;
	__u32 data_size;	/* bytes of the extension: 0, or from IPFT_DATA_SIZE to IPFT_MAX_DATA_SIZE, a multiple of 8 */
	__u32 sample_period;	/* keep one matching event in this many, on each CPU; 0 and 1 keep all */
	__u32 direct_reads;	/* whether the mark may be read without a helper; see ipft_matches */
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
	__u64 calls;		/* calls that were followed to their return: numbers them */
};

#endif
