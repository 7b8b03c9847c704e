/** Expressions as libpcap compiles them, translated, against libpcap's own interpreter on the same packets. */
import { describe, expect, test } from 'vitest';
import { findDirectReads } from '../../src/btf/direct-reads.js';
import { compileExpression, DLT_EN10MB, DLT_RAW } from '../../src/filter/pcap/expression.js';
import { readSkbLayout } from '../../src/filter/pcap/skb-layout.js';
import { translate } from '../../src/filter/pcap/translate.js';
import { compileWithLibpcap } from '../../src/sys/libpcap.js';
import { runBpf } from '../support/bpf-machine.js';
import { EXPRESSIONS } from '../support/expressions.js';
import { type FakeSkb, fakeVmlinux, layOut } from '../support/fake-skb.js';
import { Chance, makeFrame } from '../support/frames.js';
import { bytes, echo, ethernet, ipv4, ipv6, tcp, udp } from '../support/headers.js';
import { takenByLibpcap } from '../support/libpcap-reference.js';

/** Where a VLAN tag was put back, offsets below 16 that are computed are not answered. */
const COMPUTED = 'ether[ether[20] & 31] = 0';
const FRAMES = 60;
const NEVER = Uint8Array.from([6, 0, 0, 0, 0, 0, 0, 0]);

const WAYS = [
  { name: 'read without a helper', direct: true, hasVlanBit: false },
  { name: 'read with a helper', direct: false, hasVlanBit: false },
  { name: 'read with a helper, a bit tells of VLAN tags', direct: false, hasVlanBit: true },
];

/** What libpcap compiles; a program that rejects all where it refuses. */
function reference(text: string, linkType: number): Uint8Array {
  const result = compileWithLibpcap(text, linkType);
  return 'program' in result ? result.program : NEVER;
}

/** The skbs that a frame may be, each with the packet that libpcap would capture, and how much of it can be read. */
function skbsOf(frame: Buffer): { skb: FakeSkb; packet: Buffer; linkType: number }[] {
  const type = frame.readUInt16BE(12);
  const protocol = type < 0x600 ? 4 : type;
  const network = 14;
  const skbs: { skb: FakeSkb; packet: Buffer; linkType: number }[] = [
    // Received, before the network header is set, and afterwards.
    { skb: { bytes: frame, mac: 0, data: 14, protocol }, packet: frame, linkType: DLT_EN10MB },
    { skb: { bytes: frame, mac: 0, network, data: 14, protocol }, packet: frame, linkType: DLT_EN10MB },
    // Sent; half of it in pages.
    { skb: { bytes: frame, mac: 0, network, protocol, linear: 34 }, packet: frame, linkType: DLT_EN10MB },
  ];
  if ((type === 0x8100 || type === 0x88a8) && frame.length >= 18) {
    // The first tag in the skb instead of the bytes.
    const untagged = Buffer.concat([frame.subarray(0, 12), frame.subarray(16)]);
    const inner = untagged.readUInt16BE(12);
    const vlan = [type, frame.readUInt16BE(14)] as const;
    const skb = { bytes: untagged, mac: 0, network, data: 14, protocol: inner < 0x600 ? 4 : inner, vlan };
    skbs.push({ skb, packet: frame, linkType: DLT_EN10MB });
  }
  const isIp = type === 0x0800 || type === 0x86dd;
  const packet = frame.subarray(14);
  const isSound =
    isIp &&
    (type === 0x0800
      ? packet.length >= 20 && (packet[0]! & 0xf0) === 0x40 && (packet[0]! & 15) >= 5
      : packet.length >= 40 && packet[0]! >> 4 === 6);
  if (isSound) {
    skbs.push({
      skb: { bytes: packet, network: 0, protocol, dst: true, owner: true, nextHeaderOffset: 6 },
      packet,
      linkType: DLT_RAW,
    });
    skbs.push({ skb: { bytes: packet, mac: 0, network: 0, protocol }, packet, linkType: DLT_RAW });
  }
  return skbs;
}

describe.each(WAYS)('expressions, $name', ({ direct, hasVlanBit }) => {
  const vmlinux = fakeVmlinux({ hasVlanBit });
  const layout = readSkbLayout(vmlinux);
  const chance = new Chance(4711);
  const frames = Array.from({ length: FRAMES }, () => makeFrame(chance));

  test.each(EXPRESSIONS)('%s', (text) => {
    const compiled = compileExpression(text, compileWithLibpcap);
    const code = translate({ outer: compiled, layout, direct: direct ? findDirectReads(vmlinux) : undefined });
    const programs = new Map([DLT_EN10MB, DLT_RAW].map((linkType) => [linkType, reference(text, linkType)]));
    for (const { what, bytes } of frames) {
      for (const { skb, packet, linkType } of skbsOf(bytes)) {
        const { address, regions } = layOut(skb);
        const { result, stackBytes } = runBpf(code, address, regions);
        const readable = (skb.linear ?? skb.bytes.length) + (packet.length - skb.bytes.length);
        const wanted = takenByLibpcap(programs.get(linkType)!, packet.subarray(0, readable), packet.length);
        const mayBeFalse = text === COMPUTED && skb.vlan !== undefined && result === 0;
        if (!mayBeFalse) expect([what, skb, result]).toEqual([what, skb, wanted ? 1 : 0]);
        expect(stackBytes).toBeLessThanOrEqual(256);
      }
    }
  });
});

/** What is in an skb's memory, and the skb when it is being sent: without Ethernet's header, and with a route. */
const PING = { bytes: ipv4(1, echo(8, 1, 1)), protocol: 0x800 };
const UDP4 = { bytes: ipv4(17, udp([5, 6], bytes('00'))), protocol: 0x800 };
const UDP6 = { bytes: ipv6(17, udp([5, 6], bytes('00'))), protocol: 0x86dd };
const OPTIONS6 = { bytes: ipv6(60, bytes('1100010400000000', udp([5, 6], bytes('00')))), protocol: 0x86dd };
const FRAGMENT6 = { bytes: ipv6(44, bytes('1100000100000001', udp([5, 6], bytes('00')))), protocol: 0x86dd };
const RESET6 = { bytes: ipv6(6, tcp([5, 6], 4)), protocol: 0x86dd };
const UDP_CHECKSUM = [20, 6] as const;

describe.each(WAYS)('whether the headers of a packet that is being sent are there, $name', ({ direct, hasVlanBit }) => {
  const vmlinux = fakeVmlinux({ hasVlanBit });
  const layout = readSkbLayout(vmlinux);
  const compiled = compileExpression('ip or ip6', compileWithLibpcap);
  const code = translate({ outer: compiled, layout, direct: direct ? findDirectReads(vmlinux) : undefined });

  test.each<[string, 0 | 1, FakeSkb]>([
    ['without a route', 0, { ...PING, dst: false, owner: true }],
    ['a fragment that has no header yet', 0, PING],
    ['a fragment that has its owner', 1, { ...PING, owner: true }],
    ['a fragment of a forwarded packet', 1, { ...PING, receivedOn: 2 }],
    ['a fragment of IPv6 that has no header yet', 0, FRAGMENT6],
    ['a fragment of IPv6 that has its owner', 1, { ...FRAGMENT6, owner: true }],
    ['a reset without an owner', 1, { ...RESET6, checksum: [40, 16] }],
    ['without an owner, sent on by IPv6', 1, { ...RESET6, nextHeaderOffset: 6 }],
    ['UDP that has no header yet', 0, { ...UDP4, protocol: 0, owner: true }],
    ['UDP whose checksum is set up', 1, { ...UDP4, protocol: 0, transport: 20, checksum: UDP_CHECKSUM, owner: true }],
    ['UDP that was sent on', 1, { ...UDP4, owner: true }],
    ['UDP over IPv6 that has no header yet', 0, { ...UDP6, owner: true }],
    ['UDP over IPv6 that was sent on', 1, { ...UDP6, owner: true, nextHeaderOffset: 6 }],
    ['UDP behind options that has no header yet', 0, { ...OPTIONS6, owner: true }],
    ['UDP behind options whose checksum is set up', 1, { ...OPTIONS6, owner: true, transport: 48, checksum: [48, 6] }],
    ['UDP behind options that was sent on', 1, { ...OPTIONS6, owner: true, nextHeaderOffset: 6 }],
  ])('%s: %i', (_, wanted, skb) => {
    const { address, regions } = layOut({ network: 0, dst: true, ...skb });
    expect(runBpf(code, address, regions).result).toBe(wanted);
  });
});

describe.each(WAYS)('fields that IP writes last, $name', ({ direct, hasVlanBit }) => {
  const vmlinux = fakeVmlinux({ hasVlanBit });
  const layout = readSkbLayout(vmlinux);
  const sent = { network: 0, dst: true, owner: true };
  const late4 = { ...sent, bytes: ipv4(1, echo(8, 1, 1), { totalBytes: 0 }), protocol: 0 };
  const late6 = { ...sent, bytes: ipv6(58, echo(128, 1, 1)).fill(0, 4, 6), protocol: 0x86dd };
  const tunnel = { ...late4, protocol: 0x800, mac: 6 };
  const received = { ...late4, protocol: 0x800, mac: 0, network: 14, data: 14, bytes: ethernet(0x800, late4.bytes) };

  test.each<[string, string, 0 | 1, FakeSkb]>([
    ['its length', 'ip[2:2] < 20', 0, late4],
    ['its checksum', 'ip[10:2] = 0', 0, late4],
    ['its length, which is right, but not the checksum', 'ip[2:2] > 20', 0, { ...PING, ...sent, protocol: 0 }],
    ['a word with its checksum', 'ip[8:4] != 1', 0, late4],
    ['a computed offset', 'ip[ip[9] + 1] = 0', 0, late4],
    ['other fields', 'ip[4:2] = 0x1234 and icmp[icmptype] = icmp-echo', 1, late4],
    ["the length of a tunnel's header", 'ip[2:2] < 20', 0, tunnel],
    ['the length of a header that was received', 'ip[2:2] < 20', 1, received],
    ['its length once it is sent on', 'ip[2:2] > 20', 1, { ...PING, ...sent }],
    ['the length of IPv6', 'ip6[4:2] = 0', 0, late6],
    ['other fields of IPv6', 'ip6[7] = 64 and ip6 src fe80::1', 1, late6],
  ])('%s: %s: %i', (_, text, wanted, skb) => {
    const compiled = compileExpression(text, compileWithLibpcap);
    const code = translate({ outer: compiled, layout, direct: direct ? findDirectReads(vmlinux) : undefined });
    const { address, regions } = layOut(skb);
    expect(runBpf(code, address, regions).result).toBe(wanted);
  });
});
