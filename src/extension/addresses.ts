/** Network addresses as text, from their bytes in network order. Pure. */
import type { TextBuffer } from '../base/text-buffer.js';

/** `10.0.0.1` */
export function writeIpv4(out: TextBuffer, data: DataView, at: number): void {
  for (let i = 0; i < 4; i++) {
    if (i > 0) out.byte(POINT);
    out.unsigned(data.getUint8(at + i));
  }
}

/** `fe80::1`, in the form of RFC 5952: the longest run of two or more zero groups is `::`, the first of equal ones. */
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
  for (let group = 0; group < 8; group++) {
    if (group === runBegin) {
      out.byte(COLON);
      out.byte(COLON);
      group += runLength - 1;
      continue;
    }
    if (group > 0 && group !== runBegin + runLength) out.byte(COLON);
    writeHex(out, data.getUint16(at + group * 2), 1);
  }
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
