/**
 * Writes the blocks of pcapng, little endian, into a buffer. Pure; nothing is allocated for a packet. Source of the format:
 * draft-ietf-opsawg-pcapng, whose names of options stand in brackets. A block's length stands at its begin and its end,
 * and is a multiple of 4, as the lengths of packets and options are with the zeros behind them.
 */
import { addressBytes } from '../base/addresses.js';
import type { HostName } from '../base/host-name.js';
import { printable } from '../base/printable.js';
import type { TextBuffer } from '../base/text-buffer.js';

/** Types of blocks. */
const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const NAME_RESOLUTION = 4;
const STATISTICS = 5;
const PACKET = 6;

const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const MAJOR_VERSION = 1;
const MINOR_VERSION = 0;
/** `if_tsresol`: nanoseconds. */
const TEN_TO_THE_MINUS_NINE = 9;

/** Options. Those of a kind of block begin at 2. */
const END_OF_OPTIONS = 0;
const COMMENT = 1;
const SECTION_HARDWARE = 2;
const SECTION_OS = 3;
const SECTION_APPLICATION = 4;
const INTERFACE_NAME = 2;
const INTERFACE_DESCRIPTION = 3;
const INTERFACE_RESOLUTION = 9;
/** Records of names, which have the form of options: the address, and the name with a zero behind it. */
const NAME_OF_IPV4 = 1;
const NAME_OF_IPV6 = 2;
const STATISTICS_BEGIN = 2;
const STATISTICS_END = 3;
const STATISTICS_DROPPED = 5;
const STATISTICS_DELIVERED = 8;
const PACKET_FLAGS = 2;
const PACKET_DROPS = 4;
const PACKET_ID = 5;
const PACKET_VERDICT = 7;

const OUTBOUND = 2;
/** The kind of a verdict: what a program of Linux' traffic control returns, TC_ACT_… of `linux/pkt_cls.h`. */
const LINUX_EBPF_TC = 1;
const VERDICT_BYTES = 9;

/** The most bytes of an option. */
const MAX_OPTION_BYTES = 0xffff;
/** The most characters of an option's text, so that it is not longer in UTF-8 either. */
const MAX_OPTION_CHARACTERS = 0x5555;

/** How the bytes of an interface's packets begin. The numbers are those of tcpdump.org/linktypes.html. */
export const LINK_ETHERNET = 1;
/** With the header of IPv4 or IPv6. */
export const LINK_RAW_IP = 101;

/** Two halves of a time: nanoseconds since 1970. */
export interface Time {
  readonly low: number;
  readonly high: number;
}

export interface SectionFacts {
  /** Undefined if it is not known. */
  readonly hardware?: string | undefined;
  readonly os: string;
  readonly application: string;
}

export interface StatisticsFacts {
  readonly interfaceId: number;
  readonly begin: Time;
  readonly end: Time;
  readonly delivered?: number | undefined;
  readonly dropped?: bigint | undefined;
  readonly comment?: string | undefined;
}

export class PcapngWriter {
  readonly #out: TextBuffer;
  /** Where the block begins that is being written, and its option. */
  #block = 0;
  #option = 0;

  constructor(out: TextBuffer) {
    this.#out = out;
  }

  /** Begins a section: interfaces are numbered from 0 in each. */
  section({ hardware, os, application }: SectionFacts): void {
    this.#begin(SECTION);
    const out = this.#out;
    out.word32(BYTE_ORDER_MAGIC);
    out.word16(MAJOR_VERSION);
    out.word16(MINOR_VERSION);
    // Its length is not known.
    out.word32(0xffffffff);
    out.word32(0xffffffff);
    if (hardware !== undefined) this.#text(SECTION_HARDWARE, hardware);
    this.#text(SECTION_OS, os);
    this.#text(SECTION_APPLICATION, application);
    this.#endOptions();
    this.#end();
  }

  /** Describes the next interface, whose times are nanoseconds. */
  interface(linkType: number, name: string, description: string): void {
    this.#begin(INTERFACE);
    const out = this.#out;
    out.word16(linkType);
    out.word16(0);
    // No limit: packets may be longer than their bytes here.
    out.word32(0);
    this.#text(INTERFACE_NAME, name);
    this.#text(INTERFACE_DESCRIPTION, description);
    this.beginOption(INTERFACE_RESOLUTION);
    out.byte(TEN_TO_THE_MINUS_NINE);
    this.endOption();
    this.#endOptions();
    this.#end();
  }

  /** Tells the names of addresses. @param names those of what is no address are left out */
  hostNames(names: readonly HostName[]): void {
    this.#begin(NAME_RESOLUTION);
    for (const { address, name } of names) {
      const bytes = addressBytes(address);
      if (!bytes) continue;
      this.beginOption(bytes.length === 4 ? NAME_OF_IPV4 : NAME_OF_IPV6);
      this.#out.copy(bytes);
      this.#out.text(printable(name).slice(0, MAX_OPTION_CHARACTERS));
      this.#out.byte(0);
      this.endOption();
    }
    this.#endOptions();
    this.#end();
  }

  statistics({ interfaceId, begin, end, delivered, dropped, comment }: StatisticsFacts): void {
    this.#begin(STATISTICS);
    const out = this.#out;
    out.word32(interfaceId);
    this.#time(end);
    if (comment !== undefined) this.#text(COMMENT, comment);
    for (const [code, time] of [
      [STATISTICS_BEGIN, begin],
      [STATISTICS_END, end],
    ] as const) {
      this.beginOption(code);
      this.#time(time);
      this.endOption();
    }
    if (dropped !== undefined) this.#number(STATISTICS_DROPPED, dropped);
    if (delivered !== undefined) this.#number(STATISTICS_DELIVERED, BigInt(delivered));
    this.#endOptions();
    this.#end();
  }

  #number(code: number, value: bigint): void {
    this.beginOption(code);
    this.#out.word32(Number(value & 0xffffffffn));
    this.#out.word32(Number((value >> 32n) & 0xffffffffn));
    this.endOption();
  }

  /** The high half stands first, in any order of bytes. */
  #time({ low, high }: Time): void {
    this.#out.word32(high);
    this.#out.word32(low);
  }

  /**
   * Begins the block of a packet: its bytes are to follow, and then its options.
   * @param low the halves of its time, nanoseconds since 1970
   * @param captured the number of its bytes @param length what they were before they were cut
   */
  beginPacket(interfaceId: number, low: number, high: number, captured: number, length: number): void {
    this.#begin(PACKET);
    const out = this.#out;
    out.word32(interfaceId);
    out.word32(high);
    out.word32(low);
    out.word32(captured);
    out.word32(length);
  }

  /** Ends the bytes of a packet; options may follow. */
  endBytes(): void {
    this.#out.align4();
  }

  beginComment(): void {
    this.beginOption(COMMENT);
  }

  beginOption(code: number): void {
    this.#option = this.#out.length;
    this.#out.word16(code);
    this.#out.word16(0);
  }

  /** @returns whether it was short enough; if not, it is taken back */
  endOption(): boolean {
    const out = this.#out;
    const length = out.length - this.#option - 4;
    if (length > MAX_OPTION_BYTES) {
      out.truncate(this.#option);
      return false;
    }
    out.patch16(this.#option + 2, length);
    out.align4();
    return true;
  }

  /** Says that the packet goes out of the machine. */
  outbound(): void {
    this.#out.word32(PACKET_FLAGS | (4 << 16));
    this.#out.word32(OUTBOUND);
  }

  /** Says how much is known to be missing before it. */
  drops(count: number): void {
    this.#out.word32(PACKET_DROPS | (8 << 16));
    this.#out.word32(count);
    this.#out.word32(Math.floor(count / 0x100000000));
  }

  /** Gives it a number, which the same packet has at all interfaces. */
  packetId(number: number): void {
    this.#out.word32(PACKET_ID | (8 << 16));
    this.#out.word32(number);
    this.#out.word32(Math.floor(number / 0x100000000));
  }

  /** Says what became of it. @param action TC_ACT_… */
  verdict(action: number): void {
    const out = this.#out;
    out.word32(PACKET_VERDICT | (VERDICT_BYTES << 16));
    out.byte(LINUX_EBPF_TC);
    out.word32(action);
    out.word32(0);
    out.align4();
  }

  /** Ends the block of a packet, which has options. */
  endPacket(): void {
    this.#endOptions();
    this.#end();
  }

  #text(code: number, text: string): void {
    this.beginOption(code);
    this.#out.text(text.slice(0, MAX_OPTION_CHARACTERS));
    this.endOption();
  }

  #endOptions(): void {
    this.#out.word32(END_OF_OPTIONS);
  }

  #begin(type: number): void {
    this.#block = this.#out.length;
    this.#out.word32(type);
    this.#out.word32(0);
  }

  #end(): void {
    const length = this.#out.length + 4 - this.#block;
    this.#out.word32(length);
    this.#out.patch32(this.#block + 4, length);
  }
}
