/** Decodes IPv4 (RFC 791) and IPv6 with its extension headers (RFC 8200). */
import type { Fragment, Ipv4, Ipv6 } from '../base/packet.js';
import {
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_MH,
  IPPROTO_ROUTING,
} from './numbers.js';
import { type Decoded, MALFORMED, type Slice, TRUNCATED } from './slice.js';

const IPV4_BYTES = 20;
const IPV6_BYTES = 40;

/** By type, the copied bit and the class included. */
const IPV4_OPTIONS: Readonly<Record<number, string>> = {
  ...{ 0: 'EOL', 1: 'NOP', 7: 'RR', 68: 'timestamp', 82: 'traceroute', 130: 'security', 131: 'LSRR', 134: 'CIPSO' },
  ...{ 136: 'SID', 137: 'SSRR', 148: 'RA' },
};
const EOL = 0;
const NOP = 1;

export function decodeIpv4(slice: Slice): Decoded<Ipv4> {
  if (!slice.has(1)) return TRUNCATED;
  const headerBytes = (slice.u8(0) & 15) * 4;
  if (slice.u8(0) >> 4 !== 4 || headerBytes < IPV4_BYTES) return MALFORMED;
  if (!slice.has(IPV4_BYTES)) return TRUNCATED;
  const stated = slice.u16(2);
  if (stated !== 0 && stated < headerBytes) return MALFORMED;
  const id = slice.u16(4);
  const word = slice.u16(6);
  const fragment = createFragment(id, (word & 0x1fff) * 8, (word & 0x2000) !== 0);
  const isMiddle = fragment !== undefined && fragment.offsetBytes > 0;
  const payload = slice.limit(stated).behind(headerBytes);
  const chain = decodeExtensions(payload, slice.u8(9), isMiddle ? {} : IPV4_EXTENSIONS);
  return {
    header: {
      ...{ kind: 'ipv4', source: slice.ipv4(12), destination: slice.ipv4(16), protocol: chain.protocol },
      ...{ ttl: slice.u8(8), tos: slice.u8(1), id, dontFragment: (word & 0x4000) !== 0, fragment },
      options: decodeIpv4Options(slice, headerBytes),
      ...{ extensions: chain.extensions, payloadBytes: chain.rest.lengthBytes },
    },
    ...(slice.has(headerBytes) && !chain.isTruncated
      ? { payload: fragment ? chain.rest.cut() : chain.rest }
      : TRUNCATED),
  };
}

/** Options that are not known, or that have a wrong length, end the list. */
function decodeIpv4Options(slice: Slice, headerBytes: number): string[] {
  const names: string[] = [];
  for (let at = IPV4_BYTES; at < headerBytes && slice.has(at + 1); ) {
    const type = slice.u8(at);
    names.push(IPV4_OPTIONS[type] ?? String(type));
    if (type === EOL) break;
    if (type === NOP) {
      at++;
      continue;
    }
    if (!slice.has(at + 2) || slice.u8(at + 1) < 2) break;
    at += slice.u8(at + 1);
  }
  return names;
}

/** Undefined if a header says that the packet is whole. */
function createFragment(id: number, offsetBytes: number, more: boolean): Fragment | undefined {
  return offsetBytes === 0 && !more ? undefined : { id, offsetBytes, more };
}

type Extensions = Readonly<Record<number, string>>;
const IPV4_EXTENSIONS: Extensions = { [IPPROTO_AH]: 'authentication' };
const IPV6_EXTENSIONS: Extensions = {
  ...IPV4_EXTENSIONS,
  [IPPROTO_HOPOPTS]: 'hop-by-hop',
  [IPPROTO_ROUTING]: 'routing',
  [IPPROTO_FRAGMENT]: 'fragment',
  [IPPROTO_DSTOPTS]: 'destination',
  [IPPROTO_MH]: 'mobility',
};
const FRAGMENT_BYTES = 8;

export function decodeIpv6(slice: Slice): Decoded<Ipv6> {
  if (!slice.has(1)) return TRUNCATED;
  if (slice.u8(0) >> 4 !== 6) return MALFORMED;
  if (!slice.has(IPV6_BYTES)) return TRUNCATED;
  const stated = slice.u16(4);
  // Of a jumbogram the header says 0.
  const chain = decodeExtensions(slice.behind(IPV6_BYTES).limit(stated), slice.u8(6), IPV6_EXTENSIONS);
  return {
    header: {
      ...{ kind: 'ipv6', source: slice.ipv6(8), destination: slice.ipv6(24), protocol: chain.protocol },
      ...{ hopLimit: slice.u8(7), trafficClass: (slice.u16(0) >> 4) & 0xff, flowLabel: slice.u32(0) & 0xfffff },
      ...{ fragment: chain.fragment, extensions: chain.extensions, payloadBytes: chain.rest.lengthBytes },
    },
    ...(chain.isTruncated ? TRUNCATED : { payload: chain.fragment ? chain.rest.cut() : chain.rest }),
  };
}

interface Chain {
  readonly protocol: number;
  readonly fragment: Fragment | undefined;
  readonly extensions: readonly string[];
  /** What lies behind the last extension header that is known. */
  readonly rest: Slice;
  readonly isTruncated: boolean;
}

/** @param first the protocol number of the first header @param known the names of extension headers, by number */
function decodeExtensions(slice: Slice, first: number, known: Extensions): Chain {
  const extensions: string[] = [];
  let fragment: Fragment | undefined;
  let protocol = first;
  let rest = slice;
  for (let name = known[protocol]; name !== undefined; name = known[protocol]) {
    extensions.push(name);
    if (!rest.has(2)) return { protocol, fragment, extensions, rest, isTruncated: true };
    const headerBytes = extensionBytes(protocol, rest.u8(1));
    if (!rest.has(protocol === IPPROTO_FRAGMENT ? headerBytes : 2)) {
      return { protocol, fragment, extensions, rest, isTruncated: true };
    }
    if (protocol === IPPROTO_FRAGMENT) {
      fragment = createFragment(rest.u32(4), rest.u16(2) & 0xfff8, (rest.u16(2) & 1) !== 0);
    }
    protocol = rest.u8(0);
    rest = rest.behind(headerBytes);
    // Behind this header lies the middle of something.
    if (fragment && fragment.offsetBytes > 0) break;
  }
  return { protocol, fragment, extensions, rest, isTruncated: false };
}

/** @param stated the length that the extension header says, in a unit of its kind */
function extensionBytes(protocol: number, stated: number): number {
  if (protocol === IPPROTO_FRAGMENT) return FRAGMENT_BYTES;
  return protocol === IPPROTO_AH ? (stated + 2) * 4 : (stated + 1) * 8;
}
