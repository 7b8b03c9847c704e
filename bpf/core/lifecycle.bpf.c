// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The fates of packets, and their copies. These programs are loaded apart from the backend's, which an extension is part
 * of, and use the backend's maps.
 *
 * Tracepoints tell the fate of a packet in the same way on every kernel. Their programs run also where the CPU is within
 * another program, as those of kprobes do not. Sessions of kprobes are built apart (IPFT_SESSIONS), since libbpf looks for
 * their kfuncs even where no program that is loaded calls them.
 *
 * build: .by-helper -DIPFT_BY_HELPER
 * build: -session -DIPFT_SESSIONS
 * build: -session.by-helper -DIPFT_SESSIONS -DIPFT_BY_HELPER
 * build: -session-ctx -DIPFT_SESSIONS -DIPFT_SESSION_TAKES_CTX
 * build: -session-ctx.by-helper -DIPFT_SESSIONS -DIPFT_SESSION_TAKES_CTX -DIPFT_BY_HELPER
 */
#include "filter.h"
#include "registers.h"
#ifdef IPFT_SESSIONS
#include "session.h"
#endif

/* How many programs the CPU is within, and which kprobe: programs of tracepoints and trampolines are not counted there. */
struct kprobe {
	void *addr;
} __attribute__((preserve_access_index));

extern const int bpf_prog_active __ksym __weak;
extern struct kprobe *const current_kprobe __ksym __weak;

/*
 * The kernel runs no program of a kprobe while the CPU is within another one, and counts those that it leaves out since
 * Linux 6.7 only. A tracepoint's program is run all the same: it sees that the calls around it were missed.
 */
static __always_inline void ipft_count_unrun(void)
{
	struct ipft_cpu *cpu;

	if ((!&bpf_prog_active || !*(const volatile int *)bpf_this_cpu_ptr(&bpf_prog_active)) &&
	    (!&current_kprobe || !*(void *const volatile *)bpf_this_cpu_ptr(&current_kprobe)))
		return;
	cpu = ipft_this_cpu();
	if (cpu)
		ipft_count(cpu->unrun);
}

/* A tracepoint's program is not called for a traced function: what a condition asks of one has no answer. */
__hidden int ipft_func_arg(void *ctx, __u32 n, __u64 *value)
{
	return -IPFT_EINVAL;
}

__hidden __u64 ipft_func_ip(void *ctx)
{
	return 0;
}

/* The journey of an skb. It begins here if the skb has none and is wanted. */
static __always_inline struct ipft_journey *ipft_follow(__u64 skb)
{
	struct ipft_journey *journey = NULL;

	if (ipft_may_be_known(skb))
		journey = ipft_find(skb);
	/* A packet that is being freed passes no other tracepoint: its end was missed, and this is another packet. */
	if (journey && journey->freeing_ns) {
		ipft_end(skb, journey);
		journey = NULL;
	}
	/*
	 * All functions are called whatever the filter is, and in this order: the kernel drops the types of all functions of
	 * a program in which one is never called, and these types are needed when trampolines are loaded again. Where the
	 * filter is a mark alone, ipft_wants and ipft_is_where are known to return 1, and nothing behind them would be called.
	 */
	if (!journey && ipft_matches((struct sk_buff *)skb) && ipft_may_be_chosen((struct sk_buff *)skb) &&
	    (ipft_find_relations((struct sk_buff *)skb) & ipft_added_relations() ||
	     (ipft_is_otherwise_asked_for((struct sk_buff *)skb) && ipft_wants((struct sk_buff *)skb) &&
	      ipft_is_where(NULL, (struct sk_buff *)skb))))
		journey = ipft_begin(skb, 0, 0);
	if (journey)
		ipft_count_unrun();
	return journey;
}

enum skb_drop_reason {
	SKB_DROP_REASON_NOT_SPECIFIED,
	SKB_DROP_REASON_QUEUE_PURGE,
};

/* Whether the kernel gives the reason wherever it has no better one. */
static __always_inline bool ipft_says_nothing(__u32 reason)
{
	if (!ipft_config.drop_has_reason)
		return true;
	if (reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED))
		return true;
	return bpf_core_enum_value_exists(enum skb_drop_reason, SKB_DROP_REASON_QUEUE_PURGE) &&
	       reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_QUEUE_PURGE);
}

/*
 * Whether TCP had taken in all of the packet, and frees it as it frees packets that it drops: so it does with segments
 * that only acknowledge or close, and with segments that were read, when it purges its queue.
 */
static __always_inline bool ipft_had_done_its_work(__u64 skb, const struct ipft_journey *journey)
{
	struct ipft_taken taken;

	return ipft_says_nothing(journey->reason) && ipft_look_at_socket(skb, journey, &taken) && !taken.unread &&
	       !(taken.flags & (IPFT_TCPHDR_SYN | IPFT_TCPHDR_RST));
}

/* kfree_skb(skb, location, reason since Linux 5.17, …): the last reference is released, and the packet is dropped. */
SEC("raw_tp")
int ipft_on_drop(__u64 *ctx)
{
	struct ipft_journey *journey = ipft_follow(ctx[0]);

	if (!journey)
		return 0;
	journey->flags |= IPFT_JOURNEY_DROPPED;
	journey->location = journey->caller ? journey->caller : ctx[1];
	if (ipft_config.drop_has_reason)
		journey->reason = ctx[2];
	if (ipft_had_done_its_work(ctx[0], journey))
		journey->stage = IPFT_STAGE_PROCESSED;
	journey->freeing_ns = bpf_ktime_get_ns();
	return 0;
}

/* consume_skb(skb, location since Linux 6.4): the last reference is given up, and nothing is lost. */
SEC("raw_tp")
int ipft_on_consume(__u64 *ctx)
{
	struct ipft_journey *journey = ipft_follow(ctx[0]);

	if (!journey)
		return 0;
	journey->flags |= IPFT_JOURNEY_CONSUMED;
	if (ipft_config.consume_has_location)
		journey->location = journey->caller ? journey->caller : ctx[1];
	journey->freeing_ns = bpf_ktime_get_ns();
	return 0;
}

/* netif_receive_skb(skb) */
SEC("raw_tp")
int ipft_on_receive(__u64 *ctx)
{
	struct ipft_journey *journey = ipft_follow(ctx[0]);

	/* A packet that a socket has got is not received again: its end was missed, and this is another packet. */
	if (journey && journey->stage == IPFT_STAGE_QUEUED) {
		ipft_end(ctx[0], journey);
		journey = ipft_follow(ctx[0]);
	}
	if (!journey)
		return 0;
	journey->flags |= IPFT_JOURNEY_RECEIVED;
	journey->stage = IPFT_STAGE_NONE;
	ipft_expect_answers(ctx[0], bpf_ktime_get_ns());
	return 0;
}

/* Where no function of the way out is traced, this is known of the sender all the same. */
static __always_inline void ipft_keep_sender(__u64 skb, struct ipft_journey *journey)
{
	const __u64 sk = ipft_read_word(&((struct sk_buff *)skb)->sk);

	if (sk && !(__u32)ipft_read_word(&((struct sk_buff___headers *)skb)->skb_iif))
		journey->looked = sk | IPFT_LOOKED_LATER;
}

/* net_dev_start_xmit(skb, dev): the driver is called next. */
SEC("raw_tp")
int ipft_on_transmit(__u64 *ctx)
{
	struct ipft_journey *journey = ipft_follow(ctx[0]);
	struct net_device *dev = (void *)ctx[1];

	if (!journey)
		return 0;
	journey->stage = IPFT_STAGE_SENT;
	bpf_core_read(&journey->ifindex, sizeof(journey->ifindex), &dev->ifindex);
	bpf_core_read(&journey->device, sizeof(journey->device), &dev->name);
	if (ipft_config.who && !journey->looked)
		ipft_keep_sender(ctx[0], journey);
	/* Whatever functions are traced, this is known before an answer can come. */
	ipft_expect_answers(ctx[0], bpf_ktime_get_ns());
	return 0;
}

/*
 * An skb was copied. The copy of a followed packet is followed, whatever its mark. The function is not static, so that
 * the verifier checks it once, and not for each segment of a packet. Returns whether the skb is followed.
 * @within: whether the copy may be known already: a function within this call, or an earlier one, has told of it
 */
__noinline int ipft_copied(__u64 skb, __u64 copy, __u32 within)
{
	struct ipft_journey *journey, *known;

	if (!copy || copy >= -4095ull)	/* none, or an error */
		return 0;
	journey = ipft_follow(skb);
	if (!journey)
		return 0;
	if (copy == skb)
		return 1;
	known = ipft_find(copy);
	if (known) {
		if (within)
			return 1;
		/* Its end was missed: the copy has its memory now. */
		ipft_end(copy, known);
	}
	ipft_begin(copy, journey->id, (ipft_matches((struct sk_buff *)copy) ? 0 : IPFT_JOURNEY_FOLLOWED) |
				      (journey->flags & IPFT_JOURNEY_COUNTED));
	return 1;
}

/* A packet has no more segments than the square of this: an skb counts them in 16 bits. */
#define IPFT_SEGMENTS_AT_ONCE 256

/*
 * Takes some segments of an skb, from one in their list on. Returns the next one, or 0 at the end of the list. The
 * function is not static, so that the verifier checks it once.
 */
__noinline __u64 ipft_some_segments(__u64 skb, __u64 segment)
{
	int i;

	for (i = 0; i < IPFT_SEGMENTS_AT_ONCE; i++) {
		if (!segment || segment >= -4095ull)
			return 0;
		if (!ipft_copied(skb, segment, true))
			return 0;
		if (bpf_core_read(&segment, sizeof(segment), &((struct sk_buff *)segment)->next))
			return 0;
	}
	return segment;
}

/* An skb was segmented. @segment: the first of the list */
static __always_inline void ipft_segmented(__u64 skb, __u64 segment)
{
	int i;

	for (i = 0; i < IPFT_SEGMENTS_AT_ONCE && segment; i++)
		segment = ipft_some_segments(skb, segment);
}

/*
 * An skb is sent as fragments that the kernel did not have to copy: they are the members of its list. The function is
 * called before each of them is sent, with the skb itself first, and then finds all others.
 */
struct ip_fraglist_iter {
	struct sk_buff *frag;
	int offset;		/* of the next fragment's payload */
	unsigned int hlen;
} __attribute__((preserve_access_index));

struct ip6_fraglist_iter {
	struct sk_buff *frag;
	int offset;
	unsigned int hlen;
} __attribute__((preserve_access_index));

#define IPFT_FRAGMENT_HLEN 8	/* of IPv6's fragment header */

/* Whether the call is the first one, for the skb itself. @headers: how much of the skb's length is no payload */
static __always_inline bool ipft_is_cut_up(__u64 skb, __u32 offset, __u32 headers, bool is_entry)
{
	/* The function counts the skb's payload when it is called. */
	return offset == (is_entry ? 0 : (__u32)ipft_read_word(&((struct sk_buff___headers *)skb)->len) - headers);
}

static __always_inline __u64 ipft_first_fragment(__u64 how, __u64 skb, __u64 iterator, bool is_entry)
{
	struct ip6_fraglist_iter *ipv6 = (void *)iterator;
	struct ip_fraglist_iter *ipv4 = (void *)iterator;

	if (how == IPFT_FRAGMENTS)
		return bpf_core_field_exists(ipv4->frag) &&
				       ipft_is_cut_up(skb, ipft_read_word(&ipv4->offset), ipft_read_word(&ipv4->hlen), is_entry) ?
			       ipft_read_word(&ipv4->frag) :
			       0;
	return bpf_core_field_exists(ipv6->frag) &&
			       ipft_is_cut_up(skb, ipft_read_word(&ipv6->offset),
					      (__u32)ipft_read_word(&ipv6->hlen) + IPFT_FRAGMENT_HLEN, is_entry) ?
		       ipft_read_word(&ipv6->frag) :
		       0;
}

/*
 * A function that makes packets has returned, or is entered if @is_entry: then it makes fragments.
 * @how: enum ipft_copy
 */
static __always_inline void ipft_made(__u64 how, __u64 skb, __u64 second, __u64 result, bool is_entry)
{
	if (how == IPFT_FRAGMENTS || how == IPFT_FRAGMENTS6)
		result = ipft_first_fragment(how, skb, second, is_entry);
	if (how == IPFT_COPY || how == IPFT_MORPH)
		ipft_copied(how == IPFT_MORPH ? second : skb, result, false);
	else
		ipft_segmented(skb, result);
}

/*
 * fexit: ctx holds the arguments and, behind them, the return value. They are read through memory, since the verifier
 * knows them for pointers and allows no arithmetic with them.
 */
static __always_inline __u64 ipft_trampoline_word(__u64 *ctx, int n)
{
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), ctx + n);
	return word;
}

/* The number at the end is that of the function's arguments. */
#define IPFT_RETURNED(program, how, arguments)							\
	SEC("ipft/fexit")									\
	int program##arguments(__u64 *ctx)							\
	{											\
		ipft_made(how, ipft_trampoline_word(ctx, 0),					\
			  how < IPFT_FRAGMENTS ? 0 : ipft_trampoline_word(ctx, 1),		\
			  ipft_trampoline_word(ctx, arguments), false);				\
		return 0;									\
	}

IPFT_RETURNED(ipft_copied_, IPFT_COPY, 2)
IPFT_RETURNED(ipft_copied_, IPFT_COPY, 4)
IPFT_RETURNED(ipft_segmented_, IPFT_SEGMENTS, 2)
IPFT_RETURNED(ipft_segmented_, IPFT_SEGMENTS, 3)
IPFT_RETURNED(ipft_fragmented_, IPFT_FRAGMENTS, 2)
IPFT_RETURNED(ipft_fragmented6_, IPFT_FRAGMENTS6, 2)
IPFT_RETURNED(ipft_morphed_, IPFT_MORPH, 2)

#ifdef IPFT_SESSIONS
/*
 * kprobe.session: the session cookie keeps one argument until the function returns. Fragments need both, and are there
 * at the entry.
 */
SEC("ipft/kprobe.session")
int ipft_copies_session(struct ipft_registers *ctx)
{
	const __u64 how = bpf_get_attach_cookie(ctx);
	/* Both are read in any case: the verifier takes no choice between two places in the context. */
	__u64 skb = *(volatile __u64 *)&ctx->IPFT_REGISTER_0, second = *(volatile __u64 *)&ctx->IPFT_REGISTER_1;
	__u64 *kept = ipft_session_cookie(ctx);

	if (ipft_session_is_return(ctx)) {
		skb = second = *kept;
	} else if (how != IPFT_FRAGMENTS && how != IPFT_FRAGMENTS6) {
		*kept = how == IPFT_MORPH ? second : skb;
		return IPFT_WITH_RETURN;
	}
	/* Of fragments only the entry comes here. */
	ipft_made(how, skb, second, ctx->IPFT_REGISTER_RETURN, true);
	return IPFT_WITHOUT_RETURN;
}
#endif

/* fexit for many functions in one link (Linux 7.2). */
SEC("ipft/fexit.multi")
int ipft_copies_multi(__u64 *ctx)
{
	__u64 skb = 0, second = 0, result = 0;

	bpf_get_func_arg(ctx, 0, &skb);
	bpf_get_func_arg(ctx, 1, &second);
	bpf_get_func_ret(ctx, &result);
	ipft_made(bpf_get_attach_cookie(ctx), skb, second, result, false);
	return 0;
}

char ipft_license[] SEC("license") = "Dual BSD/GPL";
