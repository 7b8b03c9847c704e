// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Which processes are followed, which sockets are theirs, and for whom the kernel asks neighbours. Nothing of a process is changed: tracepoints tell when it is
 * made, gets another name or control group and ends, trampolines tell when it makes a socket and sends by one. Iterators
 * look at the processes and sockets that are there already.
 *
 * These programs are loaded where packets of processes are asked for, and share the maps of the backend's programs.
 *
 * build: .by-helper -DIPFT_BY_HELPER
 */
/* What is about packets is not called here. */
#pragma clang diagnostic ignored "-Wunused-function"
#include "owners.bpf.h"

/* Processes by their id in the initial namespace: enum ipft_process. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IPFT_MAX_PROCESSES);
	__type(key, __u32);
	__type(value, __u32);
} ipft_processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct ipft_following);
} ipft_following SEC(".maps");

/* What the user side asks for: processes by their id in its own namespace, and by name. The values are as above. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IPFT_MAX_WANTED_IDS);
	__type(key, __u32);
	__type(value, __u32);
} ipft_wanted_ids SEC(".maps");

struct ipft_process_name {
	char text[IPFT_PROCESS_NAME];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IPFT_MAX_WANTED_NAMES);
	__type(key, struct ipft_process_name);
	__type(value, __u32);
} ipft_wanted_names SEC(".maps");

/* Control groups of version 2 by the inode of their directory. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IPFT_MAX_WANTED_CGROUPS);
	__type(key, __u64);
	__type(value, __u32);
} ipft_wanted_cgroups SEC(".maps");

struct ipft_cgroup_path {
	char text[IPFT_CGROUP_PATH];
};

/* And by their path, which is that of the group when it is made again: a service that is started again has another id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, IPFT_MAX_WANTED_CGROUPS);
	__type(key, struct ipft_cgroup_path);
	__type(value, __u32);
} ipft_wanted_paths SEC(".maps");

struct upid {
	int nr;
} __attribute__((preserve_access_index));

struct pid {
	unsigned int level;
	struct upid numbers[1];
} __attribute__((preserve_access_index));

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;
} __attribute__((preserve_access_index));

struct kernfs_node {
	__u64 id;
} __attribute__((preserve_access_index));

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
} __attribute__((preserve_access_index));

struct cgroup_root {
	int hierarchy_id;
} __attribute__((preserve_access_index));

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
} __attribute__((preserve_access_index));

struct css_set {
	struct cgroup *dfl_cgrp;
} __attribute__((preserve_access_index));

struct file;

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
} __attribute__((preserve_access_index));

struct files_struct {
	struct fdtable *fdt;
} __attribute__((preserve_access_index));

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct pid *thread_pid;
	struct signal_struct *signal;
	struct css_set *cgroups;
	struct files_struct *files;
	char comm[IPFT_PROCESS_NAME];
} __attribute__((preserve_access_index));

static __always_inline struct ipft_following *ipft_state(void)
{
	const __u32 key = 0;

	return bpf_map_lookup_elem(&ipft_following, &key);
}

static __always_inline __u32 ipft_why_followed(__u32 id)
{
	const __u32 *why = bpf_map_lookup_elem(&ipft_processes, &id);

	return why ? *why : 0;
}

static __always_inline __u32 ipft_current(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* Sets why a process is followed; 0: it is not. */
static __always_inline void ipft_set_process(__u32 id, __u32 before, __u32 why)
{
	struct ipft_following *state = ipft_state();

	if (!state || why == before)
		return;
	if (!why) {
		if (bpf_map_delete_elem(&ipft_processes, &id))
			return;
		__sync_fetch_and_add(&state->living, -1);
	} else if (bpf_map_update_elem(&ipft_processes, &id, &why, before ? BPF_EXIST : BPF_NOEXIST)) {
		if (!before)
			__sync_fetch_and_add(&state->unfollowed, 1);
		return;
	} else if (!before) {
		__sync_fetch_and_add(&state->living, 1);
	}
	if (why & ~before & IPFT_PROCESS_OF_COMMAND)
		__sync_fetch_and_add(&state->of_command, 1);
	else if (before & ~why & IPFT_PROCESS_OF_COMMAND)
		__sync_fetch_and_add(&state->of_command, -1);
}

/* Whether a name is asked for: IPFT_PROCESS_BY_NAME or 0. */
static __always_inline __u32 ipft_why_by_name(const char *comm)
{
	struct ipft_process_name name = {};

	bpf_probe_read_kernel_str(&name, sizeof(name), comm);
	return bpf_map_lookup_elem(&ipft_wanted_names, &name) ? IPFT_PROCESS_BY_NAME : 0;
}

/* Groups above this many others are not looked at. */
#define IPFT_MAX_CGROUP_DEPTH 64

/* Whether a process is in a control group that is asked for, or below one: IPFT_PROCESS_BY_CGROUP or 0. */
static __always_inline __u32 ipft_why_by_cgroup(struct task_struct *task)
{
	const struct ipft_following *state = ipft_state();
	struct cgroup_subsys_state *css;
	struct cgroup *group;
	__u64 id;
	int i;

	/* The kernel may be one without control groups. */
	if (!bpf_core_field_exists(struct task_struct, cgroups) || !state || !state->has_cgroups)
		return 0;
	group = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	for (i = 0; i < IPFT_MAX_CGROUP_DEPTH && group; i++) {
		id = BPF_CORE_READ(group, kn, id);
		if (bpf_map_lookup_elem(&ipft_wanted_cgroups, &id))
			return IPFT_PROCESS_BY_CGROUP;
		css = BPF_CORE_READ(group, self.parent);
		group = css ? BPF_CORE_READ(css, cgroup) : NULL;
	}
	return 0;
}

/* Why a new process is followed that another one has made. */
static __always_inline __u32 ipft_why_by_parent(__u32 parent)
{
	const __u32 why = ipft_why_followed(parent);

	if (!(why & IPFT_PROCESS_WITH_CHILDREN))
		return 0;
	return IPFT_PROCESS_BY_ID | (why & (IPFT_PROCESS_WITH_CHILDREN | IPFT_PROCESS_OF_COMMAND));
}

/* Why a new process is followed, which the running thread makes. */
static __always_inline __u32 ipft_why_born(struct ipft_following *state, struct task_struct *child)
{
	__u32 why;

	/* It may have been made in another control group than its parent's. */
	why = ipft_why_by_parent(ipft_current()) | ipft_why_by_name(child->comm) | ipft_why_by_cgroup(child);
	if (state->awaited && state->awaited == (__u32)bpf_get_current_pid_tgid()) {
		state->awaited = 0;
		why |= IPFT_PROCESS_BY_ID | IPFT_PROCESS_WITH_CHILDREN | IPFT_PROCESS_OF_COMMAND;
	}
	return why;
}

/*
 * The kernel leaves out a program where another task, or an interrupt, comes within the same program on the CPU: from Linux
 * 7.0 on that is often so, since tracepoints can be preempted. What must not be missed is seen twice, by two programs:
 * the birth and the end of a process, and of a socket; and where it takes packets.
 *
 * task_newtask(child, flags), also for threads. What an earlier process with the id has left is replaced.
 */
SEC("raw_tp")
int ipft_on_new_task(__u64 *ctx)
{
	struct task_struct *child = (void *)ctx[0];
	struct ipft_following *state = ipft_state();
	const __u32 id = BPF_CORE_READ(child, tgid);

	if (state && (__u32)BPF_CORE_READ(child, pid) == id)
		ipft_set_process(id, ipft_why_followed(id), ipft_why_born(state, child));
	return 0;
}

/* sched_process_fork(parent, child), soon afterwards */
SEC("raw_tp")
int ipft_on_fork(__u64 *ctx)
{
	struct task_struct *child = (void *)ctx[1];
	struct ipft_following *state = ipft_state();
	const __u32 id = BPF_CORE_READ(child, tgid);
	__u32 why;

	if (!state || (__u32)BPF_CORE_READ(child, pid) != id)
		return 0;
	why = ipft_why_followed(id);
	ipft_set_process(id, why, why | ipft_why_born(state, child));
	return 0;
}

/* sched_process_free(task): of each thread, when nobody knows it any more */
SEC("raw_tp")
int ipft_on_free(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	const __u32 id = BPF_CORE_READ(task, tgid);

	if ((__u32)BPF_CORE_READ(task, pid) == id)
		ipft_set_process(id, ipft_why_followed(id), 0);
	return 0;
}

/* sched_process_exit(task): of each thread */
SEC("raw_tp")
int ipft_on_exit(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	const __u32 id = BPF_CORE_READ(task, tgid), why = ipft_why_followed(id);

	if (why && !BPF_CORE_READ(task, signal, live.counter))
		ipft_set_process(id, why, 0);
	return 0;
}

/* task_rename(task, comm): a thread gets a name, as by exec. The name of a process is that of its first thread. */
SEC("raw_tp")
int ipft_on_rename(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	const __u32 id = BPF_CORE_READ(task, tgid), why = ipft_why_followed(id);

	if ((__u32)BPF_CORE_READ(task, pid) == id)
		ipft_set_process(id, why, (why & ~IPFT_PROCESS_BY_NAME) | ipft_why_by_name((void *)ctx[1]));
	return 0;
}

/* Run by the user side: the next process that the calling thread makes is followed. */
SEC("raw_tp")
int ipft_await(__u64 *ctx)
{
	struct ipft_following *state = ipft_state();

	if (state)
		state->awaited = bpf_get_current_pid_tgid();
	return 0;
}

/* include/linux/socket.h */
#define IPFT_AF_INET	2
#define IPFT_AF_INET6	10
#define IPFT_AF_PACKET	17

/* include/linux/net.h */
#define IPFT_SOCK_STREAM	1

struct sock_common___ipv6only {
	unsigned char skc_ipv6only : 1;
} __attribute__((preserve_access_index));

/* Gives a socket an owner; 0: it has none, whatever socket had its address before. */
static __always_inline void ipft_set_owner(__u64 sk, __u32 owner)
{
	if (owner) {
		ipft_owned[ipft_hash(sk, IPFT_OWNED_BITS)] = 1;
		bpf_map_update_elem(&ipft_sockets, &sk, &owner, BPF_ANY);
	} else if (ipft_may_own(sk)) {
		bpf_map_delete_elem(&ipft_sockets, &sk);
	}
}

/* A socket that is made of another one has its owner. */
static __always_inline void ipft_inherit(__u64 parent, __u64 child)
{
	const __u32 *owner = ipft_may_own(parent) ? bpf_map_lookup_elem(&ipft_sockets, &parent) : NULL;

	ipft_set_owner(child, owner ? *owner : 0);
}

static __always_inline bool ipft_is_network_family(__u16 family)
{
	return family == IPFT_AF_INET || family == IPFT_AF_INET6 || family == IPFT_AF_PACKET;
}

/* Adds a socket to those at an endpoint, in the place of one that is gone; where none is, of any. */
static __always_inline void ipft_add_endpoint(struct ipft_endpoint *endpoint, __u64 sk)
{
	struct ipft_takers *known, takers = { .sockets = { sk } };
	__u32 i;

	ipft_ports[endpoint->port >> IPFT_PORT_SHIFT] = 1;
	known = bpf_map_lookup_elem(&ipft_endpoints, endpoint);
	if (!known) {
		bpf_map_update_elem(&ipft_endpoints, endpoint, &takers, BPF_ANY);
		return;
	}
	for (i = 0; i < IPFT_MAX_TAKERS; i++)
		if (known->sockets[i] == sk)
			return;
	for (i = 0; i < IPFT_MAX_TAKERS; i++) {
		if (!ipft_takes(known->sockets[i], endpoint->port)) {
			known->sockets[i] = sk;
			return;
		}
	}
	known->sockets[ipft_hash(sk, 2) % IPFT_MAX_TAKERS] = sk;
}

/* Reads an address of a socket. Returns whether it is one of IPv6; IPv4's in IPv6 is one of IPv4. */
static __always_inline bool ipft_read_address(bool is_ipv6, const void *at4, const void *at6, __u64 address[2])
{
	__u32 address4 = 0;

	if (is_ipv6) {
		bpf_probe_read_kernel(address, 16, at6);
		if (address[0] || (__u32)address[1] != bpf_htonl(0xffff))
			return true;
	}
	bpf_probe_read_kernel(&address4, sizeof(address4), at4);
	address[0] = address4;
	address[1] = 0;
	return false;
}

/* Notes where a socket takes packets: its connection, or its own address and port. */
static __always_inline void ipft_note_ends(__u64 sk)
{
	const struct sock_common___ends *ends = (void *)sk;
	const struct sock_common *common = (void *)sk;
	struct ipft_connection connection = {};
	struct ipft_endpoint endpoint = {};
	__u16 family = 0, port = 0, other_port = 0;
	__u8 state = 0, protocol = 0;
	__u64 address[2] = {};
	bool is_swapped;

	bpf_core_read(&family, sizeof(family), &common->skc_family);
	bpf_core_read(&port, sizeof(port), &ends->skc_num);
	bpf_core_read(&other_port, sizeof(other_port), &ends->skc_dport);
	bpf_core_read(&state, sizeof(state), &common->skc_state);
	bpf_core_read(&protocol, sizeof(protocol), &((struct sock *)sk)->sk_protocol);
	if (!port || !ipft_has_ports(protocol) || (family != IPFT_AF_INET && family != IPFT_AF_INET6))
		return;
	port = bpf_htons(port);
	endpoint.is_ipv6 = ipft_read_address(family == IPFT_AF_INET6, &ends->skc_rcv_saddr, &ends->skc_v6_rcv_saddr,
					     endpoint.address);
	endpoint.netns = ipft_netns_at(&common->skc_net);
	endpoint.port = port;
	endpoint.protocol = protocol;
	if (other_port) {
		connection.is_ipv6 = ipft_read_address(family == IPFT_AF_INET6, &ends->skc_daddr, &ends->skc_v6_daddr,
						       address);
		connection.netns = endpoint.netns;
		connection.protocol = protocol;
		is_swapped = ipft_order(endpoint.address, address, port, other_port, &connection);
		ipft_add_connection(&connection, is_swapped ? IPFT_OWN_GREATER : IPFT_OWN_LESSER);
		return;
	}
	if (protocol == IPFT_IPPROTO_TCP && state != IPFT_TCP_LISTEN)
		return;
	ipft_add_endpoint(&endpoint, sk);
	if (endpoint.is_ipv6 && !endpoint.address[0] && !endpoint.address[1] &&
	    !BPF_CORE_READ_BITFIELD_PROBED((struct sock_common___ipv6only *)sk, skc_ipv6only)) {
		endpoint.is_ipv6 = 0;
		ipft_add_endpoint(&endpoint, sk);
	}
}

/* A followed process has a socket. */
static __always_inline void ipft_own(__u64 sk, __u32 owner)
{
	if (!sk || !ipft_is_network_family(ipft_read_word(&((struct sock *)sk)->__sk_common.skc_family)))
		return;
	ipft_set_owner(sk, owner);
	ipft_note_ends(sk);
}

struct socket {
	struct file *file;
	struct sock *sk;
} __attribute__((preserve_access_index));

struct inode {
	unsigned short i_mode;
} __attribute__((preserve_access_index));

struct file {
	void *private_data;
	struct inode *f_inode;
} __attribute__((preserve_access_index));

/* linux/stat.h */
#define IPFT_S_IFMT	0170000
#define IPFT_S_IFSOCK	0140000

/* A followed process has a file, which may be a socket. */
static __always_inline void ipft_own_file(struct file *file, __u32 owner)
{
	struct socket *socket;

	if ((BPF_CORE_READ(file, f_inode, i_mode) & IPFT_S_IFMT) != IPFT_S_IFSOCK)
		return;
	socket = BPF_CORE_READ(file, private_data);
	/* A path to a socket can be opened, too, with O_PATH. */
	if (socket && BPF_CORE_READ(socket, file) == file)
		ipft_own((__u64)BPF_CORE_READ(socket, sk), owner);
}

/* The same. No static function, so that the verifier looks at it once and not in each round of a loop. */
__noinline int ipft_own_file_at(__u64 file, __u32 owner)
{
	ipft_own_file((void *)file, owner);
	return 0;
}

/* Files beyond these are not looked at when a process comes into a control group. */
#define IPFT_MAX_FILES	256

/* Notes the sockets that a followed process has already. */
static __always_inline void ipft_own_files(struct task_struct *task, __u32 owner)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	const __u32 count = BPF_CORE_READ(table, max_fds);
	__u64 file;
	__u32 i;

	for (i = 0; i < IPFT_MAX_FILES && i < count; i++) {
		file = ipft_read_word(files + i);
		if (file)
			ipft_own_file_at(file, owner);
	}
}

/* linux/sched.h: a process that has not executed a file since it was made */
#define IPFT_PF_FORKNOEXEC	0x40

/*
 * cgroup_attach_task(group, path, task, is_process): a process, or one of its threads, is in another control group. Its
 * group is that of its first thread. A service manager moves what is to be a service before it executes the service's file:
 * the sockets that it has are the manager's.
 */
SEC("raw_tp")
int ipft_on_move(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[2];
	const __u32 id = BPF_CORE_READ(task, tgid), before = ipft_why_followed(id);
	const __u32 why = (before & ~IPFT_PROCESS_BY_CGROUP) | ipft_why_by_cgroup(task);

	if ((__u32)BPF_CORE_READ(task, pid) != id)
		return 0;
	ipft_set_process(id, before, why);
	if (!before && why && !(BPF_CORE_READ(task, flags) & IPFT_PF_FORKNOEXEC))
		ipft_own_files(task, id);
	return 0;
}

/*
 * sched_process_exec(task, …): what it inherited and did not close are its sockets now. Those that a command's process has
 * are mostly the command's already.
 */
SEC("raw_tp")
int ipft_on_exec(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	const __u32 id = BPF_CORE_READ(task, tgid);

	if (ipft_why_followed(id) & (IPFT_PROCESS_BY_CGROUP | IPFT_PROCESS_OF_COMMAND))
		ipft_own_files(task, id);
	return 0;
}

/* cgroup_mkdir(group, path): it may be one that is asked for, made again. Nothing is in it yet. */
SEC("raw_tp")
int ipft_on_mkdir(__u64 *ctx)
{
	struct cgroup *group = (void *)ctx[0];
	struct ipft_cgroup_path path = {};
	const __u32 why = IPFT_PROCESS_BY_CGROUP;
	const __u64 id = BPF_CORE_READ(group, kn, id);

	/* Hierarchies of version 1 have other numbers, and may have the same ids. */
	if (BPF_CORE_READ(group, root, hierarchy_id))
		return 0;
	bpf_probe_read_kernel_str(&path, sizeof(path), (void *)ctx[1]);
	if (bpf_map_lookup_elem(&ipft_wanted_paths, &path))
		bpf_map_update_elem(&ipft_wanted_cgroups, &id, &why, BPF_ANY);
	return 0;
}

/* cgroup_rmdir(group, path) */
SEC("raw_tp")
int ipft_on_rmdir(__u64 *ctx)
{
	struct cgroup *group = (void *)ctx[0];
	const __u64 id = BPF_CORE_READ(group, kn, id);

	if (!BPF_CORE_READ(group, root, hierarchy_id))
		bpf_map_delete_elem(&ipft_wanted_cgroups, &id);
	return 0;
}

static __always_inline __u64 ipft_word_at(__u64 *ctx, int n)
{
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), ctx + n);
	return word;
}

struct socket___kind {
	short type;
} __attribute__((preserve_access_index));

/*
 * Whether a socket is one that the kernel makes for itself while a process runs: for each network namespace, for tunnels.
 * What it makes for MPTCP is the process's.
 */
static __always_inline bool ipft_is_for_kernel(__u64 socket, __u64 sk)
{
	if (!BPF_CORE_READ_BITFIELD_PROBED((struct sock___kernel *)sk, sk_kern_sock))
		return false;
	return !socket || (__u16)ipft_read_word(&((struct socket___kind *)socket)->type) != IPFT_SOCK_STREAM;
}

/* The running process has made a socket. */
static __always_inline void ipft_makes(__u64 socket, __u64 sk)
{
	const __u32 id = ipft_current();

	if (ipft_why_followed(id) && !ipft_is_for_kernel(socket, sk) &&
	    ipft_is_network_family(ipft_read_word(&((struct sock *)sk)->__sk_common.skc_family)))
		ipft_set_owner(sk, id);
	else
		ipft_set_owner(sk, 0);
}

/* sock_init_data(socket, sk) */
SEC("fentry/sock_init_data")
int ipft_on_socket(__u64 *ctx)
{
	ipft_makes(ipft_word_at(ctx, 0), ipft_word_at(ctx, 1));
	return 0;
}

static __always_inline void ipft_made(__u64 socket)
{
	const __u64 sk = ipft_read_word(&((struct socket *)socket)->sk);

	if (sk)
		ipft_makes(socket, sk);
}

/* inet_create(net, socket, …) */
SEC("fexit/inet_create")
int ipft_on_create(__u64 *ctx)
{
	ipft_made(ipft_word_at(ctx, 1));
	return 0;
}

SEC("fexit/inet6_create")
int ipft_on_create6(__u64 *ctx)
{
	ipft_made(ipft_word_at(ctx, 1));
	return 0;
}

/* inet_sock_destruct(sk): the memory is free for another socket. */
SEC("fentry/inet_sock_destruct")
int ipft_on_destruct(__u64 *ctx)
{
	ipft_set_owner(ipft_word_at(ctx, 0), 0);
	return 0;
}

/* __inet_inherit_port(sk, child): the socket of a new connection is made of one that listens. */
SEC("fentry/__inet_inherit_port")
int ipft_on_accept(__u64 *ctx)
{
	ipft_inherit(ipft_word_at(ctx, 0), ipft_word_at(ctx, 1));
	return 0;
}

/* inet_csk_reqsk_queue_hash_add(sk, request, …): a request for a connection stands for its socket. */
SEC("fentry/inet_csk_reqsk_queue_hash_add")
int ipft_on_request(__u64 *ctx)
{
	ipft_inherit(ipft_word_at(ctx, 0), ipft_word_at(ctx, 1));
	return 0;
}

/* A process sends by a socket, connects it or waits at it, which may be one that another process has made. */
static __always_inline void ipft_uses(__u64 socket)
{
	const __u32 id = ipft_current();
	__u64 sk;

	if (!ipft_why_followed(id))
		return;
	sk = ipft_read_word(&((struct socket *)socket)->sk);
	if (!bpf_map_lookup_elem(&ipft_sockets, &sk))
		ipft_own(sk, id);
}

/* inet_sendmsg(socket, …) */
SEC("fentry/inet_sendmsg")
int ipft_on_send(__u64 *ctx)
{
	ipft_uses(ipft_word_at(ctx, 0));
	return 0;
}

SEC("fentry/inet6_sendmsg")
int ipft_on_send6(__u64 *ctx)
{
	ipft_uses(ipft_word_at(ctx, 0));
	return 0;
}

/* inet_recvmsg(socket, …) */
SEC("fentry/inet_recvmsg")
int ipft_on_receive(__u64 *ctx)
{
	ipft_uses(ipft_word_at(ctx, 0));
	return 0;
}

SEC("fentry/inet6_recvmsg")
int ipft_on_receive6(__u64 *ctx)
{
	ipft_uses(ipft_word_at(ctx, 0));
	return 0;
}

/* inet_accept(socket, …) */
SEC("fentry/inet_accept")
int ipft_on_accepting(__u64 *ctx)
{
	ipft_uses(ipft_word_at(ctx, 0));
	return 0;
}

/* inet_stream_connect(socket, …), also of IPv6 */
SEC("fentry/inet_stream_connect")
int ipft_on_connect(__u64 *ctx)
{
	ipft_uses(ipft_word_at(ctx, 0));
	return 0;
}

/* inet_dgram_connect(socket, …), also of IPv6 */
SEC("fentry/inet_dgram_connect")
int ipft_on_connect_datagram(__u64 *ctx)
{
	ipft_uses(ipft_word_at(ctx, 0));
	return 0;
}

static __always_inline void ipft_note_ends_of_owned(__u64 sk)
{
	if (ipft_may_own(sk) && bpf_map_lookup_elem(&ipft_sockets, &sk))
		ipft_note_ends(sk);
}

/* udp_lib_get_port(sk, …) has given a socket a port. */
SEC("fexit/udp_lib_get_port")
int ipft_on_port(__u64 *ctx)
{
	ipft_note_ends_of_owned(ipft_word_at(ctx, 0));
	return 0;
}

/* inet_csk_listen_start(sk, …): the socket listens. */
SEC("fexit/inet_csk_listen_start")
int ipft_on_listen(__u64 *ctx)
{
	ipft_note_ends_of_owned(ipft_word_at(ctx, 0));
	return 0;
}

static __always_inline void ipft_note_ends_of(__u64 socket)
{
	ipft_note_ends_of_owned(ipft_read_word(&((struct socket *)socket)->sk));
}

/* inet_bind(socket, …) has given a socket an address and a port. */
SEC("fexit/inet_bind")
int ipft_on_bind(__u64 *ctx)
{
	ipft_note_ends_of(ipft_word_at(ctx, 0));
	return 0;
}

SEC("fexit/inet6_bind")
int ipft_on_bind6(__u64 *ctx)
{
	ipft_note_ends_of(ipft_word_at(ctx, 0));
	return 0;
}

/* inet_listen(socket, …): the socket listens. */
SEC("fexit/inet_listen")
int ipft_on_listening(__u64 *ctx)
{
	ipft_note_ends_of(ipft_word_at(ctx, 0));
	return 0;
}

struct neigh_table {
	int family;
} __attribute__((preserve_access_index));

struct neighbour {
	struct neigh_table *tbl;
	unsigned long confirmed;	/* when it was known last to have its hardware address */
	unsigned long updated;		/* when nud_state became what it is */
	__u8 nud_state;
	struct net_device *dev;
	__u8 primary_key[0];
} __attribute__((preserve_access_index));

#define IPFT_NUD_INCOMPLETE	0x01	/* linux/neighbour.h: the kernel asks, and packets wait */

static __always_inline bool ipft_is_incomplete(const struct neighbour *neigh)
{
	return (__u8)ipft_read_word(&neigh->nud_state) & IPFT_NUD_INCOMPLETE;
}

static __always_inline void ipft_find_neighbour(const struct neighbour *neigh, struct ipft_neighbour *neighbour)
{
	const struct net_device *dev = (void *)ipft_read_word(&neigh->dev);
	const struct neigh_table *table = (void *)ipft_read_word(&neigh->tbl);
	const bool is_ipv6 = (__u32)ipft_read_word(&table->family) == IPFT_AF_INET6;

	ipft_read_address(is_ipv6, &neigh->primary_key, &neigh->primary_key, neighbour->address);
	neighbour->netns = ipft_netns_at(&dev->nd_net);
	neighbour->ifindex = ipft_read_word(&dev->ifindex);
}

/* Whether a packet is a followed process's, or one that is followed already: in a tunnel it has other addresses. */
static __always_inline bool ipft_is_followed(struct sk_buff *skb)
{
	return ipft_is_owned(skb) || ipft_find_relations(skb) || ipft_find((__u64)skb);
}

/* __neigh_event_send(neigh, skb, …): a packet needs a neighbour whose address is not known, or not for sure. */
SEC("fentry/__neigh_event_send")
int ipft_on_neighbour(__u64 *ctx)
{
	const struct neighbour *neigh = (void *)ipft_word_at(ctx, 0);
	struct sk_buff *skb = (void *)ipft_word_at(ctx, 1);
	struct ipft_neighbour neighbour = {};
	struct ipft_asked *known, asked = {};

	if (!skb || !ipft_is_followed(skb))
		return 0;
	ipft_find_neighbour(neigh, &neighbour);
	known = bpf_map_lookup_elem(&ipft_neighbours, &neighbour);
	/* The round may be one that belongs to followed processes already. */
	if (known && known->ours)
		asked = *known;
	asked.joined = 1;
	asked.joined_round = ipft_is_incomplete(neigh);
	asked.confirmed = ipft_read_word(&neigh->confirmed);
	asked.updated = ipft_read_word(&neigh->updated);
	bpf_map_update_elem(&ipft_neighbours, &neighbour, &asked, BPF_ANY);
	return 0;
}

/*
 * The kernel asks a neighbour. It does so for followed processes if one of their packets has come since it asked for the
 * last time, or if it asks once more in a round that was for them. Otherwise it is for others.
 */
static __always_inline void ipft_asks(__u64 at)
{
	const struct neighbour *neigh = (void *)at;
	struct ipft_neighbour neighbour = {};
	struct ipft_asked *asked;
	__u64 confirmed, updated;
	bool is_same_round;

	ipft_find_neighbour(neigh, &neighbour);
	asked = bpf_map_lookup_elem(&ipft_neighbours, &neighbour);
	if (!asked)
		return;
	confirmed = ipft_read_word(&neigh->confirmed);
	updated = ipft_read_word(&neigh->updated);
	is_same_round = asked->confirmed == confirmed && asked->updated == updated;
	asked->ours = asked->joined ? asked->confirmed == confirmed && (is_same_round || !asked->joined_round) :
				      asked->ours && is_same_round;
	asked->joined = 0;
	asked->once = 0;
	asked->confirmed = confirmed;
	asked->updated = updated;
	asked->until_ns = asked->ours ? bpf_ktime_get_ns() + IPFT_ANSWER_NS : 0;
}

/* arp_solicit(neigh, skb) */
SEC("fentry/arp_solicit")
int ipft_on_arp(__u64 *ctx)
{
	ipft_asks(ipft_word_at(ctx, 0));
	return 0;
}

/* ndisc_solicit(neigh, skb) */
SEC("fentry/ndisc_solicit")
int ipft_on_discovery(__u64 *ctx)
{
	ipft_asks(ipft_word_at(ctx, 0));
	return 0;
}

struct bpf_iter__task {
	struct task_struct *task;
} __attribute__((preserve_access_index));

/* The id of a process in the namespace of the calling thread; 0 if it has none there. */
static __always_inline __u32 ipft_id_here(struct task_struct *task)
{
	struct task_struct *current = (void *)bpf_get_current_task();
	const __u32 level = BPF_CORE_READ(current, thread_pid, level);
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	int id = 0;

	if (level > BPF_CORE_READ(pid, level))
		return 0;
	bpf_core_read(&id, sizeof(id), (void *)&pid->numbers[0].nr + level * bpf_core_type_size(struct upid));
	return id;
}

/* Follows the processes that are asked for. The user side runs it until it finds no more: children may come first. */
SEC("iter/task")
int ipft_seed_processes(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task, *parent;
	__u32 id, here, why, *wanted;

	if (!task)
		return 0;
	id = BPF_CORE_READ(task, tgid);
	if ((__u32)BPF_CORE_READ(task, pid) != id || !BPF_CORE_READ(task, signal, live.counter))
		return 0;
	here = ipft_id_here(task);
	wanted = bpf_map_lookup_elem(&ipft_wanted_ids, &here);
	parent = BPF_CORE_READ(task, real_parent);
	why = ipft_why_by_parent(BPF_CORE_READ(parent, tgid)) | ipft_why_by_name(task->comm) | ipft_why_by_cgroup(task);
	if (wanted)
		why |= *wanted;
	ipft_set_process(id, ipft_why_followed(id), why | ipft_why_followed(id));
	return 0;
}

struct bpf_iter__task_file {
	struct task_struct *task;
	struct file *file;
} __attribute__((preserve_access_index));

/* Notes the sockets that followed processes have already. */
SEC("iter/task_file")
int ipft_seed_sockets(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	__u32 id;

	if (!task || !file)
		return 0;
	id = BPF_CORE_READ(task, tgid);
	if (ipft_why_followed(id))
		ipft_own_file(file, id);
	return 0;
}

char ipft_license[] SEC("license") = "Dual BSD/GPL";
