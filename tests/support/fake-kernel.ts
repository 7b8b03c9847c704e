/** A kernel with a few structs, and an skb in its memory, for expressions that run without a kernel. */
import { type Btf, parseBtf } from '../../src/btf/btf.js';
import {
  BTF_INT_BOOL,
  BTF_INT_CHAR,
  BTF_INT_SIGNED,
  BtfWriter,
  type WrittenMember,
} from '../../src/bytecode/btf-writer.js';
import { KernelTypes } from '../../src/expression/kernel-types.js';
import type { Region } from './bpf-machine.js';

export const SKB = 0xffff888000010000n;
export const DEVICE = 0xffff888000020000n;
export const TEXT = 0xffff888000030000n;
export const HEAD = 0xffff888000040000n;
export const FUNCTION = 0xffffffff81000010n;

/** Members of the skb that are numbers: offset, bytes, C type, and what they hold in the memory below. */
export const NUMBERS = {
  len: [112, 4, 'unsigned int', 1500n],
  mark: [116, 4, 'unsigned int', 0xfffffff0n],
  small: [120, 1, 'unsigned char', 250n],
  tiny: [121, 1, 'signed char', -5n],
  half: [122, 2, 'short', -300n],
  word: [124, 4, 'int', -70000n],
  wide: [128, 8, 'long', -5_000_000_000n],
  huge: [136, 8, 'unsigned long', 0xfedcba9876543210n],
  zero: [144, 4, 'int', 0n],
} as const;

function buildTypes(): Btf {
  const btf = new BtfWriter();
  const char = btf.integer('char', 1, BTF_INT_SIGNED | BTF_INT_CHAR);
  const u8 = btf.integer('unsigned char', 1);
  const s8 = btf.integer('signed char', 1, BTF_INT_SIGNED);
  const u16 = btf.integer('unsigned short', 2);
  const s16 = btf.integer('short', 2, BTF_INT_SIGNED);
  const u32 = btf.integer('unsigned int', 4);
  const s32 = btf.integer('int', 4, BTF_INT_SIGNED);
  const u64 = btf.integer('unsigned long', 8);
  const s64 = btf.integer('long', 8, BTF_INT_SIGNED);
  const bool = btf.integer('_Bool', 1, BTF_INT_BOOL);
  const be16 = btf.typedef('__be16', u16);
  const be32 = btf.typedef('__be32', u32);
  const be64 = btf.typedef('__be64', u64);
  const types: Record<string, number> = {
    ...{
      'unsigned int': u32,
      'unsigned char': u8,
      'signed char': s8,
      short: s16,
      int: s32,
      long: s64,
      'unsigned long': u64,
    },
  };
  const state = btf.enumeration(
    'state',
    4,
    [
      { name: 'DOWN', value: 0n },
      { name: 'UP', value: 6n },
      { name: 'LOST', value: -1n },
    ],
    true,
  );
  // With the numbers of bits among the flags, as some enums of the kernel have them.
  btf.enumeration(
    'status',
    4,
    [
      { name: 'SEEN_BIT', value: 0n },
      { name: 'SEEN', value: 1n },
      { name: 'GONE_BIT', value: 1n },
      { name: 'GONE', value: 2n },
      { name: 'ODD_BIT', value: 4n },
      { name: 'LAST', value: 8n },
    ],
    false,
  );
  const bytes16 = btf.array(u8, 16, u32);
  const in6 = btf.struct('in6_addr', 16, [{ name: 's6_addr', type: bytes16, offsetBits: 0 }]);
  const callback = btf.pointer(btf.func('callback', 0, {}, 0) - 1);
  const inner = btf.struct('', 8, [
    { name: 'left', type: u32, offsetBits: 0 },
    { name: 'right', type: u32, offsetBits: 32 },
  ]);
  const either = btf.struct(
    '',
    8,
    [
      { name: 'both', type: u64, offsetBits: 0 },
      { name: '', type: inner, offsetBits: 0 },
    ],
    true,
  );
  const member = (name: string, type: number, offset: number, bits = 0, bit = 0): WrittenMember => ({
    ...{ name, type, offsetBits: offset * 8 + bit, bits },
  });
  const device = btf.struct('net_device', 128, [
    member('name', btf.array(char, 16, u32), 0),
    member('ifindex', s32, 16),
    member('state', state, 20),
    member('dev_addr', btf.array(u8, 32, u32), 24),
    member('kind', btf.pointer(char), 56),
    member('setup', callback, 64),
    member('addr', in6, 72),
    member('numbers', btf.array(u16, 4, u32), 88),
    member('next', btf.pointer(btf.forward('net_device')), 96),
    member('', either, 104),
    member('up', bool, 112),
    // Arrays without a length, which lie over others.
    member('label', btf.array(char, 0, u32), 0),
    member('rest', btf.array(u16, 0, u32), 88),
  ]);
  btf.struct('sk_buff', 232, [
    member('dev', btf.pointer(device), 16),
    member('sk', btf.pointer(btf.forward('sock')), 24),
    member('cb', btf.array(char, 48, u32), 40),
    ...Object.entries(NUMBERS).map(([name, [offset, , type]]) => member(name, types[type]!, offset)),
    member('pkt_type', u8, 150, 3, 0),
    member('ip_summed', u8, 150, 2, 5),
    member('signed_bits', s32, 152, 5, 3),
    member('wide_bits', u64, 156, 40, 4),
    member('protocol', be16, 180),
    member('saddr', be32, 184),
    member('cookie', be64, 192),
    member('head', btf.pointer(u8), 200),
    member('network_header', u16, 208),
    member('error', btf.pointer(device), 216),
    member('destructor', callback, 224),
  ]);
  btf.struct('header', 8, [member('type', be16, 0), member('flag', u8, 2, 1, 7), member('value', u32, 4)]);
  btf.struct('tcphdr', 20, [member('value', u32, 4)]);
  btf.struct('iphdr', 20, [member('ttl', u8, 8), member('saddr', be32, 12)]);
  btf.struct('timespec64', 16, [member('tv_sec', s64, 0)]);
  btf.struct('new_utsname', 390, [member('sysname', btf.array(char, 65, u32), 0)]);
  btf.enumeration(
    'protocols',
    4,
    [
      { name: 'IPPROTO_ICMP', value: 1n },
      { name: 'TWICE', value: 1n },
    ],
    false,
  );
  btf.enumeration('other', 4, [{ name: 'TWICE', value: 2n }], false);
  btf.struct('doubled', 4, [member('a', u32, 0)]);
  btf.struct('doubled', 8, [member('b', u64, 0)]);
  btf.func('bpf_rdonly_cast', s32, { obj: u64, type: u32 }, 1);
  return parseBtf(btf.bytes());
}

/** The memory: an skb without a socket on the device `eth0`, whose header begins at head + 8. */
export function memory(): Region[] {
  const skb = Buffer.alloc(232);
  for (const [offset, bytes, , value] of Object.values(NUMBERS)) {
    for (let at = 0; at < bytes; at++) skb[offset + at] = Number(BigInt.asUintN(8, value >> BigInt(8 * at)));
  }
  skb.writeBigUInt64LE(DEVICE, 16);
  skb.write('control', 40);
  skb[150] = 0b0100_0101;
  // 5 bits from bit 3 on: -3. 40 bits from bit 4 on: 0xabcdef0123.
  skb[152] = BigInt.asUintN(5, -3n) << 3n === 0n ? 0 : Number(BigInt.asUintN(5, -3n) << 3n);
  skb.writeUIntLE(0xabcdef0123 * 16, 156, 6);
  skb.writeUInt16BE(0x0800, 180);
  skb.set([10, 0, 0, 1], 184);
  skb.writeBigUInt64BE(0x0102030405060708n, 192);
  skb.writeBigUInt64LE(HEAD, 200);
  skb.writeUInt16LE(8, 208);
  skb.writeBigUInt64LE(BigInt.asUintN(64, -22n), 216);
  skb.writeBigUInt64LE(FUNCTION, 224);
  const device = Buffer.alloc(128);
  device.write('eth0', 0);
  device.writeInt32LE(7, 16);
  device.writeInt32LE(6, 20);
  device.set([2, 0x42, 0xac, 0x11, 0, 2], 24);
  device.writeBigUInt64LE(TEXT, 56);
  device.writeBigUInt64LE(FUNCTION, 64);
  device.set([0xfe, 0x80], 72);
  device[87] = 1;
  for (const [index, value] of [11, 22, 33, 44].entries()) device.writeUInt16LE(value, 88 + index * 2);
  device.writeUInt32LE(1, 104);
  device.writeUInt32LE(2, 108);
  device[112] = 1;
  const head = Buffer.alloc(64);
  head.writeUInt16BE(0x86dd, 8);
  head[10] = 0x80;
  head.writeUInt32LE(0x01020304, 12);
  return [
    { address: SKB, bytes: skb },
    { address: DEVICE, bytes: device },
    { address: TEXT, bytes: Buffer.from('veth\0beyond it') },
    { address: HEAD, bytes: head },
  ];
}

export function fakeKernel(): KernelTypes {
  const vmlinux = buildTypes();
  return new KernelTypes({
    vmlinux,
    modules: () => new Map(),
    addressesOf: (name) => (name === 'ip_rcv' ? [FUNCTION] : []),
  });
}
