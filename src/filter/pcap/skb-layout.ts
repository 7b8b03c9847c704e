/** Where the running kernel keeps what a filter reads of a `struct sk_buff`. Pure. */
import { UnsupportedFeatureError } from '../../base/errors.js';
import type { Btf } from '../../btf/btf.js';
import { findStructs, listMembers, type Member } from '../../btf/members.js';

/** Offsets in bytes, from the beginning of the skb. */
export interface SkbLayout {
  readonly len: number;
  readonly head: number;
  readonly data: number;
  readonly tail: number;
  readonly protocol: number;
  readonly transportHeader: number;
  readonly networkHeader: number;
  readonly macHeader: number;
  /** The accelerated VLAN tag: protocol be16, control information u16. */
  readonly vlan: number;
  /** The bit that says whether there is such a tag; undefined where the tag says so by not being 0 (Linux 6.2+). */
  readonly vlanPresent: { readonly at: number; readonly mask: number } | undefined;
  /** The route; not 0 once there is one. */
  readonly dst: number;
  /** The socket that it belongs to, or NULL. */
  readonly owner: number;
  /** u32: the number of the device on which it was received, or 0. */
  readonly receivedOn: number;
  /** For a checksum that the device is to complete: where it begins u16, and where it is stored from there u16. */
  readonly checksumStart: number;
  /** u16; not 0 once IPv6 has sent the packet on its way. */
  readonly nextHeaderOffset: number | undefined;
}

/** Where a filter finds the kind of a packet's device. Offsets in bytes. */
export interface DeviceLayout {
  /** In the skb. */
  readonly dev: number;
  /** In the device: what it is managed with, or NULL. */
  readonly linkOps: number;
  /** In that: a string, as `vxlan`. */
  readonly kind: number;
}

/** @throws UnsupportedFeatureError if an skb of this kernel lacks a member */
export function readSkbLayout(vmlinux: Btf): SkbLayout {
  const structs = findStructs(vmlinux, ['sk_buff', 'inet6_skb_parm']);
  const members = membersOf(vmlinux, structs.get('sk_buff'));
  const at = (name: string) => offsetOf('sk_buff', members, name);
  const present = members.get('vlan_present');
  const nextHeader = membersOf(vmlinux, structs.get('inet6_skb_parm')).get('nhoff');
  return {
    ...{ len: at('len'), head: at('head'), data: at('data'), tail: at('tail'), protocol: at('protocol') },
    ...{ transportHeader: at('transport_header'), networkHeader: at('network_header'), macHeader: at('mac_header') },
    ...{ vlan: at('vlan_proto'), dst: at('_skb_refdst'), owner: at('sk'), receivedOn: at('skb_iif') },
    checksumStart: at('csum_start'),
    vlanPresent: present && { at: present.offsetBits >> 3, mask: 1 << (present.offsetBits & 7) },
    nextHeaderOffset: nextHeader && at('cb') + nextHeader.offsetBits / 8,
  };
}

/** @throws UnsupportedFeatureError if a struct of this kernel lacks a member */
export function readDeviceLayout(vmlinux: Btf): DeviceLayout {
  const structs = findStructs(vmlinux, ['sk_buff', 'net_device', 'rtnl_link_ops']);
  const at = (struct: string, name: string) => offsetOf(struct, membersOf(vmlinux, structs.get(struct)), name);
  const [dev, linkOps] = [at('sk_buff', 'dev'), at('net_device', 'rtnl_link_ops')];
  return { dev, linkOps, kind: at('rtnl_link_ops', 'kind') };
}

function membersOf(vmlinux: Btf, struct: number | undefined): ReadonlyMap<string, Member> {
  return struct === undefined ? new Map() : listMembers(vmlinux, struct);
}

function offsetOf(struct: string, members: ReadonlyMap<string, Member>, name: string): number {
  const member = members.get(name);
  if (member !== undefined && member.bits === 0) return member.offsetBits / 8;
  throw new UnsupportedFeatureError(`struct ${struct}`, `this kernel's struct ${struct} has no member ${name}`);
}
