/* What expressions are compared with, read by C. A value behind a pointer that is NULL stays 0. */
#include "ipft/extension.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common { unsigned int inum; };
struct net { struct ns_common ns; };
typedef struct { struct net *net; } possible_net_t;
struct net_device { char name[16]; int ifindex; unsigned int mtu; possible_net_t nd_net; };
struct sock_common { unsigned short skc_family; __be16 skc_dport; };
struct sock { struct sock_common __sk_common; unsigned int sk_mark; };
struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	char cb[48];
	unsigned int len, data_len;
	__u32 mark, priority;
	__u8 pkt_type : 3, ip_summed : 2, cloned : 1;
	__be16 protocol;
	__u16 transport_header, network_header, mac_header;
	unsigned int tail, end;
	unsigned char *head, *data;
	void (*destructor)(struct sk_buff *skb);
};

#pragma clang attribute pop

struct event {
	char c_name[16];
	unsigned int c_len, c_mtu, c_mark;
	int c_ifindex;
	__u8 c_type, c_summed, c_cloned;
	__be16 c_protocol __ipft_fmt_be16;
	__u16 c_network;
	unsigned int c_inum;
	unsigned short c_family;
	__u16 c_dport __ipft_fmt_be16;
	__u32 c_sum, c_rest;
	int c_negative;
	__u64 c_head __ipft_fmt_hex;
	void *c_destructor __ipft_fmt_symbol;
	__u8 c_cb[4];
	__u8 c_version;
	__u32 c_saddr __ipft_fmt_ipv4;
	__u8 c_ttl;
} __ipft_event_struct;

__hidden int module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct event *event = (struct event *)data;
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	struct sock *sk = BPF_CORE_READ(skb, sk);
	unsigned char *network = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	int difference;
	__u8 byte = 0;

	event->c_len = BPF_CORE_READ(skb, len);
	event->c_mark = BPF_CORE_READ(skb, mark);
	if (dev) {
		BPF_CORE_READ_STR_INTO(&event->c_name, dev, name);
		event->c_mtu = BPF_CORE_READ(dev, mtu);
		event->c_ifindex = BPF_CORE_READ(dev, ifindex);
		event->c_inum = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	}
	event->c_type = BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type);
	event->c_summed = BPF_CORE_READ_BITFIELD_PROBED(skb, ip_summed);
	event->c_cloned = BPF_CORE_READ_BITFIELD_PROBED(skb, cloned);
	event->c_protocol = BPF_CORE_READ(skb, protocol);
	event->c_network = BPF_CORE_READ(skb, network_header);
	if (sk) {
		event->c_family = BPF_CORE_READ(sk, __sk_common.skc_family);
		event->c_dport = BPF_CORE_READ(sk, __sk_common.skc_dport);
	}
	event->c_sum = event->c_len * 3 + event->c_mark;
	event->c_rest = (event->c_len << 4 ^ event->c_mark) % 1000;
	/* clang knows no division of signed numbers for BPF. */
	difference = event->c_network - 5000;
	event->c_negative = difference < 0 ? -(int)((unsigned int)-difference / 7) : difference / 7u;
	event->c_head = (__u64)BPF_CORE_READ(skb, head);
	event->c_destructor = BPF_CORE_READ(skb, destructor);
	bpf_core_read(event->c_cb, sizeof(event->c_cb), &skb->cb);
	bpf_probe_read_kernel(&byte, 1, network);
	event->c_version = byte >> 4;
	bpf_probe_read_kernel(&event->c_saddr, 4, network + 12);
	bpf_probe_read_kernel(&event->c_ttl, 1, network + 8);
	return 0;
}
