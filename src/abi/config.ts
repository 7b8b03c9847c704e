/** struct ipft_config, as the initial value of the section `.rodata.ipft`. */
import {
  CONFIG_CONNECTIONS,
  CONFIG_CONSUME_HAS_LOCATION,
  CONFIG_COUNTS,
  CONFIG_DATA_SIZE,
  CONFIG_DIRECT_READS,
  CONFIG_DROP_HAS_REASON,
  CONFIG_FIELDS,
  CONFIG_FILTERS,
  CONFIG_FOLLOW,
  CONFIG_HISTOGRAM,
  CONFIG_MARK,
  CONFIG_MASK,
  CONFIG_MODULE,
  CONFIG_NEIGHBOURS,
  CONFIG_NUMBER_AT,
  CONFIG_PLACES,
  CONFIG_PRESENCES,
  CONFIG_PROCESSES,
  CONFIG_SAMPLE_PERIOD,
  CONFIG_SCRIPT,
  CONFIG_SHOW,
  CONFIG_SIZE,
  CONFIG_SNAPLEN,
  CONFIG_SYMBOL_FORMAT,
  CONFIG_WANTS,
  CONFIG_WHERE,
  CONFIG_WHO,
  IPFT_COUNTS_CALLS,
  IPFT_COUNTS_NOTHING,
  IPFT_COUNTS_PACKETS,
  IPFT_FILTERS_BY_MORE,
  IPFT_FILTERS_BY_PROGRAM,
  IPFT_FILTERS_NOTHING,
  IPFT_HISTOGRAM_NONE,
  IPFT_HISTOGRAM_SIGNED,
  IPFT_HISTOGRAM_UNSIGNED,
  PART_AT,
  PART_BYTES,
  WANTED_DEVICE_MASK,
  WANTED_DEVICE_NAME,
  WANTED_DEVICE_NAME_SIZE,
  WANTED_DEVICE_NETNS,
  WANTED_DEVICE_SIZE,
  WANTED_PLACES_DEVICE_COUNT,
  WANTED_PLACES_DEVICES,
  WANTED_PLACES_NETNS,
  WANTED_PLACES_NETNS_COUNT,
} from './layout.js';

/** The part of an event's data that a source of fields writes, in bytes. */
export interface DataPart {
  readonly offset: number;
  readonly dataBytes: number;
}

/** What is counted instead of making events, and where the values by which is counted lie. */
export interface Counting {
  readonly per: 'packet' | 'call';
  /** The bytes at the beginning of the data, one for each field that may be absent. */
  readonly presenceBytes: number;
  /** A number of 64 bits that is counted in steps; `offset` in bytes. */
  readonly histogram: { readonly offset: number; readonly isSigned: boolean } | undefined;
}

/** Namespaces by their inodes, and devices by their names, with the inode of their namespace where it matters. */
interface Places {
  readonly netns: readonly number[];
  readonly devices: readonly { readonly name: string; readonly netns: number | undefined }[];
}

export function encodeConfig(config: {
  dataSize: number;
  /** Who writes them: undefined where there is no such source. */
  module: DataPart | undefined;
  fields: DataPart | undefined;
  script: DataPart | undefined;
  show: DataPart | undefined;
  /** Undefined: calls make events. */
  counting?: Counting | undefined;
  samplePeriod: number;
  directReads: boolean;
  follow: boolean;
  dropHasReason: boolean;
  consumeHasLocation: boolean;
  /** Which programs ask about a packet whose mark matches. */
  wants: boolean;
  where: boolean;
  snaplen: number;
  /** Whether packets of followed processes alone are asked for. */
  processes: boolean;
  /** Whether journeys have processes. */
  who: boolean;
  /** Whether what the kernel asks neighbours for followed processes is followed, too. */
  neighbours: boolean;
  /** Undefined: packets are followed anywhere. Of namespaces and devices there are at most `IPFT_MAX_WANTED_PLACES`. */
  places?: Places | undefined;
  /** Where packets of connections are followed: the mark of those that begin to be. */
  connections?: { readonly mark: { readonly value: number; readonly mask: number } } | undefined;
}): Uint8Array {
  const bytes = Buffer.alloc(CONFIG_SIZE);
  bytes.writeUInt32LE(config.dataSize, CONFIG_DATA_SIZE);
  for (const [at, part] of [
    [CONFIG_MODULE, config.module],
    [CONFIG_FIELDS, config.fields],
    [CONFIG_SCRIPT, config.script],
    [CONFIG_SHOW, config.show],
  ] as const) {
    bytes.writeUInt32LE(part?.offset ?? 0, at + PART_AT);
    bytes.writeUInt32LE(part?.dataBytes ?? 0, at + PART_BYTES);
  }
  bytes.writeUInt32LE(config.samplePeriod, CONFIG_SAMPLE_PERIOD);
  bytes.writeUInt32LE(config.directReads ? 1 : 0, CONFIG_DIRECT_READS);
  bytes.writeUInt32LE(config.follow ? 1 : 0, CONFIG_FOLLOW);
  bytes.writeUInt32LE(config.dropHasReason ? 1 : 0, CONFIG_DROP_HAS_REASON);
  bytes.writeUInt32LE(config.consumeHasLocation ? 1 : 0, CONFIG_CONSUME_HAS_LOCATION);
  bytes.writeUInt32LE(filtersOf(config), CONFIG_FILTERS);
  bytes.writeUInt32LE(config.wants ? 1 : 0, CONFIG_WANTS);
  bytes.writeUInt32LE(config.where ? 1 : 0, CONFIG_WHERE);
  bytes.writeUInt32LE(config.snaplen, CONFIG_SNAPLEN);
  bytes.writeUInt32LE(config.processes ? 1 : 0, CONFIG_PROCESSES);
  bytes.writeUInt32LE(config.who ? 1 : 0, CONFIG_WHO);
  bytes.writeUInt32LE(config.neighbours ? 1 : 0, CONFIG_NEIGHBOURS);
  bytes.write('%pS', CONFIG_SYMBOL_FORMAT, 'latin1');
  writeCounting(bytes, config.counting);
  if (config.connections) {
    const { value, mask } = config.connections.mark;
    bytes.writeUInt32LE(1, CONFIG_CONNECTIONS);
    bytes.writeUInt32LE(value, CONFIG_MARK);
    bytes.writeUInt32LE(mask, CONFIG_MASK);
  }
  if (config.places) writePlaces(bytes.subarray(CONFIG_PLACES), config.places);
  return bytes;
}

function filtersOf({ wants, where, places, connections, processes }: Parameters<typeof encodeConfig>[0]): number {
  if (places || connections || processes) return IPFT_FILTERS_BY_MORE;
  return wants || where ? IPFT_FILTERS_BY_PROGRAM : IPFT_FILTERS_NOTHING;
}

function writeCounting(bytes: Buffer, counting: Counting | undefined): void {
  const what = counting && (counting.per === 'packet' ? IPFT_COUNTS_PACKETS : IPFT_COUNTS_CALLS);
  bytes.writeUInt32LE(what ?? IPFT_COUNTS_NOTHING, CONFIG_COUNTS);
  bytes.writeUInt32LE(counting?.presenceBytes ?? 0, CONFIG_PRESENCES);
  const histogram = counting?.histogram;
  const kind = histogram && (histogram.isSigned ? IPFT_HISTOGRAM_SIGNED : IPFT_HISTOGRAM_UNSIGNED);
  bytes.writeUInt32LE(kind ?? IPFT_HISTOGRAM_NONE, CONFIG_HISTOGRAM);
  bytes.writeUInt32LE(histogram?.offset ?? 0, CONFIG_NUMBER_AT);
}

function writePlaces(bytes: Buffer, { netns, devices }: Places): void {
  bytes.writeUInt32LE(netns.length, WANTED_PLACES_NETNS_COUNT);
  bytes.writeUInt32LE(devices.length, WANTED_PLACES_DEVICE_COUNT);
  for (const [index, inode] of netns.entries()) bytes.writeUInt32LE(inode, WANTED_PLACES_NETNS + 4 * index);
  for (const [index, device] of devices.entries()) {
    const at = WANTED_PLACES_DEVICES + index * WANTED_DEVICE_SIZE;
    const nameBytes = bytes.write(`${device.name}\0`, at + WANTED_DEVICE_NAME, WANTED_DEVICE_NAME_SIZE, 'utf8');
    bytes.fill(0xff, at + WANTED_DEVICE_MASK, at + WANTED_DEVICE_MASK + nameBytes);
    bytes.writeUInt32LE(device.netns ?? 0, at + WANTED_DEVICE_NETNS);
  }
}
