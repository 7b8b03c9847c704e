/** Builds packets as they are on the wire, header by header. Checksums are 0. */

export type Bytes = Uint8Array;

export const bytes = (...parts: (readonly number[] | Bytes | string)[]): Bytes =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'hex') : Uint8Array.from(part))));

const u16 = (value: number) => [value >> 8, value & 0xff];
const u24 = (value: number) => [value >> 16, ...u16(value & 0xffff)];
const u32 = (value: number) => [...u16(value >>> 16), ...u16(value & 0xffff)];

const macBytes = (text: string) => text.split(':').map((pair) => Number.parseInt(pair, 16));
const ipv4Bytes = (text: string) => text.split('.').map(Number);

function ipv6Bytes(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].flatMap((group) => u16(Number.parseInt(group, 16)));
}

export const ethernet = (etherType: number, payload: Bytes): Bytes =>
  bytes(macBytes('52:54:00:00:00:02'), macBytes('52:54:00:00:00:01'), u16(etherType), payload);

/** What stands behind the EtherType of the tag. @param value number, and priority in the upper bits */
export const vlan = (value: number, etherType: number, payload: Bytes): Bytes =>
  bytes(u16(value), u16(etherType), payload);

interface Ipv4Parts {
  readonly from?: string;
  readonly to?: string;
  /** Flags and offset, as the header has them. */
  readonly fragment?: number;
  /** A multiple of 4 bytes. */
  readonly options?: string;
  /** Instead of the right one. */
  readonly totalBytes?: number;
}

export function ipv4(protocol: number, payload: Bytes, parts: Ipv4Parts = {}): Bytes {
  const { from = '10.0.0.1', to = '10.0.0.2', fragment = 0x4000, options = '' } = parts;
  const words = 5 + options.length / 8;
  const total = parts.totalBytes ?? words * 4 + payload.length;
  return bytes(
    ...[[0x40 | words, 0], u16(total), u16(0x1234), u16(fragment), [64, protocol], u16(0)],
    ...[ipv4Bytes(from), ipv4Bytes(to), options, payload],
  );
}

export function ipv6(next: number, payload: Bytes, { from = 'fe80::1', to = 'fe80::2' } = {}): Bytes {
  return bytes(u32(0x60a12345), u16(payload.length), [next, 64], ipv6Bytes(from), ipv6Bytes(to), payload);
}

interface TcpParts {
  readonly sequence?: number;
  readonly acknowledgment?: number;
  /** A multiple of 4 bytes. */
  readonly options?: string;
  readonly data?: string;
}

export function tcp(ports: readonly [number, number], flags: number, parts: TcpParts = {}): Bytes {
  const { sequence = 1000, acknowledgment = 0, options = '', data = '' } = parts;
  const words = 5 + options.length / 8;
  return bytes(
    ...[u16(ports[0]), u16(ports[1]), u32(sequence), u32(acknowledgment), u16((words << 12) | flags), u16(64240)],
    ...[u16(0), u16(0), options, data],
  );
}

export const udp = ([source, destination]: readonly [number, number], payload: Bytes): Bytes =>
  bytes(u16(source), u16(destination), u16(8 + payload.length), u16(0), payload);

/** @param rest the four bytes behind the checksum */
export const icmp = (type: number, code: number, rest: number, payload: Bytes = bytes()): Bytes =>
  bytes([type, code], u16(0), u32(rest), payload);

export const echo = (type: number, id: number, sequence: number, payload = bytes(new Array(56).fill(0))): Bytes =>
  icmp(type, 0, ((id << 16) | sequence) >>> 0, payload);

export const ah = (next: number, payload: Bytes): Bytes =>
  bytes([next, 4], u16(0), u32(0x100), u32(1), new Array(12).fill(0), payload);

export const arp = (operation: number, targetMac = '00:00:00:00:00:00'): Bytes =>
  bytes(
    ...[u16(1), u16(0x800), [6, 4], u16(operation), macBytes('52:54:00:00:00:01'), ipv4Bytes('10.0.0.1')],
    ...[macBytes(targetMac), ipv4Bytes('10.0.0.2')],
  );

export const vxlan = (id: number, payload: Bytes): Bytes => bytes([8, 0, 0, 0], u24(id), [0], payload);

export const geneve = (id: number, etherType: number, payload: Bytes, options = ''): Bytes =>
  bytes([options.length / 8, 0], u16(etherType), u24(id), [0], options, payload);

export const gre = (etherType: number, payload: Bytes, key?: number): Bytes =>
  bytes(u16(key === undefined ? 0 : 0x2000), u16(etherType), key === undefined ? [] : u32(key), payload);

export const gtpu = (id: number, payload: Bytes): Bytes => bytes([0x30, 0xff], u16(payload.length), u32(id), payload);

export const sctp = (ports: readonly [number, number], ...chunks: readonly [type: number, data: string][]): Bytes =>
  bytes(
    ...[u16(ports[0]), u16(ports[1]), u32(0xabcd), u32(0)],
    ...chunks.flatMap(([type, data]) => [[type, 0], u16(4 + data.length / 2), data]),
  );

/** A packet of each kind, in Ethernet, and its text. */
export const FRAMES: readonly (readonly [frame: Bytes, text: string])[] = [
  [
    ethernet(0x800, ipv4(6, tcp([4711, 443], 0x02, { options: '020405b40402080a000000010000000001030307' }))),
    '10.0.0.1:4711 > 10.0.0.2:443: Flags [S], seq 1000, win 64240, ' +
      'options [mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7], length 0',
  ],
  [
    ethernet(0x800, ipv4(6, tcp([443, 4711], 0x18, { acknowledgment: 7, data: '00ff00' }))),
    '10.0.0.1:443 > 10.0.0.2:4711: Flags [P.], seq 1000:1003, ack 7, win 64240, length 3',
  ],
  [
    ethernet(0x800, ipv4(6, tcp([1, 2], 0x10, { options: '0101050a0000000100000005' }))),
    '10.0.0.1:1 > 10.0.0.2:2: Flags [.], ack 0, win 64240, options [nop,nop,sack 1 {1:5}], length 0',
  ],
  [
    ethernet(0x800, ipv4(6, tcp([1, 2], 0x1e9))),
    '10.0.0.1:1 > 10.0.0.2:2: Flags [FPUEWe], seq 1000, win 64240, urg 0, length 0',
  ],
  [ethernet(0x800, ipv4(6, tcp([1, 2], 0))), '10.0.0.1:1 > 10.0.0.2:2: Flags [none], win 64240, length 0'],
  [ethernet(0x800, ipv4(17, udp([5353, 53], bytes('0102')))), '10.0.0.1:5353 > 10.0.0.2:53: UDP, length 2'],
  [ethernet(0x800, ipv4(1, echo(8, 5, 1))), '10.0.0.1 > 10.0.0.2: ICMP echo request, id 5, seq 1, length 64'],
  [ethernet(0x800, ipv4(1, echo(0, 5, 1))), '10.0.0.1 > 10.0.0.2: ICMP echo reply, id 5, seq 1, length 64'],
  [
    ethernet(0x800, ipv4(1, icmp(3, 3, 0, ipv4(17, udp([9, 53], bytes()), { from: '10.0.0.2', to: '10.0.0.1' })))),
    '10.0.0.1 > 10.0.0.2: ICMP 10.0.0.1 udp port 53 unreachable, length 36, about 10.0.0.2:9 > 10.0.0.1:53',
  ],
  [
    ethernet(0x800, ipv4(1, icmp(3, 4, 1400, ipv4(6, tcp([9, 80], 2).subarray(0, 8), { totalBytes: 1500 })))),
    '10.0.0.1 > 10.0.0.2: ICMP 10.0.0.2 unreachable - need to frag (mtu 1400), length 36, ' +
      'about 10.0.0.1:9 > 10.0.0.2:80',
  ],
  [
    ethernet(0x800, ipv4(1, icmp(3, 13, 0, ipv4(50, bytes('00000001'))))),
    '10.0.0.1 > 10.0.0.2: ICMP host 10.0.0.2 unreachable - admin prohibited filter, length 32, ' +
      'about 10.0.0.1 > 10.0.0.2',
  ],
  [
    ethernet(0x800, ipv4(1, icmp(5, 1, 0x0a0000fe, ipv4(1, echo(8, 1, 1))))),
    '10.0.0.1 > 10.0.0.2: ICMP redirect 10.0.0.2 to host 10.0.0.254, length 92, about 10.0.0.1 > 10.0.0.2',
  ],
  [
    ethernet(0x800, ipv4(1, icmp(11, 0, 0, ipv4(1, echo(8, 1, 1))))),
    '10.0.0.1 > 10.0.0.2: ICMP time exceeded in-transit, length 92, about 10.0.0.1 > 10.0.0.2',
  ],
  [
    ethernet(0x800, ipv4(17, bytes('00350035', '0000000000'), { fragment: 0x2000 })),
    '10.0.0.1:53 > 10.0.0.2:53: UDP, length 1, frag (id 4660, offset 0, more)',
  ],
  [
    ethernet(0x800, ipv4(17, bytes('00350035'), { fragment: 0x00b9 })),
    '10.0.0.1 > 10.0.0.2: ip-proto-17, length 4, frag (id 4660, offset 1480, last)',
  ],
  [ethernet(0x800, ipv4(2, bytes('16000904'), { options: '94040000' })), '10.0.0.1 > 10.0.0.2: IGMP, length 4'],
  [ethernet(0x800, ipv4(253, bytes('00'))), '10.0.0.1 > 10.0.0.2: ip-proto-253, length 1'],
  [
    ethernet(0x800, ipv4(50, bytes('0000010000000002', '00'))),
    '10.0.0.1 > 10.0.0.2: ESP(spi=0x00000100,seq=0x2), length 9',
  ],
  [
    ethernet(0x800, ipv4(132, sctp([1000, 2000], [1, '00000001'], [10, '00']))),
    '10.0.0.1:1000 > 10.0.0.2:2000: sctp [INIT] [COOKIE ECHO]',
  ],
  [ethernet(0x806, arp(1)), 'ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28'],
  [ethernet(0x806, arp(2)), 'ARP, Reply 10.0.0.1 is-at 52:54:00:00:00:01, length 28'],
  [
    ethernet(0x800, ipv4(51, ah(6, tcp([4711, 443], 2)))),
    '10.0.0.1:4711 > 10.0.0.2:443: AH Flags [S], seq 1000, win 64240, length 0',
  ],
  [
    ethernet(0x800, ipv4(51, ah(50, bytes('0000010000000002', '00')))),
    '10.0.0.1 > 10.0.0.2: AH ESP(spi=0x00000100,seq=0x2), length 9',
  ],
  [
    ethernet(0x800, ipv4(51, ah(17, udp([1, 2], bytes('00'))), { fragment: 0x00b9 })),
    '10.0.0.1 > 10.0.0.2: ip-proto-51, length 33, frag (id 4660, offset 1480, last)',
  ],
  [ethernet(0x26, bytes('424203', '00'.repeat(43))), '52:54:00:00:00:01 > 52:54:00:00:00:02: STP, length 60'],
  [ethernet(0xfe, bytes('0610', '00'.repeat(252))), '52:54:00:00:00:01 > 52:54:00:00:00:02: LLC, length 268'],
  [
    ethernet(0x30, bytes('aaaa03000000', '0800', ipv4(6, tcp([4711, 443], 2)))),
    '10.0.0.1:4711 > 10.0.0.2:443: Flags [S], seq 1000, win 64240, length 0',
  ],
  [
    ethernet(0x22, bytes('aaaa0300000c', '2000', '00'.repeat(26))),
    '52:54:00:00:00:01 > 52:54:00:00:00:02: SNAP, length 48',
  ],
  [ethernet(0x88cc, bytes('0207')), '52:54:00:00:00:01 > 52:54:00:00:00:02: ethertype LLDP (0x88cc), length 16'],
  [
    ethernet(0x86dd, ipv6(6, tcp([4711, 443], 0x12, { acknowledgment: 1 }))),
    '[fe80::1]:4711 > [fe80::2]:443: Flags [S.], seq 1000, ack 1, win 64240, length 0',
  ],
  [
    ethernet(0x86dd, ipv6(0, bytes('3a00050200000100', icmp(143, 0, 0)))),
    'fe80::1 > fe80::2: HBH ICMP6, multicast listener report v2, length 8',
  ],
  [
    ethernet(0x86dd, ipv6(58, icmp(135, 0, 0, bytes('fe800000000000000000000000000002')))),
    'fe80::1 > fe80::2: ICMP6, neighbor solicitation, who has fe80::2, length 24',
  ],
  [ethernet(0x86dd, ipv6(58, echo(128, 5, 1))), 'fe80::1 > fe80::2: ICMP6, echo request, id 5, seq 1, length 64'],
  [
    ethernet(0x86dd, ipv6(58, icmp(2, 0, 1280, ipv6(17, udp([9, 53], bytes()))))),
    'fe80::1 > fe80::2: ICMP6, packet too big, mtu 1280, length 56, about [fe80::1]:9 > [fe80::2]:53',
  ],
  [
    ethernet(0x86dd, ipv6(58, icmp(1, 4, 0, ipv6(17, udp([9, 53], bytes()), { to: '2001:db8::1' })))),
    'fe80::1 > fe80::2: ICMP6, destination unreachable, unreachable port, 2001:db8::1 udp port 53, length 56, ' +
      'about [fe80::1]:9 > [2001:db8::1]:53',
  ],
  [
    ethernet(0x86dd, ipv6(60, bytes('2c00010400000000', '1100000100000007', udp([1, 2], bytes('0000'))))),
    '[fe80::1]:1 > [fe80::2]:2: DSTOPT UDP, length 2, frag (id 7, offset 0, more)',
  ],
  [
    ethernet(0x86dd, ipv6(44, bytes('1100000800000007', '000000'))),
    'fe80::1 > fe80::2: ip-proto-17, length 3, frag (id 7, offset 8, last)',
  ],
  [
    ethernet(0x86dd, ipv6(51, bytes('3a0400000000000100000002000000030000000000000000', echo(128, 1, 2)))),
    'fe80::1 > fe80::2: AH ICMP6, echo request, id 1, seq 2, length 64',
  ],
  [ethernet(0x8100, vlan(5, 0x800, ipv4(17, udp([1, 2], bytes())))), 'vlan 5: 10.0.0.1:1 > 10.0.0.2:2: UDP, length 0'],
  [
    ethernet(0x88a8, vlan(0x6064, 0x8100, vlan(5, 0x806, arp(1)))),
    'vlan 100 p 3, vlan 5: ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28',
  ],
  [
    ethernet(0x800, ipv4(17, udp([40000, 4789], vxlan(100, ethernet(0x800, ipv4(1, echo(8, 5, 1))))))),
    '10.0.0.1:40000 > 10.0.0.2:4789: VXLAN, vni 100: 10.0.0.1 > 10.0.0.2: ICMP echo request, id 5, seq 1, length 64',
  ],
  [
    ethernet(
      0x86dd,
      ipv6(17, udp([40000, 6081], geneve(7, 0x800, ipv4(17, udp([1, 2], bytes())), '0102800100000000'))),
    ),
    '[fe80::1]:40000 > [fe80::2]:6081: Geneve, vni 7: 10.0.0.1:1 > 10.0.0.2:2: UDP, length 0',
  ],
  [
    ethernet(0x800, ipv4(47, gre(0x800, ipv4(1, echo(8, 5, 1)), 0x64))),
    '10.0.0.1 > 10.0.0.2: GRE, key 0x64: 10.0.0.1 > 10.0.0.2: ICMP echo request, id 5, seq 1, length 64',
  ],
  [
    ethernet(0x800, ipv4(47, gre(0x6558, ethernet(0x806, arp(1))))),
    '10.0.0.1 > 10.0.0.2: GRE: ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28',
  ],
  [
    ethernet(0x800, ipv4(4, ipv4(17, udp([1, 2], bytes()), { from: '192.168.0.1' }))),
    '10.0.0.1 > 10.0.0.2: IPIP: 192.168.0.1:1 > 10.0.0.2:2: UDP, length 0',
  ],
  [
    ethernet(0x800, ipv4(41, ipv6(17, udp([1, 2], bytes())))),
    '10.0.0.1 > 10.0.0.2: SIT: [fe80::1]:1 > [fe80::2]:2: UDP, length 0',
  ],
  [
    ethernet(0x86dd, ipv6(4, ipv4(17, udp([1, 2], bytes())))),
    'fe80::1 > fe80::2: IP6TNL: 10.0.0.1:1 > 10.0.0.2:2: UDP, length 0',
  ],
  [
    ethernet(0x800, ipv4(17, udp([2152, 2152], gtpu(0x1234, ipv4(17, udp([1, 2], bytes())))))),
    '10.0.0.1:2152 > 10.0.0.2:2152: GTP-U, teid 0x1234: 10.0.0.1:1 > 10.0.0.2:2: UDP, length 0',
  ],
  [
    ethernet(
      0x800,
      ipv4(17, udp([2152, 2152], bytes('34ff000000000001', '00000085', '01000900', ipv6(17, udp([1, 2], bytes()))))),
    ),
    '10.0.0.1:2152 > 10.0.0.2:2152: GTP-U, teid 0x1: [fe80::1]:1 > [fe80::2]:2: UDP, length 0',
  ],
  [
    ethernet(0x800, ipv4(17, udp([2152, 2152], bytes('3001000000000000')))),
    '10.0.0.1:2152 > 10.0.0.2:2152: GTP-U, teid 0x0, echo request, length 16',
  ],
  [
    ethernet(0x800, ipv4(17, udp([40000, 51820], bytes('0400000000000001')))),
    '10.0.0.1:40000 > 10.0.0.2:51820: WireGuard, data, length 16',
  ],
  // Not what the port says.
  [ethernet(0x800, ipv4(17, udp([1, 4789], bytes('0000000000000000')))), '10.0.0.1:1 > 10.0.0.2:4789: UDP, length 8'],
];
