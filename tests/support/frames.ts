/** Frames of many kinds, the same in each run. */

/** Numbers that look random (xorshift32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  below(bound: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % bound;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

export interface Frame {
  readonly what: string;
  /** With Ethernet's header; a VLAN tag is in the bytes. */
  readonly bytes: Buffer;
}

export const u8 = (...values: number[]) => Buffer.from(values);
export const u16 = (...values: number[]) => Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
export const u32 = (value: number) => u16(value >>> 16, value & 0xffff);

export const MACS = ['020000000001', '020000000002', 'ffffffffffff', '01005e000001', '333300000001'];
export const V4 = ['0a000001', '0a000002', '0a000005', 'c0a80101', 'e0000001', '08080808'];
export const V6 = [
  ...['20010db8000000000000000000000001', '20010db8000000000000000000000002'],
  ...['fe800000000000000000000000000001', 'ff020000000000000000000000000001'],
];
const PORTS = [443, 80, 53, 22, 4711, 5432, 85, 1500, 4789, 6081, 5000, 60000];

/** A frame of a kind that chance picks. */
export function makeFrame(chance: Chance): Frame {
  const address = () => Buffer.from(chance.pick(MACS), 'hex');
  const { what, type, payload } = chance.pick([ipv4, ipv4, ipv4, ipv6, ipv6, arp, mpls, pppoe, llc, junk])(chance);
  const tags = chance.pick([0, 0, 0, 1, 1, 2]);
  const parts: Buffer[] = [address(), address()];
  for (let tag = 0; tag < tags; tag++) {
    parts.push(u16(tags === 2 && tag === 0 ? 0x88a8 : 0x8100, chance.pick([5, 7, 0, 0x2005, 100])));
  }
  const bytes = Buffer.concat([...parts, type, payload]);
  return { what: `${what}${tags > 0 ? `, ${tags} VLAN tags` : ''}`, bytes };
}

type Kind = (chance: Chance) => { what: string; type: Buffer; payload: Buffer };

const ipv4: Kind = (chance) => ({ what: 'IPv4', type: u16(0x0800), payload: makeIpv4(chance, 0) });
const ipv6: Kind = (chance) => ({ what: 'IPv6', type: u16(0x86dd), payload: makeIpv6(chance, 0) });

const arp: Kind = (chance) => ({
  ...{ what: 'ARP', type: u16(chance.pick([0x0806, 0x8035])) },
  payload: Buffer.concat([u16(1, 0x0800), u8(6, 4), u16(chance.pick([1, 2])), chance.bytes(20)]),
});

const mpls: Kind = (chance) => ({
  ...{ what: 'MPLS', type: u16(0x8847) },
  payload: Buffer.concat([u32(((chance.pick([100, 200]) << 12) | 0x100 | 64) >>> 0), makeIpv4(chance, 0)]),
});

const pppoe: Kind = (chance) => {
  const inner = makeIpv4(chance, 0);
  const header = Buffer.concat([u8(0x11, 0), u16(1, inner.length + 2, 0x0021)]);
  return { what: 'PPPoE', type: u16(0x8864), payload: Buffer.concat([header, inner]) };
};

const llc: Kind = (chance) => {
  const payload = Buffer.concat([u8(0x42, 0x42, 3), chance.bytes(35)]);
  return { what: 'LLC', type: u16(payload.length), payload };
};

const junk: Kind = (chance) => {
  const type = chance.pick([0x0800, 0x86dd, 0x0806, 0x1234, 0x88cc]);
  return { what: 'junk', type: u16(type), payload: chance.bytes(chance.below(90)) };
};

export function makeIpv4(chance: Chance, depth: number): Buffer {
  const options = chance.pick([0, 0, 0, 4, 12]);
  const fragment = chance.pick([0, 0, 0, 0x4000, 0x2000, 0x2010, 0x0020]);
  const { protocol, payload } = makeTransport(chance, depth, [1, 2, 6, 17, 132, 47, 4, 41, 50, 51, 112, 103]);
  const header = Buffer.concat([
    ...[
      u8(0x45 + options / 4, chance.pick([0, 0, 1, 3])),
      u16(20 + options + payload.length, chance.below(65536), fragment),
    ],
    ...[u8(chance.pick([64, 1, 63, 255]), protocol), u16(chance.below(65536))],
    ...[Buffer.from(chance.pick(V4), 'hex'), Buffer.from(chance.pick(V4), 'hex'), Buffer.alloc(options, 1)],
  ]);
  return Buffer.concat([header, payload]);
}

export function makeIpv6(chance: Chance, depth: number): Buffer {
  let { protocol, payload } = makeTransport(chance, depth, [6, 17, 58, 132, 4, 41, 47]);
  for (const extension of chance.pick([[], [], [], [0], [44], [60, 43], [0, 44], [51]])) {
    const header =
      extension === 44
        ? Buffer.concat([u8(protocol, 0), u16(chance.pick([0, 1, 8, 9])), u32(7)])
        : Buffer.concat([u8(protocol, 0), Buffer.alloc(6)]);
    payload = Buffer.concat([header, payload]);
    protocol = extension;
  }
  const addresses = [Buffer.from(chance.pick(V6), 'hex'), Buffer.from(chance.pick(V6), 'hex')];
  return Buffer.concat([
    u32(0x60000000),
    u16(payload.length),
    u8(protocol, chance.pick([64, 255])),
    ...addresses,
    payload,
  ]);
}

function makeTransport(
  chance: Chance,
  depth: number,
  protocols: readonly number[],
): { protocol: number; payload: Buffer } {
  const protocol = chance.pick([6, 17, ...protocols]);
  const data = () => chance.pick([Buffer.from('GET / HTTP/1.1\r\n'), chance.bytes(chance.below(60)), Buffer.alloc(0)]);
  const ports = u16(chance.pick(PORTS), chance.pick(PORTS));
  switch (protocol) {
    case 6: {
      const options = chance.pick([0, 0, 12]);
      const rest = Buffer.concat([
        ...[
          u32(chance.below(5000)),
          u32(chance.below(5000)),
          u8((20 + options) << 2, chance.pick([2, 0x12, 0x10, 0x18, 1, 4])),
        ],
        ...[u16(1000, 0, 0), Buffer.alloc(options, 1)],
      ]);
      return { protocol, payload: Buffer.concat([ports, rest, data()]) };
    }
    case 17: {
      const inner = depth > 0 ? data() : chance.pick([data, data, () => makeTunnel(chance)])();
      return { protocol, payload: Buffer.concat([ports, u16(inner.length + 8, 0), inner]) };
    }
    case 1:
    case 58: {
      const kind = protocol === 1 ? chance.pick([8, 0, 3, 11]) : chance.pick([128, 129, 135, 1]);
      return { protocol, payload: Buffer.concat([u8(kind, chance.pick([0, 3])), u16(0), u32(1), data()]) };
    }
    case 4:
      return { protocol, payload: depth > 0 ? data() : makeIpv4(chance, depth + 1) };
    case 41:
      return { protocol, payload: depth > 0 ? data() : makeIpv6(chance, depth + 1) };
    case 47:
      return { protocol, payload: Buffer.concat([u16(0, chance.pick([0x6558, 0x0800])), data()]) };
    default:
      return { protocol, payload: Buffer.concat([ports, chance.bytes(chance.below(30))]) };
  }
}

/** VXLAN or Geneve, with a frame within. */
function makeTunnel(chance: Chance): Buffer {
  const inner = Buffer.concat([Buffer.from(`${MACS[0]}${MACS[1]}0800`, 'hex'), makeIpv4(chance, 1)]);
  const header = chance.pick([Buffer.from('0800000000002a00', 'hex'), Buffer.from('0000655800002a00', 'hex')]);
  return Buffer.concat([header, inner]);
}
