/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The map ipft_journeys, which the user side maps into its memory to see which journeys live. */
#ifndef IPFT_JOURNEY_TABLE_H
#define IPFT_JOURNEY_TABLE_H

#include "record.h"

enum ipft_journeys_size {
	IPFT_JOURNEY_BITS = 17,
	IPFT_MAX_JOURNEYS = 1 << IPFT_JOURNEY_BITS,
};

/* A slot of the map: what is known of an skb that is followed. It is found by its owner. */
struct ipft_journey {
	__u64 owner;		/* the skb's address, with bits of enum ipft_owner; 0 if the slot was never used */
	__u64 id;
	__u64 parent;
	__u64 where;		/* address of the device or socket that its place was last read from */
	__u64 freeing_ns;	/* when a tracepoint told that it is being freed; 0 before */
	__u64 location;		/* and where */
	__u64 caller;		/* return address of a traced call with IPFT_TARGET_REPORTS that is open; or 0 */
	__u64 sock;		/* IPFT_STAGE_QUEUED: the socket's address */
	__u64 headers;		/* since its begin was sent: a hash of its addresses when a snapshot was last taken; see ipft_take_snapshot */
	__u64 looked;		/* the socket whose process was looked for last, with bits of enum ipft_looked */
	__u32 reason;
	__u32 events;		/* lost ones included */
	__u32 ifindex;
	__u16 family;
	__u16 protocol;
	__u8 stage;		/* enum ipft_stage */
	__u8 flags;		/* enum ipft_journey_flag */
	__u16 cpu;		/* where it ended */
	__u8 tail;		/* enum ipft_tail */
	__u8 sock_state;	/* TCP_* when the socket got it */
	__u8 left_out;		/* whether the extension has left out an event, or fields had no value when the packet was to be counted */
	__u8 is_ipv6;		/* which kind of addresses `headers` is a hash of */
	char device[IPFT_DEVICE_NAME];
};

/* Low bits of `looked`; a socket's address has none of them. */
enum ipft_looked {
	IPFT_LOOKED_ENOUGH = 1,	/* alone */
	IPFT_LOOKED_LATER = 2,	/* the socket has sent the packet, and nothing has been told of it */
};

/* Low bits of the owner; an skb's address has none of them. */
enum ipft_owner {
	IPFT_OWNER_ENDED = 1,	/* the journey has ended; another one may have the slot */
	IPFT_OWNER_BUSY = 2,	/* it is about to begin */
};

enum ipft_tail {
	IPFT_TAIL_HEAD = 1,	/* skb_release_head_state was seen */
	IPFT_TAIL_FINISHED = 2,	/* no more events come: an skb at the address is another packet */
};

#endif
