// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Which processes have which sockets, for ipft_holders. Nothing of a process is changed: trampolines tell when one makes a
 * socket, accepts a connection, or sends by a socket that another one had. An iterator looks at the sockets that are there
 * already. The kernel's own sockets belong to no process, whoever made the kernel make them.
 *
 * These programs are loaded where journeys have processes, and share the maps of the backend's programs. They know nothing
 * of packets: one that is not followed costs nothing here.
 *
 * build: .by-helper -DIPFT_BY_HELPER
 */
/* What is about packets is not called here. */
#pragma clang diagnostic ignored "-Wunused-function"
#include "who.bpf.h"

struct upid {
	int nr;
	void *ns;
} __attribute__((preserve_access_index));

struct pid {
	unsigned int level;
	struct upid numbers[1];
} __attribute__((preserve_access_index));

struct kernfs_node {
	__u64 id;
} __attribute__((preserve_access_index));

struct cgroup {
	struct kernfs_node *kn;
} __attribute__((preserve_access_index));

struct css_set {
	struct cgroup *dfl_cgrp;
} __attribute__((preserve_access_index));

struct task_struct {
	unsigned int flags;
	int tgid;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct css_set *cgroups;
	char comm[IPFT_PROCESS_NAME];
} __attribute__((preserve_access_index));

struct sock___kernel {
	unsigned char sk_kern_sock : 1;
} __attribute__((preserve_access_index));

struct file;

struct socket {
	struct file *file;
	struct sock *sk;
} __attribute__((preserve_access_index));

/* The user side's namespace of process ids. */
struct ipft_namespace {
	__u64 address;
	__u32 level;
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ipft_namespace);
} ipft_namespace SEC(".maps");

/* include/linux/socket.h */
#define IPFT_AF_INET	2
#define IPFT_AF_INET6	10
#define IPFT_AF_PACKET	17

#define IPFT_PF_KTHREAD	0x00200000	/* include/linux/sched.h */

static __always_inline struct upid *ipft_number_at(struct pid *pid, __u32 level)
{
	return (void *)&pid->numbers[0] + level * bpf_core_type_size(struct upid);
}

/* Run by the user side: ids are those of the calling thread's namespace. */
SEC("raw_tp")
int ipft_take_namespace(__u64 *ctx)
{
	struct pid *pid = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), thread_pid);
	struct ipft_namespace namespace = {};
	const __u32 key = 0;

	namespace.level = BPF_CORE_READ(pid, level);
	namespace.address = ipft_read_word(&ipft_number_at(pid, namespace.level)->ns);
	bpf_map_update_elem(&ipft_namespace, &key, &namespace, BPF_ANY);
	return 0;
}

/* The id of a process in the user side's namespace; 0 if it has none there. */
static __always_inline __u32 ipft_id_for_user(struct pid *pid)
{
	const __u32 key = 0;
	struct ipft_namespace *namespace = bpf_map_lookup_elem(&ipft_namespace, &key);
	struct upid *number;

	if (!namespace || namespace->level > BPF_CORE_READ(pid, level))
		return 0;
	number = ipft_number_at(pid, namespace->level);
	return ipft_read_word(&number->ns) == namespace->address ? (__u32)ipft_read_word(&number->nr) : 0;
}

static __always_inline bool ipft_is_network_socket(__u64 sk)
{
	const __u16 family = ipft_read_word(&((struct sock *)sk)->__sk_common.skc_family);

	return family == IPFT_AF_INET || family == IPFT_AF_INET6 || family == IPFT_AF_PACKET;
}

/* A process has a socket. */
static __always_inline void ipft_hold(__u64 sk, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);
	struct ipft_holder holder = {};

	if (!sk || !ipft_is_network_socket(sk))
		return;
	if (BPF_CORE_READ_BITFIELD_PROBED((struct sock___kernel *)sk, sk_kern_sock) ||
	    BPF_CORE_READ(task, flags) & IPFT_PF_KTHREAD) {
		bpf_map_delete_elem(&ipft_holders, &sk);
		return;
	}
	if (bpf_core_field_exists(task->cgroups))
		holder.cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	holder.tgid = BPF_CORE_READ(task, tgid);
	holder.pid = ipft_id_for_user(BPF_CORE_READ(leader, thread_pid));
	bpf_probe_read_kernel_str(holder.name, sizeof(holder.name), leader->comm);
	bpf_map_update_elem(&ipft_holders, &sk, &holder, BPF_ANY);
}

/* A socket that is made of another one has its process, whatever socket had its address before. */
static __always_inline void ipft_inherit(__u64 parent, __u64 child)
{
	struct ipft_holder *known = bpf_map_lookup_elem(&ipft_holders, &parent), holder;

	if (known) {
		holder = *known;
		bpf_map_update_elem(&ipft_holders, &child, &holder, BPF_ANY);
	} else {
		bpf_map_delete_elem(&ipft_holders, &child);
	}
}

static __always_inline __u64 ipft_word_at(__u64 *ctx, int n)
{
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), ctx + n);
	return word;
}

/* sock_init_data(socket, sk): a socket is made. */
SEC("fentry/sock_init_data")
int ipft_on_socket(__u64 *ctx)
{
	ipft_hold(ipft_word_at(ctx, 1), (struct task_struct *)bpf_get_current_task());
	return 0;
}

/* __inet_inherit_port(sk, child): the socket of a new connection is made of one that listens. */
SEC("fentry/__inet_inherit_port")
int ipft_on_connection(__u64 *ctx)
{
	ipft_inherit(ipft_word_at(ctx, 0), ipft_word_at(ctx, 1));
	return 0;
}

/* inet_twsk_alloc(sk, row, state) has returned what stands for a socket that was closed. */
SEC("fexit/inet_twsk_alloc")
int ipft_on_time_wait(__u64 *ctx)
{
	const __u64 child = ipft_word_at(ctx, 3);

	if (child)
		ipft_inherit(ipft_word_at(ctx, 0), child);
	return 0;
}

/* inet_accept(socket, new socket, …) has given the new socket to the process. */
SEC("fexit/inet_accept")
int ipft_on_accept(__u64 *ctx)
{
	ipft_hold(ipft_read_word(&((struct socket *)ipft_word_at(ctx, 1))->sk), (struct task_struct *)bpf_get_current_task());
	return 0;
}

/* A process sends by a socket, which may be one that another process has made. */
static __always_inline void ipft_sends(__u64 socket)
{
	const __u64 sk = ipft_read_word(&((struct socket *)socket)->sk);
	struct ipft_holder *known = bpf_map_lookup_elem(&ipft_holders, &sk);

	if (known && known->tgid == bpf_get_current_pid_tgid() >> 32)
		return;
	/* The kernel's threads send for others. */
	if (known && BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), flags) & IPFT_PF_KTHREAD)
		return;
	ipft_hold(sk, (struct task_struct *)bpf_get_current_task());
}

/* inet_sendmsg(socket, …) */
SEC("fentry/inet_sendmsg")
int ipft_on_send(__u64 *ctx)
{
	ipft_sends(ipft_word_at(ctx, 0));
	return 0;
}

SEC("fentry/inet6_sendmsg")
int ipft_on_send6(__u64 *ctx)
{
	ipft_sends(ipft_word_at(ctx, 0));
	return 0;
}

struct file {
	void *private_data;
	struct inode *f_inode;
} __attribute__((preserve_access_index));

struct inode {
	unsigned short i_mode;
} __attribute__((preserve_access_index));

struct bpf_iter__task_file {
	struct task_struct *task;
	struct file *file;
} __attribute__((preserve_access_index));

/* linux/stat.h */
#define IPFT_S_IFMT	0170000
#define IPFT_S_IFSOCK	0140000

/* Notes the sockets that processes have already. Of several that share one, a child comes after its parent. */
SEC("iter/task_file")
int ipft_seed_holders(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;

	if (!task || !file || (BPF_CORE_READ(file, f_inode, i_mode) & IPFT_S_IFMT) != IPFT_S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	/* A path to a socket can be opened, too, with O_PATH. */
	if (socket && BPF_CORE_READ(socket, file) == file)
		ipft_hold((__u64)BPF_CORE_READ(socket, sk), task);
	return 0;
}

char ipft_license[] SEC("license") = "Dual BSD/GPL";
