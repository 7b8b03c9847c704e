/**
 * Finds the packet within a tunnel. Pure.
 *
 * The headers are walked from the first one on: VLAN tags, IPv4 with options or IPv6 with extension headers, and then
 * the header of one tunnel. It is told by the protocol, UDP's by the port:
 *
 *     IPv4 or IPv6 in IP, GRE, UDP with VXLAN (4789, 8472), Geneve (6081) or GTP-U (2152)
 *
 * Where there is none, the packet itself is the one within a tunnel if it is on a tunnel's device: on its way out, before
 * the headers are there, and on its way in, when they are gone. WireGuard's plain side is seen so alone.
 *
 * The skb's own offsets of inner headers are not used: drivers set `encapsulation` without them, and after a packet has
 * left one tunnel they stay until it is in another.
 */
import { type Assembler, Label, type Register } from '../../bytecode/assembler.js';
import { BASE, HAS_ETHERNET, IS_TAGGED, LIMIT, PACKET } from './frame.js';
import {
  ETHERNET_BYTES,
  type Finding,
  IPV4_BYTES,
  IPV6_BYTES,
  type LateFields,
  writeIsWritten,
  writeSearch,
} from './headers.js';
import { ADDRESSES_BYTES } from './memory-reader.js';
import type { DeviceLayout } from './skb-layout.js';

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_8021Q = 0x8100;
const ETH_P_8021AD = 0x88a8;
/** A frame of Ethernet, within GRE or Geneve. */
const ETH_P_TEB = 0x6558;
const MAX_TAGS = 3;

const IPPROTO_HOPOPTS = 0;
const IPPROTO_IPIP = 4;
const IPPROTO_UDP = 17;
const IPPROTO_IPV6 = 41;
const IPPROTO_ROUTING = 43;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_GRE = 47;
const IPPROTO_AH = 51;
const IPPROTO_DSTOPTS = 60;
const MAX_EXTENSIONS = 6;

const VXLAN_PORT = 4789;
/** Linux's own, from before there was the other. */
const VXLAN_OLD_PORT = 8472;
const GENEVE_PORT = 6081;
const GTP_PORT = 2152;
/** The header of UDP, and the least of those that are within. */
const UDP_BYTES = 8;
const TUNNEL_BYTES = 8;
/** There is a network identifier; there is another protocol than Ethernet. */
const VXLAN_I = 0x08;
const VXLAN_P = 0x04;
/** Version 1, and a packet of a user. */
const GTP_PACKET = 0x30ff;
const GTP_PACKET_MASK = 0xf0ff;
/** Four more bytes, and among them the type of an extension header. */
const GTP_MORE = 0x700;
const GTP_EXTENSION = 0x400;
const MAX_GTP_EXTENSIONS = 4;
/** The first 4 bytes of GRE that have to be 0: routing and version. */
const GRE_UNKNOWN = 0x40070000;
/** The bits of checksum, key and sequence number. */
const GRE_WORDS = [31, 29, 28];

/** Kinds of devices, as `ip -d link` shows them. Names of 8 letters and more are compared in the first 8. */
const TUNNELS = [
  ...['gre', 'sit', 'gtp', 'ipip', 'vxlan', 'geneve', 'gretap', 'ip6tnl', 'ip6gre', 'erspan'],
  ...['ip6gretap', 'ip6erspan', 'wireguard'],
];

/** Where the walk is: an offset from BASE. */
const AT = 'r6';
/** A type, a protocol, or flags. */
const KIND = 'r7';

/**
 * Writes the search. Afterwards the packet is open for the reader, LIMIT is how much of it can be read, and IS_TAGGED is
 * set.
 * @param about where a filter finds the kind of a device, and which packets must have IP's header written to its last field
 * @param ethernet what is done with a packet that begins with Ethernet's header; it ends the function
 * @param ip the same for one that begins with IP's
 */
export function writeTunnelSearch(
  finding: Finding,
  { device, late }: { readonly device: DeviceLayout; readonly late: LateFields },
  ethernet: () => void,
  ip: () => void,
): void {
  const { asm, reader } = finding;
  const walk = new Walk(finding);
  const [ownEthernet, ownIp] = [new Label(), new Label()];
  writeSearch(
    finding,
    () => walk.beginWithEthernet(),
    () => {
      writeIsWritten(finding, late);
      walk.beginWithIp();
    },
  );
  walk.write();
  asm.place(walk.none);
  writeDeviceCheck(finding, device);
  asm.load(4, 'r1', 'r10', HAS_ETHERNET);
  asm.jumpIf('r1', '==', 0, ownIp);
  asm.goto(ownEthernet);
  for (const [within, hasEthernet, own, write] of [
    [walk.ethernet, true, ownEthernet, ethernet],
    [walk.ip, false, ownIp, ip],
  ] as const) {
    asm.place(within);
    asm.alu('sub', LIMIT, AT);
    asm.load(8, PACKET, 'r10', BASE);
    asm.alu('add', PACKET, AT);
    asm.store(4, 'r10', IS_TAGGED, 0);
    reader.openPacket(hasEthernet);
    asm.place(own);
    write();
  }
}

/** Goes from the first header to the packet within. */
class Walk {
  /** Where to go if there is no tunnel, or its headers can't be read. */
  readonly none = new Label();
  /** A frame of Ethernet is at AT, and its header can be read. */
  readonly ethernet = new Label();
  /** A packet of IP, the same. */
  readonly ip = new Label();
  readonly #asm: Assembler;
  readonly #finding: Finding;
  readonly #ipv4 = new Label();
  readonly #ipv6 = new Label();
  readonly #byProtocol = new Label();
  readonly #byType = new Label();
  readonly #frame = new Label();
  readonly #packet = new Label();

  constructor(finding: Finding) {
    this.#finding = finding;
    this.#asm = finding.asm;
  }

  beginWithEthernet(): void {
    const asm = this.#asm;
    asm.store(4, 'r10', HAS_ETHERNET, 1);
    for (let tags = 0; tags <= MAX_TAGS; tags++) {
      const at = ADDRESSES_BYTES + 4 * tags;
      const isTag = new Label();
      asm.mov(AT, at + 2);
      asm.jumpIf(LIMIT, 's<', at + 2, this.none);
      this.#finding.reader.readAt(2, KIND, at);
      asm.jumpIf(KIND, '==', ETH_P_IP, this.#ipv4);
      asm.jumpIf(KIND, '==', ETH_P_IPV6, this.#ipv6);
      if (tags === MAX_TAGS) break;
      asm.jumpIf(KIND, '==', ETH_P_8021Q, isTag);
      asm.jumpIf(KIND, '!=', ETH_P_8021AD, this.none);
      asm.place(isTag);
    }
    asm.goto(this.none);
  }

  beginWithIp(): void {
    const asm = this.#asm;
    asm.store(4, 'r10', HAS_ETHERNET, 0);
    asm.mov(AT, 0);
    this.#read(1, KIND, 0);
    asm.jumpIf(KIND, '<', 0x60, this.#ipv4);
    asm.goto(this.#ipv6);
  }

  write(): void {
    const asm = this.#asm;
    this.#writeIpv4();
    this.#writeIpv6();
    asm.place(this.#byProtocol);
    asm.jumpIf(KIND, '==', IPPROTO_IPIP, this.#packet);
    asm.jumpIf(KIND, '==', IPPROTO_IPV6, this.#packet);
    this.#writeUdp();
    this.#writeGre();
    asm.place(this.#byType);
    asm.alu('and', KIND, 0xffff);
    asm.jumpIf(KIND, '==', ETH_P_IP, this.#packet);
    asm.jumpIf(KIND, '==', ETH_P_IPV6, this.#packet);
    asm.jumpIf(KIND, '!=', ETH_P_TEB, this.none);
    asm.place(this.#frame);
    this.#require(ETHERNET_BYTES);
    asm.goto(this.ethernet);
    asm.place(this.#packet);
    this.#require(IPV4_BYTES);
    this.#read(1, KIND, 0);
    asm.alu('and', KIND, 0xf0);
    asm.jumpIf(KIND, '==', 0x40, this.ip);
    asm.jumpIf(KIND, '!=', 0x60, this.none);
    asm.goto(this.ip);
  }

  #writeIpv4(): void {
    const asm = this.#asm;
    asm.place(this.#ipv4);
    this.#require(IPV4_BYTES);
    this.#read(2, 'r1', 6);
    asm.alu('and', 'r1', 0x1fff);
    asm.jumpIf('r1', '!=', 0, this.none);
    this.#read(1, KIND, 0);
    asm.jumpIf(KIND, '<', 0x45, this.none);
    asm.jumpIf(KIND, '>', 0x4f, this.none);
    this.#read(1, 'r1', 9);
    asm.alu('and', KIND, 0xf);
    asm.alu('lsh', KIND, 2);
    asm.alu('add', AT, KIND);
    asm.mov(KIND, 'r1');
    asm.goto(this.#byProtocol);
  }

  #writeIpv6(): void {
    const asm = this.#asm;
    asm.place(this.#ipv6);
    this.#require(IPV6_BYTES);
    this.#read(1, KIND, 0);
    asm.alu('and', KIND, 0xf0);
    asm.jumpIf(KIND, '!=', 0x60, this.none);
    this.#read(1, KIND, 6);
    asm.alu('add', AT, IPV6_BYTES);
    for (let count = 0; count < MAX_EXTENSIONS; count++) this.#writeExtension();
  }

  /** Goes on behind an extension header of IPv6. */
  #writeExtension(): void {
    const asm = this.#asm;
    const [isOptions, isFragment, end] = [new Label(), new Label(), new Label()];
    for (const kind of [IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS]) asm.jumpIf(KIND, '==', kind, isOptions);
    asm.jumpIf(KIND, '==', IPPROTO_FRAGMENT, isFragment);
    asm.jumpIf(KIND, '!=', IPPROTO_AH, this.#byProtocol);
    this.#skipHeader(2, 2);
    asm.goto(end);
    asm.place(isOptions);
    this.#skipHeader(1, 3);
    asm.goto(end);
    asm.place(isFragment);
    this.#require(8);
    this.#read(2, 'r1', 2);
    asm.alu('and', 'r1', 0xfff8);
    asm.jumpIf('r1', '!=', 0, this.none);
    this.#read(1, KIND, 0);
    asm.alu('add', AT, 8);
    asm.place(end);
  }

  /** Goes behind a header whose length, without `first` units of 2^`shift` bytes, stands behind the next header's kind. */
  #skipHeader(first: number, shift: number): void {
    const asm = this.#asm;
    this.#require(8);
    this.#read(2, KIND, 0);
    asm.mov('r1', KIND);
    asm.alu('and', 'r1', 0xff);
    asm.alu('add', 'r1', first);
    asm.alu('lsh', 'r1', shift);
    asm.alu('add', AT, 'r1');
    asm.alu('rsh', KIND, 8);
  }

  #writeUdp(): void {
    const asm = this.#asm;
    const [isOther, isVxlan, isGeneve] = [new Label(), new Label(), new Label()];
    asm.jumpIf(KIND, '!=', IPPROTO_UDP, isOther);
    this.#require(UDP_BYTES + TUNNEL_BYTES);
    this.#read(2, KIND, 2);
    asm.alu('add', AT, UDP_BYTES);
    asm.jumpIf(KIND, '==', VXLAN_PORT, isVxlan);
    asm.jumpIf(KIND, '==', VXLAN_OLD_PORT, isVxlan);
    asm.jumpIf(KIND, '==', GENEVE_PORT, isGeneve);
    asm.jumpIf(KIND, '!=', GTP_PORT, this.none);
    this.#writeGtp();
    asm.place(isVxlan);
    this.#read(1, KIND, 0);
    asm.alu('and', KIND, VXLAN_I | VXLAN_P);
    asm.jumpIf(KIND, '!=', VXLAN_I, this.none);
    asm.alu('add', AT, TUNNEL_BYTES);
    asm.goto(this.#frame);
    asm.place(isGeneve);
    this.#read(4, KIND, 0);
    // Two bits of version, six of the length of the options.
    asm.mov('r1', KIND);
    asm.alu('rsh', 'r1', 24);
    asm.jumpIf('r1', '>', 0x3f, this.none);
    asm.alu('lsh', 'r1', 2);
    asm.alu('add', AT, 'r1');
    asm.alu('add', AT, TUNNEL_BYTES);
    asm.goto(this.#byType);
    asm.place(isOther);
  }

  #writeGtp(): void {
    const asm = this.#asm;
    this.#read(2, KIND, 0);
    asm.mov('r1', KIND);
    asm.alu('and', 'r1', GTP_PACKET_MASK);
    asm.jumpIf('r1', '!=', GTP_PACKET, this.none);
    asm.alu('add', AT, TUNNEL_BYTES);
    asm.mov('r1', KIND);
    asm.alu('and', 'r1', GTP_MORE);
    asm.jumpIf('r1', '==', 0, this.#packet);
    asm.alu('add', AT, 4);
    asm.alu('and', KIND, GTP_EXTENSION);
    asm.jumpIf(KIND, '==', 0, this.#packet);
    // The type of the next one is each one's last byte; its first byte is its length in words.
    for (let count = 0; count <= MAX_GTP_EXTENSIONS; count++) {
      this.#require(1);
      this.#read(1, 'r1', -1);
      asm.jumpIf('r1', '==', 0, this.#packet);
      this.#read(1, 'r1', 0);
      asm.jumpIf('r1', '==', 0, this.none);
      asm.alu('lsh', 'r1', 2);
      asm.alu('add', AT, 'r1');
    }
    asm.goto(this.none);
  }

  #writeGre(): void {
    const asm = this.#asm;
    asm.jumpIf(KIND, '!=', IPPROTO_GRE, this.none);
    this.#require(4);
    this.#read(4, KIND, 0);
    asm.jumpIf(KIND, 'set', GRE_UNKNOWN, this.none);
    asm.alu('add', AT, 4);
    for (const bit of GRE_WORDS) {
      asm.mov('r1', KIND);
      asm.alu('rsh', 'r1', bit - 2);
      asm.alu('and', 'r1', 4);
      asm.alu('add', AT, 'r1');
    }
  }

  /** There is no tunnel unless so many bytes can be read at AT. */
  #require(bytes: number): void {
    const asm = this.#asm;
    asm.mov('r1', LIMIT);
    asm.alu('sub', 'r1', AT);
    asm.jumpIf('r1', 's<', bytes, this.none);
  }

  /** Reads at an offset from AT. */
  #read(size: 1 | 2 | 4, to: Register, offset: number): void {
    this.#asm.mov('r1', AT);
    if (offset !== 0) this.#asm.alu('add', 'r1', offset);
    this.#finding.reader.readAtRegister(size, to);
  }
}

/** Rejects a packet that is not on the device of a tunnel. The kind of a device is a string. */
function writeDeviceCheck({ asm, reader, reject }: Finding, { dev, linkOps, kind }: DeviceLayout): void {
  const isTunnel = new Label();
  reader.readMember(8, 'r1', dev);
  for (const offset of [linkOps, kind, 0]) {
    // While the skb is in certain queues, something else is in its place.
    asm.jumpIf('r1', 's>=', 0, reject);
    asm.alu('add', 'r1', offset);
    reader.readAddress('r1');
  }
  const lengths = [...new Set(TUNNELS.map(comparedLength))];
  for (const length of lengths) {
    asm.mov('r2', 'r1');
    if (length < 8) asm.alu('lsh', 'r2', 64 - 8 * length);
    for (const name of TUNNELS.filter((name) => comparedLength(name) === length)) {
      const bytes = Buffer.alloc(8);
      bytes.write(name.slice(0, length), 8 - length, 'latin1');
      asm.mov64('r3', bytes.readBigUInt64LE(0));
      asm.jumpIf('r2', '==', 'r3', isTunnel);
    }
  }
  asm.goto(reject);
  asm.place(isTunnel);
}

/** With the NUL behind it, where that is within 8 bytes. */
function comparedLength(name: string): number {
  return Math.min(8, name.length + 1);
}
