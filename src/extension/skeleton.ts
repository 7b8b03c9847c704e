/** What `--gen` prints: the header with the macros, and a first extension. Both compile as they are. */

/** Types first: `clang -target bpf` doesn't look where Debian and Ubuntu keep asm/types.h, which linux/types.h needs. */
const INCLUDES = `#if __has_include(<asm/types.h>)
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
`;

const MACROS = `#define __ipft_sec_skip __attribute__((section("__ipft_skip")))
#define __ipft_ref(name) name __ipft_sec_skip
#define __ipft_event_struct __ipft_event_struct __ipft_sec_skip
#define __ipft_fmt_hex __attribute__((btf_decl_tag("ipft:fmt:hex")))
#define __ipft_fmt_enum(ref) __attribute__((btf_decl_tag("ipft:fmt:enum:" #ref)))
#define __ipft_fmt_enum_flags(ref) __attribute__((btf_decl_tag("ipft:fmt:enum_flags:" #ref)))
`;

/** `--gen bpf-module-header` */
export const MODULE_HEADER = `#ifndef __IPFT_EXTENSION_H__
#define __IPFT_EXTENSION_H__

${INCLUDES}
${MACROS}
#endif
`;

/** `--gen bpf-module-skeleton` */
export const MODULE_SKELETON = `${INCLUDES}
${MACROS}
struct event {
  /* Your fields come here */
  unsigned int len;
} __ipft_event_struct;

/*
 * This is only a part of the kernel's sk_buff, and that is no problem: libbpf rewrites
 * the program to the layout of the running kernel (BPF CO-RE).
 */
struct sk_buff {
  /* The members that you read come here. Below is an example. */
  unsigned int len;
};

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
  struct event *ev = (struct event *)data;

  /* Your logic comes here. Below is an example. */
  ev->len = BPF_CORE_READ(skb, len);

  return 0;
}
`;
