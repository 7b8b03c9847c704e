/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What kernel side and user side agree on. src/abi/record.ts mirrors every struct here: change both together.
 * Native byte order, no padding.
 */
#ifndef IPFT_EVENT_H
#define IPFT_EVENT_H

/*
 * One record of the ring. 24 bytes without an extension, 24 + ipft_config.data_size with one. With IPFT_EVENT_RETURN
 * there are 8 more: first the time of the call's entry (__u64, as timestamp_ns), then the extension's data.
 * A notice IPFT_NOTICE_BEGIN before the first of them tells of the journey.
 */
struct ipft_event {
	__u64 timestamp_ns;	/* bpf_ktime_get_ns(): CLOCK_MONOTONIC */
	__u32 journey;		/* the low half of its number: no two living journeys share it */
	__u32 sequence;		/* how many events of its journey came before; those that found no room count */
	__u32 target;		/* index into the table of targets; of a notice: which, IPFT_NOTICE_* */
	__u16 cpu;
	__u8 flags;		/* IPFT_EVENT_* */
	__u8 depth;		/* traced calls of this skb that were open on this CPU; 255 for more. Only with returns */
};				/* behind it the extension's data, all zero when module() is entered */

#define IPFT_SEQUENCE_UNKNOWN 0xffffffffu

#define IPFT_EVENT_RETURN	1	/* the function returned; without it: it was entered */
#define IPFT_EVENT_NO_FIELDS	2	/* the extension's data are not there: it dropped them, or the skb was freed */
#define IPFT_EVENT_FREED	4	/* of a return: the skb was freed during the call */
#define IPFT_EVENT_ENTRY_LOST	8	/* of a return: the entry's record found no room */
#define IPFT_EVENT_NOTICE	128	/* no event, but news of a journey: one of the structs below */

#define IPFT_NOTICE_BEGIN	1	/* struct ipft_begin, before the journey's first event */
#define IPFT_NOTICE_PLACE	2	/* struct ipft_moved, before the first event there */
#define IPFT_NOTICE_END		3	/* struct ipft_end, in a ring of its own, or where that is full among the events */

#define IPFT_DEVICE_NAME 16

/* Where a packet is; all zero if that is not known. */
struct ipft_place {
	__u32 netns;		/* inode of the network namespace */
	__u32 ifindex;		/* of the device; 0 if it has none yet */
	char device[IPFT_DEVICE_NAME];
};

struct ipft_begin {
	struct ipft_event event;
	__u64 skb;		/* its address */
	__u64 number;		/* of the journey; never 0, no two the same */
	__u64 parent;		/* of the journey that it is a copy of, or 0 */
	struct ipft_place place;
};

struct ipft_moved {
	struct ipft_event event;
	struct ipft_place place;
};

#define IPFT_SYMBOL_SIZE 80

struct ipft_end {
	struct ipft_event event;	/* sequence: how many events there were */
	__u64 number;			/* of the journey */
	__u64 location;			/* address behind the call that dropped or consumed it, or 0 */
	__u32 reason;			/* enum skb_drop_reason and its likes, or 0 */
	__u32 ifindex;			/* IPFT_STAGE_SENT: the device's */
	__u16 family;			/* IPFT_STAGE_QUEUED: the socket's */
	__u16 protocol;
	__u8 stage;			/* IPFT_STAGE_* */
	__u8 flags;			/* IPFT_JOURNEY_* */
	__u16 reserved;
	char device[IPFT_DEVICE_NAME];	/* IPFT_STAGE_SENT */
	char symbol[IPFT_SYMBOL_SIZE];	/* of location, `name+0x10/0x40 [module]`; not there if it was told before */
};

/* Of one whose symbol is not there. */
#define IPFT_END_BYTES __builtin_offsetof(struct ipft_end, symbol)

/* How far a packet got: the last of these since it was last received from a device. */
#define IPFT_STAGE_NONE		0
#define IPFT_STAGE_SENT		1	/* handed to a device */
#define IPFT_STAGE_QUEUED	2	/* handed to a socket */
#define IPFT_STAGE_PROCESSED	3	/* handed to a TCP socket, which had taken in all of it when it was dropped */
#define IPFT_STAGE_UNREAD	4	/* handed to a TCP socket, which was closed before all of it was read */

#define IPFT_JOURNEY_ANNOUNCED	1	/* its IPFT_NOTICE_BEGIN is in the ring */
#define IPFT_JOURNEY_FOLLOWED	2	/* whatever becomes of its mark */
#define IPFT_JOURNEY_RECEIVED	4	/* came from a device */
#define IPFT_JOURNEY_DROPPED	8
#define IPFT_JOURNEY_CONSUMED	16
#define IPFT_JOURNEY_ENDED	32	/* the skb is freed */
#define IPFT_JOURNEY_END_SENT	64

#define IPFT_JOURNEY_BITS 17
#define IPFT_MAX_JOURNEYS (1 << IPFT_JOURNEY_BITS)

/* What is known of an skb that is followed: a place of the map ipft_journeys, where it is found by its owner. */
struct ipft_journey {
	__u64 owner;		/* the skb's address, with IPFT_OWNER_* in its low bits; 0 if nobody was here yet */
	__u64 number;
	__u64 parent;
	__u64 where;		/* address of the device or socket that its place was last read from */
	__u64 freeing_ns;	/* when a tracepoint told that it is being freed; 0 before */
	__u64 location;		/* and where */
	__u64 caller;		/* of a call that says where it frees, and whose return is traced: where it returns to; or 0 */
	__u64 sock;		/* IPFT_STAGE_QUEUED: the socket's address */
	__u32 reason;
	__u32 events;		/* with those that found no room */
	__u32 ifindex;
	__u16 family;
	__u16 protocol;
	__u8 stage;
	__u8 flags;
	__u16 cpu;		/* where it ended */
	__u8 tail;		/* IPFT_TAIL_* */
	__u8 sock_state;	/* TCP_* when the socket got it */
	__u8 left_out;		/* whether the extension has left out an event */
	__u8 reserved;
	char device[IPFT_DEVICE_NAME];
};

#define IPFT_OWNER_ENDED	1	/* the journey has ended; another one may have the place */
#define IPFT_OWNER_BUSY		2	/* it is about to begin */

#define IPFT_TAIL_HEAD		1	/* skb_release_head_state was seen */
#define IPFT_TAIL_FINISHED	2	/* nothing comes any more: what is at the address now is another's */

/* The attach cookie: the index into the table of targets, and what its function means for a journey. */
#define IPFT_TARGET_HIDDEN	(1u << 31)	/* makes no events: it is attached for what it does */
#define IPFT_TARGET_FREES	(1u << 30)	/* frees the skb, certainly */
#define IPFT_TARGET_QUEUES	(1u << 29)	/* its first argument is the socket that gets the skb */
#define IPFT_TARGET_TAIL	(1u << 28)	/* may be called while the skb is being freed */
#define IPFT_TARGET_RELEASES	(1u << 27)	/* frees the skb's data: of one that is being freed, the last that is seen */
#define IPFT_TARGET_HEAD	(1u << 26)	/* skb_release_head_state: called once for each skb that is freed */
#define IPFT_TARGET_FINAL	(1u << 25)	/* the last one that is called with an skb */
#define IPFT_TARGET_POSITION	21		/* from this bit on: the skb's position among the arguments */
#define IPFT_MAX_POSITION	15
#define IPFT_TARGET_REPORTS	(1u << 20)	/* frees, and tells tracepoints its return address as the place */
#define IPFT_TARGET_DEFERS	(1u << 19)	/* another CPU frees the skb, some time later */
#define IPFT_TARGET_ARGUMENTS	16		/* from this bit on: how many arguments ipft_func_arg knows */
#define IPFT_MAX_ARGUMENTS	6		/* as many as registers hold on every machine */
#define IPFT_TARGET_INDEX	((1u << IPFT_TARGET_ARGUMENTS) - 1)

/*
 * The mark that is wanted and its mask stand in the instructions that compare them, which saves two loads at each call
 * of each function: before loading, the user side looks for these numbers and puts the real ones in their place.
 */
#define IPFT_MASK_PLACE 0x36c1b5e7
#define IPFT_MARK_PLACE 0x52e9a37d

/* Written by the user side before loading; constants to the verifier, which removes the branches that they rule out. */
struct ipft_config {
	__u32 data_size;	/* bytes of the extension: 0, or from IPFT_DATA_SIZE to IPFT_MAX_DATA_SIZE, a multiple of 8 */
	__u32 sample_period;	/* keep one matching event in this many, on each CPU; 0 and 1 keep all */
	__u32 direct_reads;	/* backend ftrace: whether the mark may be read without a helper; see ipft_matches */
	__u32 follow;		/* whether packets are followed whatever becomes of their mark */
	__u32 drop_has_reason;	/* whether the tracepoint kfree_skb has a third argument */
	__u32 consume_has_location;	/* whether the tracepoint consume_skb has a second one */
	char symbol_format[4];	/* "%pS" */
};

/* module() may always write this much, and as much as its event struct holds, if that is more. */
#define IPFT_DATA_SIZE 64
#define IPFT_MAX_DATA_SIZE 1024

/*
 * One for each CPU, in the only entry of the map ipft_cpus. Counted with atomic additions, though no other CPU writes
 * there: an interrupt or, in a trampoline, another task may come in between.
 */
struct ipft_cpu {
	__u64 lost;		/* events that found no room in the ring */
	__u64 lost_first_ns;	/* when the first and the last of them were lost */
	__u64 lost_last_ns;
	__u64 matched;		/* events before sampling; counted only if there is a sample period */
	__u64 calls;		/* calls that were followed to their return: numbers them */
	__u64 unfollowed;	/* events of skbs for which ipft_journeys had no room */
	__u64 ends_lost;	/* ends that found no room in the ring */
	__u64 unseen;		/* journeys of which no event found room */
};

#endif
