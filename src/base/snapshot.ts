/** The first bytes of a packet, and what the kernel keeps beside them. */
import type { Gso } from './packet.js';

/** How many bytes snapshots have at most, if nothing else is said: enough for Ethernet, IP, and TCP with options. */
export const DEFAULT_SNAPLEN = 96;

export interface Snapshot {
  /** From the Ethernet header on, or from the network header; in memory of its own. */
  readonly bytes: Uint8Array;
  /** Whether they begin with an Ethernet header. */
  readonly hasEthernet: boolean;
  /** `skb->protocol`: the EtherType of the network header. */
  readonly protocol: number;
  /** The length of the packet, from the first of `bytes` on. */
  readonly lengthBytes: number;
  /** The VLAN tag that is kept beside the bytes: its EtherType, and the 16 bits of its value. */
  readonly vlan: { readonly protocol: number; readonly value: number } | undefined;
  readonly gso: Gso | undefined;
}
