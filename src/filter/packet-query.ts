/** The words for the packets that a trace follows, and the filter that they come to. Pure. */
import { markFilter } from './mark.js';
import type { PacketFilter } from './packet-filter.js';
import { type CompiledExpression, quote } from './pcap/expression.js';
import { pcapFilter } from './pcap/pcap-filter.js';

/** Packets that are all that is asked for; at least one thing is. */
export interface PacketQuery {
  /** Packets whose mark, under the mask, equals this mark under the mask: 32 bits. Undefined: whatever their mark. */
  readonly mark: number | undefined;
  /** The bits of the mark that are compared, of 32. */
  readonly mask: number;
  /** An expression of pcap-filter. */
  readonly expression: string | undefined;
  /** Another one, for the packet within a tunnel. */
  readonly inner: string | undefined;
}

/** The expressions of a query, compiled. */
export interface ResolvedQuery {
  readonly expression: CompiledExpression | undefined;
  readonly inner: CompiledExpression | undefined;
}

/** The filter that takes these packets. A query that asks for more brings its BPF object from here. */
export function createPacketFilter({ mark, mask }: PacketQuery, { expression, inner }: ResolvedQuery): PacketFilter {
  const marked = mark === undefined ? undefined : markFilter(mark, mask);
  if (expression || inner) return pcapFilter({ outer: expression, inner }, marked?.mark);
  if (marked) return marked;
  throw new Error('a query asks for nothing');
}

/** As in `packets with mark 0x4d2 under mask 0xffff were seen`, and `no packet matching 'tcp port 443' was seen`. */
export function describePackets({ mark, mask, expression, inner }: PacketQuery): string {
  const parts: string[] = [];
  if (mark !== undefined) {
    parts.push(`with mark 0x${mark.toString(16)}${mask === 0xffffffff ? '' : ` under mask 0x${mask.toString(16)}`}`);
  }
  if (expression !== undefined) parts.push(`matching ${quote(expression)}`);
  if (inner !== undefined) parts.push(`with ${quote(inner)} in a tunnel`);
  return parts.join(' ');
}
