/**
 * Decodes the headers of tunnels. Those in UDP are known by their port alone: VXLAN (RFC 7348; Linux has had another port
 * before), VXLAN-GPE, Geneve (RFC 8926), GTP-U (3GPP TS 29.281), WireGuard.
 */
import type { Tunnel, Udp } from '../base/packet.js';
import { ETH_P_IP, ETH_P_IPV6, ETH_P_TEB } from './numbers.js';
import { type Decoded, MALFORMED, type Slice, TRUNCATED } from './slice.js';

/** A tunnel without its inner packet, and the EtherType of what it carries; ETH_P_TEB for a frame. */
export interface TunnelHeader extends Omit<Tunnel, 'inner'> {
  readonly etherType: number | undefined;
}

type Decoder = (slice: Slice) => Decoded<TunnelHeader>;

const BY_PORT: ReadonlyMap<number, Decoder> = new Map([
  [2152, decodeGtpu],
  [4789, decodeVxlan],
  [4790, decodeVxlanGpe],
  [6081, decodeGeneve],
  [8472, decodeVxlan],
  [51820, decodeWireguard],
]);

/**
 * The tunnel in a UDP packet; undefined if its ports are no tunnel's, or its first bytes rule out the tunnel. The
 * receiver's port decides; of GTP-U and WireGuard, whose answers come from there, the sender's does, too.
 */
export function decodeUdpTunnel({ sourcePort, destinationPort }: Udp, slice: Slice): Decoded<TunnelHeader> | undefined {
  const decode = BY_PORT.get(destinationPort) ?? (SYMMETRIC.includes(sourcePort) ? BY_PORT.get(sourcePort) : undefined);
  const decoded = decode?.(slice);
  return decoded?.problem === 'malformed' ? undefined : decoded;
}

const SYMMETRIC = [2152, 51820];

const VXLAN_BYTES = 8;
const VXLAN_HAS_VNI = 0x08;
const VXLAN_IS_GPE = 0x04;
/** EtherTypes by the number that VXLAN-GPE has for them. */
const GPE_PROTOCOLS: Readonly<Record<number, number>> = { 1: ETH_P_IP, 2: ETH_P_IPV6, 3: ETH_P_TEB, 4: 0x894f };

function decodeVxlan(slice: Slice): Decoded<TunnelHeader> {
  if (!slice.has(VXLAN_BYTES)) return TRUNCATED;
  const flags = slice.u8(0);
  if ((flags & VXLAN_HAS_VNI) === 0) return MALFORMED;
  const etherType = (flags & VXLAN_IS_GPE) === 0 ? ETH_P_TEB : GPE_PROTOCOLS[slice.u8(3)];
  return {
    header: { kind: 'vxlan', id: slice.u24(4), message: undefined, etherType },
    payload: slice.behind(VXLAN_BYTES),
  };
}

function decodeVxlanGpe(slice: Slice): Decoded<TunnelHeader> {
  if (slice.has(1) && (slice.u8(0) & VXLAN_IS_GPE) === 0) return MALFORMED;
  return decodeVxlan(slice);
}

const GENEVE_BYTES = 8;
const GENEVE_IS_CONTROL = 0x80;

function decodeGeneve(slice: Slice): Decoded<TunnelHeader> {
  if (!slice.has(GENEVE_BYTES)) return TRUNCATED;
  if (slice.u8(0) >> 6 !== 0) return MALFORMED;
  const isControl = (slice.u8(1) & GENEVE_IS_CONTROL) !== 0;
  return {
    header: {
      ...{ kind: 'geneve', id: slice.u24(4) },
      ...{ message: isControl ? 'control' : undefined, etherType: slice.u16(2) },
    },
    payload: slice.behind(GENEVE_BYTES + (slice.u8(0) & 0x3f) * 4),
  };
}

const GTP_BYTES = 8;
const GTP_HAS_MORE = 0x07;
const GTP_HAS_EXTENSION = 0x04;
const GTP_USER_DATA = 255;
const GTP_MESSAGES: Readonly<Record<number, string>> = {
  ...{ 1: 'echo request', 2: 'echo response', 26: 'error indication', 31: 'supported extension headers' },
  254: 'end marker',
};

/** Version 1, not the charging protocol that shares its form. */
function decodeGtpu(slice: Slice): Decoded<TunnelHeader> {
  if (!slice.has(GTP_BYTES)) return TRUNCATED;
  const flags = slice.u8(0);
  if (flags >> 4 !== 3) return MALFORMED;
  const type = slice.u8(1);
  const id = slice.u32(4);
  if (type !== GTP_USER_DATA) {
    const message = GTP_MESSAGES[type] ?? `message ${type}`;
    return { header: { kind: 'gtpu', id, message, etherType: undefined } };
  }
  const payload = skipGtpOptions(slice, flags);
  const etherType = payload?.has(1) ? etherTypeOfVersion(payload.u8(0) >> 4) : undefined;
  const header = { kind: 'gtpu', id, message: undefined, etherType } as const;
  return payload ? { header, payload } : { header, ...TRUNCATED };
}

/** Undefined if the known bytes end before the data. */
function skipGtpOptions(slice: Slice, flags: number): Slice | undefined {
  if ((flags & GTP_HAS_MORE) === 0) return slice.behind(GTP_BYTES);
  let bytes = GTP_BYTES + 4;
  if (!slice.has(bytes)) return undefined;
  let next = (flags & GTP_HAS_EXTENSION) === 0 ? 0 : slice.u8(bytes - 1);
  while (next !== 0) {
    if (!slice.has(bytes + 1)) return undefined;
    const extension = slice.u8(bytes) * 4;
    // An extension header without a length has no end.
    if (extension === 0 || !slice.has(bytes + extension)) return undefined;
    bytes += extension;
    next = slice.u8(bytes - 1);
  }
  return slice.behind(bytes);
}

function etherTypeOfVersion(version: number): number | undefined {
  if (version === 4) return ETH_P_IP;
  return version === 6 ? ETH_P_IPV6 : undefined;
}

const WIREGUARD_MESSAGES = ['handshake initiation', 'handshake response', 'cookie reply', 'data'];

function decodeWireguard(slice: Slice): Decoded<TunnelHeader> {
  if (!slice.has(4)) return TRUNCATED;
  const message = WIREGUARD_MESSAGES[slice.u8(0) - 1];
  if (message === undefined || slice.u24(1) !== 0) return MALFORMED;
  return { header: { kind: 'wireguard', id: undefined, message, etherType: undefined } };
}

const GRE_HAS_CHECKSUM = 0x8000;
const GRE_HAS_ROUTING = 0x4000;
const GRE_HAS_KEY = 0x2000;
const GRE_HAS_SEQUENCE = 0x1000;
const GRE_VERSION = 0x0007;

/** RFC 2784 and 2890; of version 1, which is PPTP's, the header alone. */
export function decodeGre(slice: Slice): Decoded<TunnelHeader> {
  if (!slice.has(4)) return TRUNCATED;
  const flags = slice.u16(0);
  const etherType = slice.u16(2);
  if ((flags & GRE_VERSION) !== 0) return { header: { kind: 'gre', id: undefined, message: 'PPTP', etherType } };
  let bytes = 4;
  if ((flags & (GRE_HAS_CHECKSUM | GRE_HAS_ROUTING)) !== 0) bytes += 4;
  let id: number | undefined;
  if ((flags & GRE_HAS_KEY) !== 0) {
    if (slice.has(bytes + 4)) id = slice.u32(bytes);
    bytes += 4;
  }
  if ((flags & GRE_HAS_SEQUENCE) !== 0) bytes += 4;
  const header = { kind: 'gre', id, message: undefined, etherType } as const;
  // A list of routes, which nobody sends, has a length of its own.
  if (!slice.has(bytes) || (flags & GRE_HAS_ROUTING) !== 0) return { header, ...TRUNCATED };
  return { header, payload: slice.behind(bytes) };
}
