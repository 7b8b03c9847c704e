/** Frames with tunnels of all kinds, some of them broken; and the packet within, cut out by a parser of its own. */
import { type Chance, MACS, makeIpv4, makeIpv6, u8, u16, u32, V4, V6 } from './frames.js';

/** A packet that begins with IP, or with Ethernet. */
export interface Packet {
  readonly bytes: Buffer;
  readonly hasEthernet: boolean;
}

/** Where the packet within is. */
interface Place {
  readonly at: number;
  readonly hasEthernet: boolean;
}

/** A frame of Ethernet with a tunnel. */
export function makeTunnelFrame(chance: Chance): { what: string; bytes: Buffer } {
  const outer = chance.pick(['IPv4', 'IPv6'] as const);
  const { what, protocol, payload } = chance.pick([ip, gre, vxlan, geneve, gtp])(chance);
  const packet = outer === 'IPv4' ? wrapIpv4(chance, protocol, payload) : wrapIpv6(chance, protocol, payload);
  const tags = Array.from({ length: chance.pick([0, 0, 1, 2, 3]) }, () =>
    u16(chance.pick([0x8100, 0x88a8]), chance.pick([5, 0])),
  );
  const type = u16(outer === 'IPv4' ? 0x0800 : 0x86dd);
  const bytes = Buffer.concat([Buffer.from(`${MACS[0]}${MACS[1]}`, 'hex'), ...tags, type, packet]);
  // Some are cut.
  const end = chance.below(12) === 0 ? chance.below(bytes.length - 34) + 34 : bytes.length;
  return { what: `${what} in ${outer}, ${tags.length} VLAN tags`, bytes: bytes.subarray(0, end) };
}

type Tunnel = (chance: Chance) => { what: string; protocol: number; payload: Buffer };

const innerIp = (chance: Chance): [number, Buffer] =>
  chance.pick([() => [0x0800, makeIpv4(chance, 1)], () => [0x86dd, makeIpv6(chance, 1)]] as const)() as [
    number,
    Buffer,
  ];

function innerFrame(chance: Chance): Buffer {
  const [type, packet] = innerIp(chance);
  const tags = chance.pick([[], [], [u16(0x8100, 7)]]);
  return Buffer.concat([Buffer.from(`${MACS[1]}${MACS[0]}`, 'hex'), ...tags, u16(type), packet]);
}

const ip: Tunnel = (chance) => {
  const [type, payload] = innerIp(chance);
  return { what: 'IP', protocol: type === 0x0800 ? 4 : 41, payload };
};

const gre: Tunnel = (chance) => {
  const flags = chance.pick([0, 0, 0x2000, 0x8000, 0xb000, 0x3000, 0x4000, 1]);
  const words = [0x8000, 0x2000, 0x1000].filter((bit) => flags & bit).length;
  const [type, packet] = chance.pick([() => innerIp(chance), () => [0x6558, innerFrame(chance)] as const])();
  const header = u16(flags, chance.below(8) === 0 ? 0x880b : type);
  return {
    what: `GRE ${flags.toString(16)}`,
    protocol: 47,
    payload: Buffer.concat([header, chance.bytes(4 * words), packet]),
  };
};

function udp(chance: Chance, port: number, payload: Buffer): { protocol: number; payload: Buffer } {
  const to = chance.below(10) === 0 ? 4788 : port;
  return {
    protocol: 17,
    payload: Buffer.concat([u16(chance.pick([4789, 40000]), to, payload.length + 8, 0), payload]),
  };
}

const vxlan: Tunnel = (chance) => {
  const header = u8(chance.pick([8, 8, 0x88, 0, 0x0c]), 0, 0, 0, 0, 0, 42, 0);
  const port = chance.pick([4789, 8472]);
  return { what: 'VXLAN', ...udp(chance, port, Buffer.concat([header, innerFrame(chance)])) };
};

const geneve: Tunnel = (chance) => {
  const words = chance.pick([0, 0, 1, 5]);
  const [type, packet] = chance.pick([() => innerIp(chance), () => [0x6558, innerFrame(chance)] as const])();
  const header = Buffer.concat([u8(chance.pick([0, 0, 0, 0x40]) | words, 0), u16(type), u32(42 << 8)]);
  return { what: 'Geneve', ...udp(chance, 6081, Buffer.concat([header, chance.bytes(4 * words), packet])) };
};

const gtp: Tunnel = (chance) => {
  const flags = chance.pick([0, 0, 2, 1, 4, 7]);
  const parts: Buffer[] = [
    u8(chance.pick([0x30, 0x30, 0x30, 0x32, 0x50]) | flags, chance.pick([255, 255, 255, 1])),
    u16(0),
    u32(7),
  ];
  const extensions = flags & 4 ? chance.pick([[], [1], [1, 2], [2, 0], [1, 1, 1, 1], [1, 1, 1, 1, 1]]) : [];
  if (flags) parts.push(u16(5), u8(0, extensions.length > 0 ? 0x85 : 0));
  for (const [index, words] of extensions.entries()) {
    const next = index + 1 < extensions.length ? 0x85 : 0;
    parts.push(Buffer.concat([u8(words), chance.bytes(Math.max(0, 4 * words - 2)), ...(words ? [u8(next)] : [])]));
  }
  parts.push(chance.below(10) === 0 ? innerFrame(chance) : innerIp(chance)[1]);
  return { what: 'GTP-U', ...udp(chance, 2152, Buffer.concat(parts)) };
};

function wrapIpv4(chance: Chance, protocol: number, payload: Buffer): Buffer {
  const options = chance.pick([0, 0, 4, 40]);
  const fragment = chance.pick([0, 0x4000, 0x4000, 0x2000, 0x2010, 0x0020]);
  return Buffer.concat([
    ...[u8(0x45 + options / 4, 0), u16(20 + options + payload.length, 1, fragment), u8(64, protocol), u16(0)],
    ...[Buffer.from(V4[0]!, 'hex'), Buffer.from(V4[1]!, 'hex'), Buffer.alloc(options, 1), payload],
  ]);
}

function wrapIpv6(chance: Chance, protocol: number, payload: Buffer): Buffer {
  const kinds = chance.pick([
    [],
    [60],
    [60],
    [0, 43, 60],
    [44],
    [51, 60],
    [0, 43, 44, 51, 60, 60],
    [60, 60, 60, 60, 60, 60, 60],
  ]);
  let [next, rest]: [number, Buffer] = [protocol, payload];
  for (const kind of [...kinds].reverse()) {
    const more = chance.pick([0, 1]);
    const header =
      {
        44: () => Buffer.concat([u8(next, 0), u16(chance.pick([0, 1, 8, 9])), u32(7)]),
        51: () => Buffer.concat([u8(next, 1 + more), Buffer.alloc(10 + 4 * more)]),
      }[kind] ?? (() => Buffer.concat([u8(next, more), Buffer.alloc(6 + 8 * more)]));
    rest = Buffer.concat([header(), rest]);
    next = kind;
  }
  const addresses = [Buffer.from(V6[0]!, 'hex'), Buffer.from(V6[1]!, 'hex')];
  return Buffer.concat([u32(0x60000000), u16(rest.length), u8(next, 64), ...addresses, rest]);
}

/**
 * Where the packet within the tunnel begins; undefined: there is no tunnel.
 * @param readable how many of the bytes can be read
 */
export function findInner(packet: Packet, readable: number): Place | undefined {
  try {
    return new Cutter(packet.bytes.subarray(0, readable)).cut(packet.hasEthernet);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Reading beyond the bytes is a RangeError. */
class Cutter {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  cut(hasEthernet: boolean): Place | undefined {
    const found = hasEthernet ? this.#byType(12) : this.#ip(0, this.#bytes.readUInt8(0) >> 4);
    if (found === undefined) return undefined;
    const left = this.#bytes.length - found.at;
    if (found.hasEthernet) return left >= 14 ? found : undefined;
    return left >= 20 && [4, 6].includes(this.#bytes.readUInt8(found.at) >> 4) ? found : undefined;
  }

  #byType(at: number, tags = 0): Place | undefined {
    const type = this.#bytes.readUInt16BE(at);
    if (type === 0x0800) return this.#ip(at + 2, 4);
    if (type === 0x86dd) return this.#ip(at + 2, 6);
    return (type === 0x8100 || type === 0x88a8) && tags < 3 ? this.#byType(at + 4, tags + 1) : undefined;
  }

  #ip(at: number, version: number): Place | undefined {
    const bytes = this.#bytes;
    if (bytes.readUInt8(at) >> 4 !== version) return undefined;
    if (version === 4) {
      bytes.readUInt8(at + 19);
      const words = bytes.readUInt8(at) & 15;
      if (words < 5 || (bytes.readUInt16BE(at + 6) & 0x1fff) > 0) return undefined;
      return this.#byProtocol(at + 4 * words, bytes.readUInt8(at + 9));
    }
    bytes.readUInt8(at + 39);
    let [next, position] = [bytes.readUInt8(at + 6), at + 40];
    for (let count = 0; [0, 43, 44, 51, 60].includes(next); count++) {
      if (count === 6) return undefined;
      const length = bytes.readUInt8(position + 1);
      bytes.readUInt8(position + 7);
      if (next === 44 && bytes.readUInt16BE(position + 2) >> 3 > 0) return undefined;
      const size = next === 44 ? 8 : next === 51 ? 4 * (length + 2) : 8 * (length + 1);
      next = bytes.readUInt8(position);
      position += size;
    }
    return this.#byProtocol(position, next);
  }

  #byProtocol(at: number, protocol: number): Place | undefined {
    if (protocol === 4 || protocol === 41) return { at, hasEthernet: false };
    if (protocol === 47) return this.#gre(at);
    return protocol === 17 ? this.#udp(at) : undefined;
  }

  #gre(at: number): Place | undefined {
    const flags = this.#bytes.readUInt16BE(at);
    if (flags & 0x4007) return undefined;
    const words = [0x8000, 0x2000, 0x1000].filter((bit) => flags & bit).length;
    return this.#within(this.#bytes.readUInt16BE(at + 2), at + 4 + 4 * words);
  }

  #within(type: number, at: number): Place | undefined {
    if (type === 0x6558) return { at, hasEthernet: true };
    return type === 0x0800 || type === 0x86dd ? { at, hasEthernet: false } : undefined;
  }

  #udp(at: number): Place | undefined {
    const bytes = this.#bytes;
    const [port, data] = [bytes.readUInt16BE(at + 2), at + 8];
    bytes.readUInt8(at + 15);
    const first = bytes.readUInt8(data);
    if (port === 4789 || port === 8472) return (first & 0x0c) === 8 ? { at: data + 8, hasEthernet: true } : undefined;
    if (port === 6081) {
      return first >> 6 === 0 ? this.#within(bytes.readUInt16BE(data + 2), data + 8 + 4 * (first & 63)) : undefined;
    }
    if (port !== 2152 || first >> 4 !== 3 || bytes.readUInt8(data + 1) !== 255) return undefined;
    if ((first & 7) === 0) return { at: data + 8, hasEthernet: false };
    let position = data + 12;
    for (let count = 0; first & 4 && bytes.readUInt8(position - 1) !== 0; count++) {
      if (count === 4 || bytes.readUInt8(position) === 0) return undefined;
      position += 4 * bytes.readUInt8(position);
    }
    return { at: position, hasEthernet: false };
  }
}
