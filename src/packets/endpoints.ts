/** From where to where a packet goes: addresses, with ports where the protocol has them. */
import type { Endpoint, Packet } from '../base/packet.js';

export interface Flow {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** The IP protocol. */
  readonly protocol: number;
}

/** Of IP packets; undefined for others. */
export function flowOf({ network, transport }: Packet): Flow | undefined {
  if (network?.kind !== 'ipv4' && network?.kind !== 'ipv6') return undefined;
  const ports = transport && 'sourcePort' in transport ? transport : undefined;
  return {
    source: { address: network.source, port: ports?.sourcePort },
    destination: { address: network.destination, port: ports?.destinationPort },
    protocol: network.protocol,
  };
}

/** `10.0.0.2:4711`, `[fe80::1]:4711`, without a port the address alone. */
export function formatEndpoint({ address, port }: Endpoint): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `10.0.0.2:4711 > 1.2.3.4:443` */
export function formatFlow({ source, destination }: Pick<Flow, 'source' | 'destination'>): string {
  return `${formatEndpoint(source)} > ${formatEndpoint(destination)}`;
}
