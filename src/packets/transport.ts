/** Decodes what lies behind IP: TCP (RFC 9293), UDP (RFC 768), SCTP (RFC 9260), ESP (RFC 4303). */
import type { Esp, Sctp, Tcp, TcpFlag, TcpOption, Udp } from '../base/packet.js';
import { type Decoded, MALFORMED, type Slice, TRUNCATED } from './slice.js';

const PORTS_BYTES = 4;
const TCP_BYTES = 20;
const UDP_BYTES = 8;
const SCTP_BYTES = 12;

/** From the lowest bit on. */
const TCP_FLAGS: readonly TcpFlag[] = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR', 'AE'];

/** Of a header that is known in part, the first members. */
export function decodeTcp(slice: Slice): Decoded<Tcp> {
  if (!slice.has(PORTS_BYTES)) return TRUNCATED;
  const headerBytes = slice.has(13) ? (slice.u8(12) >> 4) * 4 : undefined;
  const isMalformed = headerBytes !== undefined && headerBytes < TCP_BYTES;
  const header: Tcp = {
    ...{ kind: 'tcp', sourcePort: slice.u16(0), destinationPort: slice.u16(2) },
    sequence: slice.has(8) ? slice.u32(4) : undefined,
    acknowledgment: slice.has(12) ? slice.u32(8) : undefined,
    flags: slice.has(14) ? TCP_FLAGS.filter((_, bit) => (slice.u16(12) & (1 << bit)) !== 0) : undefined,
    window: slice.has(16) ? slice.u16(14) : undefined,
    urgent: slice.has(TCP_BYTES) ? slice.u16(18) : undefined,
    options: headerBytes === undefined || isMalformed ? [] : decodeTcpOptions(slice, headerBytes),
    payloadBytes: headerBytes === undefined || isMalformed ? undefined : slice.behind(headerBytes).lengthBytes,
  };
  if (isMalformed) return { header, ...MALFORMED };
  return { header, ...(headerBytes !== undefined && slice.has(headerBytes) ? {} : TRUNCATED) };
}

const EOL = 0;
const NOP = 1;
/** By kind. */
const TCP_OPTIONS: Readonly<Record<number, string>> = {
  ...{ 0: 'eol', 1: 'nop', 2: 'mss', 3: 'wscale', 4: 'sackOK', 5: 'sack', 8: 'TS', 19: 'md5', 28: 'uto', 29: 'tcp-ao' },
  ...{ 30: 'mptcp', 34: 'tfo', 172: 'acc-ecn 0', 174: 'acc-ecn 1', 253: 'exp', 254: 'exp' },
};

/** An option with a wrong length, or that is not known to its end, ends the list. */
function decodeTcpOptions(slice: Slice, headerBytes: number): TcpOption[] {
  const options: TcpOption[] = [];
  for (let at = TCP_BYTES; at < headerBytes && slice.has(at + 1); ) {
    const kind = slice.u8(at);
    const name = TCP_OPTIONS[kind] ?? String(kind);
    if (kind === EOL || kind === NOP) {
      options.push({ name, values: [] });
      if (kind === EOL) break;
      at++;
      continue;
    }
    const bytes = slice.has(at + 2) ? slice.u8(at + 1) : 0;
    if (bytes < 2 || at + bytes > headerBytes || !slice.has(at + bytes)) break;
    options.push({ name, values: decodeTcpValues(slice, kind, at + 2, at + bytes) });
    at += bytes;
  }
  return options;
}

/** The values of an option, from `at` to `end`. */
function decodeTcpValues(slice: Slice, kind: number, at: number, end: number): number[] {
  const bytes = end - at;
  if (kind === 2) return bytes === 2 ? [slice.u16(at)] : [];
  if (kind === 3) return bytes === 1 ? [slice.u8(at)] : [];
  if (kind !== 5 && kind !== 8) return [];
  const values: number[] = [];
  for (let next = at; next + 4 <= end; next += 4) values.push(slice.u32(next));
  return values;
}

export function decodeUdp(slice: Slice): Decoded<Udp> {
  if (!slice.has(PORTS_BYTES)) return TRUNCATED;
  const [sourcePort, destinationPort] = [slice.u16(0), slice.u16(2)];
  if (!slice.has(UDP_BYTES)) {
    return { header: { kind: 'udp', sourcePort, destinationPort, payloadBytes: undefined }, ...TRUNCATED };
  }
  const stated = slice.u16(4);
  // Of a jumbogram the header says 0.
  const isMalformed = stated !== 0 && stated < UDP_BYTES;
  const payload = slice.limit(isMalformed ? 0 : stated).behind(UDP_BYTES);
  const header: Udp = { kind: 'udp', sourcePort, destinationPort, payloadBytes: payload.lengthBytes };
  return isMalformed ? { header, ...MALFORMED } : { header, payload };
}

/** By type. */
const CHUNKS: Readonly<Record<number, string>> = {
  ...{ 0: 'DATA', 1: 'INIT', 2: 'INIT ACK', 3: 'SACK', 4: 'HB REQ', 5: 'HB ACK', 6: 'ABORT', 7: 'SHUTDOWN' },
  ...{ 8: 'SHUTDOWN ACK', 9: 'ERROR', 10: 'COOKIE ECHO', 11: 'COOKIE ACK', 12: 'ECNE', 13: 'CWR' },
  ...{ 14: 'SHUTDOWN COMPLETE', 15: 'AUTH', 64: 'I-DATA', 128: 'ASCONF ACK', 130: 'RE-CONFIG', 132: 'PAD' },
  ...{ 192: 'FORWARD TSN', 193: 'ASCONF', 194: 'I-FORWARD TSN' },
};
const CHUNK_BYTES = 4;

export function decodeSctp(slice: Slice): Decoded<Sctp> {
  if (!slice.has(PORTS_BYTES)) return TRUNCATED;
  const chunks: string[] = [];
  for (let rest = slice.behind(SCTP_BYTES); rest.has(CHUNK_BYTES); ) {
    chunks.push(CHUNKS[rest.u8(0)] ?? String(rest.u8(0)));
    const bytes = rest.u16(2);
    if (bytes < CHUNK_BYTES) break;
    rest = rest.behind((bytes + 3) & ~3);
  }
  const tag = slice.has(8) ? slice.u32(4) : undefined;
  const header: Sctp = { kind: 'sctp', sourcePort: slice.u16(0), destinationPort: slice.u16(2), tag, chunks };
  return { header, ...(slice.has(SCTP_BYTES) ? {} : TRUNCATED) };
}

export function decodeEsp(slice: Slice): Decoded<Esp> {
  if (!slice.has(8)) return TRUNCATED;
  return { header: { kind: 'esp', spi: slice.u32(0), sequence: slice.u32(4) } };
}
