/**
 * A packet in a line, in the manner of tcpdump without `-v`, but ports behind a colon, and sequence numbers as they are:
 *
 *     10.0.0.2:4711 > 1.2.3.4:443: Flags [S], seq 1, win 64240, options [mss 1460], length 0
 *     vlan 5: 10.0.0.1:40000 > 10.0.0.2:4789: VXLAN, vni 100: 10.1.0.1 > 10.1.0.2: ICMP echo request, id 5, seq 1, length 64
 *
 * `[|tcp]` stands where the known bytes end within a header.
 */
import type {
  Arp,
  Fragment,
  Gso,
  HeaderProblem,
  Ipv4,
  Ipv6,
  Network,
  Packet,
  Sctp,
  Tcp,
  TcpFlag,
  TcpOption,
  Transport,
  Tunnel,
  TunnelKind,
  Vlan,
} from '../base/packet.js';
import { flowOf, formatFlow } from './endpoints.js';
import { formatIcmp } from './icmp-text.js';
import { ETH_P_802_3_MIN } from './numbers.js';

/**
 * @param notes what is to stand behind the addresses of a packet, by the number of packets that it lies in
 */
export function formatPacket(packet: Packet, notes: readonly (readonly string[])[] = []): string {
  return formatLevel(packet, notes, 0);
}

function formatLevel(packet: Packet, notes: readonly (readonly string[])[], level: number): string {
  const { network, ethernet, vlans, problem } = packet;
  const own = notes[level] ?? [];
  const note = own.length === 0 ? '' : ` (${own.join(', ')})`;
  const trouble = problem ? ` ${formatProblem(problem)}` : '';
  const tags = vlans.length === 0 ? '' : `${vlans.map(formatVlan).join(', ')}: `;
  if (network?.kind === 'arp') return `${tags}ARP${note}, ${formatArp(network)}${trouble}`;
  const flow = flowOf(packet);
  if (flow && isIp(network)) {
    const inner = formatIp(network, packet, (one) => formatLevel(one, notes, level + 1));
    return `${tags}${formatFlow(flow)}${note}: ${inner}${trouble}`;
  }
  const hardware = ethernet ? `${ethernet.source} > ${ethernet.destination}${note}: ` : '';
  const name = network?.kind === 'other' ? `${formatEtherType(network)}, ` : '';
  return `${tags}${hardware}${name}length ${packet.lengthBytes}${ethernet ? '' : note}${trouble}`;
}

function isIp(network: Network | undefined): network is Ipv4 | Ipv6 {
  return network?.kind === 'ipv4' || network?.kind === 'ipv6';
}

function formatProblem({ header, kind }: HeaderProblem): string {
  if (kind === 'nested') return '[too many packets within each other]';
  return kind === 'truncated' ? `[|${header}]` : `[malformed ${header}]`;
}

/** `vlan 5`, `vlan 5 p 3` */
export function formatVlan({ id, priority }: Vlan): string {
  return `vlan ${id}${priority === 0 ? '' : ` p ${priority}`}`;
}

function formatEtherType({ etherType, name }: { etherType: number; name: string | undefined }): string {
  if (etherType < ETH_P_802_3_MIN && name !== undefined) return name;
  return `ethertype ${name ?? 'unknown'} (0x${etherType.toString(16).padStart(4, '0')})`;
}

const NO_MAC = '00:00:00:00:00:00';

/** `Request who-has 10.0.0.2 tell 10.0.0.1, length 28` */
function formatArp({ operation, senderMac, senderIp, targetMac, targetIp }: Arp): string {
  if (operation === 1) {
    const asked = targetMac === NO_MAC ? targetIp : `${targetIp} (${targetMac})`;
    return `Request who-has ${asked} tell ${senderIp}, length 28`;
  }
  if (operation === 2) return `Reply ${senderIp} is-at ${senderMac}, length 28`;
  return `operation ${operation} from ${senderIp} to ${targetIp}, length 28`;
}

/** tcpdump's words for extension headers; a fragment's header is told by `frag`. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  ...{ 'hop-by-hop': 'HBH ', destination: 'DSTOPT ', routing: 'srcrt ', authentication: 'AH ', mobility: 'mobility ' },
};

/** What stands behind the addresses. */
function formatIp(network: Ipv4 | Ipv6, packet: Packet, formatInner: (inner: Packet) => string): string {
  const { transport, tunnel, gso } = packet;
  const extensions = network.extensions.map((name) => EXTENSIONS[name] ?? '').join('');
  const fragment = network.fragment ? `, ${formatFragment(network.fragment)}` : '';
  if (tunnel) return `${extensions}${formatTunnel(tunnel, network.payloadBytes, formatInner)}${fragment}`;
  const text = transport
    ? formatTransport(transport, network.payloadBytes, gso)
    : `ip-proto-${network.protocol}, length ${network.payloadBytes}`;
  return `${extensions}${text}${fragment}`;
}

/** `frag (id 1, offset 1480, last)` */
function formatFragment({ id, offsetBytes, more }: Fragment): string {
  return `frag (id ${id}, offset ${offsetBytes}, ${more ? 'more' : 'last'})`;
}

function formatTransport(transport: Transport, lengthBytes: number, gso: Gso | undefined): string {
  switch (transport.kind) {
    case 'tcp':
      return formatTcp(transport) + formatGso(gso);
    case 'udp':
      return transport.payloadBytes === undefined ? 'UDP' : `UDP, length ${transport.payloadBytes}${formatGso(gso)}`;
    case 'icmp':
    case 'icmpv6':
      return formatIcmp(transport);
    case 'sctp':
      return formatSctp(transport);
    case 'esp':
      return `ESP(spi=0x${hex32(transport.spi)},seq=0x${transport.sequence.toString(16)}), length ${lengthBytes}`;
    case 'other':
      return `${transport.name ?? `ip-proto-${transport.protocol}`}, length ${lengthBytes}`;
  }
}

/** ` (2 x 1448)`: the segments that it will become. */
function formatGso(gso: Gso | undefined): string {
  if (!gso || gso.segments < 2) return '';
  return ` (${gso.segments} x ${gso.sizeBytes})`;
}

const FLAG_LETTERS: Readonly<Record<TcpFlag, string>> = {
  ...{ FIN: 'F', SYN: 'S', RST: 'R', PSH: 'P', ACK: '.', URG: 'U', ECE: 'E', CWR: 'W', AE: 'e' },
};

function formatTcp({ sequence, acknowledgment, flags, window, urgent, options, payloadBytes }: Tcp): string {
  if (!flags) return `tcp${sequence === undefined ? '' : `, seq ${sequence}`}`;
  const letters = flags.map((flag) => FLAG_LETTERS[flag]).join('');
  const parts = [`Flags [${letters === '' ? 'none' : letters}]`];
  const length = payloadBytes ?? 0;
  if (
    sequence !== undefined &&
    (length > 0 || flags.some((flag) => flag === 'SYN' || flag === 'FIN' || flag === 'RST'))
  ) {
    parts.push(length > 0 ? `seq ${sequence}:${(sequence + length) >>> 0}` : `seq ${sequence}`);
  }
  if (flags.includes('ACK') && acknowledgment !== undefined) parts.push(`ack ${acknowledgment}`);
  if (window !== undefined) parts.push(`win ${window}`);
  if (flags.includes('URG') && urgent !== undefined) parts.push(`urg ${urgent}`);
  if (options.length > 0) parts.push(`options [${options.map(formatTcpOption).join(',')}]`);
  if (payloadBytes !== undefined) parts.push(`length ${payloadBytes}`);
  return parts.join(', ');
}

function formatTcpOption({ name, values }: TcpOption): string {
  if (name === 'TS' && values.length === 2) return `TS val ${values[0]} ecr ${values[1]}`;
  if (name === 'sack') {
    const blocks: string[] = [];
    for (let at = 0; at + 1 < values.length; at += 2) blocks.push(`{${values[at]}:${values[at + 1]}}`);
    return `sack ${blocks.length} ${blocks.join('')}`;
  }
  return [name, ...values].join(' ');
}

/** `sctp [INIT] [HB REQ]` */
function formatSctp({ chunks }: Sctp): string {
  return ['sctp', ...chunks.map((name) => `[${name}]`)].join(' ');
}

const TUNNEL_NAMES: Readonly<Record<TunnelKind, string>> = {
  ...{ vxlan: 'VXLAN', geneve: 'Geneve', gre: 'GRE', ipip: 'IPIP', sit: 'SIT', ip6tnl: 'IP6TNL', gtpu: 'GTP-U' },
  wireguard: 'WireGuard',
};

/** `VXLAN, vni 100`, with `separator` instead of the comma. */
export function formatTunnelName({ kind, id }: Pick<Tunnel, 'kind' | 'id'>, separator: string): string {
  const name = TUNNEL_NAMES[kind];
  if (id === undefined) return name;
  if (kind === 'vxlan' || kind === 'geneve') return `${name}${separator}vni ${id}`;
  return `${name}${separator}${kind === 'gre' ? 'key' : 'teid'} 0x${id.toString(16)}`;
}

function formatTunnel(tunnel: Tunnel, lengthBytes: number, formatInner: (inner: Packet) => string): string {
  const name = formatTunnelName(tunnel, ', ');
  if (tunnel.inner) return `${name}: ${formatInner(tunnel.inner)}`;
  return `${name}${tunnel.message === undefined ? '' : `, ${tunnel.message}`}, length ${lengthBytes}`;
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
