/**
 * Finds the packet within an skb. An skb passes functions at which its headers are not there yet, or are an earlier
 * packet's, which had the same memory: its header offsets alone can't be trusted. Pure.
 *
 * The packet begins with Ethernet's header if there is one whose type is `skb->protocol`; else with IP's, if that is
 * known to be written:
 *
 * - `network_header` is set, the header lies within the linear part and has the version that `skb->protocol` says;
 * - the packet was received, or on its way out it has a route, and is no fragment that may be without its header: those
 *   have a route, and then an owner, before they have a header. Other packets have an owner, a checksum, or a device that
 *   they were received on, or IPv6 has sent them on;
 * - where the length or the checksum of IP's header is asked for, IP has sent the packet on: both are written last;
 * - the header behind it is there, too. UDP writes its header after IP has written its own: of a packet that is sent, UDP's
 *   is there once the checksum is set up, or IP has sent the packet on. Extension headers do not tell whether it is UDP.
 *
 * Else it can't be told what the packet is, and it does not match.
 */

import { WINDOW_BYTES } from '../../btf/direct-reads.js';
import { type Assembler, Label, type Register } from '../../bytecode/assembler.js';
import { BASE, IS_TAGGED, LIMIT, PACKET, TAG_BYTES, VLAN } from './frame.js';
import type { MemoryReader } from './memory-reader.js';
import type { SkbLayout } from './skb-layout.js';

/** `skb->protocol` in network order, as the machine reads it. */
const ETH_P_IP = 0x0008;
const ETH_P_IPV6 = 0xdd86;
/** Frames of IEEE 802.3: a length stands in place of the type. */
const ETH_P_802_3 = 0x0100;
const ETH_P_802_2 = 0x0400;
/** The least type; what is less is a length. */
const ETH_P_802_3_MIN = 0x0600;
export const ETHERNET_BYTES = 14;
export const IPV4_BYTES = 20;
export const IPV6_BYTES = 40;
const IPPROTO_UDP = 17;
/** IPv6's extension headers that UDP may stand behind: options, and routing. Fragments are made when all is written. */
const EXTENSIONS = [0, 43, 60];
/** Where UDP's header has its checksum. */
const UDP_CHECK = 6;
const NOT_SET = 0xffff;

/** The header offsets: `protocol` in bits 0-15, `transport_header` 16-31, `network_header` 32-47, `mac_header` 48-63. */
const OFFSETS = 'r6';
const HEAD = 'r7';
const TAIL = LIMIT;
/** Where the checksum of UDP's header would be. */
const UDP_AT = 'r6';
/** `skb->mac_header`. */
const MAC = 'r6';
/** `skb->len`. */
const LENGTH_OF_ALL = 'r6';
/** The greatest length that IP's header can tell. */
const MAX_LENGTH = 0xffff;

/** Packets that are asked for the length or the checksum of their header. */
export interface LateFields {
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

export interface Finding {
  readonly asm: Assembler;
  readonly layout: SkbLayout;
  readonly reader: MemoryReader;
  /** Where to go if it can't be told what the packet is. */
  readonly reject: Label;
}

/**
 * Writes the search. Afterwards the packet is open for the reader, LIMIT is how much of it can be read, and IS_TAGGED is
 * set. Whether the headers of a packet that begins with IP's are written is not asked yet: see writeIsWritten.
 * @param ethernet what is done with a packet that begins with Ethernet's header; it ends the function
 * @param ip the same for one that begins with IP's
 */
export function writeSearch(finding: Finding, ethernet: () => void, ip: () => void): void {
  const { asm } = finding;
  const withoutEthernet = new Label();
  const isTagNear = writeOffsets(finding);
  writeEthernet(finding, isTagNear, withoutEthernet);
  ethernet();
  asm.place(withoutEthernet);
  writeIp(finding);
  ip();
}

/**
 * Reads what the search needs of the skb into OFFSETS, HEAD and TAIL.
 * @returns whether `loadMember` reaches the tag; else VLAN is set
 */
function writeOffsets({ asm, layout, reader }: Finding): boolean {
  const { protocol, transportHeader, networkHeader, macHeader, vlan } = layout;
  const used = [protocol, transportHeader, networkHeader, macHeader, layout.tail, layout.head, layout.data];
  // The tag lies a little before the rest.
  const isNear = Math.max(...used) + 8 - vlan <= WINDOW_BYTES;
  if (!isNear) {
    reader.readMember(4, 'r1', vlan);
    asm.store(4, 'r10', VLAN, 'r1');
  }
  reader.openSkb(Math.min(...used, isNear ? vlan : protocol));
  const areAdjacent = [transportHeader, networkHeader, macHeader].every((at, index) => at === protocol + 2 * index + 2);
  if (areAdjacent && reader.canLoad(8, protocol)) {
    reader.loadMember(8, OFFSETS, protocol);
  } else {
    reader.loadMember(2, OFFSETS, protocol);
    for (const [index, at] of [transportHeader, networkHeader, macHeader].entries()) {
      reader.loadMember(2, 'r1', at);
      asm.alu('lsh', 'r1', 16 * (index + 1));
      asm.alu('or', OFFSETS, 'r1');
    }
  }
  reader.loadMember(8, HEAD, layout.head);
  reader.loadMember(4, TAIL, layout.tail);
  return isNear;
}

function writeEthernet({ asm, layout, reader }: Finding, isTagNear: boolean, otherwise: Label): void {
  const isBefore = new Label();
  const isNear = new Label();
  const isEthernet = new Label();
  const isUntagged = new Label();
  const mac = 'r4';
  loadOffset(asm, mac, 48);
  asm.jumpIf(mac, '==', NOT_SET, otherwise);
  loadOffset(asm, 'r3', 32);
  asm.jumpIf(mac, '<', 'r3', isBefore);
  // IP's header is that of a tunnel which was taken off, or not set yet; or Ethernet's is within a tunnel.
  reader.loadMember(8, 'r5', layout.data);
  asm.alu('sub', 'r5', HEAD);
  asm.jumpIf('r5', '<=', mac, otherwise);
  asm.goto(isNear);
  asm.place(isBefore);
  // After a tunnel was taken off, its IP header may stand where Ethernet's is searched.
  asm.alu('sub', 'r3', mac);
  asm.jumpIf('r3', '==', ETHERNET_BYTES, isNear);
  asm.jumpIf('r3', '<', ETHERNET_BYTES, otherwise);
  loadOffset(asm, 'r1', 0);
  asm.jumpIf('r1', '==', ETH_P_IP, otherwise);
  asm.jumpIf('r1', '==', ETH_P_IPV6, otherwise);
  asm.place(isNear);
  asm.mov('r5', TAIL);
  asm.alu('sub', 'r5', mac);
  asm.jumpIf('r5', 's<', ETHERNET_BYTES, otherwise);
  if (isTagNear) {
    reader.loadMember(4, 'r1', layout.vlan);
    asm.store(4, 'r10', VLAN, 'r1');
  }
  asm.mov(PACKET, HEAD);
  asm.alu('add', PACKET, mac);
  reader.openPacket(true);
  asm.load(2, 'r1', 'r10', reader.typeAt);
  loadOffset(asm, 'r2', 0);
  asm.jumpIf('r1', '==', 'r2', isEthernet);
  asm.swap('r1', 16);
  asm.jumpIf('r1', '>=', ETH_P_802_3_MIN, otherwise);
  asm.jumpIf('r2', '==', ETH_P_802_2, isEthernet);
  asm.jumpIf('r2', '!=', ETH_P_802_3, otherwise);
  asm.place(isEthernet);
  loadOffset(asm, 'r1', 48);
  asm.alu('sub', LIMIT, 'r1');
  asm.store(4, 'r10', IS_TAGGED, 0);
  asm.load(4, 'r1', 'r10', VLAN);
  asm.jumpIf('r1', '==', 0, isUntagged);
  if (layout.vlanPresent) {
    reader.readMember(1, 'r1', layout.vlanPresent.at);
    asm.alu('and', 'r1', layout.vlanPresent.mask);
    asm.jumpIf('r1', '==', 0, isUntagged);
  }
  // The tag is put back: protocol, as it is, and control information, in network order.
  asm.load(4, 'r1', 'r10', VLAN);
  asm.mov('r2', 'r1');
  asm.alu('rsh', 'r2', 16);
  asm.swap('r2', 16);
  asm.store(2, 'r10', reader.typeAt, 'r1');
  asm.store(2, 'r10', reader.typeAt + 2, 'r2');
  asm.store(4, 'r10', IS_TAGGED, 1);
  asm.load(8, 'r1', 'r10', BASE);
  asm.alu('sub', 'r1', TAG_BYTES);
  asm.store(8, 'r10', BASE, 'r1');
  asm.alu('add', LIMIT, TAG_BYTES);
  reader.openTagged();
  asm.place(isUntagged);
}

function writeIp({ asm, reader, reject }: Finding): void {
  const isVersion4 = new Label();
  const isVersion6 = new Label();
  const hasHeader = new Label();
  loadOffset(asm, 'r3', 32);
  asm.jumpIf('r3', '==', 0, reject);
  asm.alu('sub', LIMIT, 'r3');
  asm.jumpIf(LIMIT, 's<', IPV4_BYTES, reject);
  asm.mov(PACKET, HEAD);
  asm.alu('add', PACKET, 'r3');
  reader.openPacket(false);
  asm.store(4, 'r10', IS_TAGGED, 0);
  reader.readAt(1, 'r2', 0);
  loadOffset(asm, 'r3', 0);
  asm.jumpIf('r3', '==', ETH_P_IP, isVersion4);
  asm.jumpIf('r3', '==', ETH_P_IPV6, isVersion6);
  // IPv4 sets the protocol of what it sends late.
  asm.jumpIf('r3', '!=', 0, reject);
  loadOffset(asm, 'r4', 48);
  asm.jumpIf('r4', '!=', NOT_SET, reject);
  asm.place(isVersion4);
  asm.jumpIf('r2', '<', 0x45, reject);
  asm.jumpIf('r2', '>', 0x4f, reject);
  asm.goto(hasHeader);
  asm.place(isVersion6);
  asm.alu('and', 'r2', 0xf0);
  asm.jumpIf('r2', '!=', 0x60, reject);
  asm.jumpIf(LIMIT, 's<', IPV6_BYTES, reject);
  asm.place(hasHeader);
}

/**
 * Writes the question whether the headers of a packet that begins with IP's are written; else it is rejected. The packet
 * is open. This takes several reads: an expression asks it last, so that packets which do not match don't pay for it. Loses
 * r0 to r6.
 * @param late which packets must have the fields that IP writes last, too
 */
export function writeIsWritten(finding: Finding, late: LateFields): void {
  const { asm, layout, reader, reject } = finding;
  const isVersion6 = new Label();
  const byProtocol = new Label();
  const mayBeUdp = new Label();
  const isWritten = new Label();
  if (late.ipv4 || late.ipv6) writeLateFieldsCheck(finding, late);
  reader.readMember(2, 'r1', layout.macHeader);
  asm.jumpIf('r1', '!=', NOT_SET, isWritten);
  reader.readMember(8, 'r1', layout.dst);
  asm.jumpIf('r1', '==', 0, reject);
  reader.readMember(2, 'r1', layout.protocol);
  asm.jumpIf('r1', '==', ETH_P_IPV6, isVersion6);
  writeFragmentCheck(finding);
  reader.readMember(2, 'r1', layout.protocol);
  asm.jumpIf('r1', '!=', 0, isWritten);
  reader.readMember(8, 'r1', layout.data);
  asm.load(8, 'r2', 'r10', BASE);
  asm.jumpIf('r1', '!=', 'r2', reject);
  reader.readAt(1, 'r1', 9);
  asm.goto(byProtocol);

  asm.place(isVersion6);
  if (layout.nextHeaderOffset !== undefined) {
    reader.readMember(2, 'r1', layout.nextHeaderOffset);
    asm.jumpIf('r1', '!=', 0, isWritten);
  }
  writeFragmentCheck(finding);
  reader.readAt(1, 'r1', 6);

  asm.place(byProtocol);
  for (const extension of EXTENSIONS) asm.jumpIf('r1', '==', extension, mayBeUdp);
  asm.jumpIf('r1', '!=', IPPROTO_UDP, isWritten);
  asm.place(mayBeUdp);
  reader.readMember(2, UDP_AT, layout.transportHeader);
  asm.alu('or', UDP_AT, UDP_CHECK << 16);
  reader.readMember(4, 'r1', layout.checksumStart);
  asm.jumpIf('r1', '!=', UDP_AT, reject);
  asm.place(isWritten);
}

/**
 * Rejects a packet that is being sent if its length is not that of IP's header, which IP writes with the checksum before it
 * sends the packet on. A header has no length if the packet is too long for one.
 */
function writeLateFieldsCheck({ asm, layout, reader, reject }: Finding, { ipv4, ipv6 }: LateFields): void {
  const isVersion6 = new Label();
  const isSame = new Label();
  const isWritten = new Label();
  reader.readMember(2, MAC, layout.macHeader);
  reader.readMember(2, 'r1', layout.networkHeader);
  // It was received, or has Ethernet's header. A tunnel's header stands before that of the frame within.
  asm.jumpIf(MAC, '<=', 'r1', isWritten);
  reader.readMember(8, 'r1', layout.data);
  asm.load(8, 'r2', 'r10', BASE);
  asm.jumpIf('r1', '!=', 'r2', isWritten);
  reader.readMember(4, LENGTH_OF_ALL, layout.len);
  asm.jumpIf(LENGTH_OF_ALL, '>', MAX_LENGTH, isWritten);
  reader.readAt(1, 'r1', 0);
  asm.jumpIf('r1', '>=', 0x60, isVersion6);
  if (ipv4) {
    reader.readMember(2, 'r1', layout.protocol);
    asm.jumpIf('r1', '==', 0, reject);
    reader.readAt(2, 'r1', 2);
    asm.goto(isSame);
  } else {
    asm.goto(isWritten);
  }
  asm.place(isVersion6);
  if (ipv6) {
    reader.readAt(2, 'r1', 4);
    asm.alu('add', 'r1', IPV6_BYTES);
  } else {
    asm.goto(isWritten);
  }
  asm.place(isSame);
  asm.jumpIf('r1', '!=', LENGTH_OF_ALL, reject);
  asm.place(isWritten);
}

/** Rejects a packet that is being sent if it may be a fragment whose header is not written yet. */
function writeFragmentCheck({ asm, layout, reader, reject }: Finding): void {
  const isNone = new Label();
  reader.readMember(8, 'r1', layout.owner);
  asm.jumpIf('r1', '!=', 0, isNone);
  reader.readMember(4, 'r1', layout.checksumStart);
  asm.jumpIf('r1', '!=', 0, isNone);
  reader.readMember(4, 'r1', layout.receivedOn);
  asm.jumpIf('r1', '==', 0, reject);
  asm.place(isNone);
}

/** Loads a header offset, or the protocol. @param bit where it begins in OFFSETS */
function loadOffset(asm: Assembler, to: Register, bit: 0 | 32 | 48): void {
  asm.mov(to, OFFSETS);
  if (bit > 0) asm.alu('rsh', to, bit);
  if (bit < 48) asm.alu('and', to, 0xffff);
}
