/**
 * A part of a packet: the bytes that are known, and how long the part is on the wire. Numbers are read in network order.
 * A decoder asks `has` before it reads.
 */
import { writeIpv4, writeIpv6, writeMac } from '../base/addresses.js';
import { TextBuffer } from '../base/text-buffer.js';

export class Slice {
  readonly #view: DataView;
  readonly #at: number;
  /** The length on the wire; fewer bytes may be known. */
  readonly lengthBytes: number;
  /**
   * Whether headers within may tell of more bytes than there are: in quotes, and in a packet's first fragment. Elsewhere
   * such a length is not set yet.
   */
  readonly isCut: boolean;

  private constructor(view: DataView, at: number, lengthBytes: number, isCut: boolean) {
    this.#view = view;
    this.#at = at;
    this.lengthBytes = lengthBytes;
    this.isCut = isCut;
  }

  static of(bytes: Uint8Array, lengthBytes: number): Slice {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return new Slice(view, 0, Math.max(lengthBytes, bytes.length), false);
  }

  /** The number of bytes that are known. */
  get known(): number {
    return Math.max(0, Math.min(this.#view.byteLength - this.#at, this.lengthBytes));
  }

  has(bytes: number): boolean {
    return this.known >= bytes;
  }

  u8(at: number): number {
    return this.#view.getUint8(this.#at + at);
  }

  u16(at: number): number {
    return this.#view.getUint16(this.#at + at);
  }

  u24(at: number): number {
    return (this.u8(at) << 16) | this.u16(at + 1);
  }

  u32(at: number): number {
    return this.#view.getUint32(this.#at + at);
  }

  ipv4(at: number): string {
    writeIpv4(TEXT, this.#view, this.#at + at);
    return TEXT.takeText();
  }

  ipv6(at: number): string {
    writeIpv6(TEXT, this.#view, this.#at + at);
    return TEXT.takeText();
  }

  mac(at: number): string {
    writeMac(TEXT, this.#view, this.#at + at);
    return TEXT.takeText();
  }

  /** What lies behind a header. */
  behind(headerBytes: number): Slice {
    const lengthBytes = Math.max(0, this.lengthBytes - headerBytes);
    return new Slice(this.#view, this.#at + headerBytes, lengthBytes, this.isCut);
  }

  /**
   * The first bytes of it: as many as a header says. A header that says 0, or more than there are, has no length yet, or
   * has one that does not fit it.
   */
  limit(statedBytes: number): Slice {
    const isUnset = statedBytes === 0 || (statedBytes > this.lengthBytes && !this.isCut);
    return isUnset ? this : new Slice(this.#view, this.#at, statedBytes, this.isCut);
  }

  /** The same bytes; headers within may tell of more. */
  cut(): Slice {
    return new Slice(this.#view, this.#at, this.lengthBytes, true);
  }
}

/** Not re-entrant: holds one address at a time. */
const TEXT = new TextBuffer(64);

/** A header with what lies behind it; either may be missing, and `problem` says why. */
export interface Decoded<Header> {
  readonly header?: Header;
  readonly payload?: Slice;
  readonly problem?: 'truncated' | 'malformed';
}

export const TRUNCATED = { problem: 'truncated' } as const;
export const MALFORMED = { problem: 'malformed' } as const;
