/** Names of numbers, from an enum's BTF. Pure. */

import { printable } from '../base/printable.js';
import { encode, type Fragment, type TextBuffer } from '../base/text-buffer.js';
import { BTF_KIND_ENUM64, type Btf } from '../btf/btf.js';

/** An enumerator; the value as the bits that a member of the given width would hold. */
export interface Enumerator {
  readonly name: Fragment;
  readonly low: number;
  readonly high: number;
}

/** The width of a value, and whether it may be negative. */
export interface Width {
  /** 1 to 64 */
  readonly bits: number;
  readonly signed: boolean;
}

/**
 * The enumerators of an ENUM or ENUM64 that a value of a width can have, as its bits. A value is compared by its bits,
 * whatever the sign that compiler and author gave to either; an enumerator that needs more bits is left out.
 *
 * clang 14 writes negative enumerators as unsigned 32-bit numbers: for a signed value that is wider, such a number also
 * stands for the negative one.
 */
export function readEnumerators(btf: Btf, type: number, { bits, signed }: Width): Enumerator[] {
  const wide = btf.kind(type) === BTF_KIND_ENUM64;
  const enumSigned = btf.kindFlag(type);
  const entryWords = wide ? 3 : 2;
  return Array.from({ length: btf.vlen(type) }, (_, index) => index).flatMap((index) => {
    // Usually an identifier; a forged file may have any characters, which must break neither a terminal nor JSON.
    const name = encode(printable(btf.string(btf.tail(type, index * entryWords))).replace(/["\\]/g, '?'));
    const low = btf.tail(type, index * entryWords + 1);
    if (wide) return cutTo(name, low, btf.tail(type, index * entryWords + 2), bits);
    if (low < 0x80000000) return cutTo(name, low, 0, bits);
    const negative = cutTo(name, low, 0xffffffff, bits);
    if (enumSigned || bits < 32) return negative;
    return bits > 32 && signed ? [...cutTo(name, low, 0, bits), ...negative] : cutTo(name, low, 0, bits);
  });
}

/** An enumerator with its value cut to the width; none if the bits that are cut off are not copies of its sign. */
function cutTo(name: Fragment, low: number, high: number, bits: number): Enumerator[] {
  const all = (BigInt(high) << 32n) | BigInt(low);
  const cut = BigInt.asUintN(bits, all);
  if (cut !== all && BigInt.asIntN(bits, all) !== BigInt.asIntN(64, all)) return [];
  return [{ name, low: Number(cut & 0xffffffffn), high: Number(cut >> 32n) }];
}

/** Appends the name of the first enumerator with the value. @returns false if there is none */
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
 * Appends the names of the flags that are set, joined by `|`, in the order of the enum; bits without a name follow as a
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
