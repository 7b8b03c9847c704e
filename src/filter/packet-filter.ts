/** Packet filters: the choice of the packets to follow. */
import { IPFT_MAX_CONNECTIONS } from '../abi/layout.js';
import type { NamedObject } from '../base/named-object.js';
import type { Btf } from '../btf/btf.js';
import type { FoundProcesses } from './process-query.js';
import type { WantedPlaces } from './wanted-places.js';

/** A choice of packets. It decides about a packet before the journey begins; a rejected one costs no record and no slot. */
export interface PacketFilter {
  /**
   * The mark of the packets. It is compared at each call of each traced function, by a load and a compare, for followed
   * packets, too: without `follow`, a packet whose mark has changed makes no events.
   */
  readonly mark: WantedMark;
  /**
   * Makes a BPF object that defines `int ipft_wants(struct sk_buff *skb)`, as `bpf/core/filter.h` declares it. It is
   * called for a packet whose mark matches and that is not followed, wherever it is seen; not 0 has it followed. Absent:
   * the mark alone decides.
   *
   * The object is linked into two others, the backend's programs and those of `bpf/core/lifecycle.bpf.c`. They share its
   * maps; global variables each has for itself. It has no `license` section.
   * @param vmlinux the types of the running kernel
   * @param byHelper whether it must read memory with helpers; else `bpf_rdonly_cast` is there, too
   * @throws IpftError if this kernel lacks something that the filter reads
   */
  readonly compile?: ((vmlinux: Btf, byHelper: boolean) => NamedObject) | undefined;
  /** A condition that is asked besides. Absent: there is none. */
  readonly where?: Condition | undefined;
  /** Where packets are when they begin to be followed. Absent: anywhere. */
  readonly places?: WantedPlaces | undefined;
  /** Present where packets of a followed packet's connection are followed, too. */
  readonly connections?: Connections | undefined;
  /** Whose packets these are. Absent: anyone's. */
  readonly processes?: FoundProcesses | undefined;
}

/** A condition over the kernel's structs. */
export interface Condition {
  /** Whether its object calls `ipft_find_header`. */
  readonly needsHeaders: boolean;
  /**
   * Makes a BPF object that defines `int ipft_is_where(void *ctx, struct sk_buff *skb)`, as `bpf/core/filter.h` declares it.
   * @param vmlinux, byHelper as for `PacketFilter.compile`
   */
  compile(vmlinux: Btf, byHelper: boolean): NamedObject;
  /** Instructions of its code, and how many of them call helpers or functions. @param vmlinux, byHelper as for `compile` */
  cost(vmlinux: Btf, byHelper: boolean): { readonly instructions: number; readonly calls: number };
}

/**
 * Packets between the same addresses and ports, in both directions. Answers have no mark: where connections are followed,
 * `mark` of the filter is `ANY_MARK`, and the mark is asked about with all else.
 */
export interface Connections {
  readonly mark: WantedMark;
}

/** How many connections are known at a time: those that had a packet last. */
export const MAX_CONNECTIONS = IPFT_MAX_CONNECTIONS;

/** A filter as the kernel side has it. */
export interface CompiledFilter extends Omit<PacketFilter, 'compile' | 'where'> {
  /** The programs that are asked: `ipft_wants`, and `ipft_is_where`. */
  readonly wants?: NamedObject | undefined;
  readonly where?: NamedObject | undefined;
  /** What these call. */
  readonly called: readonly NamedObject[];
}

/** All objects of a filter. */
export function objectsOf({ wants, where, called }: CompiledFilter): NamedObject[] {
  return [...(wants ? [wants] : []), ...(where ? [where] : []), ...called];
}

/** Whether the kernel side looks at more of a packet than its mark. */
export function looksBeyondMark({ wants, where, places, connections, processes }: CompiledFilter): boolean {
  return (
    wants !== undefined ||
    where !== undefined ||
    places !== undefined ||
    connections !== undefined ||
    processes !== undefined
  );
}

/** Packets whose mark, under the mask, has this value. */
export interface WantedMark {
  readonly value: number;
  readonly mask: number;
}

/** For filters without a mark: every packet is handed to `ipft_wants()`. */
export const ANY_MARK: WantedMark = { value: 0, mask: 0 };
