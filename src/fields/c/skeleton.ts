/** The texts of `--gen`: the header with the macros, and a first extension. Both compile as they are. */

import { readFileSync } from 'node:fs';
import { PACKAGE_ROOT } from '../../base/package-root.js';

/** The directory for `#include <ipft/extension.h>`. */
export const INCLUDE_DIRECTORY = new URL('bpf/include/', PACKAGE_ROOT);

/** `--gen bpf-module-header` */
export function loadModuleHeader(): string {
  return readFileSync(new URL('ipft/extension.h', INCLUDE_DIRECTORY), 'utf8');
}

/** `--gen bpf-module-skeleton`: the header's content and an extension, so that it needs no other file. */
export function loadModuleSkeleton(): string {
  const content = loadModuleHeader()
    .replace(/^#ifndef .*\n#define .*\n\n/, '')
    .replace(/\n#endif\n$/, '');
  return `${content}\n${EXTENSION}`;
}

const EXTENSION = `struct event {
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
