/** Names of numbers, from an enum's BTF. Pure. */

import { printable } from '../base/printable.js';
import { encode, type TextBuffer } from '../base/text-buffer.js';
import { BTF_KIND_ENUM64, type Btf } from '../btf/btf.js';

/** An enumerator; the value as the bits that a member of the given width would hold. */
export interface Enumerator {
  readonly name: Uint8Array;
  readonly low: number;
  readonly high: number;
}

/**
 * The enumerators of an ENUM or ENUM64, their values cut to `bits` (1 to 64): a member is compared by its bits, whatever
 * the sign that compiler and author gave to either.
 */
export function readEnumerators(btf: Btf, type: number, bits: number): Enumerator[] {
  const wide = btf.kind(type) === BTF_KIND_ENUM64;
  const signed = btf.kindFlag(type);
  const entryWords = wide ? 3 : 2;
  return Array.from({ length: btf.vlen(type) }, (_, index) => {
    const low = btf.tail(type, index * entryWords + 1);
    const high = wide ? btf.tail(type, index * entryWords + 2) : signed && low >= 0x80000000 ? 0xffffffff : 0;
    return {
      // An identifier; should the file be forged, it still breaks neither a terminal nor JSON.
      name: encode(printable(btf.string(btf.tail(type, index * entryWords))).replace(/["\\]/g, '?')),
      low: low % 2 ** Math.min(bits, 32),
      high: bits > 32 ? high % 2 ** (bits - 32) : 0,
    };
  });
}

/** Appends the first enumerator of exactly that value; false if there is none. */
export function writeEnumerator(
  out: TextBuffer,
  enumerators: readonly Enumerator[],
  low: number,
  high: number,
): boolean {
  for (const enumerator of enumerators) {
    if (enumerator.low === low && enumerator.high === high) {
      out.bytes(enumerator.name);
      return true;
    }
  }
  return false;
}

/**
 * Appends the names of the flags that are set, joined by `|`, in the order of the enum, and what is left over as a
 * number: `tcpv4|0x80000`. A value of 0 is the enumerator 0, or `<none>`. An enumerator that adds no bit to those
 * before it (a name for several of them) is left out.
 */
export function writeFlags(out: TextBuffer, enumerators: readonly Enumerator[], low: number, high: number): void {
  if (low === 0 && high === 0) {
    if (!writeEnumerator(out, enumerators, 0, 0)) out.bytes(NONE);
    return;
  }
  let restLow = low;
  let restHigh = high;
  let first = true;
  for (const flag of enumerators) {
    const set = (low & flag.low) >>> 0 === flag.low && (high & flag.high) >>> 0 === flag.high;
    if (!set || ((restLow & flag.low) === 0 && (restHigh & flag.high) === 0)) continue;
    if (!first) out.byte(PIPE);
    first = false;
    out.bytes(flag.name);
    restLow = (restLow & ~flag.low) >>> 0;
    restHigh = (restHigh & ~flag.high) >>> 0;
  }
  if (restLow === 0 && restHigh === 0) return;
  if (!first) out.byte(PIPE);
  out.hex64(restLow, restHigh);
}

const NONE = encode('<none>');
const PIPE = 0x7c;
