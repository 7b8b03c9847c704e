/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The parts of the kernel's structs that built-in fields read: libbpf finds the members' real places. */
#ifndef IPFT_FIELDS_KERNEL_H
#define IPFT_FIELDS_KERNEL_H

#include "../include/ipft/extension.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	char name[16];
	int ifindex;
	possible_net_t nd_net;
};

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	__u32 val;
} kuid_t;

struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	atomic64_t skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
	kuid_t sk_uid;
};

struct nf_conn {
	unsigned long status;
	__u32 mark;
};

struct skb_shared_info {
	unsigned short gso_size, gso_segs;
	unsigned int gso_type;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned long _nfct;	/* the address of the nf_conn; its lowest three bits are the state */
	unsigned int len, data_len;
	unsigned long _skb_refdst;
	char cb[48];
	__u32 mark, hash;
	__u16 queue_mapping;
	__be16 protocol;
	__u16 transport_header, network_header, mac_header;	/* from head */
	__u16 csum_start, csum_offset;
	__be16 vlan_proto;
	__u16 vlan_tci;
	__u8 vlan_present : 1;	/* before Linux 6.2 */
	unsigned int tail, end;	/* from head */
	unsigned char *head, *data;
};

struct inet6_skb_parm {
	__u16 nhoff;
};

#pragma clang attribute pop

#endif
