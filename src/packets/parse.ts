/**
 * Bytes of a packet → its headers. Takes any bytes: headers that end early or contradict themselves are told in
 * `Packet.problem`, and what lies behind them is left out.
 */
import type { Ethernet, Gso, Icmp, Packet, Transport, Tunnel, TunnelKind, Vlan } from '../base/packet.js';
import type { Snapshot } from '../base/snapshot.js';
import { decodeIcmp } from './icmp.js';
import { decodeIpv4, decodeIpv6 } from './ip.js';
import { createVlan, decodeArp, decodeEthernet, decodeLlc, decodeVlans } from './link.js';
import {
  ETH_P_802_3_MIN,
  ETH_P_ARP,
  ETH_P_IP,
  ETH_P_IPV6,
  ETH_P_TEB,
  etherTypeName,
  IPPROTO_ESP,
  IPPROTO_GRE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IPIP,
  IPPROTO_IPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  protocolName,
} from './numbers.js';
import { type Decoded, Slice } from './slice.js';
import { decodeEsp, decodeSctp, decodeTcp, decodeUdp } from './transport.js';
import { decodeGre, decodeUdpTunnel, type TunnelHeader } from './tunnels.js';

/** The most packets within each other. */
const MAX_NESTED = 8;

/** The headers of a packet. */
export function parsePacket(snapshot: Snapshot): Packet {
  const { bytes, lengthBytes, hasEthernet, protocol, vlan, gso } = snapshot;
  const slice = Slice.of(bytes, lengthBytes);
  const draft = new Draft(slice.lengthBytes, 0);
  draft.gso = gso;
  if (vlan) draft.vlans.push(createVlan(vlan.protocol, vlan.value));
  if (hasEthernet) parseFrame(draft, slice);
  else parseTagged(draft, slice, protocol);
  return draft.finish();
}

/** A packet that is being parsed. */
class Draft {
  ethernet: Ethernet | undefined;
  readonly vlans: Vlan[] = [];
  network: Packet['network'];
  transport: Transport | undefined;
  tunnel: Tunnel | undefined;
  problem: Packet['problem'];
  gso: Gso | undefined;

  /** @param depth the number of packets that it lies in */
  constructor(
    readonly lengthBytes: number,
    readonly depth: number,
  ) {}

  /** The header and the payload; keeps the problem. @param header its name */
  take<Header>(header: string, { header: decoded, payload, problem }: Decoded<Header>) {
    if (problem !== undefined) this.problem = { header, kind: problem };
    return { header: decoded, payload };
  }

  finish(): Packet {
    const { ethernet, vlans, network, transport, tunnel, problem, lengthBytes, gso } = this;
    return { ethernet, vlans, network, transport, tunnel, problem, lengthBytes, gso };
  }
}

function parseFrame(draft: Draft, slice: Slice): void {
  const { header, payload } = draft.take('ethernet', decodeEthernet(slice));
  if (!header || !payload) return;
  draft.ethernet = header;
  parseTagged(draft, payload, header.etherType);
}

/** @param first the EtherType of what comes first: a tag, or a network header */
function parseTagged(draft: Draft, slice: Slice, first: number): void {
  const { header, payload } = draft.take('vlan', decodeVlans(slice, first));
  if (!header) return;
  draft.vlans.push(...header.tags);
  if (draft.ethernet) draft.ethernet = { ...draft.ethernet, etherType: header.etherType };
  if (payload) parseNetwork(draft, payload, header.etherType);
}

function parseNetwork(draft: Draft, slice: Slice, etherType: number): void {
  switch (etherType) {
    case ETH_P_IP:
      parseIp(draft, 'ip', decodeIpv4(slice));
      break;
    case ETH_P_IPV6:
      parseIp(draft, 'ip6', decodeIpv6(slice));
      break;
    case ETH_P_ARP: {
      const decoded = decodeArp(slice);
      // ARP for other networks is no mistake.
      if (decoded.problem === 'malformed') draft.network = { kind: 'other', etherType, name: 'ARP' };
      else draft.network = draft.take('arp', decoded).header;
      break;
    }
    default:
      if (draft.ethernet && etherType < ETH_P_802_3_MIN) parseLlc(draft, slice.limit(etherType), etherType);
      else draft.network = { kind: 'other', etherType, name: etherTypeName(etherType) };
  }
}

function parseLlc(draft: Draft, slice: Slice, lengthBytes: number): void {
  const decoded = decodeLlc(slice);
  if (typeof decoded !== 'string') parseNetwork(draft, decoded.payload, decoded.etherType);
  else draft.network = { kind: 'other', etherType: lengthBytes, name: decoded };
}

function parseIp(
  draft: Draft,
  name: string,
  decoded: Decoded<NonNullable<Draft['network']> & { kind: 'ipv4' | 'ipv6' }>,
) {
  const { header, payload } = draft.take(name, decoded);
  draft.network = header;
  if (!header || !payload) return;
  if (header.fragment && header.fragment.offsetBytes > 0) return;
  parseTransport(draft, payload, header.protocol, header.kind);
}

function parseTransport(draft: Draft, slice: Slice, protocol: number, within: 'ipv4' | 'ipv6'): void {
  switch (protocol) {
    case IPPROTO_TCP:
      draft.transport = draft.take('tcp', decodeTcp(slice)).header;
      break;
    case IPPROTO_UDP: {
      const { header, payload } = draft.take('udp', decodeUdp(slice));
      draft.transport = header;
      const tunnel = header && payload && decodeUdpTunnel(header, payload);
      if (tunnel) parseTunnel(draft, tunnel, 'tunnel');
      break;
    }
    case IPPROTO_ICMP:
      parseIcmp(draft, slice, 'icmp');
      break;
    case IPPROTO_ICMPV6:
      parseIcmp(draft, slice, 'icmpv6');
      break;
    case IPPROTO_SCTP:
      draft.transport = draft.take('sctp', decodeSctp(slice)).header;
      break;
    case IPPROTO_ESP:
      draft.transport = draft.take('esp', decodeEsp(slice)).header;
      break;
    case IPPROTO_GRE:
      parseTunnel(draft, decodeGre(slice), 'gre');
      break;
    case IPPROTO_IPIP:
      parseIpInIp(draft, slice, within === 'ipv6' ? 'ip6tnl' : 'ipip', ETH_P_IP);
      break;
    case IPPROTO_IPV6:
      parseIpInIp(draft, slice, within === 'ipv6' ? 'ip6tnl' : 'sit', ETH_P_IPV6);
      break;
    default:
      draft.transport = { kind: 'other', protocol, name: protocolName(protocol) };
  }
}

function parseIcmp(draft: Draft, slice: Slice, kind: Icmp['kind']): void {
  const { header, payload } = draft.take(kind === 'icmp' ? 'icmp' : 'icmp6', decodeIcmp(slice, kind));
  if (!header) return;
  const quoted = payload?.has(1) ? parseInner(draft, payload, kind === 'icmp' ? ETH_P_IP : ETH_P_IPV6) : undefined;
  draft.transport = { ...header, quoted };
}

function parseIpInIp(draft: Draft, slice: Slice, kind: TunnelKind, etherType: number): void {
  parseTunnel(draft, { header: { kind, id: undefined, message: undefined, etherType }, payload: slice }, kind);
}

/** @param name of the header, as a problem has it */
function parseTunnel(draft: Draft, decoded: Decoded<TunnelHeader>, name: string): void {
  const { header, payload } = draft.take(decoded.header?.kind ?? name, decoded);
  if (!header) return;
  const { kind, id, message, etherType } = header;
  // Without a byte of it, nothing is known of the inner packet.
  const inner = payload?.has(1) && etherType !== undefined ? parseInner(draft, payload, etherType) : undefined;
  draft.tunnel = { kind, id, message, inner };
}

/** A packet within a packet. Undefined where too many lie within each other. */
function parseInner(outer: Draft, slice: Slice, etherType: number): Packet | undefined {
  if (outer.depth === MAX_NESTED - 1) {
    outer.problem = { header: 'packet', kind: 'nested' };
    return undefined;
  }
  const draft = new Draft(slice.lengthBytes, outer.depth + 1);
  if (etherType === ETH_P_TEB) parseFrame(draft, slice);
  else parseTagged(draft, slice, etherType);
  return draft.finish();
}
