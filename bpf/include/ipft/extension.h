#ifndef __IPFT_EXTENSION_H__
#define __IPFT_EXTENSION_H__

#ifdef __VMLINUX_H__ /* which has all types */
#elif __has_include(<asm/types.h>)
#include <linux/types.h>
#else /* Debian and Ubuntu, without -I/usr/include/$(uname -m)-linux-gnu */
typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16, __le16, __be16, __sum16;
typedef int __s32;
typedef unsigned int __u32, __le32, __be32, __wsum;
typedef long long __s64;
typedef unsigned long long __u64, __le64, __be64;
#endif
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define __ipft_sec_skip __attribute__((section("__ipft_skip")))
#define __ipft_ref(name) name __ipft_sec_skip
#define __ipft_event_struct __ipft_event_struct __ipft_sec_skip

/* How a member of the event struct is shown; each also works on arrays. */
#define __ipft_fmt(tag) __attribute__((btf_decl_tag("ipft:fmt:" tag)))
#define __ipft_fmt_hex __ipft_fmt("hex")                            /* 0x4d2 */
#define __ipft_fmt_enum(ref) __ipft_fmt("enum:" #ref)               /* name of an enumerator */
#define __ipft_fmt_enum_flags(ref) __ipft_fmt("enum_flags:" #ref)   /* names of flags: a|b */
#define __ipft_fmt_ipv4 __ipft_fmt("ipv4")                          /* 10.0.0.1, from network order */
#define __ipft_fmt_ipv6 __ipft_fmt("ipv6")                          /* fe80::1 */
#define __ipft_fmt_ip __ipft_fmt("ip")                              /* 10.0.0.1 where IPv6 has ::ffff:10.0.0.1 */
#define __ipft_fmt_mac __ipft_fmt("mac")                            /* 02:42:ac:11:00:02 */
#define __ipft_fmt_be16 __ipft_fmt("be16")                          /* numbers in network order */
#define __ipft_fmt_be32 __ipft_fmt("be32")
#define __ipft_fmt_be64 __ipft_fmt("be64")
#define __ipft_fmt_char __ipft_fmt("char")                          /* the character; else a char is a number */
#define __ipft_fmt_string __ipft_fmt("string")                      /* bytes up to a NUL */
#define __ipft_fmt_symbol __ipft_fmt("symbol")                      /* a kernel address: ip_rcv+0x10 */
#define __ipft_fmt_ns __ipft_fmt("ns")                              /* a duration: 1.5us */

/*
 * What `ctx` points to depends on how the program is attached; these work with all ways.
 *
 * Argument n of the traced function, counted from 0, among the first six. Returns 0, or -EINVAL for one beyond or one that
 * the function does not have.
 */
extern int ipft_func_arg(void *ctx, __u32 n, __u64 *value);
/* The address of the traced function. */
extern __u64 ipft_func_ip(void *ctx);

#endif
