/** struct ipft_config, as the initial value of the section `.rodata.ipft`. */
import {
  CONFIG_CONSUME_HAS_LOCATION,
  CONFIG_DATA_SIZE,
  CONFIG_DIRECT_READS,
  CONFIG_DROP_HAS_REASON,
  CONFIG_FIELDS,
  CONFIG_FILTERS,
  CONFIG_FOLLOW,
  CONFIG_MODULE,
  CONFIG_SAMPLE_PERIOD,
  CONFIG_SIZE,
  CONFIG_SNAPLEN,
  CONFIG_SYMBOL_FORMAT,
  PART_AT,
  PART_BYTES,
} from './layout.js';

/** The part of an event's data that a source of fields writes, in bytes. */
export interface DataPart {
  readonly offset: number;
  readonly dataBytes: number;
}

export function encodeConfig(config: {
  dataSize: number;
  /** Who writes them: undefined where there is no such source. */
  module: DataPart | undefined;
  fields: DataPart | undefined;
  samplePeriod: number;
  directReads: boolean;
  follow: boolean;
  dropHasReason: boolean;
  consumeHasLocation: boolean;
  filters: boolean;
  snaplen: number;
}): Uint8Array {
  const bytes = Buffer.alloc(CONFIG_SIZE);
  bytes.writeUInt32LE(config.dataSize, CONFIG_DATA_SIZE);
  for (const [at, part] of [
    [CONFIG_MODULE, config.module],
    [CONFIG_FIELDS, config.fields],
  ] as const) {
    bytes.writeUInt32LE(part?.offset ?? 0, at + PART_AT);
    bytes.writeUInt32LE(part?.dataBytes ?? 0, at + PART_BYTES);
  }
  bytes.writeUInt32LE(config.samplePeriod, CONFIG_SAMPLE_PERIOD);
  bytes.writeUInt32LE(config.directReads ? 1 : 0, CONFIG_DIRECT_READS);
  bytes.writeUInt32LE(config.follow ? 1 : 0, CONFIG_FOLLOW);
  bytes.writeUInt32LE(config.dropHasReason ? 1 : 0, CONFIG_DROP_HAS_REASON);
  bytes.writeUInt32LE(config.consumeHasLocation ? 1 : 0, CONFIG_CONSUME_HAS_LOCATION);
  bytes.writeUInt32LE(config.filters ? 1 : 0, CONFIG_FILTERS);
  bytes.writeUInt32LE(config.snaplen, CONFIG_SNAPLEN);
  bytes.write('%pS', CONFIG_SYMBOL_FORMAT, 'latin1');
  return bytes;
}
