// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Built-in fields: --fields NAME,…. Each name has a struct here, whose members are what it adds to events, and a
 * function that fills it. The user side says in ipft_builtin where each has its place; the verifier removes the others.
 *
 * To add one: a struct with its variable, its function, a member of ipft_builtin and a FILL(); and a line in src/base/builtin-field.ts.
 */
#include "headers.h"

/*
 * The data are all zero before: what a packet does not have stays so. All names that the linker sees begin with ipft_, so
 * that an extension can use any other.
 */
#define BUILTIN(name) __ipft_ref(__ipft_fields_##name)

enum protocol { icmp = 1, igmp = 2, tcp = 6, udp = 17, gre = 47, esp = 50, icmpv6 = 58, sctp = 132 } __ipft_ref(ipft_protocols);

struct ipft_tuple {
	__u8 proto __ipft_fmt_enum(ipft_protocols);
	__u8 saddr[16] __ipft_fmt_ip;
	__u16 sport __ipft_fmt_be16;
	__u8 daddr[16] __ipft_fmt_ip;
	__u16 dport __ipft_fmt_be16;
} BUILTIN(tuple);

/* An IPv4 address as IPv6 has it: ::ffff:10.0.0.1. */
static __always_inline void read_ipv4(__u8 to[16], const unsigned char *from)
{
	to[10] = to[11] = 0xff;
	bpf_probe_read_kernel(to + 12, 4, from);
}

static __always_inline void fill_tuple(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_tuple *tuple)
{
	tuple->proto = headers->protocol;
	if (headers->version == 4) {
		read_ipv4(tuple->saddr, headers->network + __builtin_offsetof(struct ipft_ipv4, saddr));
		read_ipv4(tuple->daddr, headers->network + __builtin_offsetof(struct ipft_ipv4, daddr));
	} else if (headers->version == 6) {
		bpf_probe_read_kernel(tuple->saddr, 16, headers->network + __builtin_offsetof(struct ipft_ipv6, saddr));
		bpf_probe_read_kernel(tuple->daddr, 16, headers->network + __builtin_offsetof(struct ipft_ipv6, daddr));
	}
	if (headers->transport_bytes < 4)
		return;
	if (headers->protocol != IPPROTO_TCP && headers->protocol != IPPROTO_UDP && headers->protocol != IPPROTO_SCTP)
		return;
	bpf_probe_read_kernel(&tuple->sport, 2, headers->transport);
	bpf_probe_read_kernel(&tuple->dport, 2, headers->transport + 2);
}

struct ipft_ip {
	__u8 ttl;	/* the hop limit of IPv6 */
	__u8 tos __ipft_fmt_hex;	/* the traffic class of IPv6 */
	__u16 ip_id __ipft_fmt_be16;
	__u16 frag __ipft_fmt_hex;	/* flags and offset of IPv4 */
} BUILTIN(ip);

static __always_inline void fill_ip(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_ip *to)
{
	struct ipft_ipv4 ip;
	__u8 ipv6[8];

	if (headers->version == 6 && !bpf_probe_read_kernel(ipv6, sizeof(ipv6), headers->network)) {
		to->ttl = ipv6[__builtin_offsetof(struct ipft_ipv6, hops)];
		to->tos = ipv6[0] << 4 | ipv6[1] >> 4;
	} else if (headers->version == 4 && !bpf_probe_read_kernel(&ip, sizeof(ip), headers->network)) {
		to->ttl = ip.ttl;
		to->tos = ip.tos;
		to->ip_id = ip.id;
		to->frag = __builtin_bswap16(ip.fragment);
	}
}

enum tcp_flag {
	fin = 0x01,
	syn = 0x02,
	rst = 0x04,
	psh = 0x08,
	ack = 0x10,
	urg = 0x20,
	ece = 0x40,
	cwr = 0x80,
} __ipft_ref(ipft_tcp_flags);

struct ipft_tcp {
	__u8 flags __ipft_fmt_enum_flags(ipft_tcp_flags);
	__u16 window __ipft_fmt_be16;
	__u32 seq __ipft_fmt_be32;
	__u32 ack_seq __ipft_fmt_be32;
} BUILTIN(tcp);

/* As on the wire. */
struct tcp_header {
	__u16 sport, dport;
	__u32 seq, ack_seq;
	__u8 offset, flags;
	__u16 window;
};

static __always_inline void fill_tcp(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_tcp *to)
{
	struct tcp_header tcp;

	if (headers->protocol != IPPROTO_TCP || headers->transport_bytes < sizeof(tcp))
		return;
	if (bpf_probe_read_kernel(&tcp, sizeof(tcp), headers->transport))
		return;
	to->flags = tcp.flags;
	to->window = tcp.window;
	to->seq = tcp.seq;
	to->ack_seq = tcp.ack_seq;
}

struct ipft_skb {
	__u32 len;
	__u32 data_len;	/* the part of it that is in fragments */
	__u32 mark __ipft_fmt_hex;
	__u32 hash __ipft_fmt_hex;
	__u16 queue;
} BUILTIN(skb);

static __always_inline void fill_skb(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_skb *to)
{
	to->len = BPF_CORE_READ(skb, len);
	to->data_len = BPF_CORE_READ(skb, data_len);
	to->mark = BPF_CORE_READ(skb, mark);
	to->hash = BPF_CORE_READ(skb, hash);
	to->queue = BPF_CORE_READ(skb, queue_mapping);
}

struct ipft_vlan {
	__u16 vlan;	/* 0: no tag that the device or the driver has taken off */
	__u8 vlan_prio;
} BUILTIN(vlan);

static __always_inline void fill_vlan(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_vlan *to)
{
	__u16 tci = BPF_CORE_READ(skb, vlan_tci);

	if (bpf_core_field_exists(skb->vlan_present) ? !BPF_CORE_READ_BITFIELD_PROBED(skb, vlan_present) :
						       !BPF_CORE_READ(skb, vlan_proto))
		return;
	to->vlan = tci & 0xfff;
	to->vlan_prio = tci >> 13;
}

struct ipft_dev {
	char dev[16];
	int ifindex;
} BUILTIN(dev);

/* The least inode of a namespace (PROC_DYNAMIC_FIRST, less a few fixed ones). */
#define FIRST_NETNS 0xefffff00u

#define IS_ADDRESS(pointer) ((__s64)(pointer) < 0)

static __always_inline __u32 read_netns(struct net *net)
{
	__u32 netns = BPF_CORE_READ(net, ns.inum);

	return netns < FIRST_NETNS ? 0 : netns;
}

/*
 * skb->dev holds other values while the skb is in queues of sockets: numbers, or the address of another skb. So it is a device
 * if what it has tells of a namespace, an index and a name. Returns the namespace, or 0.
 */
static __always_inline __u32 read_device(struct sk_buff *skb, struct ipft_dev *to)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	__u32 netns;

	if (!IS_ADDRESS(dev))
		return 0;
	netns = read_netns(BPF_CORE_READ(dev, nd_net.net));
	to->ifindex = BPF_CORE_READ(dev, ifindex);
	bpf_core_read(to->dev, sizeof(to->dev), &dev->name);
	return to->ifindex > 0 && to->dev[0] ? netns : 0;
}

struct ipft_netns {
	__u32 netns;
} BUILTIN(netns);

static __always_inline void fill_netns(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_netns *to)
{
	struct sock *sk = BPF_CORE_READ(skb, sk);
	struct ipft_dev device;

	to->netns = read_device(skb, &device);
	if (!to->netns && IS_ADDRESS(sk))
		to->netns = read_netns(BPF_CORE_READ(sk, __sk_common.skc_net.net));
}

static __always_inline void fill_dev(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_dev *to)
{
	/* Before a device has it, there is none. */
	if (!read_device(skb, to))
		__builtin_memset(to, 0, sizeof(*to));
}

struct ipft_process {
	__u32 pid;	/* 0: the idle task of the CPU */
	char comm[16];
} BUILTIN(process);

/* The task that the function runs in: an interrupt runs in whatever task it meets. */
static __always_inline void fill_process(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_process *to)
{
	to->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(to->comm, sizeof(to->comm));
}

/* Those of TCP, which other sockets have, too. */
enum sock_state {
	tcp_established = 1,
	tcp_syn_sent,
	tcp_syn_recv,
	tcp_fin_wait1,
	tcp_fin_wait2,
	tcp_time_wait,
	tcp_close,
	tcp_close_wait,
	tcp_last_ack,
	tcp_listen,
	tcp_closing,
	tcp_new_syn_recv,
} __ipft_ref(ipft_sock_states);

enum family { unix = 1, inet = 2, inet6 = 10, netlink = 16, packet = 17 } __ipft_ref(ipft_families);

struct ipft_sock {
	__u64 cookie;	/* SO_COOKIE; 0 until someone asked for it */
	int uid;	/* -1: none */
	__u16 family __ipft_fmt_enum(ipft_families);
	__u8 state __ipft_fmt_enum(ipft_sock_states);
} BUILTIN(sock);

static __always_inline void fill_sock(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_sock *to)
{
	struct sock *sk = BPF_CORE_READ(skb, sk);

	to->uid = -1;
	/* Not so if it was received, and is not given to a socket yet. The reassembly of fragments keeps a number there. */
	if (!IS_ADDRESS(sk))
		return;
	to->cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	to->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	to->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	/* A connection that begins or has ended is a smaller struct. */
	if (to->state != tcp_time_wait && to->state != tcp_new_syn_recv)
		to->uid = BPF_CORE_READ(sk, sk_uid.val);
}

enum gso_kind {
	tcpv4 = 1 << 0,
	dodgy = 1 << 1,
	tcp_ecn = 1 << 2,
	tcp_fixedid = 1 << 3,
	tcpv6 = 1 << 4,
	fcoe = 1 << 5,
	gso_gre = 1 << 6,
	gre_csum = 1 << 7,
	ipxip4 = 1 << 8,
	ipxip6 = 1 << 9,
	udp_tunnel = 1 << 10,
	udp_tunnel_csum = 1 << 11,
	partial = 1 << 12,
	tunnel_remcsum = 1 << 13,
	gso_sctp = 1 << 14,
	gso_esp = 1 << 15,
	gso_udp = 1 << 16,
	udp_l4 = 1 << 17,
	fraglist = 1 << 18,
} __ipft_ref(ipft_gso_kinds);

struct ipft_gso {
	__u16 gso_size;	/* the payload of a segment; 0: not to be cut */
	__u16 gso_segs;
	__u32 gso_type __ipft_fmt_enum_flags(ipft_gso_kinds);
} BUILTIN(gso);

static __always_inline void fill_gso(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_gso *to)
{
	struct skb_shared_info *shared = (void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));

	to->gso_size = BPF_CORE_READ(shared, gso_size);
	to->gso_segs = BPF_CORE_READ(shared, gso_segs);
	to->gso_type = BPF_CORE_READ(shared, gso_type);
}

enum ct_state {
	none = -1,	/* connection tracking has not seen the packet */
	established = 0,
	related = 1,
	new = 2,
	established_reply = 3,
	related_reply = 4,
	untracked = 7,
} __ipft_ref(ipft_ct_states);

enum ct_status {
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
} __ipft_ref(ipft_ct_statuses);

struct ipft_ct {
	int ct_state __ipft_fmt_enum(ipft_ct_states);
	__u32 ct_status __ipft_fmt_enum_flags(ipft_ct_statuses);
	__u32 ct_mark __ipft_fmt_hex;
} BUILTIN(ct);

static __always_inline void fill_ct(struct sk_buff *skb, const struct ipft_headers *headers, struct ipft_ct *to)
{
	unsigned long nfct = 0;
	struct nf_conn *conn;

	to->ct_state = none;
	if (bpf_core_field_exists(skb->_nfct))
		nfct = BPF_CORE_READ(skb, _nfct);
	if (!nfct)
		return;
	to->ct_state = nfct & 7;
	conn = (struct nf_conn *)(nfct & ~7UL);
	if (!conn)
		return;
	/* In the kernel's own BTF, or in that of the module nf_conntrack. */
	if (bpf_core_field_exists(conn->status))
		to->ct_status = BPF_CORE_READ(conn, status);
	if (bpf_core_field_exists(conn->mark))
		to->ct_mark = BPF_CORE_READ(conn, mark);
}

#define IPFT_ABSENT 0xffff

/* Where each has its place in the data; IPFT_ABSENT for none. */
const volatile struct ipft_builtin {
	__u16 tuple, ip, tcp, skb, vlan, netns, dev, process, sock, gso, ct;
} ipft_builtin SEC(".rodata.ipft_builtin") = {};

#define FILL(name)                                                                                                     \
	if (ipft_builtin.name != IPFT_ABSENT)                                                                          \
	fill_##name(skb, &headers, (struct ipft_##name *)(data + ipft_builtin.name))

__hidden int ipft_fields(void *ctx, struct sk_buff *skb, __u8 *data)
{
	struct ipft_headers headers = {};

	if (ipft_builtin.tuple != IPFT_ABSENT || ipft_builtin.ip != IPFT_ABSENT || ipft_builtin.tcp != IPFT_ABSENT)
		ipft_find_headers(skb, &headers);
	FILL(tuple);
	FILL(ip);
	FILL(tcp);
	FILL(skb);
	FILL(vlan);
	FILL(netns);
	FILL(dev);
	FILL(process);
	FILL(sock);
	FILL(gso);
	FILL(ct);
	return 0;
}
