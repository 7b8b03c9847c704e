/** What chooses the packets to follow. */
import type { NamedObject } from '../base/named-object.js';
import type { Btf } from '../btf/btf.js';

/** A way to choose packets. What it compiles to decides about a packet before its journey begins. */
export interface PacketFilter {
  /**
   * @param vmlinux the types of the kernel that the packets are in
   * @throws IpftError if this kernel can't tell what is asked for
   */
  compile(vmlinux: Btf): CompiledFilter;
}

/** A filter as the kernel side has it. A packet that it rejects costs no record and no place among the journeys. */
export interface CompiledFilter {
  /**
   * The mark that the packets have. Compared at each call of each traced function: a load and a compare. Also of packets
   * that are followed: without `follow`, a packet whose mark has changed makes no events.
   */
  readonly mark: WantedMark;
  /**
   * A BPF object that defines `int ipft_wants(struct sk_buff *skb)`, as `bpf/core/filter.h` declares it. Called for a
   * packet whose mark matches and that is not followed, wherever it is seen; not 0 has it followed. Absent: the mark alone
   * decides.
   *
   * The object is linked into two others, the backend's programs and those of `bpf/core/lifecycle.bpf.c`. They share its
   * maps; global variables each has for itself. It reads memory with helpers, and has no `license` section.
   */
  readonly object?: NamedObject;
}

/** Packets whose mark, under the mask, has this value. */
export interface WantedMark {
  readonly value: number;
  readonly mask: number;
}

/** For filters that ask for no mark: every packet is shown to `ipft_wants()`. */
export const ANY_MARK: WantedMark = { value: 0, mask: 0 };
