// SPDX-License-Identifier: MIT
/* What connection tracking says of the packet, on kernels that have it. */
#include <ipft/extension.h>

enum state {
	untracked = -1,
	established = 0,
	related = 1,
	new_connection = 2,
	established_reply = 3,
	related_reply = 4,
} __ipft_ref(states);

enum status {
	expected = 1 << 0,
	seen_reply = 1 << 1,
	assured = 1 << 2,
	confirmed = 1 << 3,
	src_nat = 1 << 4,
	dst_nat = 1 << 5,
	seq_adjust = 1 << 6,
	src_nat_done = 1 << 7,
	dst_nat_done = 1 << 8,
	dying = 1 << 9,
} __ipft_ref(statuses);

struct event {
	int state __ipft_fmt_enum(states);
	__u32 status __ipft_fmt_enum_flags(statuses);
} __ipft_event_struct;

/* In the kernel's own BTF, or in that of the module nf_conntrack. */
struct nf_conn {
	unsigned long status;
};

struct sk_buff {
	unsigned long _nfct;	/* address of the nf_conn; its lowest three bits are the state */
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	unsigned long nfct = 0;
	struct nf_conn *conn;

	event->state = untracked;
	if (bpf_core_field_exists(skb->_nfct))
		nfct = BPF_CORE_READ(skb, _nfct);
	conn = (struct nf_conn *)(nfct & ~7UL);
	if (!conn)
		return 0;
	event->state = nfct & 7;
	if (bpf_core_field_exists(conn->status))
		event->status = BPF_CORE_READ(conn, status);
	return 0;
}
