/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What an event carries: its data, of which each source of fields writes a part, by a function of its own. Those that
 * stand here are for sources that are not there: the verifier knows from ipft_config that they are not called, and
 * removes the calls. libbpf's linker replaces the function of a source that is there.
 *
 * Several C extensions would be numbered: the user side would rename module() of each before linking, and ipft_config
 * would have an array of parts.
 */
#ifndef IPFT_FIELDS_H
#define IPFT_FIELDS_H

#include "journey.bpf.h"

/* The user's extension. Returns not 0 to leave out the event, whatever other sources have to tell of it. */
__hidden __weak int module(void *ctx, struct sk_buff *skb, __u8 data[IPFT_DATA_SIZE])
{
	return 0;
}

/*
 * Fields that the user side has made code for. @data: ipft_config.fields.bytes bytes, all zero. What it returns is not
 * looked at. @skb: as for module(), a plain number that is read with helpers.
 */
__hidden __weak int ipft_fields(void *ctx, struct sk_buff *skb, __u8 *data)
{
	return 0;
}

/* Fields of an extension in TypeScript, whose code the user side has made. Returns not 0 to leave out the event. */
__hidden __weak int ipft_script(void *ctx, struct sk_buff *skb, __u8 *data)
{
	return 0;
}

/* Fields that are expressions, by code that the user side has made. What it returns is not looked at. */
__hidden __weak int ipft_show(void *ctx, struct sk_buff *skb, __u8 *data)
{
	return 0;
}

/* The data are all zero when a source gets them. The verifier knows their size, and so does away with what is beyond. */
static __always_inline void ipft_clear(__u8 *data)
{
	const __u32 size = ipft_config.data_size;
	__u32 at = 0;

	data = __builtin_assume_aligned(data, 8);
	/* An extension has at least this. */
	if (size >= IPFT_DATA_SIZE) {
		__builtin_memset(data, 0, IPFT_DATA_SIZE);
		at = IPFT_DATA_SIZE;
	}
	/* Many bytes at once: a round costs more than what it clears. */
	for (; at + 32 <= size; at += 32)
		__builtin_memset(__builtin_assume_aligned(data + at, 8), 0, 32);
	if (size & 16) {
		__builtin_memset(__builtin_assume_aligned(data + at, 8), 0, 16);
		at += 16;
	}
	if (size & 8)
		*(__u64 *)(data + at) = 0;
}

/*
 * Has all sources write their part of an event. Returns whether there is to be one.
 * @skb, @record: in memory, and read anew for each source, so that no register is saved on the stack while one runs
 * @header: how many bytes of the record stand before the data
 */
static __always_inline bool ipft_write_fields(void *ctx, const volatile __u64 *skb, __u8 *const volatile *record,
					      __u32 header)
{
	/* First the sources that may choose. */
	if (ipft_config.module.bytes &&
	    module(ctx, (struct sk_buff *)*skb, *record + header + ipft_config.module.at))
		return false;
	if (ipft_config.script.bytes &&
	    ipft_script(ctx, (struct sk_buff *)*skb, *record + header + ipft_config.script.at))
		return false;
	if (ipft_config.fields.bytes)
		ipft_fields(ctx, (struct sk_buff *)*skb, *record + header + ipft_config.fields.at);
	if (ipft_config.show.bytes)
		ipft_show(ctx, (struct sk_buff *)*skb, *record + header + ipft_config.show.at);
	return true;
}

#endif
