/** Reads pcapng as draft-ietf-opsawg-pcapng has it, strictly: what is not as it says is an error. Little endian alone. */

export interface HostNames {
  /** In hexadecimal. */
  readonly address: string;
  readonly names: readonly string[];
}

interface Option {
  readonly code: number;
  readonly value: Buffer;
}

export interface Interface {
  readonly linkType: number;
  readonly name: string;
  readonly description: string;
}

export interface Packet {
  readonly interface: Interface;
  /** Nanoseconds since 1970. */
  readonly timeNs: bigint;
  readonly bytes: Buffer;
  readonly length: number;
  /** The comment, parsed as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly comment: any;
  readonly id: bigint | undefined;
  readonly verdict: string | undefined;
  readonly drops: bigint | undefined;
  readonly flags: number | undefined;
}

export interface Statistics {
  readonly interface: Interface;
  readonly beginNs: bigint;
  readonly endNs: bigint;
  readonly delivered: bigint | undefined;
  readonly dropped: bigint | undefined;
  readonly comment: string | undefined;
}

export interface Section {
  readonly hardware: string | undefined;
  readonly os: string | undefined;
  readonly application: string | undefined;
  readonly hostNames: HostNames[];
  readonly interfaces: Interface[];
  readonly packets: Packet[];
  readonly statistics: Statistics[];
}

export function readPcapng(file: Buffer): Section[] {
  const sections: Section[] = [];
  for (let at = 0; at < file.length; ) {
    const [type, length] = [file.readUInt32LE(at), file.readUInt32LE(at + 4)];
    if (length < 12 || length % 4 !== 0 || at + length > file.length) throw new Error(`a block of ${length} at ${at}`);
    if (file.readUInt32LE(at + length - 4) !== length) throw new Error(`the lengths of the block at ${at} differ`);
    const body = file.subarray(at + 8, at + length - 4);
    if (type === 0x0a0d0d0a) sections.push(readSection(body));
    else {
      const section = sections.at(-1);
      if (!section) throw new Error('the file does not begin with a section');
      if (type === 1) section.interfaces.push(readInterface(body));
      else if (type === 4) section.hostNames.push(...readHostNames(body));
      else if (type === 5) section.statistics.push(readStatistics(body, section));
      else if (type === 6) section.packets.push(readPacket(body, section));
      else throw new Error(`a block of type ${type}`);
    }
    at += length;
  }
  return sections;
}

function readSection(body: Buffer): Section {
  if (body.readUInt32LE(0) !== 0x1a2b3c4d || body.readUInt16LE(4) !== 1 || body.readUInt16LE(6) !== 0) {
    throw new Error('another version, or order of bytes');
  }
  if (body.readBigInt64LE(8) !== -1n) throw new Error('the section has a length');
  const options = readOptions(body.subarray(16));
  const [hardware, os, application] = [2, 3, 4].map((code) => find(options, code)?.toString());
  return { hardware, os, application, hostNames: [], interfaces: [], packets: [], statistics: [] };
}

function readInterface(body: Buffer): Interface {
  const options = readOptions(body.subarray(8));
  if (find(options, 9)?.toString('hex') !== '09') throw new Error('its times are no nanoseconds');
  const [name = '', description = ''] = [2, 3].map((code) => find(options, code)?.toString());
  return { linkType: body.readUInt16LE(0), name, description };
}

function interfaceOf(body: Buffer, { interfaces }: Section): Interface {
  const found = interfaces[body.readUInt32LE(0)];
  if (!found) throw new Error('an interface that has not been described');
  return found;
}

const timeAt = (body: Buffer, at: number) => (BigInt(body.readUInt32LE(at)) << 32n) | BigInt(body.readUInt32LE(at + 4));

function readPacket(body: Buffer, section: Section): Packet {
  const [captured, length] = [body.readUInt32LE(12), body.readUInt32LE(16)];
  if (captured > length) throw new Error('more bytes than the packet has');
  const end = 20 + captured;
  const padded = (end + 3) & ~3;
  if (body.subarray(end, padded).some((byte) => byte !== 0)) throw new Error('it is not filled up with zeros');
  const options = readOptions(body.subarray(padded));
  const verdict = find(options, 7);
  if (verdict && verdict.length !== 9) throw new Error('a verdict of another length');
  return {
    interface: interfaceOf(body, section),
    ...{ timeNs: timeAt(body, 4), bytes: body.subarray(20, end), length },
    comment: JSON.parse(find(options, 1)?.toString() ?? 'null'),
    id: find(options, 5)?.readBigUInt64LE(),
    verdict: verdict && `${verdict[0]}:${verdict.readBigUInt64LE(1)}`,
    drops: find(options, 4)?.readBigUInt64LE(),
    flags: find(options, 2)?.readUInt32LE(),
  };
}

/** Records have the form of options. */
function readHostNames(body: Buffer): HostNames[] {
  return readOptions(body).map(({ code, value }) => {
    const bytes = { 1: 4, 2: 16 }[code] ?? 0;
    const [names, rest] = [value.subarray(bytes).toString().split('\0').slice(0, -1), value.at(-1)];
    if (bytes === 0 || rest !== 0 || names.length === 0) throw new Error(`a record of names of type ${code}`);
    return { address: value.subarray(0, bytes).toString('hex'), names };
  });
}

function readStatistics(body: Buffer, section: Section): Statistics {
  const options = readOptions(body.subarray(12));
  const [begin, end] = [find(options, 2), find(options, 3)];
  if (!begin || !end || timeAt(body, 4) !== timeAt(end, 0)) throw new Error('statistics without times');
  return {
    ...{ interface: interfaceOf(body, section), beginNs: timeAt(begin, 0), endNs: timeAt(end, 0) },
    delivered: find(options, 8)?.readBigUInt64LE(),
    dropped: find(options, 5)?.readBigUInt64LE(),
    comment: find(options, 1)?.toString(),
  };
}

const find = (options: readonly Option[], code: number) => options.find((option) => option.code === code)?.value;

function readOptions(bytes: Buffer): Option[] {
  const options: Option[] = [];
  for (let at = 0; ; ) {
    const [code, length] = [bytes.readUInt16LE(at), bytes.readUInt16LE(at + 2)];
    const end = at + 4 + length;
    const padded = (end + 3) & ~3;
    if (padded > bytes.length) throw new Error('an option is cut');
    if (bytes.subarray(end, padded).some((byte) => byte !== 0))
      throw new Error('an option is not filled up with zeros');
    if (code === 0) {
      if (length !== 0 || padded !== bytes.length) throw new Error('something stands behind the end of the options');
      return options;
    }
    options.push({ code, value: bytes.subarray(at + 4, end) });
    at = padded;
  }
}
