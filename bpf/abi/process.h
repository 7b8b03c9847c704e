/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Processes whose packets are asked for, and those that packets belong to. */
#ifndef IPFT_PROCESS_H
#define IPFT_PROCESS_H

/* Why a process is followed: the values of ipft_processes and ipft_wanted_ids. */
enum ipft_process {
	IPFT_PROCESS_BY_NAME	   = 1 << 0,	/* until it has another name */
	IPFT_PROCESS_BY_ID	   = 1 << 1,
	IPFT_PROCESS_WITH_CHILDREN = 1 << 2,	/* and those that it makes */
	IPFT_PROCESS_BY_CGROUP	   = 1 << 3,	/* while it is in such a control group, or below */
	IPFT_PROCESS_OF_COMMAND	   = 1 << 4,	/* it was awaited, or one such has made it */
};

enum ipft_processes_size {
	IPFT_MAX_PROCESSES = 1 << 16,
	IPFT_MAX_WANTED_IDS = 1 << 12,
	IPFT_MAX_WANTED_NAMES = 64,
	IPFT_PROCESS_NAME = 16,		/* with the NUL, as the kernel's TASK_COMM_LEN */
	IPFT_MAX_WANTED_CGROUPS = 64,
	IPFT_CGROUP_PATH = 256,		/* with the NUL */
	IPFT_MAX_SOCKETS = 1 << 16,
	IPFT_MAX_ENDPOINTS = 1 << 14,
	IPFT_MAX_HOLDERS = 1 << 16,
	IPFT_MAX_NEIGHBOURS = 1 << 12,
};

/* A process that has a socket: the values of ipft_holders. */
struct ipft_holder {
	__u64 cgroup;		/* id of its control group in the unified hierarchy: the inode of the group's directory */
	__u32 tgid;		/* its id in the initial namespace */
	__u32 pid;		/* its id in the namespace of the user side; 0: it has none there */
	char name[IPFT_PROCESS_NAME];	/* of its first thread, when it got the socket */
};

/* The part of a process in a journey. */
enum ipft_party {
	IPFT_PARTY_SENDER = 1,
	IPFT_PARTY_RECEIVER = 2,
};

/* The only entry of the map ipft_following. */
struct ipft_following {
	__u32 awaited;		/* id of a thread: the next process that it makes is followed; 0: none */
	__u32 living;		/* followed processes */
	__u32 of_command;	/* those of them that are IPFT_PROCESS_OF_COMMAND */
	__u32 unused;
	__u64 unfollowed;	/* processes that found no room in ipft_processes */
	__u64 has_cgroups;	/* whether control groups are asked for */
};

#endif
