import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Bytes, bytes, ethernet, FRAMES, icmp, ipv4, ipv6, tcp, udp, vxlan } from '../../tests/support/headers.js';
import type { Packet } from '../base/packet.js';
import type { Snapshot } from '../base/snapshot.js';
import { describePacket } from './journey-packet.js';
import { parsePacket } from './parse.js';
import { formatPacket } from './text.js';

const ETHERNET = { hasEthernet: true, protocol: 0, vlan: undefined, gso: undefined };
const parse = (frame: Bytes, parts: Partial<Snapshot> = {}) =>
  parsePacket({ ...ETHERNET, bytes: frame, lengthBytes: frame.length, ...parts });
const textOf = (frame: Bytes, parts: Partial<Snapshot> = {}) => formatPacket(parse(frame, parts));

describe('formatPacket: in tcpdump’s manner', () => {
  test.each(FRAMES.map(([frame, text]) => [text, frame] as const))('%s', (text, frame) => {
    expect(textOf(frame)).toBe(text);
    expect(parse(frame).problem).toBeUndefined();
  });
});

test('parsePacket: members of headers', () => {
  expect(parse(ethernet(0x800, ipv4(6, tcp([4711, 443], 0x12, { acknowledgment: 0xffffffff, data: '00' }))))).toEqual({
    ...{ vlans: [], tunnel: undefined, problem: undefined, lengthBytes: 55, gso: undefined },
    ethernet: { source: '52:54:00:00:00:01', destination: '52:54:00:00:00:02', etherType: 0x800 },
    network: {
      ...{ kind: 'ipv4', source: '10.0.0.1', destination: '10.0.0.2', protocol: 6, ttl: 64, tos: 0, id: 0x1234 },
      ...{ dontFragment: true, fragment: undefined, options: [], extensions: [], payloadBytes: 21 },
    },
    transport: {
      ...{ kind: 'tcp', sourcePort: 4711, destinationPort: 443, sequence: 1000, acknowledgment: 0xffffffff },
      ...{ flags: ['SYN', 'ACK'], window: 64240, urgent: 0, options: [], payloadBytes: 1 },
    },
  } satisfies Packet);
  const options = parse(ethernet(0x800, ipv4(2, bytes(), { options: '01070404009404000044040500000000' }))).network;
  expect(options).toMatchObject({ options: ['NOP', 'RR', 'RA', 'timestamp', 'EOL'] });
  const six = parse(
    ethernet(
      0x86dd,
      ipv6(
        0,
        bytes('2b00000000000000', '3c00000000000000', '2c00000000000000', '11000001ffffffff', udp([1, 2], bytes())),
      ),
    ),
  );
  expect(six.network).toEqual({
    ...{ kind: 'ipv6', source: 'fe80::1', destination: 'fe80::2', protocol: 17, hopLimit: 64 },
    ...{ trafficClass: 0x0a, flowLabel: 0x12345, payloadBytes: 8 },
    fragment: { id: 0xffffffff, offsetBytes: 0, more: true },
    extensions: ['hop-by-hop', 'routing', 'destination', 'fragment'],
  });
  const quoted = parse(
    ethernet(0x800, ipv4(1, icmp(3, 4, 1400, ipv4(6, tcp([9, 80], 2).subarray(0, 8), { totalBytes: 1500 })))),
  );
  expect(quoted.transport).toMatchObject({
    ...{ kind: 'icmp', type: 3, code: 4, name: 'unreachable', mtu: 1400, lengthBytes: 36 },
    quoted: {
      network: { payloadBytes: 1480 },
      transport: { sourcePort: 9, destinationPort: 80, sequence: 1000, flags: undefined, payloadBytes: undefined },
      problem: { header: 'tcp', kind: 'truncated' },
    },
  });
});

test('parsePacket: from the network header on, and a tag that a device keeps', () => {
  const packet = ipv4(17, udp([1, 2], bytes('00')));
  const network = { hasEthernet: false, protocol: 0x800 };
  expect(textOf(packet, network)).toBe('10.0.0.1:1 > 10.0.0.2:2: UDP, length 1');
  expect(parse(packet, network).ethernet).toBeUndefined();
  const vlan = { protocol: 0x88a8, value: 0xf064 };
  expect(textOf(packet, { ...network, vlan })).toBe('vlan 100 p 7: 10.0.0.1:1 > 10.0.0.2:2: UDP, length 1');
  expect(parse(packet, { ...network, vlan }).vlans).toEqual([
    { protocol: 0x88a8, id: 100, priority: 7, dropEligible: true },
  ]);
  // Not a packet of the protocol that the kernel names.
  expect(textOf(packet, { ...network, protocol: 0x86dd })).toBe('length 29 [malformed ip6]');
  expect(textOf(packet, { ...network, protocol: 0x88f7 })).toBe('ethertype PTP (0x88f7), length 29');
});

test('parsePacket: lengths that are not set yet, padding, large packets', () => {
  const data = { data: '0000' };
  const expected = 'Flags [.], seq 1000:1002, ack 0, win 64240, length 2';
  for (const totalBytes of [0, 9999]) {
    expect(textOf(ethernet(0x800, ipv4(6, tcp([1, 2], 0x10, data), { totalBytes })))).toContain(expected);
  }
  expect(textOf(bytes(ethernet(0x800, ipv4(6, tcp([1, 2], 0x10, data))), '000000000000'))).toContain(expected);
  const large = ethernet(0x800, ipv4(6, tcp([1, 2], 0x10), { totalBytes: 40 + 2896 }));
  const gso = { sizeBytes: 1448, segments: 2 };
  expect(textOf(large, { lengthBytes: 54 + 2896, gso })).toContain('length 2896 (2 x 1448)');
  // More than the header can say.
  const huge = ethernet(0x86dd, bytes('6000000000000640', '00'.repeat(32), tcp([1, 2], 0x10)));
  expect(textOf(huge, { lengthBytes: 74 + 100_000 })).toContain('length 100000');
});

test('parsePacket: what is not there, or wrong, is told', () => {
  const frame = ethernet(0x800, ipv4(6, tcp([4711, 443], 2)));
  const cut = (known: number) => textOf(frame.subarray(0, known), { lengthBytes: frame.length });
  expect(cut(0)).toBe('length 54 [|ethernet]');
  expect(cut(14)).toBe('52:54:00:00:00:01 > 52:54:00:00:00:02: length 54 [|ip]');
  expect(cut(34)).toBe('10.0.0.1 > 10.0.0.2: ip-proto-6, length 20 [|tcp]');
  expect(cut(38)).toBe('10.0.0.1:4711 > 10.0.0.2:443: tcp [|tcp]');
  expect(cut(42)).toBe('10.0.0.1:4711 > 10.0.0.2:443: tcp, seq 1000 [|tcp]');
  expect(cut(48)).toBe('10.0.0.1:4711 > 10.0.0.2:443: Flags [S], seq 1000, length 0 [|tcp]');
  expect(cut(54)).toBe('10.0.0.1:4711 > 10.0.0.2:443: Flags [S], seq 1000, win 64240, length 0');
  expect(textOf(ethernet(0x800, bytes('44', '00'.repeat(19))))).toContain('length 34 [malformed ip]');
  expect(textOf(ethernet(0x800, ipv4(6, bytes('00010002', '00'.repeat(16)))))).toBe(
    '10.0.0.1:1 > 10.0.0.2:2: Flags [none], win 0 [malformed tcp]',
  );
  expect(textOf(ethernet(0x8100, bytes('00')))).toBe('52:54:00:00:00:01 > 52:54:00:00:00:02: length 15 [|vlan]');
  const outer = ethernet(0x800, ipv4(17, udp([1, 4789], vxlan(100, ethernet(0x800, ipv4(6, tcp([1, 2], 2)))))));
  expect(textOf(outer.subarray(0, 96), { lengthBytes: outer.length })).toBe(
    '10.0.0.1:1 > 10.0.0.2:4789: VXLAN, vni 100: 10.0.0.1:1 > 10.0.0.2:2: tcp, seq 1000 [|tcp]',
  );
  expect(textOf(outer.subarray(0, 50), { lengthBytes: outer.length })).toBe(
    '10.0.0.1:1 > 10.0.0.2:4789: VXLAN, vni 100, length 70',
  );
  let nested = ipv4(17, udp([1, 2], bytes()));
  for (let i = 0; i < 30; i++) nested = ipv4(4, nested);
  expect(textOf(ethernet(0x800, nested))).toMatch(/^(10\.0\.0\.1 > 10\.0\.0\.2: IPIP(: |, )){8}length \d+ \[too many/);
});

/** Frames of each kind with a few bytes changed, cut anywhere; and any bytes. */
const anySnapshot: fc.Arbitrary<Snapshot> = fc
  .record({
    frame: fc.oneof(fc.constantFrom(...FRAMES.map(([frame]) => frame)), fc.uint8Array({ maxLength: 300 })),
    changes: fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 6 }),
    known: fc.nat(300),
    from: fc.constantFrom(0, 0, 14),
    lengthBytes: fc.oneof(fc.nat(300), fc.constantFrom(0, 65535, 0xffffffff)),
    hasEthernet: fc.boolean(),
    protocol: fc.oneof(fc.constantFrom(0x800, 0x86dd, 0x806, 0x8100), fc.nat(0xffff)),
    vlan: fc.option(fc.record({ protocol: fc.nat(0xffff), value: fc.nat(0xffff) }), { nil: undefined }),
    gso: fc.option(fc.record({ sizeBytes: fc.nat(0xffff), segments: fc.nat(0xffff) }), { nil: undefined }),
  })
  .map(({ frame, changes, known, from, ...others }) => {
    const copy = Uint8Array.from(frame.subarray(from, from + known));
    for (const [at, value] of changes) if (at < copy.length) copy[at] = value;
    return { ...others, bytes: copy };
  });

test('describePacket: any bytes give a line, and values that are JSON', () => {
  fc.assert(
    fc.property(fc.array(anySnapshot, { minLength: 1, maxLength: 4 }), (snapshots) => {
      const packet = describePacket(snapshots);
      expect(packet?.text).toMatch(/^[\x20-\x7e]+$/);
      expect(packet?.text).not.toMatch(/undefined|NaN|Infinity/);
      expect(JSON.stringify(packet)).not.toContain('null');
    }),
    { numRuns: 5000 },
  );
});

test('parsePacket: each frame, cut at each byte, says that it was', () => {
  for (const [frame] of FRAMES) {
    for (let known = 0; known < frame.length; known++) {
      const packet = parse(frame.subarray(0, known), { lengthBytes: frame.length });
      expect(packet.lengthBytes).toBe(frame.length);
      expect(formatPacket(packet)).not.toBe('');
    }
  }
});
