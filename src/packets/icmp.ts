/** Decodes ICMP (RFC 792) and ICMPv6 (RFC 4443, 4861). */
import type { Icmp } from '../base/packet.js';
import { type Decoded, type Slice, TRUNCATED } from './slice.js';

const ICMP_BYTES = 8;

/** A message without the packet that it quotes, which lies behind it where there is one. */
export type IcmpHeader = Omit<Icmp, 'quoted'>;

/** The shape of what lies behind type, code and checksum. */
type Body = 'echo' | 'quote' | 'redirect' | 'target' | 'none';

interface Type {
  readonly name: string;
  readonly body: Body;
}

const type = (name: string, body: Body = 'none'): Type => ({ name, body });

const ICMP_TYPES: Readonly<Record<number, Type>> = {
  0: type('echo reply', 'echo'),
  3: type('unreachable', 'quote'),
  4: type('source quench', 'quote'),
  5: type('redirect', 'redirect'),
  8: type('echo request', 'echo'),
  9: type('router advertisement'),
  10: type('router solicitation'),
  11: type('time exceeded', 'quote'),
  12: type('parameter problem', 'quote'),
  13: type('time stamp query', 'echo'),
  14: type('time stamp reply', 'echo'),
  15: type('information request', 'echo'),
  16: type('information reply', 'echo'),
  17: type('address mask request', 'echo'),
  18: type('address mask reply', 'echo'),
  42: type('extended echo request', 'echo'),
  43: type('extended echo reply', 'echo'),
};

const ICMPV6_TYPES: Readonly<Record<number, Type>> = {
  1: type('destination unreachable', 'quote'),
  2: type('packet too big', 'quote'),
  3: type('time exceeded', 'quote'),
  4: type('parameter problem', 'quote'),
  128: type('echo request', 'echo'),
  129: type('echo reply', 'echo'),
  130: type('multicast listener query'),
  131: type('multicast listener report'),
  132: type('multicast listener done'),
  133: type('router solicitation'),
  134: type('router advertisement'),
  135: type('neighbor solicitation', 'target'),
  136: type('neighbor advertisement', 'target'),
  137: type('redirect', 'target'),
  138: type('router renumbering'),
  139: type('node information query'),
  140: type('node information reply'),
  141: type('inverse neighbor solicitation'),
  142: type('inverse neighbor advertisement'),
  143: type('multicast listener report v2'),
  144: type('home agent address discovery request', 'echo'),
  145: type('home agent address discovery reply', 'echo'),
  146: type('mobile prefix solicitation', 'echo'),
  147: type('mobile prefix advertisement', 'echo'),
  151: type('multicast router advertisement'),
  152: type('multicast router solicitation'),
  153: type('multicast router termination'),
  155: type('RPL control message'),
  157: type('duplicate address request'),
  158: type('duplicate address confirmation'),
  160: type('extended echo request', 'echo'),
  161: type('extended echo reply', 'echo'),
};

/** The payload is the packet that the message quotes. */
export function decodeIcmp(slice: Slice, kind: Icmp['kind']): Decoded<IcmpHeader> {
  if (!slice.has(1)) return TRUNCATED;
  const number = slice.u8(0);
  const found = (kind === 'icmp' ? ICMP_TYPES : ICMPV6_TYPES)[number];
  const body = found?.body ?? 'none';
  const isEcho = body === 'echo';
  const header: IcmpHeader = {
    ...{ kind, type: number, code: slice.has(2) ? slice.u8(1) : undefined, name: found?.name },
    id: isEcho && slice.has(6) ? slice.u16(4) : undefined,
    sequence: isEcho && slice.has(8) ? slice.u16(6) : undefined,
    mtu: decodeMtu(slice, kind),
    address: decodeAddress(slice, body),
    lengthBytes: slice.lengthBytes,
  };
  if (body === 'target' ? header.address === undefined : !slice.has(body === 'none' ? 4 : ICMP_BYTES)) {
    return { header, ...TRUNCATED };
  }
  if (body !== 'quote' && body !== 'redirect') return { header };
  return { header, payload: slice.behind(ICMP_BYTES).cut() };
}

/** Of `need to frag` (RFC 1191) and `packet too big`. */
function decodeMtu(slice: Slice, kind: Icmp['kind']): number | undefined {
  if (!slice.has(ICMP_BYTES)) return undefined;
  if (kind === 'icmpv6') return slice.u8(0) === 2 ? slice.u32(4) : undefined;
  return slice.u8(0) === 3 && slice.u8(1) === 4 ? slice.u16(6) : undefined;
}

function decodeAddress(slice: Slice, body: Body): string | undefined {
  if (body === 'redirect') return slice.has(8) ? slice.ipv4(4) : undefined;
  return body === 'target' && slice.has(24) ? slice.ipv6(8) : undefined;
}
