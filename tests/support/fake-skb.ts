/** An skb in memory that is made up, for BPF code that runs without a kernel; and BTF that says where its members are. */
import { type Btf, parseBtf } from '../../src/btf/btf.js';
import type { Region } from './bpf-machine.js';
import { BtfBuilder } from './btf-builder.js';

/** Offsets as in Linux 6.12. */
const OFFSETS = {
  ...{
    dev: 16,
    sk: 24,
    skb_iif: 144,
    _skb_refdst: 88,
    len: 112,
    data_len: 116,
    csum_start: 136,
    csum_offset: 138,
    cb: 40,
    vlan_proto: 156,
  },
  ...{ vlan_tci: 158, protocol: 180, transport_header: 182, network_header: 184, mac_header: 186, tail: 188, end: 192 },
  ...{ head: 200, data: 208 },
};
const SKB_BYTES = 232;
const SKB = 0xffff888000010000n;
const HEAD = 0xffff888000020000n;
const HEADROOM = 96;
const DEVICE = 0xffff888000040000n;
const LINK_OPS = 0xffffffffa0001000n;
const KIND = 0xffffffffa0002001n;
const LINK_OPS_AT = 40;
const KIND_AT = 16;

/** BTF with what filters look for. @param hasVlanBit whether a bit tells of VLAN tags, as before Linux 6.2 */
export function fakeVmlinux({ hasCast = true, hasVlanBit = false } = {}): Btf {
  const builder = new BtfBuilder();
  const int = builder.int('unsigned int', 4);
  const members = Object.entries(OFFSETS).map(([name, offset]) => ({ name, type: int, offset }));
  const bit = { name: 'vlan_present', type: int, offset: 132, bit: 3, bits: 1 };
  const rest = members.filter(({ name }) => !name.startsWith('vlan'));
  // Within an anonymous union, as the kernel has it.
  const vlan = builder.struct('', 4, [
    { name: 'vlan_proto', type: int, offset: 0 },
    { name: 'vlan_tci', type: int, offset: 2 },
  ]);
  const union = builder.union('', 4, [{ name: '', type: vlan, offset: 0 }]);
  builder.struct('sk_buff', SKB_BYTES, [
    ...rest,
    { name: '', type: union, offset: OFFSETS.vlan_proto },
    ...(hasVlanBit ? [bit] : []),
  ]);
  builder.struct('net_device', 64, [{ name: 'rtnl_link_ops', type: int, offset: LINK_OPS_AT }]);
  builder.struct('rtnl_link_ops', 64, [{ name: 'kind', type: int, offset: KIND_AT }]);
  builder.struct('inet6_skb_parm', 24, [{ name: 'nhoff', type: int, offset: 14 }]);
  builder.struct('timespec64', 16, [{ name: 'tv_sec', type: int, offset: 0 }]);
  builder.struct('new_utsname', 390, [{ name: 'sysname', type: int, offset: 0 }]);
  if (hasCast) builder.func('bpf_rdonly_cast', [int, int]);
  return parseBtf(builder.bytes());
}

export interface FakeSkb {
  /** The bytes of the packet, from its first header on. */
  readonly bytes: Uint8Array;
  /** Where it begins with Ethernet's header; undefined: there is none. */
  readonly mac?: number | undefined;
  /** Where IP's header is; undefined: it is not set. */
  readonly network?: number | undefined;
  readonly transport?: number | undefined;
  /** Where `skb->data` points; by default at the first byte. */
  readonly data?: number;
  readonly protocol: number;
  /** The accelerated tag: protocol and control information. */
  readonly vlan?: readonly [number, number] | undefined;
  /** How many of the bytes lie in the linear part. */
  readonly linear?: number;
  readonly dst?: boolean;
  /** Whether it belongs to a socket. */
  readonly owner?: boolean;
  /** The number of the device on which it was received. */
  readonly receivedOn?: number;
  /** The kind of its device, as `vxlan`; empty: one that has none; undefined: there is no device. */
  readonly deviceKind?: string | undefined;
  /** What was in memory before. */
  readonly nextHeaderOffset?: number;
  /** Where a checksum begins that the device is to complete, and where in its header it is stored. */
  readonly checksum?: readonly [begin: number, at: number];
}

/** @returns the skb's address, and the memory */
export function layOut(skb: FakeSkb): { address: bigint; regions: Region[] } {
  const bytes = Buffer.alloc(SKB_BYTES);
  const { linear = skb.bytes.length, data = 0 } = skb;
  const head = Buffer.alloc(HEADROOM + linear + 384);
  head.set(skb.bytes.subarray(0, linear), HEADROOM);
  const offset = (at: number | undefined, unset: number) => (at === undefined ? unset : HEADROOM + at);
  bytes.writeUInt16BE(skb.protocol, OFFSETS.protocol);
  bytes.writeUInt16LE(offset(skb.transport, 0xffff), OFFSETS.transport_header);
  bytes.writeUInt16LE(offset(skb.network, 0), OFFSETS.network_header);
  bytes.writeUInt16LE(offset(skb.mac, 0xffff), OFFSETS.mac_header);
  bytes.writeUInt32LE(HEADROOM + linear, OFFSETS.tail);
  bytes.writeUInt32LE(head.length - 320, OFFSETS.end);
  bytes.writeBigUInt64LE(HEAD, OFFSETS.head);
  bytes.writeBigUInt64LE(HEAD + BigInt(HEADROOM + data), OFFSETS.data);
  bytes.writeUInt32LE(skb.bytes.length - data, OFFSETS.len);
  bytes.writeUInt32LE(skb.bytes.length - linear, OFFSETS.data_len);
  if (skb.vlan) {
    bytes.writeUInt16BE(skb.vlan[0], OFFSETS.vlan_proto);
    bytes.writeUInt16LE(skb.vlan[1], OFFSETS.vlan_tci);
    bytes.writeUInt8(8, 132);
  }
  if (skb.dst) bytes.writeBigUInt64LE(0xffff888000030001n, OFFSETS._skb_refdst);
  if (skb.owner) bytes.writeBigUInt64LE(0xffff888000050000n, OFFSETS.sk);
  bytes.writeUInt32LE(skb.receivedOn ?? 0, OFFSETS.skb_iif);
  if (skb.nextHeaderOffset !== undefined) bytes.writeUInt16LE(skb.nextHeaderOffset, OFFSETS.cb + 14);
  if (skb.checksum) {
    bytes.writeUInt16LE(HEADROOM + skb.checksum[0], OFFSETS.csum_start);
    bytes.writeUInt16LE(skb.checksum[1], OFFSETS.csum_offset);
  }
  const regions = [
    { address: SKB, bytes },
    { address: HEAD, bytes: head },
  ];
  return { address: SKB, regions: [...regions, ...layOutDevice(skb.deviceKind, bytes)] };
}

function layOutDevice(kind: string | undefined, skb: Buffer): Region[] {
  if (kind === undefined) return [];
  const [device, linkOps] = [Buffer.alloc(64), Buffer.alloc(64)];
  skb.writeBigUInt64LE(DEVICE, OFFSETS.dev);
  if (kind !== '') device.writeBigUInt64LE(LINK_OPS, LINK_OPS_AT);
  linkOps.writeBigUInt64LE(KIND, KIND_AT);
  return [
    { address: DEVICE, bytes: device },
    { address: LINK_OPS, bytes: linkOps },
    { address: KIND, bytes: Buffer.from(`${kind}\0and what is behind`) },
  ];
}
