/** The words for the packets that a trace follows, and the filter that they come to. Pure. */
import { markFilter } from './mark.js';
import type { PacketFilter } from './packet-filter.js';

/** Packets whose mark, under the mask, equals this mark under the mask. Both have 32 bits. */
export interface PacketQuery {
  readonly mark: number;
  readonly mask: number;
}

/** The filter that takes these packets. A query that asks for more brings its BPF object from here. */
export function createPacketFilter({ mark, mask }: PacketQuery): PacketFilter {
  return markFilter(mark, mask);
}

/** As in `packets with mark 0x4d2 under mask 0xffff were seen`. */
export function describePackets({ mark, mask }: PacketQuery): string {
  return `with mark 0x${mark.toString(16)}${mask === 0xffffffff ? '' : ` under mask 0x${mask.toString(16)}`}`;
}
