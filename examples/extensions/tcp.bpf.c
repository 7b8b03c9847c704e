// SPDX-License-Identifier: MIT
/* TCP: flags, sequence numbers and window. Events of other packets are dropped. */
#include <ipft/extension.h>

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define IPPROTO_TCP 6

enum tcp_flag {
	fin = 0x01,
	syn = 0x02,
	rst = 0x04,
	psh = 0x08,
	ack = 0x10,
	urg = 0x20,
	ece = 0x40,
	cwr = 0x80,
} __ipft_ref(tcp_flags);

struct event {
	__u8 flags __ipft_fmt_enum_flags(tcp_flags);
	__u16 window __ipft_fmt_be16;
	__u32 seq __ipft_fmt_be32;
	__u32 ack_seq __ipft_fmt_be32;
} __ipft_event_struct;

struct sk_buff {
	__be16 protocol;
	unsigned char *head;
	__u16 network_header;
};

/* As on the wire. */
struct tcp_header {
	__u16 sport, dport;
	__u32 seq, ack_seq;
	__u8 offset, flags;
	__u16 window;
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	unsigned char *network = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	struct tcp_header tcp;
	__u8 first = 0, protocol = 0;
	unsigned int length;

	bpf_probe_read_kernel(&first, 1, network);
	switch (__builtin_bswap16(BPF_CORE_READ(skb, protocol))) {
	case ETH_P_IP:
		length = (first & 15) * 4;
		bpf_probe_read_kernel(&protocol, 1, network + 9);
		break;
	case ETH_P_IPV6:
		length = 40;
		bpf_probe_read_kernel(&protocol, 1, network + 6);
		break;
	default:
		return 1;
	}
	if (protocol != IPPROTO_TCP || bpf_probe_read_kernel(&tcp, sizeof(tcp), network + length))
		return 1;
	event->flags = tcp.flags;
	event->window = tcp.window;
	event->seq = tcp.seq;
	event->ack_seq = tcp.ack_seq;
	return 0;
}
