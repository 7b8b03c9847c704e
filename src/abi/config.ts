/** struct ipft_config, as the initial value of the section `.rodata.ipft`. */
import {
  CONFIG_CONSUME_HAS_LOCATION,
  CONFIG_DATA_SIZE,
  CONFIG_DIRECT_READS,
  CONFIG_DROP_HAS_REASON,
  CONFIG_FILTERS,
  CONFIG_FOLLOW,
  CONFIG_SAMPLE_PERIOD,
  CONFIG_SIZE,
  CONFIG_SYMBOL_FORMAT,
} from './layout.js';

export function encodeConfig(config: {
  dataSize: number;
  samplePeriod: number;
  directReads: boolean;
  follow: boolean;
  dropHasReason: boolean;
  consumeHasLocation: boolean;
  filters: boolean;
}): Uint8Array {
  const bytes = Buffer.alloc(CONFIG_SIZE);
  bytes.writeUInt32LE(config.dataSize, CONFIG_DATA_SIZE);
  bytes.writeUInt32LE(config.samplePeriod, CONFIG_SAMPLE_PERIOD);
  bytes.writeUInt32LE(config.directReads ? 1 : 0, CONFIG_DIRECT_READS);
  bytes.writeUInt32LE(config.follow ? 1 : 0, CONFIG_FOLLOW);
  bytes.writeUInt32LE(config.dropHasReason ? 1 : 0, CONFIG_DROP_HAS_REASON);
  bytes.writeUInt32LE(config.consumeHasLocation ? 1 : 0, CONFIG_CONSUME_HAS_LOCATION);
  bytes.writeUInt32LE(config.filters ? 1 : 0, CONFIG_FILTERS);
  bytes.write('%pS', CONFIG_SYMBOL_FORMAT, 'latin1');
  return bytes;
}
