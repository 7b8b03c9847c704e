// SPDX-License-Identifier: MIT
/* The program of gso.lua: what decode() gets, and no event struct. */
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* "=I4I2I2I4" for string.unpack */
struct gso {
	__u32 len;
	__u16 size, segs;
	__u32 type;
};

struct skb_shared_info {
	unsigned short gso_size, gso_segs;
	unsigned int gso_type;
};

struct sk_buff {
	unsigned int len;
	unsigned char *head;
	unsigned int end;	/* where the shared info lies, from head */
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	struct gso *gso = (struct gso *)data;
	struct skb_shared_info *shared = (void *)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));

	gso->len = BPF_CORE_READ(skb, len);
	gso->size = BPF_CORE_READ(shared, gso_size);
	gso->segs = BPF_CORE_READ(shared, gso_segs);
	gso->type = BPF_CORE_READ(shared, gso_type);
	return 0;
}
