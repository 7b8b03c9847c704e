/** ICMP and ICMPv6 messages in tcpdump's words. */
import type { Icmp, Packet } from '../base/packet.js';
import { flowOf, formatFlow } from './endpoints.js';
import { protocolName } from './numbers.js';

/** `ICMP echo request, id 5, seq 1, length 64` */
export function formatIcmp(icmp: Icmp): string {
  const words = icmp.kind === 'icmp' ? `ICMP ${describeIcmp(icmp)}` : `ICMP6, ${describeIcmpv6(icmp)}`;
  const quoted = icmp.quoted && flowOf(icmp.quoted);
  return `${words}, length ${icmp.lengthBytes}${quoted ? `, about ${formatFlow(quoted)}` : ''}`;
}

function describeIcmp(icmp: Icmp): string {
  const { type, code, name, address, quoted } = icmp;
  if (code === undefined) return name ?? `type ${type}`;
  if (type === 3) return describeUnreachable(code, icmp);
  if (type === 5) return describeRedirect(code, destinationOf(quoted), address);
  if (type === 11) return code === 0 ? 'time exceeded in-transit' : 'ip reassembly time exceeded';
  return describeNumbered(icmp);
}

/** `echo request, id 5, seq 1` */
function describeNumbered({ type, code, name, id, sequence }: Icmp): string {
  const words = name ?? `type ${type}, code ${code}`;
  return `${words}${id === undefined ? '' : `, id ${id}`}${sequence === undefined ? '' : `, seq ${sequence}`}`;
}

/** By code: what is unreachable, and why. */
const UNREACHABLE: Readonly<Record<number, readonly [what: string, why: string]>> = {
  ...{ 0: ['net ', ''], 1: ['host ', ''], 5: ['', 'source route failed'], 6: ['net ', 'unknown'] },
  ...{ 7: ['host ', 'unknown'], 8: ['', 'source host isolated'], 9: ['net ', 'admin prohibited'] },
  ...{ 10: ['host ', 'admin prohibited'], 11: ['net ', 'tos prohibited'], 12: ['host ', 'tos prohibited'] },
  ...{ 13: ['host ', 'admin prohibited filter'], 14: ['host ', 'host precedence violation'] },
  15: ['host ', 'precedence cutoff'],
};

function describeUnreachable(code: number, { mtu, quoted }: Icmp): string {
  const destination = destinationOf(quoted);
  if (code === 2) return `${destination} protocol ${protocolOf(quoted) ?? '?'} unreachable`;
  if (code === 3) return `${destination} ${portOf(quoted)}unreachable`;
  if (code === 4) return `${destination} unreachable - need to frag${mtu === undefined ? '' : ` (mtu ${mtu})`}`;
  const [what, why] = UNREACHABLE[code] ?? ['', `code ${code}`];
  return `${what}${destination} unreachable${why === '' ? '' : ` - ${why}`}`;
}

const REDIRECTED = ['net', 'host', 'tos and net', 'tos and host'];

function describeRedirect(code: number, destination: string, gateway: string | undefined): string {
  return `redirect ${destination} to ${REDIRECTED[code] ?? `code ${code}`} ${gateway ?? '?'}`;
}

function describeIcmpv6(icmp: Icmp): string {
  const { type, code, name, mtu, address, quoted } = icmp;
  if (code === undefined) return name ?? `type ${type}`;
  if (type === 1) return `destination unreachable, ${describeUnreachablev6(code, quoted)}`;
  if (type === 2) return `packet too big${mtu === undefined ? '' : `, mtu ${mtu}`}`;
  if (type === 3) return code === 0 ? 'time exceeded in-transit' : 'ip6 reassembly time exceeded';
  if (type === 135 && address !== undefined) return `${name}, who has ${address}`;
  if (type === 136 && address !== undefined) return `${name}, tgt is ${address}`;
  if (type === 137 && address !== undefined) return `redirect, ${destinationOf(quoted)} to ${address}`;
  return describeNumbered(icmp);
}

/** By code. */
const UNREACHABLE_V6 = ['route', 'prohibited', 'beyond scope', 'address', 'port', 'source policy', 'reject route'];

function describeUnreachablev6(code: number, quoted: Packet | undefined): string {
  const what = UNREACHABLE_V6[code] ?? `code ${code}`;
  const destination = destinationOf(quoted);
  return code === 4
    ? `unreachable port, ${destination} ${portOf(quoted)}`.trimEnd()
    : `unreachable ${what} ${destination}`;
}

function destinationOf(quoted: Packet | undefined): string {
  return (quoted && flowOf(quoted)?.destination.address) ?? '?';
}

function protocolOf(quoted: Packet | undefined): number | undefined {
  return quoted && flowOf(quoted)?.protocol;
}

/** `udp port 53 `, as far as it is known. */
function portOf(quoted: Packet | undefined): string {
  const flow = quoted && flowOf(quoted);
  if (flow?.destination.port === undefined) return 'port ';
  return `${protocolName(flow.protocol)?.toLowerCase() ?? flow.protocol} port ${flow.destination.port} `;
}
