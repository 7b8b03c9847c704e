/** Network addresses as text, and their bytes in network order. */
import type { TextBuffer } from './text-buffer.js';

/** The 4 or 16 bytes of an address; undefined for what is none, and for one with a zone. */
export function addressBytes(text: string): Uint8Array | undefined {
  const bytes = text.split('.').map(Number);
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(text))
    return bytes.every((byte) => byte < 256) ? Uint8Array.from(bytes) : undefined;
  // The standard's own form has no IPv4 address at the end, and one `::` at most.
  const url = /^[0-9a-f:.]+$/i.test(text) ? `http://[${text}]` : '';
  if (!URL.canParse(url)) return undefined;
  const [, written = ''] = /^\[(.*)\]$/.exec(new URL(url).hostname) ?? [];
  const [head = '', tail] = written.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const [before, behind] = [groups(head), groups(tail ?? '')];
  const all = tail === undefined ? before : [...before, ...Array(8 - before.length - behind.length).fill(0), ...behind];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** `10.0.0.1` */
export function writeIpv4(out: TextBuffer, data: DataView, at: number): void {
  for (let i = 0; i < 4; i++) {
    if (i > 0) out.byte(POINT);
    out.unsigned(data.getUint8(at + i));
  }
}

/**
 * `fe80::1`, in the form of RFC 5952: the longest run of two or more zero groups is `::`, the first of equally long
 * ones. An address whose prefix says that it holds an IPv4 address, `::ffff:10.0.0.1` (mapped) or `::ffff:0:10.0.0.1`
 * (translated), ends as that one is written.
 */
export function writeIpv6(out: TextBuffer, data: DataView, at: number): void {
  let runBegin = -8;
  let runLength = 1;
  for (let begin = 0; begin < 8; ) {
    let end = begin;
    while (end < 8 && data.getUint16(at + end * 2) === 0) end++;
    if (end - begin > runLength) {
      runBegin = begin;
      runLength = end - begin;
    }
    begin = end + 1;
  }
  const groups = endsLikeIpv4(data, at) ? 6 : 8;
  for (let group = 0; group < groups; group++) {
    if (group === runBegin) {
      out.byte(COLON);
      out.byte(COLON);
      group += runLength - 1;
      continue;
    }
    if (group > 0 && group !== runBegin + runLength) out.byte(COLON);
    writeHex(out, data.getUint16(at + group * 2), 1);
  }
  if (groups === 8) return;
  out.byte(COLON);
  writeIpv4(out, data, at + 12);
}

/** An IPv6 address, or an IPv4 one: `10.0.0.1` for `::ffff:10.0.0.1`. */
export function writeIp(out: TextBuffer, data: DataView, at: number): void {
  if (isMapped(data, at)) writeIpv4(out, data, at + 12);
  else writeIpv6(out, data, at);
}

/** Whether an address begins with `::ffff:0:0/96` (RFC 4291). */
function isMapped(data: DataView, at: number): boolean {
  return data.getUint32(at) === 0 && data.getUint32(at + 4) === 0 && data.getUint32(at + 8) === 0xffff;
}

/** Whether an address begins with that prefix, or with `::ffff:0:0:0/96` (RFC 2765). */
function endsLikeIpv4(data: DataView, at: number): boolean {
  if (data.getUint32(at) !== 0 || data.getUint32(at + 4) !== 0) return false;
  const word = data.getUint32(at + 8);
  return word === 0xffff || word === 0xffff0000;
}

/** `02:42:ac:11:00:02` */
export function writeMac(out: TextBuffer, data: DataView, at: number): void {
  for (let i = 0; i < 6; i++) {
    if (i > 0) out.byte(COLON);
    writeHex(out, data.getUint8(at + i), 2);
  }
}

function writeHex(out: TextBuffer, value: number, leastDigits: number): void {
  let digits = leastDigits;
  while (value >> (digits * 4) !== 0) digits++;
  for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
    const digit = (value >> shift) & 15;
    out.byte(digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}

const POINT = 0x2e;
const COLON = 0x3a;
