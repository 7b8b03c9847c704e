/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Records of the rings. Native byte order, no padding.
 *
 * This folder holds all that kernel side and user side share. `npm run layout` writes sizes, offsets and enumerators to
 * src/abi/layout.ts: constants are enums here, of 32 bits, since BTF knows no macros.
 */
#ifndef IPFT_RECORD_H
#define IPFT_RECORD_H

#include "process.h"

/*
 * An event: a function was entered with the packet. Behind it stand its data, what sources of fields have written:
 * ipft_config.data_size bytes.
 * A notice IPFT_NOTICE_BEGIN before the first event of a journey tells of the journey.
 */
struct ipft_event {
	__u64 timestamp_ns;	/* bpf_ktime_get_ns(): CLOCK_MONOTONIC */
	__u32 journey;		/* the short id, the low half of the journey id: no two living journeys share it */
	__u32 sequence;		/* the number of the journey's events before this one, lost ones included */
	__u32 target;		/* index into the table of targets; of a notice: enum ipft_notice */
	__u16 cpu;
	__u8 flags;		/* enum ipft_event_flag */
	__u8 depth;		/* traced calls with this skb that were open on this CPU; 255 for more. Only with returns */
};

/* An event with IPFT_EVENT_RETURN: the function returned. Its data stand behind this. */
struct ipft_return {
	struct ipft_event event;
	__u64 entry_ns;		/* the time of the call's entry */
};

enum ipft_sequence {
	IPFT_SEQUENCE_UNKNOWN = 0xffffffffu,
};

enum ipft_event_flag {
	IPFT_EVENT_RETURN = 1,		/* the function returned; otherwise it was entered */
	IPFT_EVENT_NO_FIELDS = 2,	/* there are no data: the extension left out the return, or the skb was freed */
	IPFT_EVENT_FREED = 4,		/* of a return: the skb was freed during the call */
	IPFT_EVENT_ENTRY_LOST = 8,	/* of a return: the entry is lost */
	IPFT_EVENT_NOTICE = 128,	/* a notice, not an event: one of the structs below */
};

enum ipft_notice {
	IPFT_NOTICE_BEGIN = 1,	/* struct ipft_begin, before the journey's first event */
	IPFT_NOTICE_PLACE = 2,	/* struct ipft_moved, before the first event there */
	IPFT_NOTICE_END = 3,	/* struct ipft_end, in a ring of its own, or where that is full among the events */
	IPFT_NOTICE_SNAPSHOT = 4,	/* an ipft_event and an ipft_snapshot, before the first event with such headers */
	IPFT_NOTICE_PROCESS = 5,	/* struct ipft_whose: the process that sent the packet, or the one that it is for */
};

#define IPFT_DEVICE_NAME 16

/* The place of a packet; all zero if it is not known. */
struct ipft_place {
	__u32 netns;		/* inode of the network namespace */
	__u32 ifindex;		/* of the device; 0 if it has none yet */
	char device[IPFT_DEVICE_NAME];
};

/* With snapshots, one stands behind this. */
struct ipft_begin {
	struct ipft_event event;
	__u64 skb;		/* its address */
	__u64 id;		/* the journey id; never 0, no two the same */
	__u64 parent;		/* the journey id of the packet that it is a copy of, or 0 */
	struct ipft_place place;
};

/* With snapshots, one stands behind this. */
struct ipft_moved {
	struct ipft_event event;
	struct ipft_place place;
};

/* Comes once for each party at most, but where two CPUs find it at the same time: then the first counts. */
struct ipft_whose {
	struct ipft_event event;
	struct ipft_holder process;
	__u32 party;		/* enum ipft_party */
	__u32 reserved;
};

/*
 * The packet's first bytes, and what the kernel keeps beside them. The bytes stand behind this, in a record that has room
 * for ipft_config.snaplen of them. They end where the packet's linear part does.
 */
struct ipft_snapshot {
	__u32 length;		/* of the packet, from the first of the bytes on */
	__u16 captured;		/* how many bytes there are; 0: the headers could not be read, and the rest has no meaning */
	__u16 protocol;		/* skb->protocol, in network byte order */
	__u16 vlan_protocol;	/* of the accelerated VLAN tag, in network byte order; 0: there is none */
	__u16 vlan_value;
	__u16 gso_size;
	__u16 gso_segments;
	__u32 has_ethernet;	/* whether the bytes begin with an Ethernet header; otherwise with the network header */
};

#define IPFT_SYMBOL_SIZE 80

struct ipft_end {
	struct ipft_event event;	/* sequence: the number of the journey's events */
	__u64 id;			/* the journey id */
	__u64 location;			/* address behind the call that dropped or consumed it, or 0 */
	__u32 reason;			/* enum skb_drop_reason and its likes, or 0 */
	__u32 ifindex;			/* IPFT_STAGE_SENT: the device's */
	__u16 family;			/* IPFT_STAGE_QUEUED: the socket's */
	__u16 protocol;
	__u8 stage;			/* enum ipft_stage */
	__u8 flags;			/* enum ipft_journey_flag */
	__u16 reserved;
	char device[IPFT_DEVICE_NAME];	/* IPFT_STAGE_SENT */
	char symbol[IPFT_SYMBOL_SIZE];	/* the name of location, `name+0x10/0x40 [module]`; left out if it was told before */
};

/* The size of an end without its symbol. */
#define IPFT_END_BYTES __builtin_offsetof(struct ipft_end, symbol)

/* How far a packet got since it was last received from a device. */
enum ipft_stage {
	IPFT_STAGE_NONE = 0,
	IPFT_STAGE_SENT = 1,		/* handed to a device */
	IPFT_STAGE_QUEUED = 2,		/* handed to a socket */
	IPFT_STAGE_PROCESSED = 3,	/* handed to a TCP socket, which had taken in all its data when it was dropped */
	IPFT_STAGE_UNREAD = 4,		/* handed to a TCP socket, which was closed before all its data were read */
};

enum ipft_journey_flag {
	IPFT_JOURNEY_ANNOUNCED = 1,	/* its IPFT_NOTICE_BEGIN is in the ring */
	IPFT_JOURNEY_FOLLOWED = 2,	/* followed whatever becomes of its mark */
	IPFT_JOURNEY_RECEIVED = 4,	/* came from a device */
	IPFT_JOURNEY_DROPPED = 8,
	IPFT_JOURNEY_CONSUMED = 16,
	IPFT_JOURNEY_ENDED = 32,	/* the skb is freed */
	IPFT_JOURNEY_END_SENT = 64,
	IPFT_JOURNEY_COUNTED = 128,	/* the packet, or the one that it is a copy of, is counted */
};

#endif
