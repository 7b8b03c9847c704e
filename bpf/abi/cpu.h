/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Counters. */
#ifndef IPFT_CPU_H
#define IPFT_CPU_H

/*
 * One for each CPU, in the only entry of the map ipft_cpus. Counted with atomic additions, though no other CPU writes
 * there: an interrupt or, in a trampoline, another task may come in between.
 */
struct ipft_cpu {
	__u64 lost;		/* events that found no room in the ring */
	__u64 lost_first_ns;	/* when the first and the last of them were lost */
	__u64 lost_last_ns;
	__u64 matched;		/* events before sampling; counted only if there is a sample period */
	__u64 calls;		/* calls that were followed to their return; makes their numbers */
	__u64 unfollowed;	/* events of skbs that found no slot in ipft_journeys */
	__u64 ends_lost;	/* ends that found no room in the ring */
	__u64 unseen;		/* journeys of which no event found room */
	__u64 connections;	/* how many were noted */
	__u64 unrun;		/* tracepoints that were passed while no program of a kprobe is run; see ipft_count_unrun */
	__u64 uncounted;	/* packets or calls whose values found no room in ipft_counts */
	__u64 valueless;	/* packets that ended before any call at which all fields had a value */
};

#endif
