import { expect, test } from 'vitest';
import { type Bytes, bytes, ethernet, ipv4, tcp, udp, vlan, vxlan } from '../../tests/support/headers.js';
import type { Snapshot } from '../base/snapshot.js';
import { formatChange } from './changes.js';
import { describePacket } from './journey-packet.js';

const OF_IP = { hasEthernet: false, protocol: 0x800, vlan: undefined, gso: undefined };
const atNetwork = (packet: Bytes, parts: Partial<Snapshot> = {}): Snapshot => ({
  ...{ ...OF_IP, bytes: packet, lengthBytes: packet.length },
  ...parts,
});
const inEthernet = (packet: Bytes): Snapshot => atNetwork(packet, { hasEthernet: true });
const syn = (from: string, to: string, ports: [number, number] = [4711, 443]) => ipv4(6, tcp(ports, 2), { from, to });

test('describePacket: without a snapshot there is none; of one, its text', () => {
  expect(describePacket([])).toBeUndefined();
  const packet = describePacket([atNetwork(syn('10.0.0.2', '1.2.3.4'))]);
  expect(packet?.text).toBe('10.0.0.2:4711 > 1.2.3.4:443: Flags [S], seq 1000, win 64240, length 0');
  expect(packet?.changes).toEqual([]);
  expect(packet?.last).toBe(packet?.first);
});

test('describePacket: source and destination are translated', () => {
  const packet = describePacket([
    atNetwork(syn('10.0.0.2', '1.2.3.4')),
    atNetwork(syn('10.0.0.2', '1.2.3.4')),
    atNetwork(syn('192.0.2.1', '1.2.3.4', [61001, 443])),
    inEthernet(ethernet(0x800, syn('192.0.2.1', '10.9.9.9', [61001, 8443]))),
  ]);
  expect(packet?.text).toBe(
    '10.0.0.2:4711 > 1.2.3.4:443 (SNAT 192.0.2.1:61001, DNAT 10.9.9.9:8443): Flags [S], seq 1000, win 64240, length 0',
  );
  expect(packet?.changes).toEqual([
    { kind: 'snat', from: { address: '10.0.0.2', port: 4711 }, to: { address: '192.0.2.1', port: 61001 } },
    { kind: 'dnat', from: { address: '1.2.3.4', port: 443 }, to: { address: '10.9.9.9', port: 8443 } },
  ]);
  expect(packet?.last.network).toMatchObject({ source: '192.0.2.1', destination: '10.9.9.9' });
});

test('describePacket: port and address that are written one after the other are one translation', () => {
  const packet = describePacket([
    atNetwork(syn('10.0.0.2', '1.2.3.4')),
    atNetwork(syn('10.0.0.2', '1.2.3.4', [4711, 8443])),
    atNetwork(syn('10.0.0.2', '10.9.9.9', [4711, 8443])),
    atNetwork(syn('10.0.0.2', '10.9.9.9', [61001, 8443])),
    atNetwork(syn('192.0.2.1', '10.9.9.9', [61001, 8443])),
    atNetwork(syn('192.0.2.7', '10.9.9.9', [61001, 8443])),
  ]);
  expect(packet?.changes.map(formatChange)).toEqual([
    'DNAT 10.9.9.9:8443',
    'SNAT 192.0.2.1:61001',
    'SNAT 192.0.2.7:61001',
  ]);
});

test('describePacket: a fragment without ports, and a port that is not known, are no translation', () => {
  const fragment = ipv4(17, bytes('0001'), { fragment: 0x00b9 });
  const whole = ipv4(17, udp([1, 2], bytes()));
  const packet = describePacket([atNetwork(whole), atNetwork(fragment), atNetwork(whole.subarray(0, 20))]);
  expect(packet?.changes).toEqual([]);
});

test('describePacket: into a tunnel, translated within and without, and out of it', () => {
  const inner = (from: string) => ethernet(0x800, syn(from, '10.1.0.2'));
  const outer = (from: string, payload: Bytes) => ipv4(17, udp([40000, 4789], vxlan(100, payload)), { from });
  const [first, after] = [atNetwork(syn('10.1.0.1', '10.1.0.2')), inEthernet(inner('10.1.0.1'))];
  const around = [outer('172.16.0.1', inner('10.1.0.1')), outer('172.16.0.9', inner('10.1.0.1'))];
  const steps = [first, after, ...around.map((one) => inEthernet(ethernet(0x800, one)))];
  const packet = describePacket([...steps, inEthernet(inner('10.1.0.7'))]);
  expect(packet?.text).toBe(
    '10.1.0.1:4711 > 10.1.0.2:443 (in VXLAN vni 100 172.16.0.1:40000 > 10.0.0.2:4789, SNAT 172.16.0.9:40000, ' +
      'out of VXLAN vni 100 172.16.0.9:40000 > 10.0.0.2:4789, SNAT 10.1.0.7:4711): ' +
      'Flags [S], seq 1000, win 64240, length 0',
  );
  expect(packet?.changes.map(({ kind }) => kind)).toEqual(['encapsulated', 'snat', 'decapsulated', 'snat']);
});

test('describePacket: a change stands behind the addresses of the packet that was changed', () => {
  const outer = (payload: Bytes) => ipv4(4, payload, { from: '172.16.0.1', to: '172.16.0.2' });
  const packet = describePacket([
    atNetwork(outer(syn('10.1.0.1', '10.1.0.2'))),
    atNetwork(outer(syn('10.1.0.9', '10.1.0.2'))),
    atNetwork(syn('10.1.0.9', '10.1.0.3')),
  ]);
  expect(packet?.text).toBe(
    '172.16.0.1 > 172.16.0.2 (out of IPIP 172.16.0.1 > 172.16.0.2): IPIP: 10.1.0.1:4711 > 10.1.0.2:443 ' +
      '(SNAT 10.1.0.9:4711, DNAT 10.1.0.3:443): Flags [S], seq 1000, win 64240, length 0',
  );
});

test('describePacket: a tunnel whose inner packet is not known', () => {
  const outer = ipv4(17, udp([40000, 4789], vxlan(100, ethernet(0x800, syn('10.1.0.1', '10.1.0.2')))));
  const cut = atNetwork(outer.subarray(0, 36), { lengthBytes: outer.length });
  expect(describePacket([atNetwork(syn('10.1.0.1', '10.1.0.2')), cut])?.changes).toMatchObject([
    { kind: 'encapsulated', tunnel: 'vxlan', id: 100, source: { address: '10.0.0.1', port: 40000 } },
  ]);
  expect(describePacket([cut, atNetwork(syn('10.1.0.1', '10.1.0.2'))])?.changes).toMatchObject([
    { kind: 'decapsulated', tunnel: 'vxlan', id: 100 },
  ]);
});

test('describePacket: tags that are added and taken away', () => {
  const packet = syn('10.0.0.1', '10.0.0.2');
  const tagged = inEthernet(ethernet(0x8100, vlan(5, 0x800, packet)));
  const twice = { ...tagged, vlan: { protocol: 0x88a8, value: 100 } };
  expect(describePacket([atNetwork(packet), tagged, twice, tagged, atNetwork(packet)])?.text).toBe(
    '10.0.0.1:4711 > 10.0.0.2:443 (vlan 5 pushed, vlan 100 pushed, vlan 100 popped, vlan 5 popped): ' +
      'Flags [S], seq 1000, win 64240, length 0',
  );
});
