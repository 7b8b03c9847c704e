/** The words for the packets that a trace follows, and the filter that they come to. Pure. */
import { quote } from '../base/printable.js';
import { markFilter } from './mark.js';
import { ANY_MARK, type Condition, type PacketFilter } from './packet-filter.js';
import type { CompiledExpression } from './pcap/expression.js';
import { pcapFilter } from './pcap/pcap-filter.js';
import { describeProcesses, type ProcessQuery, type WantedCgroup } from './process-query.js';
import { describePlaces, type WantedPlaces } from './wanted-places.js';

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
  /** A condition over the kernel's structs. */
  readonly where: string | undefined;
  /** Packets in one of these network namespaces, as `--netns` takes them; empty: in any. */
  readonly netns: readonly string[];
  /** Packets on one of these devices, as `--dev` takes them; empty: on any, or none. */
  readonly dev: readonly string[];
  /** Whether what belongs to the connection of such a packet is asked for, too: its answers. */
  readonly connection: boolean;
  /** Packets of these processes, and their answers; undefined: of any, or none. */
  readonly processes: ProcessQuery | undefined;
}

/** A query that asks for nothing: to be added to. */
export const NO_PACKETS: PacketQuery = {
  ...{ mark: undefined, mask: 0xffffffff },
  ...{
    expression: undefined,
    inner: undefined,
    where: undefined,
    netns: [],
    dev: [],
    connection: false,
    processes: undefined,
  },
};

/** The condition that every packet meets: where packets are counted, none need be named. */
export const EVERY_PACKET = '1';

/** Whether a query names packets: whoever asks for their connections must say whose. */
export function namesPackets(query: PacketQuery): boolean {
  return query.mark !== undefined || asksBeyondMark({ ...query, connection: false });
}

/** Whether a query asks for more than a mark. */
export function asksBeyondMark({ expression, inner, where, netns, dev, connection, processes }: PacketQuery): boolean {
  const words = expression ?? inner ?? where ?? processes;
  return words !== undefined || netns.length > 0 || dev.length > 0 || connection;
}

/** The words of a query as the kernel side takes them. */
export interface ResolvedQuery {
  readonly expression: CompiledExpression | undefined;
  readonly inner: CompiledExpression | undefined;
  readonly where: Condition | undefined;
  readonly places: WantedPlaces | undefined;
  readonly cgroups: readonly WantedCgroup[];
}

/** The filter that takes these packets. A query that asks for more brings its part of the filter from here. */
export function createPacketFilter(
  { mark, mask, connection, processes: query }: PacketQuery,
  resolved: ResolvedQuery,
): PacketFilter {
  const { expression, inner, where, places, cgroups } = resolved;
  const processes = query && { ...query, cgroups };
  const wanted = mark === undefined ? ANY_MARK : markFilter(mark, mask).mark;
  const compared = connection ? ANY_MARK : wanted;
  const filter = expression || inner ? pcapFilter({ outer: expression, inner }, compared) : { mark: compared };
  return { ...filter, where, places, processes, connections: connection ? { mark: wanted } : undefined };
}

/** As in `packets with mark 0x4d2 under mask 0xffff were seen`, and `no packet matching 'tcp port 443' was seen`. */
export function describePackets(packets: PacketQuery): string {
  const { mark, mask, expression, inner, where, netns, dev, connection, processes } = packets;
  const parts: string[] = [];
  if (mark !== undefined) {
    parts.push(`with mark 0x${mark.toString(16)}${mask === 0xffffffff ? '' : ` under mask 0x${mask.toString(16)}`}`);
  }
  if (expression !== undefined) parts.push(`matching ${quote(expression)}`);
  if (inner !== undefined) parts.push(`with ${quote(inner)} in a tunnel`);
  if (where === EVERY_PACKET) parts.push('at all');
  else if (where !== undefined) parts.push(`where ${quote(where)}`);
  if (processes) parts.push(describeProcesses(processes));
  parts.push(...describePlaces(netns, dev), ...(connection ? ['or of its connection'] : []));
  return parts.join(' ');
}
