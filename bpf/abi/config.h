/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The configuration of the programs, set before loading. */
#ifndef IPFT_CONFIG_H
#define IPFT_CONFIG_H

/* The part of an event's data that a source of fields writes. Both are multiples of 8; 0 bytes: there is no such source. */
struct ipft_part {
	__u32 at;
	__u32 bytes;
};

/* A device whose packets are followed. The name is compared under a mask, which leaves out what is behind its NUL. */
struct ipft_wanted_device {
	__u64 name[2];
	__u64 mask[2];
	__u32 netns;		/* inode of its namespace; 0: in any */
	__u32 reserved;
};

enum ipft_connections_size {
	IPFT_MAX_CONNECTIONS = 1 << 16,
};

enum ipft_wanted_places_limit {
	IPFT_MAX_WANTED_PLACES = 16,
};

/* Where packets are followed. A packet must be in one of the namespaces, and on one of the devices. */
struct ipft_wanted_places {
	__u32 netns_count;	/* 0: in any namespace */
	__u32 device_count;	/* 0: on any device, or none */
	__u32 netns[IPFT_MAX_WANTED_PLACES];	/* inodes */
	struct ipft_wanted_device devices[IPFT_MAX_WANTED_PLACES];
};

/* What a packet is asked for whose mark matches: see ipft_may_begin. */
enum ipft_filters {
	IPFT_FILTERS_NOTHING = 0,
	IPFT_FILTERS_BY_PROGRAM = 1,	/* ipft_wants() and ipft_is_where() alone */
	IPFT_FILTERS_BY_MORE = 2,	/* places, connections or processes, too */
};

/* What is counted by the values of fields, where no events are made. */
enum ipft_counts {
	IPFT_COUNTS_NOTHING = 0,
	IPFT_COUNTS_PACKETS = 1,	/* each once, with its copies: at the first call where all fields have a value */
	IPFT_COUNTS_CALLS = 2,
};

enum ipft_counted_size {
	IPFT_MAX_COUNTED = 1 << 14,	/* different values that are counted apart */
};

/* Whether one of these fields is a number that is counted in steps: see ipft_step. */
enum ipft_histogram {
	IPFT_HISTOGRAM_NONE = 0,
	IPFT_HISTOGRAM_UNSIGNED = 1,
	IPFT_HISTOGRAM_SIGNED = 2,
};

/*
 * The steps of a histogram: a number is in the step IPFT_STEP_ZERO if it is 0; in IPFT_STEP_ZERO + 1 + n, n being the
 * binary logarithm, if it is more, and in IPFT_STEP_ZERO - 1 - n, n being that of its amount, if it is less.
 */
enum ipft_step {
	IPFT_STEP_ZERO = 64,
};

/* The section .rodata.ipft. The verifier knows these constants, and removes the branches that they rule out. */
struct ipft_config {
	__u32 data_size;	/* bytes of an event's data, all parts: up to IPFT_MAX_DATA_SIZE, a multiple of 8 */
	struct ipft_part module;	/* the extension's; IPFT_DATA_SIZE bytes at least */
	struct ipft_part fields;	/* of ipft_fields() */
	struct ipft_part script;	/* of ipft_script() */
	struct ipft_part show;		/* of ipft_show() */
	__u32 sample_period;	/* keep one matching event in this many, on each CPU; 0 and 1 keep all */
	__u32 direct_reads;	/* backend ftrace: whether the mark may be read without a helper; see ipft_matches */
	__u32 follow;		/* whether packets are followed whatever becomes of their mark */
	__u32 drop_has_reason;	/* whether the tracepoint kfree_skb has a third argument */
	__u32 consume_has_location;	/* whether the tracepoint consume_skb has a second one */
	__u32 filters;		/* enum ipft_filters */
	__u32 wants;		/* whether ipft_wants() is asked */
	__u32 where;		/* whether ipft_is_where() is asked */
	__u32 snaplen;		/* bytes of a packet in its snapshots, up to IPFT_MAX_SNAPLEN; 0: there are no snapshots */
	char symbol_format[4];	/* "%pS" */
	__u32 connections;	/* whether packets of a followed packet's connection are followed */
	__u32 mark;		/* with connections: the wanted mark under its mask, which no instruction compares then */
	__u32 mask;		/* 0: any mark is wanted, or instructions compare it */
	__u32 processes;	/* whether packets of followed processes alone are asked for */
	__u32 who;		/* whether journeys have processes */
	__u32 counts;		/* enum ipft_counts */
	__u32 presences;	/* when counting: the bytes, at the beginning of the data, that tell which fields have a value */
	__u32 histogram;	/* enum ipft_histogram */
	__u32 number_at;	/* with a histogram: its number of 64 bits in the data, a multiple of 8 */
	__u32 neighbours;	/* with processes: whether what the kernel asks neighbours for them is followed, too */
	struct ipft_wanted_places places;
};

enum ipft_data_size {
	IPFT_DATA_SIZE = 64,		/* module() may always write this much, and its event struct, if that is larger */
	IPFT_MAX_DATA_SIZE = 1024,
	IPFT_MAX_SNAPLEN = 1024,
	IPFT_MAX_COUNTED_SIZE = 128,	/* data by which is counted: they stand on the stack */
};

/* What a call is asked first. */
enum ipft_mark_question {
	IPFT_ASKS_FOR_MARK = 0,
	IPFT_ASKS_NO_MARK = 1,		/* the mask is 0 */
	IPFT_ASKS_FOR_PROCESS = 2,	/* the same, and packets of followed processes are asked for, and nothing besides */
};

/*
 * The wanted mark and its mask stand in the instructions that compare them, which saves two loads at each call of each
 * function. The user side replaces these numbers before loading.
 */
enum ipft_mark_constant {
	IPFT_MASK_PLACEHOLDER = 0x36c1b5e7,
	IPFT_MARK_PLACEHOLDER = 0x52e9a37d,
	IPFT_MARK_QUESTION_PLACEHOLDER = 0x47a3d1c9,	/* enum ipft_mark_question */
};

/*
 * Where packets have no snapshots, or nobody asks whose they are, programs must not even pay for the question. A branch compares a time with this number;
 * the user side replaces it before loading by a comparison with 0, of which the verifier knows the result: it removes the
 * branch, and the side that is not taken.
 */
enum ipft_switch_constant {
	IPFT_SNAPSHOTS_PLACEHOLDER = 0x4b1d93c5,
	IPFT_WHO_PLACEHOLDER = 0x3e5a7c91,
};

#endif
