/** The names of built-in fields: what `--fields` takes. Pure. */

/** The name of built-in fields: `ipft --fields help` tells what each adds to events. */
export type BuiltinName = 'tuple' | 'ip' | 'tcp' | 'skb' | 'vlan' | 'netns' | 'dev' | 'process' | 'sock' | 'gso' | 'ct';

interface BuiltinFacts {
  /** What it tells. Lower case, no final period. */
  readonly summary: string;
  /** What it adds to an event: `npm run bench -- --only fields`, with Linux 6.12 and kprobe-multi. */
  readonly instructions: number;
}

/** In the order of struct ipft_builtin. */
export const BUILTIN_FACTS: Readonly<Record<BuiltinName, BuiltinFacts>> = {
  tuple: { instructions: 1070, summary: 'protocol, addresses and ports, of IPv4 and IPv6' },
  ip: { instructions: 850, summary: 'time to live, type of service, and of IPv4 id, flags and offset of fragments' },
  tcp: { instructions: 870, summary: 'flags, window and sequence numbers of TCP' },
  skb: { instructions: 600, summary: 'length, the part of it in pages, mark, hash and queue' },
  vlan: { instructions: 310, summary: 'the VLAN tag that is kept apart from the packet' },
  netns: { instructions: 570, summary: "the network namespace of the packet's device, or of its socket" },
  dev: { instructions: 460, summary: "the packet's device" },
  process: { instructions: 340, summary: 'the process that the function runs in, which may be any in an interrupt' },
  sock: { instructions: 490, summary: "the packet's socket: cookie, owner, family and state" },
  gso: { instructions: 580, summary: 'into what the packet will be cut' },
  ct: { instructions: 250, summary: 'what connection tracking says of the packet' },
};

/** What all of them add together, measured in the same way. */
export const ALL_INSTRUCTIONS = 3780;

export const BUILTIN_NAMES = Object.keys(BUILTIN_FACTS) as readonly BuiltinName[];
