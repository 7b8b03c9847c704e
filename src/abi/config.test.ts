import { expect, test } from 'vitest';
import { encodeConfig } from './config.js';
import * as layout from './layout.js';

const flags = { directReads: true, follow: true, dropHasReason: true, consumeHasLocation: true, filters: true };
const sizes = { dataSize: 72, samplePeriod: 3, snaplen: 96, module: { offset: 8, dataBytes: 64 }, fields: undefined };

test('encodeConfig: each member in its place', () => {
  const config = Buffer.from(encodeConfig({ ...sizes, ...flags }));
  expect(config.length).toBe(layout.CONFIG_SIZE);
  expect(config.readUInt32LE(layout.CONFIG_DATA_SIZE)).toBe(72);
  const part = (at: number) => [config.readUInt32LE(at + layout.PART_AT), config.readUInt32LE(at + layout.PART_BYTES)];
  expect(part(layout.CONFIG_MODULE)).toEqual([8, 64]);
  expect(part(layout.CONFIG_FIELDS)).toEqual([0, 0]);
  expect(config.readUInt32LE(layout.CONFIG_SAMPLE_PERIOD)).toBe(3);
  expect(config.readUInt32LE(layout.CONFIG_SNAPLEN)).toBe(96);
  expect(config.subarray(layout.CONFIG_SYMBOL_FORMAT).toString('latin1')).toBe('%pS\0');
  for (const [flag, offset] of [
    ['directReads', layout.CONFIG_DIRECT_READS],
    ['follow', layout.CONFIG_FOLLOW],
    ['dropHasReason', layout.CONFIG_DROP_HAS_REASON],
    ['consumeHasLocation', layout.CONFIG_CONSUME_HAS_LOCATION],
    ['filters', layout.CONFIG_FILTERS],
  ] as const) {
    const without = encodeConfig({ ...sizes, ...flags, [flag]: false });
    expect(config.readUInt32LE(offset)).toBe(1);
    expect([...without.keys()].filter((at) => without[at] !== config[at])).toEqual([offset]);
  }
});
