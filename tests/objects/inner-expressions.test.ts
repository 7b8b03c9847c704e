/** Expressions about the packet within a tunnel, against libpcap's own interpreter on that packet. */
import { describe, expect, test } from 'vitest';
import { findDirectReads } from '../../src/btf/direct-reads.js';
import { compileExpression, DLT_EN10MB, DLT_RAW } from '../../src/filter/pcap/expression.js';
import { readDeviceLayout, readSkbLayout } from '../../src/filter/pcap/skb-layout.js';
import { translate } from '../../src/filter/pcap/translate.js';
import { compileWithLibpcap } from '../../src/sys/libpcap.js';
import { runBpf } from '../support/bpf-machine.js';
import { EXPRESSIONS } from '../support/expressions.js';
import { type FakeSkb, fakeVmlinux, layOut } from '../support/fake-skb.js';
import { Chance, makeFrame } from '../support/frames.js';
import { takenByLibpcap } from '../support/libpcap-reference.js';
import { findInner, makeTunnelFrame, type Packet } from '../support/tunnel-frames.js';

const FRAMES = 60;
const NEVER = Uint8Array.from([6, 0, 0, 0, 0, 0, 0, 0]);
const compile = (text: string) => compileExpression(text, compileWithLibpcap);

/** What libpcap says of a packet, of which so much can be read. */
class Reference {
  readonly #programs: readonly [Uint8Array, Uint8Array];

  constructor(text: string) {
    const programFor = (linkType: number) => {
      const result = compileWithLibpcap(text, linkType);
      return 'program' in result ? result.program : NEVER;
    };
    this.#programs = [programFor(DLT_RAW), programFor(DLT_EN10MB)];
  }

  takes({ bytes, hasEthernet }: Packet, readable: number): boolean {
    return takenByLibpcap(this.#programs[hasEthernet ? 1 : 0], bytes.subarray(0, readable), bytes.length);
  }
}

interface Case {
  readonly skb: FakeSkb;
  /** As it is on the wire. */
  readonly packet: Packet;
}

/** The skbs that a frame may be. */
function casesOf(frame: Buffer, chance: Chance): Case[] {
  const type = frame.readUInt16BE(12);
  const [protocol, network] = [type < 0x600 ? 4 : type, 14];
  const whole = { bytes: frame, hasEthernet: true };
  const deviceKind = chance.pick([undefined, '', 'veth', 'greta', 'gretap', 'vxlan', 'wireguard', 'ip6gretap', 'sit']);
  const cases: Case[] = [
    { skb: { bytes: frame, mac: 0, data: 14, protocol, deviceKind }, packet: whole },
    { skb: { bytes: frame, mac: 0, network, data: 14, protocol }, packet: whole },
    {
      skb: {
        bytes: frame,
        mac: 0,
        network,
        protocol,
        linear: Math.min(frame.length, 34 + chance.below(90)),
        deviceKind,
      },
      packet: whole,
    },
  ];
  if ((type === 0x8100 || type === 0x88a8) && frame.length >= 40) {
    const untagged = Buffer.concat([frame.subarray(0, 12), frame.subarray(16)]);
    const vlan = [type, frame.readUInt16BE(14)] as const;
    const inner = untagged.readUInt16BE(12);
    const skb = { bytes: untagged, mac: 0, network, data: 14, protocol: inner < 0x600 ? 4 : inner, vlan, deviceKind };
    cases.push({ skb, packet: whole });
  }
  const packet = frame.subarray(14);
  const isSound =
    type === 0x0800
      ? packet.length >= 20 && packet[0]! >> 4 === 4 && (packet[0]! & 15) >= 5
      : type === 0x86dd && packet.length >= 40 && packet[0]! >> 4 === 6;
  if (!isSound) return cases;
  const plain = { bytes: packet, hasEthernet: false };
  const received = { bytes: packet, mac: 0, network: 0, protocol, deviceKind };
  // On its way out it carries the old place of Ethernet's header.
  const pushed = { bytes: packet, mac: 28, network: 0, protocol, dst: true, nextHeaderOffset: 6 };
  return [...cases, { skb: received, packet: plain }, { skb: pushed, packet: plain }];
}

const TUNNELS = ['gretap', 'vxlan', 'wireguard', 'ip6gretap', 'sit'];

/** The packet within the tunnel, and how much of it can be read. */
function innerOf({ skb, packet }: Case): { packet: Packet; readable: number } | undefined {
  const readable = (skb.linear ?? skb.bytes.length) + packet.bytes.length - skb.bytes.length;
  const found = findInner(packet, readable);
  if (found) {
    const { at, hasEthernet } = found;
    return { packet: { bytes: packet.bytes.subarray(at), hasEthernet }, readable: readable - at };
  }
  return TUNNELS.includes(skb.deviceKind ?? '') ? { packet, readable } : undefined;
}

/** What is not answered where a VLAN tag was put back: offsets below 16 that are computed. */
const COMPUTED = 'ether[ether[20] & 31] = 0';

const WAYS = [
  { name: 'read without a helper', direct: true, hasVlanBit: false },
  { name: 'read with a helper', direct: false, hasVlanBit: true },
];

describe.each(WAYS)('inner expressions, $name', ({ direct, hasVlanBit }) => {
  const vmlinux = fakeVmlinux({ hasVlanBit });
  const layout = readSkbLayout(vmlinux);
  const device = readDeviceLayout(vmlinux);
  const reads = direct ? findDirectReads(vmlinux) : undefined;
  const chance = new Chance(815);
  const frames = Array.from({ length: FRAMES }, (_, index) => (index % 6 === 0 ? makeFrame : makeTunnelFrame)(chance));
  const cases = frames.flatMap(({ what, bytes }) => casesOf(bytes, chance).map((one) => ({ what, ...one })));

  test('most of the frames have a tunnel', () => {
    const found = cases.filter((one) => innerOf(one) !== undefined);
    expect(found.length).toBeGreaterThan(cases.length / 3);
    expect(found.some(({ packet }) => findInner(packet, packet.bytes.length)?.hasEthernet)).toBe(true);
  });

  test.each(EXPRESSIONS)('%s', (text) => {
    const code = translate({ inner: { ...compile(text), device }, layout, direct: reads });
    const reference = new Reference(text);
    for (const one of cases) {
      const { address, regions } = layOut(one.skb);
      const { result, stackBytes } = runBpf(code, address, regions);
      const inner = innerOf(one);
      const wanted = inner !== undefined && reference.takes(inner.packet, inner.readable);
      const mayBeFalse = text === COMPUTED && one.skb.vlan !== undefined && result === 0;
      if (!mayBeFalse) expect([one.what, one.skb, result]).toEqual([one.what, one.skb, wanted ? 1 : 0]);
      expect(stackBytes).toBeLessThanOrEqual(256);
    }
  });

  test.each([
    ['udp', 'tcp'],
    ['ip proto 47 and vlan', 'ip6'],
    ['not vlan', 'not icmp'],
    ['tcp and udp', 'ip'],
    ['len > 100', 'ip[2:2] % 2 = 0'],
  ])('%s, and within %s', (outerText, innerText) => {
    const inner = { ...compile(innerText), device };
    const code = translate({ outer: compile(outerText), inner, layout, direct: reads });
    const [outerReference, innerReference] = [new Reference(outerText), new Reference(innerText)];
    for (const one of cases) {
      const { address, regions } = layOut(one.skb);
      const { result } = runBpf(code, address, regions);
      const within = innerOf(one);
      const readable = (one.skb.linear ?? one.skb.bytes.length) + one.packet.bytes.length - one.skb.bytes.length;
      const wanted =
        outerReference.takes(one.packet, readable) &&
        within !== undefined &&
        innerReference.takes(within.packet, within.readable);
      expect([one.what, one.skb, result]).toEqual([one.what, one.skb, wanted ? 1 : 0]);
    }
  });
});
